"""One LiDAR scan prepared for detection: points in the fixed frame and what the sensor could see.

The range image is centred at the sensor and upright in the fixed frame (azimuth about z, elevation
above the horizon), so that "below the feet" and "above the head" mean the same for a tilted sensor.
It says how densely the sensor samples, and what hides what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gait_reid.core.clusters import BirdsEyeGrid, Mask
from gait_reid.core.compiled import HAS_NUMBA, compiled
from gait_reid.core.geometry import Pose
from gait_reid.core.types import Float32, Float64, Int32

BINS_PER_DEGREE = 2
AZIMUTH_BINS = 360 * BINS_PER_DEGREE
ELEVATION_BINS = 180 * BINS_PER_DEGREE
EMPTY = np.float32(np.inf)
PI = float(np.pi)
HALF_PI = 0.5 * PI


@dataclass(frozen=True)
class ScanView:
    """Points of one scan and the range image that they make.

    Attributes:
        points: (n, 3) float32, metres, fixed frame; NaN for points outside the range limits.
        origin: (3,) float64, position of the sensor in the fixed frame.
        nearest: (ELEVATION_BINS, AZIMUTH_BINS) float32, metres: horizontal distance of the nearest
            point in each direction, infinity where none is.
        count: (ELEVATION_BINS, AZIMUTH_BINS) int32: points in each direction.
        lowest: (cells, 3) float32: the lowest point of each cell of ``ground_grid`` that has one.
        spread: (cells,) float32, metres: how far the highest point of that cell lies above it.
        ground_grid: Coarse cells that the ground is looked for in.
        ring_spacing_rad: Typical angle between neighbouring rings of the sensor.
    """

    points: Float32
    origin: Float64
    nearest: Float32
    count: Int32
    lowest: Float32
    spread: Float32
    ground_grid: BirdsEyeGrid
    ring_spacing_rad: float

    @cached_property
    def density(self) -> Float64:
        """(ELEVATION_BINS,) points per square radian that a surface at that elevation would get.

        The upper quartile over the directions that return anything, averaged over three degrees,
        because rings fall between bins.
        """
        rows = np.flatnonzero(self.count.any(axis=1))
        filled = (self.count[rows] > 0).sum(axis=1)
        ordered = np.sort(self.count[rows], axis=1)
        quartile = np.zeros(ELEVATION_BINS)
        quartile[rows] = ordered[np.arange(len(rows)), AZIMUTH_BINS - 1 - filled // 4]
        width = 3 * BINS_PER_DEGREE
        smooth = np.convolve(quartile, np.full(width, 1.0 / width), mode="same")
        return smooth * (BINS_PER_DEGREE * 180.0 / np.pi) ** 2


def direction_bins(offsets: Float64) -> tuple[Int32, Int32]:
    """Return row and column of the range image for vectors (n, 3) from the sensor."""
    horizontal = np.hypot(offsets[:, 0], offsets[:, 1])
    scale = BINS_PER_DEGREE * 180.0 / np.pi
    row = np.floor((np.arctan2(offsets[:, 2], horizontal) + np.pi / 2) * scale)
    column = np.floor((np.arctan2(offsets[:, 1], offsets[:, 0]) + np.pi) * scale)
    return (
        np.clip(row, 0, ELEVATION_BINS - 1).astype(np.int32),
        np.clip(column, 0, AZIMUTH_BINS - 1).astype(np.int32),
    )


@compiled
def _atan(y: Any, x: Any) -> Any:
    """Return atan2(y, x) to 1e-5 rad (Abramowitz and Stegun 4.4.49), several times faster."""
    ax, ay = abs(x), abs(y)
    large, small = max(ax, ay), min(ax, ay)
    q = small / max(large, np.float32(1e-9))
    s = q * q
    a = np.float32(-0.0851330) + s * np.float32(0.0208351)
    a = np.float32(0.1801410) + s * a
    a = np.float32(-0.3302995) + s * a
    a = q * (np.float32(0.9998660) + s * a)
    a = np.float32(HALF_PI) - a if ay > ax else a
    a = np.float32(PI) - a if x < 0 else a
    return -a if y < 0 else a


# Arithmetic and scatter are loops of their own: the former become SIMD code that way.
@compiled
def _rotate(xyz: Float32, r: Float32, dx: Float32, dy: Float32, dz: Float32) -> None:
    for i in range(len(xyz)):
        x, y, z = xyz[i, 0], xyz[i, 1], xyz[i, 2]
        dx[i] = r[0, 0] * x + r[0, 1] * y + r[0, 2] * z
        dy[i] = r[1, 0] * x + r[1, 1] * y + r[1, 2] * z
        dz[i] = r[2, 0] * x + r[2, 1] * y + r[2, 2] * z


@compiled
def _places(
    dx: Float32, dy: Float32, dz: Float32, row: Float32, column: Float32, horizontal: Float32
) -> None:
    """Find the place in the range image, as fractions of bins."""
    scale = np.float32(BINS_PER_DEGREE * 180.0 / PI)
    quarter, half = np.float32(HALF_PI), np.float32(PI)
    for i in range(len(dx)):
        horizontal[i] = np.sqrt(dx[i] * dx[i] + dy[i] * dy[i])
        row[i] = (_atan(dz[i], horizontal[i]) + quarter) * scale
        column[i] = (_atan(dy[i], dx[i]) + half) * scale


@compiled
def _collect(
    offsets: Float32,
    places: Float32,
    translation: Float32,
    limits2: Float32,
    grid: Float32,
    points: Float32,
    nearest: Float32,
    count: Int32,
    low_z: Float32,
    high_z: Float32,
    low_index: Int32,
) -> None:
    rows, columns = low_z.shape
    for i in range(len(points)):
        dx, dy, dz, horizontal = offsets[0, i], offsets[1, i], offsets[2, i], places[2, i]
        distance2 = horizontal * horizontal + dz * dz
        if not (distance2 >= limits2[0] and distance2 <= limits2[1]):
            points[i, 0] = points[i, 1] = points[i, 2] = np.float32(np.nan)
            continue
        row: int = min(int(places[0, i]), ELEVATION_BINS - 1)
        column: int = min(max(int(places[1, i]), 0), AZIMUTH_BINS - 1)
        count[row, column] += 1
        if horizontal < nearest[row, column]:
            nearest[row, column] = horizontal
        x, y, z = dx + translation[0], dy + translation[1], dz + translation[2]
        points[i, 0], points[i, 1], points[i, 2] = x, y, z
        j, k = int((y - grid[1]) * grid[2]), int((x - grid[0]) * grid[2])
        if j < 0 or j >= rows or k < 0 or k >= columns:
            continue
        if z > high_z[j, k]:
            high_z[j, k] = z
        if z < low_z[j, k]:
            low_z[j, k] = z
            low_index[j, k] = i


def _view_numba(
    xyz: Float32,
    rotation: Float64,
    translation: Float64,
    limits2: Float64,
    grid: BirdsEyeGrid,
    *arrays: Any,
) -> None:
    offsets, places = np.empty((2, 3, len(xyz)), np.float32)
    _rotate(np.ascontiguousarray(xyz, np.float32), rotation.astype(np.float32), *offsets)
    _places(*offsets, *places)
    corner = np.array([grid.x_min, grid.y_min, 1.0 / grid.cell_m], np.float32)
    shift, limits = translation.astype(np.float32), limits2.astype(np.float32)
    _collect(offsets, places, shift, limits, corner, *arrays)


def _view_numpy(
    xyz: Float32,
    rotation: Float64,
    translation: Float64,
    limits2: Float64,
    grid: BirdsEyeGrid,
    points: Float32,
    nearest: Float32,
    count: Int32,
    low_z: Float32,
    high_z: Float32,
    low_index: Int32,
) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        distance2 = (xyz * xyz).sum(axis=1)
        use = np.flatnonzero((distance2 >= limits2[0]) & (distance2 <= limits2[1]))
    offsets = xyz[use].astype(np.float64) @ rotation.T
    points[:] = np.nan
    points[use] = offsets + translation
    row, column = direction_bins(offsets)
    np.add.at(count, (row, column), 1)
    np.minimum.at(nearest, (row, column), np.hypot(offsets[:, 0], offsets[:, 1]).astype(np.float32))
    row, column, inside = grid.cells(points[use])
    order = np.argsort(-points[use[inside], 2], kind="stable")
    row, column, use = row[inside][order], column[inside][order], use[inside][order]
    low_z[row, column] = points[use, 2]
    low_index[row, column] = use
    np.maximum.at(high_z, (row, column), points[use, 2])


def ring_spacing(xyz: Float32, sample: int = 8192) -> float:
    """Return the typical angle between rings, radians, from a sample of points in the sensor frame.

    Half of the sensor's rings are closer together than the returned value. A sensor without rings
    gives the width of the bins, 0.1 degree.
    """
    some = xyz[:: max(len(xyz) // sample, 1)]
    with np.errstate(invalid="ignore"):
        elevation = np.arctan2(some[:, 2], np.hypot(some[:, 0], some[:, 1]))
        bins = np.floor(np.rad2deg(elevation[np.isfinite(elevation)]) * 10.0 + 900.0)
    if not len(bins):
        return float(np.deg2rad(0.1))
    histogram = np.bincount(bins.astype(np.int64).clip(0, 1800), minlength=1801)
    rings = np.flatnonzero(histogram > 0.1 * histogram.max())
    gaps = np.diff(rings)
    # Noise smears one ring over neighbouring bins; only what lies apart is a step to the next ring.
    steps = gaps[gaps > 1]
    typical = float(np.median(steps)) if len(steps) >= 4 else 1.0
    return float(np.deg2rad(0.1 * typical))


def view_scan(
    xyz: Float32,
    pose: Pose,
    min_range_m: float,
    max_range_m: float,
    ground_cell_m: float = 1.0,
    use_numba: bool = HAS_NUMBA,
) -> ScanView:
    """Prepare a scan for detection.

    Args:
        xyz: (n, 3) float32, metres, sensor frame; points that are not finite are left out.
        pose: Sensor in the fixed frame.
        min_range_m: Nearer points are left out (the sensor's own housing, missing returns at 0).
        max_range_m: Farther points are left out.
        ground_cell_m: Edge of the cells that ``lowest`` has one point of.
        use_numba: False takes numpy, with the same result.
    """
    origin = pose.translation
    grid = BirdsEyeGrid.around(float(origin[0]), float(origin[1]), max_range_m, ground_cell_m)
    points = np.empty((len(xyz), 3), np.float32)
    nearest = np.full((ELEVATION_BINS, AZIMUTH_BINS), EMPTY)
    count = np.zeros((ELEVATION_BINS, AZIMUTH_BINS), np.int32)
    low_z, high_z = np.full(grid.shape, EMPTY), np.full(grid.shape, -EMPTY)
    low_index = np.full(grid.shape, -1, np.int32)
    limits2 = np.array([min_range_m**2, max_range_m**2])
    arrays = (points, nearest, count, low_z, high_z, low_index)
    view = _view_numba if use_numba else _view_numpy
    view(xyz, pose.rotation, origin, limits2, grid, *arrays)
    seen = low_index >= 0
    lowest, spread = points[low_index[seen]], high_z[seen] - low_z[seen]
    return ScanView(points, origin, nearest, count, lowest, spread, grid, ring_spacing(xyz))


def outside(points: Float32) -> Mask:
    """Return the mask of points (n, 3) that were left out."""
    return np.isnan(points[:, 0])
