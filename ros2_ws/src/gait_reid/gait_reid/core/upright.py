"""Heights above the ground: which points may belong to people, and which cells hold tall structure.

Each bird's-eye cell remembers which 10 cm slices of height hold points, as the bits of one integer.
A cell whose slices run on without a gap from below the head to well above it holds a wall, a pole
or a trunk; an awning or a branch above a gap does not make the person below it a wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.clusters import BirdsEyeGrid, Mask
from gait_reid.core.compiled import HAS_NUMBA, compiled
from gait_reid.core.ground import GroundSurface
from gait_reid.core.types import Float32, Float64, Int32, Int64

SLICE_M = 0.1
SLICES = 32


@dataclass(frozen=True)
class Candidates:
    """Points between the ground and the height of the tallest person.

    Attributes:
        index: (m,) int64, rows of the scan.
        points: (m, 3) float32: x and y in the fixed frame and the height above the ground, metres.
        slices: (rows, columns) uint32, occupied slices of height of each cell of ``grid``.
        count: (rows, columns) int32, points of each cell.
        grid: Cells.
    """

    index: Int64
    points: Float32
    slices: npt.NDArray[np.uint32]
    count: Int32
    grid: BirdsEyeGrid


@compiled
def _select_kernel(
    points: Float32,
    plane: Float32,
    deviation: Float32,
    coarse: Float32,
    fine: Float32,
    band: Float32,
    region: Mask,
    index: Int64,
    chosen: Float32,
    slices: npt.NDArray[np.uint32],
    count: Int32,
) -> int:
    m = 0
    zero, half, one = np.float32(0.0), np.float32(0.5), np.float32(1.0)
    last_row, last_column = deviation.shape[0] - 1, deviation.shape[1] - 1
    # Most points lie on the ground and need no exact height to be seen as such.
    surely_low = band[0] + deviation.min()
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        over_plane = z - (plane[0] * x + plane[1] * y + plane[2])
        if not over_plane >= surely_low:
            continue
        row, column = (y - fine[1]) * fine[2], (x - fine[0]) * fine[2]
        if not (row >= 0 and row < region.shape[0] and column >= 0 and column < region.shape[1]):
            continue
        j, k = int(row), int(column)
        if not region[j, k]:
            continue
        v = min(max((y - coarse[1]) * coarse[2] - half, zero), np.float32(last_row))
        u = min(max((x - coarse[0]) * coarse[2] - half, zero), np.float32(last_column))
        a, b = int(v), int(u)
        c, d = min(a + 1, last_row), min(b + 1, last_column)
        v, u = v - np.float32(a), u - np.float32(b)
        low = deviation[a, b] * (one - u) + deviation[a, d] * u
        high = deviation[c, b] * (one - u) + deviation[c, d] * u
        height = over_plane - (low * (one - v) + high * v)
        if height < band[0]:
            continue
        if height < SLICES * SLICE_M:
            slices[j, k] |= np.uint32(1) << np.uint32(int(height * np.float32(1.0 / SLICE_M)))
        if height <= band[1]:
            count[j, k] += 1
            index[m] = i
            chosen[m, 0], chosen[m, 1], chosen[m, 2] = x, y, height
            m += 1
    return m


def _select_numpy(
    points: Float32,
    ground: GroundSurface,
    grid: BirdsEyeGrid,
    band: tuple[float, float],
    region: Mask,
    slices: npt.NDArray[np.uint32],
    count: Int32,
) -> tuple[Int64, Float32]:
    row, column, inside = grid.cells(points)
    use = np.flatnonzero(inside & region[row, column])
    height = points[use, 2] - ground.height(points[use])
    use, height = use[height >= band[0]], height[height >= band[0]]
    low = height < SLICES * SLICE_M
    bits = np.left_shift(np.uint32(1), (height[low] / SLICE_M).astype(np.uint32), dtype=np.uint32)
    np.bitwise_or.at(slices, (row[use[low]], column[use[low]]), bits)
    use, height = use[height <= band[1]], height[height <= band[1]]
    np.add.at(count, (row[use], column[use]), 1)
    chosen = np.column_stack([points[use, :2], height.astype(np.float32)])
    return use.astype(np.int64), chosen


def select_candidates(
    points: Float32,
    ground: GroundSurface,
    grid: BirdsEyeGrid,
    band: tuple[float, float],
    region: Mask,
    use_numba: bool = HAS_NUMBA,
) -> Candidates:
    """Choose the points of a region within a band of height above the ground.

    Args:
        points: (n, 3) float32, metres, fixed frame; NaN rows are skipped.
        ground: Surface that heights are measured from.
        grid: Cells of the region.
        band: Lowest and highest height above the ground, metres.
        region: (rows, columns) mask of the cells to look at.
        use_numba: False takes numpy, with the same result.
    """
    slices, count = np.zeros(grid.shape, np.uint32), np.zeros(grid.shape, np.int32)
    if not use_numba:
        index, chosen = _select_numpy(points, ground, grid, band, region, slices, count)
        return Candidates(index, chosen, slices, count, grid)
    index, chosen = np.empty(len(points), np.int64), np.empty((len(points), 3), np.float32)
    coarse, fine = (
        np.array([g.x_min, g.y_min, 1.0 / g.cell_m], np.float32) for g in (ground.grid, grid)
    )
    m = _select_kernel(
        points,
        ground.plane.astype(np.float32),
        ground.deviation,
        coarse,
        fine,
        np.array(band, np.float32),
        region,
        index,
        chosen,
        slices,
        count,
    )
    return Candidates(index[:m], chosen[:m], slices, count, grid)


def tall_structure(
    candidates: Candidates,
    origin: Float64,
    ring_spacing_rad: float,
    below_m: float = 1.8,
    above_m: float = 2.3,
) -> Mask:
    """Find the cells in which points run on from below ``below_m`` to above ``above_m``.

    The gap that still counts as running on grows with the distance between the rings of the sensor.

    Args:
        candidates: Points and slices of height.
        origin: (3,) sensor in the fixed frame.
        ring_spacing_rad: Angle between neighbouring rings.
        below_m: The run starts at least this low.
        above_m: The run ends at least this high.

    Returns:
        (rows, columns) mask.
    """
    grid = candidates.grid
    mask = np.zeros(grid.shape, np.bool_)
    high = np.flatnonzero(candidates.slices.ravel() >= np.uint32(1 << int(above_m / SLICE_M)))
    row, column = high // grid.columns, high % grid.columns
    if not len(row):
        return mask
    x = grid.x_min + (column + 0.5) * grid.cell_m - origin[0]
    y = grid.y_min + (row + 0.5) * grid.cell_m - origin[1]
    gap = np.clip(1.5 * np.hypot(x, y) * ring_spacing_rad / SLICE_M, 2, 6).astype(np.int32)
    bits = candidates.slices[row, column]
    filled = bits.copy()
    for step in range(1, 7):
        filled |= np.where(gap >= step, bits << np.uint32(step), np.uint32(0))
    first, last = np.uint32(1 << int(below_m / SLICE_M)), np.uint32(1 << int(above_m / SLICE_M))
    above = bits & ~(last - np.uint32(1))
    lowest_above = above & (~above + np.uint32(1))
    between = (lowest_above - np.uint32(1)) & ~(first - np.uint32(1))
    tall = (filled & between) == between
    mask[row, column] = tall
    return mask
