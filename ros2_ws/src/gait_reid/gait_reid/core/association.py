"""Cost of giving detections to tracks, and the cheapest assignment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64, Int64

IMPOSSIBLE = 1e6


@compiled
def overlap(a: Float64, b: Float64) -> float:
    """Return the intersection over union of two boxes (x, y, width, height); 0.5 when unknown."""
    if np.isnan(a[0]) or np.isnan(b[0]):
        return 0.5
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    intersection = max(width, 0.0) * max(height, 0.0)
    union = a[2] * a[3] + b[2] * b[3] - intersection
    return intersection / union if union > 0.0 else 0.0


@compiled
def association_cost(
    mean: Float64,
    covariance: Float64,
    track_roi: Float64,
    position: Float64,
    position_covariance: Float64,
    roi: Float64,
    gate: float,
    max_distance_m: float,
    roi_weight: float,
) -> Float64:
    """Return the (n, m) float64 cost of every pair, `IMPOSSIBLE` outside the gate.

    The cost is the squared Mahalanobis distance, plus the log determinant of the innovation (so
    that a vague track pays for the wide gate that it has), plus ``roi_weight`` times the part of
    the boxes that does not overlap.

    Args:
        mean: (n, 4) predicted states x, y, vx, vy.
        covariance: (n, 4, 4).
        track_roi: (n, 4) predicted boxes, pixels, NaN where unknown.
        position: (m, >= 2) detected positions, metres.
        position_covariance: (m, 2, 2), square metres.
        roi: (m, 4) detected boxes, pixels, NaN where unknown.
        gate: Largest squared Mahalanobis distance.
        max_distance_m: Largest distance, metres.
        roi_weight: Cost of boxes that do not overlap.
    """
    n, m = mean.shape[0], position.shape[0]
    cost = np.full((n, m), IMPOSSIBLE)
    for i in range(n):
        for j in range(m):
            dx, dy = position[j, 0] - mean[i, 0], position[j, 1] - mean[i, 1]
            if dx * dx + dy * dy > max_distance_m * max_distance_m:
                continue
            s00 = covariance[i, 0, 0] + position_covariance[j, 0, 0]
            s01 = covariance[i, 0, 1] + position_covariance[j, 0, 1]
            s11 = covariance[i, 1, 1] + position_covariance[j, 1, 1]
            determinant = max(s00 * s11 - s01 * s01, 1e-12)
            distance = (s11 * dx * dx - 2.0 * s01 * dx * dy + s00 * dy * dy) / determinant
            if distance <= gate:
                apart = 1.0 - overlap(track_roi[i], roi[j])
                cost[i, j] = distance + np.log(determinant) + roi_weight * apart
    return cost


def assign(
    cost: Float64,
    rows: npt.NDArray[np.bool_] | None = None,
    columns: npt.NDArray[np.bool_] | None = None,
) -> tuple[Int64, Int64]:
    """Return the matched rows and columns of the cheapest assignment.

    Args:
        cost: (n, m), `IMPOSSIBLE` where a pair is not allowed.
        rows: (n,) rows that take part; None: all.
        columns: (m,) columns that take part; None: all.
    """
    if rows is None and columns is None:
        i, j = linear_sum_assignment(cost)
        possible = cost[i, j] < IMPOSSIBLE
        return i[possible], j[possible]
    row_index = np.arange(cost.shape[0]) if rows is None else rows.nonzero()[0]
    column_index = np.arange(cost.shape[1]) if columns is None else columns.nonzero()[0]
    part = cost[row_index[:, None], column_index]
    i, j = linear_sum_assignment(part)
    possible = part[i, j] < IMPOSSIBLE
    return row_index[i[possible]], column_index[j[possible]]
