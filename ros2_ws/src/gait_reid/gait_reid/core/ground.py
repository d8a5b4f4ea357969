"""The ground under a LiDAR scan: a robust plane, corrected where the ground is uneven.

The lowest point of each cell of a coarse grid either lies on the ground or on something that stands
on it. A plane that many of them agree on and few lie under (RANSAC, Fischler and Bolles 1981, with
a penalty for points below) is the start; cells whose lowest point continues their neighbours
without a step are added, and their smoothed deviation from the plane follows slopes and kerbs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.clusters import BirdsEyeGrid
from gait_reid.core.compiled import compiled
from gait_reid.core.scan_view import ScanView
from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_common.parameters import param, validate

HYPOTHESES = 100
VOTERS = 400
REFINEMENTS = 20
MAX_DEVIATION_M = 2.0
MAX_SPREAD_M = 0.3


@dataclass(frozen=True)
class GroundConfig:
    """Parameters of the ground filter."""

    max_tilt_deg: float = param(
        15.0, "Steepest ground that is accepted, against the fixed frame", "deg", 0.0, 45.0
    )
    tolerance_m: float = param(
        0.15, "How far points of flat ground lie from the plane at most", "m", 0.01, 1.0
    )
    max_slope: float = param(
        0.15, "Steepest slope between neighbouring cells of uneven ground", "m/m", 0.0, 2.0
    )
    min_cells: int = param(12, "Cells of ground that must be seen to trust the plane", "", 3, 10000)
    min_sensor_height_m: float = param(
        0.2, "The ground is at least this far below the sensor", "m", -10.0, 50.0
    )
    fallback_z_m: float = param(
        0.0, "Height of the ground in the fixed frame until some was seen", "m", -1000.0, 10000.0
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class GroundSurface:
    """Height of the ground everywhere.

    Attributes:
        plane: (3,) float64: z = plane[0] x + plane[1] y + plane[2], metres, fixed frame.
        deviation: (rows, columns) float32: height of the ground above the plane, metres.
        grid: Cells of ``deviation``.
        observed: Whether this scan showed the ground; else it is remembered or assumed.
    """

    plane: Float64
    deviation: Float32
    grid: BirdsEyeGrid
    observed: bool = field(default=True)

    def height(self, xy: npt.ArrayLike) -> Float64:
        """Return the height of the ground, fixed frame, below points (n, 2 or more)."""
        at = np.asarray(xy, np.float64)
        column = (at[:, 0] - self.grid.x_min) / self.grid.cell_m - 0.5
        row = (at[:, 1] - self.grid.y_min) / self.grid.cell_m - 0.5
        column, row = column.clip(0, self.grid.columns - 1), row.clip(0, self.grid.rows - 1)
        j, k = row.astype(np.int64), column.astype(np.int64)
        up, aside = np.minimum(j + 1, self.grid.rows - 1), np.minimum(k + 1, self.grid.columns - 1)
        v, u, d = row - j, column - k, self.deviation
        near, far = d[j, k] * (1 - u) + d[j, aside] * u, d[up, k] * (1 - u) + d[up, aside] * u
        return at[:, :2] @ self.plane[:2] + self.plane[2] + near * (1 - v) + far * v


def fit_plane(lowest: Float32, config: GroundConfig, origin: Float64) -> tuple[Float64, int]:
    """Fit the plane that most of the lowest points agree on.

    Args:
        lowest: (cells, 3) metres, fixed frame.
        config: Limits.
        origin: (3,) position of the sensor, fixed frame.

    Returns:
        (3,) plane z = a x + b y + c and the number of cells that lie on it; 0 when none was found.
    """
    points = lowest.astype(np.float64) - origin
    if len(points) < 3:
        return np.zeros(3), 0
    rng = np.random.default_rng(0)
    corners = points[rng.integers(0, len(points), (HYPOTHESES, 3))]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(first, second)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = -normal[:, :2] / normal[:, 2:]
        offset = corners[:, 0, 2] - (slope * corners[:, 0, :2]).sum(axis=1)
    allowed = np.hypot(slope[:, 0], slope[:, 1]) <= np.tan(np.deg2rad(config.max_tilt_deg))
    allowed &= offset <= -config.min_sensor_height_m
    if not allowed.any():
        return np.zeros(3), 0
    planes = np.column_stack([slope, offset])[allowed]
    voters = points[rng.permutation(len(points))[:VOTERS]]
    residual = voters[:, 2:] - voters[:, :2] @ planes[:, :2].T - planes[:, 2]
    on = np.abs(residual) < config.tolerance_m
    below = residual < -2.0 * config.tolerance_m
    # Ground is level more often than not: full tilt must win by a third.
    tilt = np.hypot(planes[:, 0], planes[:, 1]) / np.tan(np.deg2rad(max(config.max_tilt_deg, 1.0)))
    score = on.sum(axis=0) * (1.0 - 0.33 * tilt) - 2 * below.sum(axis=0)
    plane = _refine(points, planes[np.argmax(score)], config)
    residual = points[:, 2] - points[:, :2] @ plane[:2] - plane[2]
    support = int((np.abs(residual) < config.tolerance_m).sum())
    plane[2] += origin[2] - plane[:2] @ origin[:2]
    return plane, support


def _refine(points: Float64, plane: Float64, config: GroundConfig) -> Float64:
    """Reweighted least squares with Tukey's biweight, until the plane rests."""
    best = plane.copy()
    design = np.column_stack([points[:, :2], np.ones(len(points))])
    for _ in range(REFINEMENTS):
        residual = points[:, 2] - design @ best
        near = np.abs(residual) < 2.0 * config.tolerance_m
        weight = (1.0 - (residual[near] / (2.0 * config.tolerance_m)) ** 2) ** 2
        weighted = design[near] * weight[:, None]
        normal = weighted.T @ design[near]
        if near.sum() < 3 or np.linalg.cond(normal) > 1e10:
            break
        solution = np.linalg.solve(normal, weighted.T @ points[near, 2])
        if np.hypot(*solution[:2]) > np.tan(np.deg2rad(config.max_tilt_deg)):
            break
        step, best = np.abs(solution - best).max(), solution
        if step < 1e-4:
            break
    return best


@compiled
def _grow(residual: Float32, on_ground: UInt8, max_step: float, reach: int) -> None:
    """Add cells whose height continues that of ground cells at most ``reach`` cells away.

    Infinite cells cannot be ground.
    """
    rows, columns = residual.shape
    stack = [(j, k) for j in range(rows) for k in range(columns) if on_ground[j, k]]
    while len(stack) > 0:
        j, k = stack.pop()
        for v in range(max(j - reach, 0), min(j + reach + 1, rows)):
            for u in range(max(k - reach, 0), min(k + reach + 1, columns)):
                if on_ground[v, u] or not np.isfinite(residual[v, u]):
                    continue
                distance = np.sqrt((v - j) ** 2 + (u - k) ** 2)
                step = abs(residual[v, u] - residual[j, k])
                if step <= max_step * distance and abs(residual[v, u]) < MAX_DEVIATION_M:
                    on_ground[v, u] = 1
                    stack.append((v, u))


def estimate_ground(
    view: ScanView, config: GroundConfig, previous: GroundSurface | None = None
) -> GroundSurface:
    """Find the ground of a scan.

    Without enough ground in sight the previous surface is kept, or a level one at
    ``fallback_z_m`` assumed; ``observed`` is False then.
    """
    grid = view.ground_grid
    plane, support = fit_plane(view.lowest, config, view.origin)
    if support < config.min_cells:
        level = np.array([0.0, 0.0, config.fallback_z_m])
        kept = previous if previous is not None else GroundSurface(level, _flat(grid), grid)
        return GroundSurface(kept.plane, kept.deviation, kept.grid, observed=False)
    row, column, _ = grid.cells(view.lowest)
    residual = np.full(grid.shape, np.inf, np.float32)
    low = view.lowest.astype(np.float64)
    residual[row, column] = low[:, 2] - low[:, :2] @ plane[:2] - plane[2]
    on_ground = (np.abs(residual) < config.tolerance_m).astype(np.uint8)
    # What stands on unseen ground is no ground: beyond the plane only cells without height count.
    standing = view.spread > MAX_SPREAD_M
    residual[row[standing], column[standing]] = np.where(
        on_ground[row[standing], column[standing]] > 0,
        residual[row[standing], column[standing]],
        np.inf,
    )
    _grow(residual, on_ground, config.max_slope * grid.cell_m, 2)
    return GroundSurface(plane, _smooth(residual, on_ground), grid)


def _flat(grid: BirdsEyeGrid) -> Float32:
    return np.zeros(grid.shape, np.float32)


def _smooth(residual: Float32, on_ground: UInt8) -> Float32:
    """Average the deviation over neighbouring ground cells; towards the plane where none is."""
    weight = on_ground.astype(np.float32)
    value = np.where(on_ground > 0, residual, np.float32(0.0)).astype(np.float32)
    narrow = [cv2.GaussianBlur(image, (3, 3), 0.6) for image in (value, weight)]
    wide = [cv2.GaussianBlur(image, (9, 9), 2.0) for image in (value, weight)]
    # Little weight in the wide average stands for the plane, which answers where no cell was seen.
    far = wide[0] / (wide[1] + np.float32(0.02))
    return np.where(narrow[1] > 0.1, narrow[0] / np.maximum(narrow[1], np.float32(1e-6)), far)
