"""Telling people apart who share one cluster: each has a peak of points at the head.

Two people who walk side by side touch at the elbows, seldom at the heads. The points within a
head's height below the highest point nearby are counted in fine bird's-eye cells; peaks of that
density with a valley between them are different people, and the rest of the cluster goes to the
nearest of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gait_reid.core.clusters import Mask
from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64, Int32, Int64
from gait_reid_common.parameters import param, validate

FINE_CELL_M = 0.05
BLUR_M = 0.09
MARGIN = 6
WEAKEST = 0.3
LARGEST_GROUP_M = 15.0
LINE_SAMPLES = 17
MAX_VALLEY_LENGTH_M = 1.2


@dataclass(frozen=True)
class SplitConfig:
    """Parameters that tell people in one cluster apart."""

    head_depth_m: float = param(
        0.3, "Points this far below the highest nearby count as head and shoulders", "m", 0.1, 1.0
    )
    min_distance_m: float = param(
        0.35, "Smallest distance between the heads of two people", "m", 0.2, 1.0
    )
    max_valley: float = param(
        0.6,
        "Two peaks are two people if the density between them falls below this fraction",
        "",
        0.05,
        1.0,
    )
    reach_m: float = param(0.6, "Points farther from the head belong to nobody", "m", 0.3, 1.5)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class _Atlas:
    """One picture with a window for each cluster, so that all are filtered in one go.

    Attributes:
        shape: Rows and columns.
        offset: (clusters, 2) x and y to add to a position in cells for the place in the picture.
    """

    shape: tuple[int, int]
    offset: Float64

    def places(self, xy: Float32, labels: Int32) -> Float64:
        """Return column and row, with fractions, of points of the given clusters."""
        return xy[:, :2] / FINE_CELL_M + self.offset[labels]

    def cells(self, xy: Float32, labels: Int32) -> Int64:
        """Return the flat index of the cell of each point."""
        place = self.places(xy, labels).astype(np.int64)
        return place[:, 1] * self.shape[1] + place[:, 0]


def _pack(points: Float32, labels: Int32, count: int) -> tuple[_Atlas, Mask]:
    """Lay the windows of all clusters out in rows, highest first, without the largest ones.

    Returns:
        The picture and (clusters,) mask of those that have a window.
    """
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    order = np.argsort(labels, kind="stable")
    present, first = np.unique(labels[order], return_index=True)
    low[present] = np.minimum.reduceat(points[order, :2], first)
    high[present] = np.maximum.reduceat(points[order, :2], first)
    has_window = (high - low).max(axis=1) < LARGEST_GROUP_M
    has_window &= np.isfinite(low).all(axis=1)
    size = np.zeros((count, 2), np.int64)
    size[has_window] = np.ceil((high - low)[has_window] / FINE_CELL_M) + 1 + 2 * MARGIN
    total = int(np.prod(size, axis=1).sum())
    width = max(int(1.2 * np.sqrt(total)), int(size.max(initial=1)))
    corner, place = np.zeros((count, 2)), np.zeros(2, np.int64)
    shelf = 0
    for k in sorted(np.flatnonzero(has_window), key=lambda k: -int(size[k, 1])):
        if place[0] + size[k, 0] > width:
            place[:] = 0, place[1] + shelf
            shelf = 0
        corner[k] = place
        shelf = max(shelf, int(size[k, 1]))
        place[0] += size[k, 0]
    offset = np.where(has_window[:, None], corner + MARGIN - low / FINE_CELL_M, 0.0)
    return _Atlas((int(place[1]) + shelf + 1, width), offset), has_window


def find_heads(
    points: Float32, labels: Int32, count: int, config: SplitConfig, low_m: float
) -> Int64:
    """Find one point under each head.

    Args:
        points: (m, 3) float32: x, y, height above the ground, metres.
        labels: (m,) cluster of each point, -1 for none.
        count: Number of clusters.
        config: Parameters.
        low_m: Lower points are no heads.

    Returns:
        (k,) int64 rows of ``points``, ordered by cluster.
    """
    rows = np.flatnonzero((labels >= 0) & (points[:, 2] >= low_m))
    if not len(rows):
        return rows.astype(np.int64)
    atlas, has_window = _pack(points[rows], labels[rows], count)
    rows = rows[has_window[labels[rows]]]
    flat = atlas.cells(points[rows], labels[rows])
    density = _head_density(flat, points[rows, 2], atlas.shape, config.head_depth_m)
    occupied = np.zeros_like(density)
    occupied.ravel()[flat] = density.ravel()[flat]
    peak = (occupied >= cv2.dilate(occupied, np.ones((7, 7), np.uint8))).ravel()[flat]
    cells, first = np.unique(flat[peak], return_index=True)
    heads = rows[np.flatnonzero(peak)[first]]
    strength = density.ravel()[cells].astype(np.float64)
    heads = heads[_separate(atlas, points[heads], labels[heads], strength, density, config)]
    return heads[np.argsort(labels[heads], kind="stable")]


def _head_density(flat: Int64, height: Float32, shape: tuple[int, int], depth_m: float) -> Float32:
    """Count points near the local top, lower points hardly weigh."""
    top = np.zeros(shape, np.float32)
    order = np.argsort(height, kind="stable")
    top.ravel()[flat[order]] = height[order]
    local_top = cv2.dilate(top, np.ones((11, 11), np.uint8)).ravel()
    weight = np.where(height >= local_top[flat] - depth_m, 1.0, 0.02)
    count = np.bincount(flat, weight, shape[0] * shape[1]).astype(np.float32)
    return cv2.GaussianBlur(count.reshape(shape), (9, 9), BLUR_M / FINE_CELL_M)


def _separate(
    atlas: _Atlas,
    heads: Float32,
    labels: Int32,
    strength: Float64,
    density: Float32,
    config: SplitConfig,
) -> Int64:
    """Drop the weaker of two peaks of one cluster unless a valley lies between them."""
    place = atlas.places(heads, labels)
    apart = np.hypot(*(heads[:, None, :2] - heads[None, :, :2]).transpose(2, 0, 1))
    first, second = np.nonzero((apart < MAX_VALLEY_LENGTH_M) & (labels[:, None] == labels))
    fraction = np.linspace(0.0, 1.0, LINE_SAMPLES)[:, None, None]
    line = (place[first] * (1.0 - fraction) + place[second] * fraction).astype(np.int64)
    valley = density[line[..., 1], line[..., 0]].min(axis=0)
    weaker = np.minimum(strength[first], strength[second])
    same = (apart[first, second] < config.min_distance_m) | (valley > config.max_valley * weaker)
    same |= weaker < WEAKEST * np.maximum(strength[first], strength[second])
    merged = np.zeros(apart.shape, np.bool_)
    merged[first, second] = same
    kept = np.zeros(len(heads), np.bool_)
    for i in np.argsort(-strength, kind="stable"):
        kept[i] = not (merged[i] & kept).any()
    return np.flatnonzero(kept)


@compiled
def _nearest_head(
    points: Float32, labels: Int32, heads: Float32, start: Int64, reach2: float, owner: Int32
) -> None:
    for i in range(len(points)):
        owner[i] = -1
        if labels[i] < 0:
            continue
        best = reach2
        for k in range(start[labels[i]], start[labels[i] + 1]):
            dx, dy = points[i, 0] - heads[k, 0], points[i, 1] - heads[k, 1]
            if dx * dx + dy * dy < best:
                best = dx * dx + dy * dy
                owner[i] = k


def share_points(points: Float32, labels: Int32, count: int, heads: Int64, reach_m: float) -> Int32:
    """Give each point to the nearest head of its own cluster.

    Args:
        points: (m, 3) float32.
        labels: (m,) cluster of each point, -1 for none.
        count: Number of clusters.
        heads: (k,) rows of ``points``, ordered by cluster.
        reach_m: Points farther away go to nobody.

    Returns:
        (m,) int32: row in ``heads``, -1 for nobody.
    """
    start = np.searchsorted(labels[heads], np.arange(count + 1)).astype(np.int64)
    owner = np.empty(len(points), np.int32)
    _nearest_head(points, labels, points[heads], start, reach_m**2, owner)
    return owner
