"""People for the tests: made once, walked many times."""

from __future__ import annotations

import functools

import numpy as np

from gait_reid_sim.core.gait.itinerary import Itinerary, Path, Pause
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.actor import Actor


@functools.lru_cache(maxsize=64)
def walker(
    person_id: str,
    waypoints: tuple[tuple[float, float], ...] = ((0.0, 0.0), (6.0, 0.0)),
    outfit: str = "own",
    seed: int = 0,
    pauses: tuple[Pause, ...] = (),
    moving: bool = True,
) -> Actor:
    """Return a person who walks through waypoints."""
    itinerary = Itinerary(
        Path.through(waypoints), pauses=pauses, starts_moving=moving, ends_moving=moving
    )
    return Person.of(person_id).walk(itinerary, np.random.default_rng(seed), outfit)


def passing(person_id: str, range_m: float, view_deg: float = 90.0, seed: int = 0) -> Actor:
    """Return a person who passes at a distance on the x axis, 0 degrees: towards the origin."""
    heading = np.pi + np.deg2rad(view_deg)
    step = 2.0 * np.array([np.cos(heading), np.sin(heading)])
    middle = np.array([range_m, 0.0])
    ends = tuple(tuple(float(v) for v in middle + sign * step) for sign in (-1.0, 1.0))
    return walker(person_id, ends, seed=seed)
