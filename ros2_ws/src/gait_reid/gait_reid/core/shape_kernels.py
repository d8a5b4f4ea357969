"""Inner loops over the points of `person_shape`, and over the range image around each person."""

from __future__ import annotations

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.scan_view import AZIMUTH_BINS, BINS_PER_DEGREE, ELEVATION_BINS
from gait_reid.core.types import Float32, Float64, Int32, Int64

SLICE_M = 0.1
SLICES = 24
DEPTH_GAP_M = 0.35


@compiled
def moments(points: Float32, owner: Int32, sums: Float64) -> None:
    """Add up count, x, y, xx, xy, yy and find top and bottom: the columns of ``sums``."""
    for i in range(len(points)):
        k = owner[i]
        if k >= 0:
            x, y = points[i, 0], points[i, 1]
            sums[k, 0] += 1.0
            sums[k, 1] += x
            sums[k, 2] += y
            sums[k, 3] += x * x
            sums[k, 4] += x * y
            sums[k, 5] += y * y
            sums[k, 6] = max(sums[k, 6], points[i, 2])
            sums[k, 7] = min(sums[k, 7], points[i, 2])


@compiled
def profile(
    points: Float32, owner: Int32, center: Float64, across: Float64, low: Float64, high: Float64
) -> None:
    """Extents across (columns 0 to SLICES) and along (last column) the line of sight."""
    for i in range(len(points)):
        k = owner[i]
        if k < 0:
            continue
        dx, dy = points[i, 0] - center[k, 0], points[i, 1] - center[k, 1]
        u, v = dx * across[k, 0] + dy * across[k, 1], dx * across[k, 1] - dy * across[k, 0]
        s = min(max(int(points[i, 2] / SLICE_M), 0), SLICES - 1)
        low[k, s], high[k, s] = min(low[k, s], u), max(high[k, s], u)
        low[k, SLICES], high[k, SLICES] = min(low[k, SLICES], v), max(high[k, SLICES], v)


@compiled
def collar(
    points: Float32,
    labels: Int32,
    owner: Int32,
    start: Int64,
    center: Float64,
    radius2: Float64,
    around: Float64,
) -> None:
    """Count unowned points of the head's own cluster in a ring around the person."""
    for i in range(len(points)):
        if labels[i] < 0 or points[i, 2] < 0.8:
            continue
        for k in range(start[labels[i]], start[labels[i] + 1]):
            if owner[i] >= 0 and owner[i] != k:
                continue
            dx, dy = points[i, 0] - center[k, 0], points[i, 1] - center[k, 1]
            d2 = dx * dx + dy * dy
            if d2 > radius2[0] and d2 < radius2[1]:
                around[k] += 1.0


@compiled
def look_around(
    nearest: Float32,
    origin: Float64,
    center: Float64,
    distance: Float64,
    ground: Float64,
    bottom: Float64,
    top: Float64,
    half_angle: Float64,
    result: Float64,
) -> None:
    """Fill (k, 6) with the last six figures of `Shapes`."""
    scale = BINS_PER_DEGREE * 180.0 / np.pi
    for k in range(len(center)):
        r, z = distance[k], ground[k] - origin[2]
        azimuth = np.arctan2(center[k, 1] - origin[1], center[k, 0] - origin[0]) + np.pi
        half = max(int(half_angle[k] * scale), 1)
        middle = int(azimuth * scale)
        margin = max(int(0.25 / r * scale), 2)
        rows = np.empty(4, np.int64)
        for i, height in enumerate((0.0, bottom[k], top[k], top[k] + 0.5)):
            rows[i] = int((np.arctan2(z + height, r) + 0.5 * np.pi) * scale)
        counts = np.zeros((3, 4))
        for column in range(middle - half - margin, middle + half + margin + 1):
            beside = column < middle - half or column > middle + half
            for row in range(max(rows[0], 0), min(rows[3], ELEVATION_BINS - 1) + 1):
                value = nearest[row, column % AZIMUTH_BINS]
                kind = 0 if value < r - DEPTH_GAP_M else (2 if value > r + DEPTH_GAP_M else 1)
                if (
                    beside
                    and row >= max(rows[1], rows[2] - int(0.9 / r * scale))
                    and row <= rows[2]
                ):
                    counts[kind, 2] += 1.0
                elif not beside and row < rows[1] - 1 and value < np.inf:
                    counts[kind, 0] += 1.0
                elif not beside and row > rows[2] + 1:
                    counts[kind, 3] += 1.0
        total = np.maximum(counts.sum(axis=0), 1.0)
        result[k, 0] = counts[0, 0] / total[0]
        result[k, 1] = counts[2, 0] / total[0]
        result[k, 2] = counts[1, 2] / total[2]
        result[k, 3] = counts[0, 2] / total[2]
        result[k, 4] = counts[1, 3] / total[3]
        result[k, 5] = counts[0, 3] / total[3]
