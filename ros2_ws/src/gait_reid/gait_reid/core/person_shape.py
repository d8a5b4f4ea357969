"""What a group of points looks like, in figures that tell a person from a post or a panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.clusters import BirdsEyeGrid, Mask
from gait_reid.core.scan_view import BINS_PER_DEGREE, ELEVATION_BINS, ScanView
from gait_reid.core.shape_kernels import (
    SLICE_M,
    SLICES,
    collar,
    look_around,
    moments,
    profile,
)
from gait_reid.core.types import Float32, Float64, Int32, Int64

BODY_WIDTH_M = 0.45


@dataclass(frozen=True)
class Groups:
    """Points shared out to heads.

    Attributes:
        points: (m, 3) float32: x, y, height above the ground, metres.
        clusters: (m,) int32, cluster of each point, -1 for none.
        count: Number of clusters.
        heads: (k,) int64, one row of ``points`` per head, ordered by cluster.
        owner: (m,) int32, row in ``heads`` of each point, -1 for nobody.
    """

    points: Float32
    clusters: Int32
    count: int
    heads: Int64
    owner: Int32


@dataclass(frozen=True)
class Shapes:
    """Figures of k groups of points; all arrays have k rows.

    Attributes:
        count: Number of points.
        center: (k, 2) metres, mean of the points.
        range_m: Horizontal distance from the sensor.
        top_m: Height above the ground of the highest point.
        bottom_m: Height above the ground of the lowest point.
        width_m: Extent across the line of sight, of the middle part of the body.
        head_m: Extent across the line of sight, within 20 cm below the top.
        depth_m: Extent along the line of sight.
        gap_m: Largest interval of height between top and bottom without points.
        thickness_m: Standard deviation of the points along the thinner horizontal axis.
        length_m: Standard deviation of the points along the longer horizontal axis.
        collar: Points of the same cluster just outside of the person's width, per own point.
        structure: Fraction of the surroundings, up to 0.5 m away, taken up by tall structure.
        expected: Points that a person of that height would return if nothing hid them.
        hidden_below: Fraction of the directions below the group in which something nearer hides it.
        open_below: Fraction of the directions below the group in which the sensor sees past it.
        same_beside: Fraction of the directions beside the group that end at its own distance.
        hidden_beside: Fraction of the directions beside the group that end at something nearer.
        same_above: Fraction of the directions above the group that end at its own distance.
        hidden_above: Fraction of the directions above the group in which something nearer hides it.
    """

    count: Int64
    center: Float64
    range_m: Float64
    top_m: Float64
    bottom_m: Float64
    width_m: Float64
    head_m: Float64
    depth_m: Float64
    gap_m: Float64
    thickness_m: Float64
    length_m: Float64
    collar: Float64
    structure: Float64
    expected: Float64
    hidden_below: Float64
    open_below: Float64
    same_beside: Float64
    hidden_beside: Float64
    same_above: Float64
    hidden_above: Float64

    def __len__(self) -> int:
        return len(self.count)


def count_collar(groups: Groups, center: Float64) -> Float64:
    """Count the points of each head's own cluster that nobody owns, just outside of the person.

    Args:
        groups: Points and whom they belong to.
        center: (k, 2) metres.
    """
    clusters, heads = groups.clusters, groups.heads
    start = np.searchsorted(clusters[heads], np.arange(groups.count + 1)).astype(np.int64)
    around = np.zeros(len(heads))
    ring2 = np.array([0.35**2, 0.6**2])
    collar(groups.points, clusters, groups.owner, start, center, ring2, around)
    return around


def _principal_axes(sums: Float64, n: Float64, center: Float64) -> Float64:
    """Return (k, 2) standard deviations along the thin and the long horizontal axis."""
    spread = np.empty((len(n), 2, 2))
    for row, column, moment in ((0, 0, 3), (0, 1, 4), (1, 0, 4), (1, 1, 5)):
        spread[:, row, column] = sums[:, moment] / n - center[:, row] * center[:, column]
    axes: Float64 = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 0.0))
    return axes


def _expected(
    view: ScanView, distance: Float64, ground: Float64, bottom: Float64, top: Float64
) -> Float64:
    """Points that a body of `BODY_WIDTH_M` between two heights above the ground would return."""
    bin_rad = np.deg2rad(1.0 / BINS_PER_DEGREE)
    total = np.concatenate([[0.0], np.cumsum(view.density)]) * bin_rad
    edges = np.arange(ELEVATION_BINS + 1) * bin_rad - np.pi / 2
    drop = ground - view.origin[2]
    low, high = (np.arctan2(drop + height, distance) for height in (bottom, top))
    return (np.interp(high, edges, total) - np.interp(low, edges, total)) * BODY_WIDTH_M / distance


def describe(
    groups: Groups, view: ScanView, ground_z: Float64, grid: BirdsEyeGrid, blocked: Mask
) -> Shapes:
    """Measure the groups of points that belong to heads.

    Args:
        groups: Points and whom they belong to; each head owns at least its own point.
        view: Scan that the points are from.
        ground_z: (k,) height of the ground below each head, fixed frame.
        grid: Cells of ``blocked``.
        blocked: Mask of the cells that hold tall structure.
    """
    points, owner = groups.points, groups.owner
    k = len(groups.heads)
    sums = np.zeros((k, 8))
    sums[:, 7] = np.inf
    moments(points, owner, sums)
    n = np.maximum(sums[:, 0], 1.0)
    center = sums[:, 1:3] / n[:, None]
    axes = _principal_axes(sums, n, center)
    offset = center - view.origin[:2]
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 0.1)
    across = np.column_stack([-offset[:, 1], offset[:, 0]]) / distance[:, None]
    low, high = np.full((k, SLICES + 1), np.inf), np.full((k, SLICES + 1), -np.inf)
    profile(points, owner, center, across, low, high)
    extent = np.where(high >= low, high - low, np.nan)
    around = count_collar(groups, center) / n
    top, bottom = sums[:, 6], sums[:, 7]
    width, head = _widths(extent[:, :SLICES], top)
    surroundings = np.zeros((k, 6))
    half_angle = 0.5 * np.nan_to_num(width, nan=BODY_WIDTH_M) / distance
    look_around(
        view.nearest, view.origin, center, distance, ground_z, bottom, top, half_angle, surroundings
    )
    return Shapes(
        sums[:, 0].astype(np.int64),
        center,
        distance,
        top,
        bottom,
        width,
        head,
        extent[:, SLICES],
        _gap(extent[:, :SLICES]),
        axes[:, 0],
        axes[:, 1],
        around,
        _structure(center, grid, blocked),
        _expected(view, distance, ground_z, bottom, top),
        *surroundings.T,
    )


def _widths(extent: Float64, top: Float64) -> tuple[Float64, Float64]:
    """Return the widest slice of the body below the head, and of the topmost 20 cm."""
    level = np.arange(SLICES) * SLICE_M
    below_top = top[:, None] - level
    in_body = (below_top > 0.3) & (below_top < 1.0)
    in_head = (below_top >= 0.0) & (below_top <= 0.25)
    body = np.fmax.reduce(extent, axis=1, where=in_body, initial=-1.0)
    head = np.fmax.reduce(extent, axis=1, where=in_head, initial=-1.0)
    missing = body < 0.0
    body[missing] = np.fmax.reduce(extent[missing], axis=1)
    head[head < 0.0] = np.nan
    return body, head


def _gap(extent: Float64) -> Float64:
    """Return the longest run of empty slices between occupied ones, metres."""
    occupied = ~np.isnan(extent)
    level = np.arange(SLICES)
    last = np.maximum.accumulate(np.where(occupied, level, -1), axis=1)
    run = np.where(occupied[:, 1:] & (last[:, :-1] >= 0), level[1:] - last[:, :-1] - 1, 0)
    return run.max(axis=1) * SLICE_M


def _structure(center: Float64, grid: BirdsEyeGrid, blocked: Mask) -> Float64:
    """Return the fraction of places around each centre that lie in blocked cells."""
    angle = np.arange(16) * (np.pi / 8)
    ring = np.concatenate(
        [radius * np.column_stack([np.cos(angle), np.sin(angle)]) for radius in (0.3, 0.5)]
    )
    places = center[:, None, :] + ring
    row, column, inside = grid.cells(places.reshape(-1, 2))
    return (blocked[row, column] & inside).reshape(len(center), len(ring)).mean(axis=1)
