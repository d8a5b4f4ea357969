"""A person: a body, a way of walking and looks that follow from a name alone."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.anthropometry import (
    Anthropometry,
    make_body,
    sample_anthropometry,
)
from gait_reid_sim.core.body.dressing import dress
from gait_reid_sim.core.body.model import BodyShape
from gait_reid_sim.core.body.outfit import Outfit, change_clothes, sample_looks
from gait_reid_sim.core.gait.animate import animate
from gait_reid_sim.core.gait.itinerary import Itinerary
from gait_reid_sim.core.gait.parameters import GaitParameters, carrying, sample_gait, vary
from gait_reid_sim.core.gait.recording import Recording
from gait_reid_sim.core.gait.replay import replay
from gait_reid_sim.core.scene.actor import Actor

OUTFITS: dict[str, dict[str, Any]] = {
    "own": {},
    "ordinary": {},
    "coat": {"top": "coat", "bottom": "trousers"},
    "jacket": {"top": "jacket", "bottom": "trousers"},
    "loose": {"bottom": "loose_trousers"},
    "skirt": {"bottom": "skirt"},
    "backpack": {"bag": "backpack"},
    "handbag": {"bag": "handbag"},
    "satchel": {"bag": "satchel"},
    "umbrella": {"umbrella": True},
}
"""Outfits by name. ``own`` is the one that a person always has, ``ordinary`` another day's."""


def seed_of(*parts: object) -> list[int]:
    """Return a seed for numpy that follows from names and numbers alone, on every machine."""
    return [zlib.crc32(repr(part).encode()) for part in parts]


@dataclass(frozen=True)
class Person:
    """Somebody, the same in every scene.

    Attributes:
        person_id: The name that everything follows from.
        anthropometry: Measures.
        shape: Body.
        gait: How the person walks on the average.
        looks: Skin, hair and own clothes.
    """

    person_id: str
    anthropometry: Anthropometry
    shape: BodyShape
    gait: GaitParameters
    looks: Outfit

    @classmethod
    def of(cls, person_id: str, spread: float = 1.0, stature_m: float | None = None) -> Person:
        """Return the person of that name.

        Args:
            person_id: Name.
            spread: Scales how different people are.
            stature_m: Stature in place of the one that follows from the name.
        """
        return _person(person_id, spread, stature_m)

    def outfit(self, name: str, rng: np.random.Generator) -> Outfit:
        """Return clothes by a name of `OUTFITS`.

        Raises:
            ValueError: No such outfit.
        """
        if name not in OUTFITS:
            raise ValueError(f"outfit {name!r} does not exist, known are {', '.join(OUTFITS)}")
        if name == "own":
            return self.looks
        return change_clothes(self.looks, rng, self.anthropometry.sex, **OUTFITS[name])

    def walk(
        self,
        itinerary: Itinerary,
        rng: np.random.Generator,
        outfit: str = "ordinary",
        enter_s: float = 0.0,
        track_id: int = 0,
        within_spread: float = 1.0,
        gait: GaitParameters | None = None,
    ) -> Actor:
        """Return one walk of the person.

        Args:
            itinerary: Where to go.
            rng: Source of what differs from walk to walk.
            outfit: Name of the clothes.
            enter_s: Scene time of the first step.
            track_id: Number of the walk in the scene.
            within_spread: Scales how different the walks of one person are.
            gait: Gait to use instead of the person's own, for example a recorded one.
        """
        clothes = self.outfit(outfit, rng)
        today = carrying(vary(gait or self.gait, rng, within_spread), clothes)
        motion = animate(self.shape, today, itinerary, rng, clothes.sole_m)
        return Actor(self.person_id, dress(self.shape, clothes), motion, enter_s, track_id)

    def replay(
        self,
        recording: Recording,
        heading: float,
        middle: Float64,
        rng: np.random.Generator,
        outfit: str = "ordinary",
    ) -> Actor:
        """Return a recorded walk in this person's body.

        Args:
            recording: What was recorded.
            heading: Direction to walk in, radians.
            middle: (2,) where the walk is half done, metres.
            rng: Source of the clothes.
            outfit: Name of the clothes; what is carried does not change the recorded arms.
        """
        clothes = self.outfit(outfit, rng)
        motion = replay(recording, self.shape, clothes.sole_m, heading, middle)
        return Actor(self.person_id, dress(self.shape, clothes), motion)

    def with_body_of(self, other: Person) -> Person:
        """Return this person's gait in another body, for studies of what carries identity."""
        ratio = other.shape.stature_m / self.shape.stature_m
        gait = replace(self.gait, stride_m=self.gait.stride_m * ratio)
        return replace(self, shape=other.shape, anthropometry=other.anthropometry, gait=gait)


@lru_cache(maxsize=256)
def _person(person_id: str, spread: float, stature_m: float | None) -> Person:
    rng = np.random.default_rng(seed_of("person", person_id))
    measures = sample_anthropometry(rng, spread)
    if stature_m is not None:
        measures = replace(measures, stature_m=stature_m)
    shape = make_body(measures, rng)
    gait = sample_gait(rng, measures, spread)
    return Person(person_id, measures, shape, gait, sample_looks(rng, measures.sex))


def describe(person: Person) -> Mapping[str, float | str]:
    """Return what defines a person in a few figures, for manifests."""
    return {
        "person_id": person.person_id,
        "sex": "mw"[person.anthropometry.sex],
        "stature_m": round(person.anthropometry.stature_m, 4),
        "body_mass_index": round(person.anthropometry.body_mass_index, 2),
        "cadence_steps_min": round(person.gait.cadence_steps_min, 2),
        "stride_m": round(person.gait.stride_m, 4),
    }
