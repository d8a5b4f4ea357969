"""People for the tests: made once, walked many times."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from gait_reid_sim.core.body.model import JOINT
from gait_reid_sim.core.gait import itinerary as way
from gait_reid_sim.core.gait.itinerary import Itinerary, Pause
from gait_reid_sim.core.gait.recording import ROLES
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.actor import Actor

BONE_ENDS = (
    "root", "lhipjoint", "lfemur", "ltibia", "lfoot", "rhipjoint", "rfemur", "rtibia", "rfoot",
    "thorax", "lclavicle", "lhumerus", "lradius", "rclavicle", "rhumerus", "rradius",
)  # fmt: skip
"""Names of the joints `ROLES` in the CMU data base's files."""


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
        way.Path.through(waypoints), pauses=pauses, starts_moving=moving, ends_moving=moving
    )
    return Person.of(person_id).walk(itinerary, np.random.default_rng(seed), outfit)


def passing(person_id: str, range_m: float, view_deg: float = 90.0, seed: int = 0) -> Actor:
    """Return a person who passes at a distance on the x axis, 0 degrees: towards the origin."""
    heading = np.pi + np.deg2rad(view_deg)
    step = 2.0 * np.array([np.cos(heading), np.sin(heading)])
    middle = np.array([range_m, 0.0])
    ends = tuple(tuple(float(v) for v in middle + sign * step) for sign in (-1.0, 1.0))
    return walker(person_id, ends, seed=seed)


def write_takes(folder: Path, subjects: dict[str, int], length_m: float = 7.0) -> None:
    """Write walks of simulated people as motion-capture files, SUBJECT_TAKE.npz, y up."""
    for subject, count in subjects.items():
        for take in range(count):
            motion = walker(subject, ((0.0, 0.0), (length_m, 0.0)), seed=take).motion
            joints = motion.positions[:, [JOINT[role] for role in ROLES]]
            y_up = np.stack([joints[..., 1], joints[..., 2], joints[..., 0]], axis=-1)
            np.savez(
                folder / f"{subject}_{take + 1:02d}.npz",
                names=np.array(BONE_ENDS),
                pos=y_up.astype(np.float32),
                fps=np.array(motion.rate_hz),
            )
