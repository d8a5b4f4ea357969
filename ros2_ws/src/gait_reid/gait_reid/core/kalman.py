"""Batched constant-velocity Kalman filter on the ground plane.

State of a person: (x, y, vx, vy) in metres and m/s. The process noise is white acceleration
(Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation", 6.3.2).
All functions work in place on arrays of all people at once.
"""

from __future__ import annotations

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64, Int64


@compiled
def predict(mean: Float64, covariance: Float64, dt_s: float, acceleration_variance: float) -> None:
    """Move all states ``dt_s`` seconds ahead.

    Args:
        mean: (n, 4) float64, changed in place.
        covariance: (n, 4, 4) float64, changed in place.
        dt_s: Time step in seconds, not negative.
        acceleration_variance: Variance of the white acceleration, (m/s^2)^2.
    """
    q11 = 0.25 * dt_s**4 * acceleration_variance
    q12 = 0.5 * dt_s**3 * acceleration_variance
    q22 = dt_s**2 * acceleration_variance
    for i in range(mean.shape[0]):
        p = covariance[i]
        for a in range(2):
            mean[i, a] += dt_s * mean[i, a + 2]
        for a in range(2):
            for b in range(4):
                p[a, b] += dt_s * p[a + 2, b]
        for a in range(4):
            for b in range(2):
                p[a, b] += dt_s * p[a, b + 2]
        for a in range(2):
            p[a, a] += q11
            p[a, a + 2] += q12
            p[a + 2, a] += q12
            p[a + 2, a + 2] += q22


@compiled
def update(
    mean: Float64,
    covariance: Float64,
    tracks: Int64,
    detections: Int64,
    position: Float64,
    position_covariance: Float64,
) -> None:
    """Correct the states of matched tracks.

    Args:
        mean: (n, 4), changed in place.
        covariance: (n, 4, 4), changed in place.
        tracks: (k,) rows of ``mean``.
        detections: (k,) rows of ``position``.
        position: (m, >= 2) measured positions, metres.
        position_covariance: (m, 2, 2), square metres.
    """
    gain = np.empty((4, 2))
    rows = np.empty((2, 4))
    for k in range(tracks.shape[0]):
        i, j = tracks[k], detections[k]
        p, r = covariance[i], position_covariance[j]
        s00, s01, s11 = p[0, 0] + r[0, 0], p[0, 1] + r[0, 1], p[1, 1] + r[1, 1]
        determinant = max(s00 * s11 - s01 * s01, 1e-12)
        dx, dy = position[j, 0] - mean[i, 0], position[j, 1] - mean[i, 1]
        for a in range(4):
            gain[a, 0] = (p[a, 0] * s11 - p[a, 1] * s01) / determinant
            gain[a, 1] = (p[a, 1] * s00 - p[a, 0] * s01) / determinant
            rows[0, a], rows[1, a] = p[0, a], p[1, a]
        for a in range(4):
            mean[i, a] += gain[a, 0] * dx + gain[a, 1] * dy
            for b in range(4):
                p[a, b] -= gain[a, 0] * rows[0, b] + gain[a, 1] * rows[1, b]
