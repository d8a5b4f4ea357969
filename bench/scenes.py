"""The scene that LiDAR benchmarks share."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import PointCloud
from gait_reid.testing.lidar_scene import Box, RotatingLidar, Scene, walker

GROUND_CLEARANCE_M = 0.2
HEAD_ROOM_M = 2.2
SENSOR_HEIGHT_M = 1.8
_HALF_STREET_M = 25.0


@dataclass(frozen=True)
class Street:
    """One scan of a walled place with people.

    Attributes:
        cloud: 131,072 points in the sensor's frame.
        owner: (n,) index of the person a point lies on; others are larger or negative.
        num_people: People in the scene.
        sensor_height_m: Height of the sensor above the ground.
    """

    cloud: PointCloud
    owner: npt.NDArray[np.int32]
    num_people: int
    sensor_height_m: float


@functools.cache
def street(num_people: int = 20) -> Street:
    """Return the scan; the same one every time."""
    rng = np.random.default_rng(7)
    angles = np.linspace(0, 2 * np.pi, num_people, endpoint=False)
    ranges = rng.uniform(5.0, 18.0, num_people)
    people = [
        walker(r * np.cos(a), r * np.sin(a), rng.uniform(0, 2 * np.pi), rng.uniform(1.55, 1.95))
        for r, a in zip(ranges, angles)
    ]
    sides = ((1, 0), (-1, 0), (0, 1), (0, -1))
    walls = [
        [
            Box(
                np.array([x * _HALF_STREET_M, y * _HALF_STREET_M, 0.0]),
                np.array(
                    [0.3 + 2 * abs(y) * _HALF_STREET_M, 0.3 + 2 * abs(x) * _HALF_STREET_M, 30.0]
                ),
            )
        ]
        for x, y in sides
    ]
    lidar = RotatingLidar.uniform(rings=128, columns=1024, low_deg=-25.0, high_deg=15.0)
    cloud, owner = Scene([*people, *walls]).scan(lidar, SENSOR_HEIGHT_M, seed=7)
    return Street(cloud, owner, num_people, SENSOR_HEIGHT_M)
