"""What simulated people look like, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gait_reid_sim.core.body.outfit import CLOTH_COLOURS, Cloth, Outfit
from gait_reid_sim.core.captions import CLOTH_NAMES, PARTS, caption, colour_word
from gait_reid_sim.core.dataset.plan import read_plan
from gait_reid_sim.core.dataset.record import outfit_of, record_walk, walks_of
from gait_reid_sim.core.person import Person

PLAN = """\
kind: dataset
identities: {test: [zoe]}
modalities: [camera]
frames: 2
image_height: 16
conditions:
  day: {outfits: [own, ordinary, backpack]}
"""


def test_every_colour_of_cloth_has_a_name_of_its_own() -> None:
    assert [colour_word(colour) for colour in CLOTH_COLOURS] == list(CLOTH_NAMES)
    red = CLOTH_COLOURS[6]
    assert colour_word((1.2 * red[0], 1.2 * red[1], 1.2 * red[2])) == "red"


def test_sentences_name_what_is_worn_and_carried() -> None:
    person = Person.of("zoe")
    body = replace(person.anthropometry, sex=1, stature_m=1.82, body_mass_index=20.0, leg=1.05)
    outfit = Outfit(
        top="sweater",
        top_cloth=Cloth(CLOTH_COLOURS[6], pattern="stripes"),
        bottom="loose_trousers",
        bottom_cloth=Cloth(CLOTH_COLOURS[4]),
        shoe_cloth=Cloth(CLOTH_COLOURS[3]),
        bag="backpack",
        bag_cloth=Cloth(CLOTH_COLOURS[7]),
        umbrella=True,
        hair_style="bun",
    )
    told = caption(replace(person, anthropometry=replace(body, shoulders=1.1, arm=1.0)), outfit)
    assert told.head == "head with tied black hair and fair skin"
    assert told.arms == "arms in striped red sleeves with gray umbrella"
    assert told.torso == "broad torso in striped red sweater with green backpack"
    assert told.legs == "long legs in navy loose trousers"
    assert told.feet == "feet in white shoes"
    assert told.build == "tall slim woman"
    assert told.carried == "carrying green backpack and gray umbrella"
    assert told.parts == tuple(getattr(told, part) for part in PARTS)
    assert told.whole.startswith("tall slim woman wearing striped red sweater and navy loose")


def test_the_outfit_of_a_walk_is_known_without_recording_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = read_plan(PLAN)
    worn: list[Outfit] = []
    draw = Person.outfit

    def noted(self: Person, name: str, rng: np.random.Generator) -> Outfit:
        worn.append(draw(self, name, rng))
        return worn[-1]

    walks = walks_of(plan, "zoe")
    known = [outfit_of(plan, walk) for walk in walks]
    monkeypatch.setattr(Person, "outfit", noted)
    for walk in walks:
        record_walk(plan, walk)
    assert worn == known
    assert known[0] == Person.of("zoe").looks
    assert known[1] != known[0]
    assert known[2].bag == "backpack"
    assert "backpack" in caption(Person.of("zoe"), known[2]).torso
