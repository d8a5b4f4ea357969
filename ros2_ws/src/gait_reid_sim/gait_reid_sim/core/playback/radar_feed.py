"""Simulated radar frames in the terms of the radar's driver."""

from __future__ import annotations

import numpy as np

from gait_reid.core.types import PointCloud
from ti_mmwave_driver.core.types import RadarPoints

NOISE_DB = 55.0
"""Noise level of every point: the simulation knows the ratio only."""


def radar_points(cloud: PointCloud) -> RadarPoints:
    """Return the points of a simulated frame as the firmware reports them."""
    unknown = np.full(len(cloud), np.nan, np.float32)
    velocity = unknown if cloud.velocity is None else cloud.velocity
    snr = unknown if cloud.snr is None else cloud.snr
    return RadarPoints.from_columns(cloud.xyz, velocity, snr, NOISE_DB)
