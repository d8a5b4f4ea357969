"""What the emulated radar sees."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ti_mmwave_driver.core.types import RadarPoints

Scene = Callable[[int, float], RadarPoints]
"""Points of one frame, given the frame number and the time since sensorStart in seconds."""


def walking_person(point_count: int, seed: int = 0) -> Scene:
    """A person who walks to and fro in front of the radar, as a cloud of points.

    Args:
        point_count: Points in each frame.
        seed: Seed of the noise.
    """
    generator = np.random.default_rng(seed)
    body = generator.normal(0.0, (0.1, 0.15, 0.45), (point_count, 3))
    swing = generator.normal(0.0, 0.3, point_count)

    def scene(frame_number: int, time_s: float) -> RadarPoints:
        distance_m = 4.0 + 2.0 * math.sin(0.4 * time_s)
        speed_m_s = 0.8 * math.cos(0.4 * time_s)
        xyz = (body + (distance_m, 0.5 * math.sin(0.2 * time_s), 0.0)).astype(np.float32)
        gait = math.sin(2.0 * math.pi * 1.8 * time_s)
        velocity = (speed_m_s + swing * gait).astype(np.float32)
        return RadarPoints.from_columns(xyz, velocity, snr_db=20.0, noise_db=55.0)

    return scene
