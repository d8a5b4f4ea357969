"""Data sets of a few walks, written in moments: coloured bodies and clouds without a simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gait_reid_sim.core.dataset.plan import Condition
from gait_reid_sim.core.dataset.record import Recorded, Walk
from gait_reid_sim.core.dataset.shard import write_shard

ROWS, COLUMNS = 96, 48
BODY = (14, 8, 20, 80)  # x, y, width, height


def a_walk(
    person: str,
    condition: str,
    range_m: float,
    frames: int,
    camera: bool,
    lidar: bool,
    radar: bool = False,
) -> Recorded:
    """A walk whose colours and size tell who it is."""
    rng = np.random.default_rng([*person.encode(), *condition.encode(), int(range_m)])
    own = np.random.default_rng([*person.encode()])
    colour, height = own.integers(0, 256, 3), own.uniform(1.5, 1.9)
    position = np.array([range_m, 0.0, 0.0]) + np.arange(frames)[:, None] * (0.13, 0.02, 0.0)
    x, y, width, tall = BODY
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[y : y + tall, x : x + width] = 255
    images, points = [], []
    for place in position:
        image = rng.integers(60, 80, (ROWS, COLUMNS, 3)).astype(np.uint8)
        image[mask > 0] = colour
        images.append(image)
        count = int(max(3000 / range_m**2, 6))
        body = rng.uniform((-0.2, -0.2, 0.25), (0.2, 0.2, height), (count, 3))
        shine = rng.uniform(10, 60, count)
        points.append(np.column_stack([body + place, shine]).astype(np.float32))
    kind = Condition(condition, (range_m,), light="night" if condition == "night" else "day")
    return Recorded(
        np.arange(frames, dtype=np.int64) * 100_000_000,
        position.astype(np.float32),
        np.tile(np.float32([1.3, 0.2, 0.0]), (frames, 1)),
        body_of(person, position) if radar else np.zeros((0, 21, 3), np.float32),
        points if lidar else [],
        images if camera else [],
        [mask] * frames if camera else [],
        np.tile(np.float32([100, 50, COLUMNS, ROWS]), (frames, 1)),
        [echoes_of(place, rng) for place in position] if radar else [],
        np.array([0.0, 0.0, 2.0]),
        Walk(person, kind, range_m, 180.0, "ordinary", 0),
    )


def body_of(person: str, position: np.ndarray) -> np.ndarray:
    """(t, 21, 3) joints: a pelvis 5 cm ahead of the track and 1 m high, the others around it."""
    around = np.random.default_rng([*person.encode()]).uniform(-0.4, 0.4, (21, 3))
    around[0] = 0.0
    return (position[:, None] + (0.05, 0.0, 1.0) + around).astype(np.float32)


def echoes_of(place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(30, 5) echoes: x, y, z, radial velocity, SNR."""
    body = rng.uniform((-0.2, -0.2, 0.2), (0.2, 0.2, 1.8), (30, 3)) + place
    return np.column_stack([body, rng.normal(1.2, 0.5, 30), rng.uniform(5, 30, 30)]).astype("f4")


def write_set(
    root: Path,
    people: dict[str, tuple[str, ...]],
    frames: int = 5,
    camera: bool = True,
    lidar: bool = True,
    radar: bool = False,
) -> Path:
    """Write three walks of each person; people by split."""
    for split, names in people.items():
        for name in names:
            (root / split).mkdir(parents=True, exist_ok=True)
            walks = (("near", 10.0), ("far", 30.0), ("night", 20.0))
            write_shard(root / split / name, [
                a_walk(name, condition, range_m, frames, camera, lidar, radar)
                for condition, range_m in walks
            ])  # fmt: skip
    return root
