"""Boxes in the picture: (n, 4) float64 pixels x, y, width, height; NaN rows are nowhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64, Int32, Int64


def clip_roi(roi: npt.ArrayLike, width: int, height: int) -> Float64:
    """Return boxes (n, 4) cut to a picture of the given size; NaN where nothing is left."""
    roi = np.asarray(roi, np.float64).reshape(-1, 4)
    low = np.maximum(roi[:, :2], 0.0)
    high = np.minimum(roi[:, :2] + roi[:, 2:], (width, height))
    clipped = np.hstack([low, high - low])
    with np.errstate(invalid="ignore"):
        clipped[~(clipped[:, 2:] > 0.0).all(axis=1)] = np.nan
    return clipped


def roi_overlap(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Float64, Float64, Float64]:
    """Compare boxes (n, 4) with boxes (m, 4); NaN boxes overlap nothing.

    Returns:
        Three (n, m) arrays: intersection over union, intersection over the first box's area,
        intersection over the second box's area.
    """
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.maximum(a[..., :2], b[..., :2])
        high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
        shared = np.maximum(high - low, 0.0).prod(axis=-1)
        area_a, area_b = a[..., 2:].prod(axis=-1), b[..., 2:].prod(axis=-1)
        ratios = shared / (area_a + area_b - shared), shared / area_a, shared / area_b
    union, of_first, of_second = (np.nan_to_num(ratio, nan=0.0) for ratio in ratios)
    return union, of_first, of_second


def suppress(roi: Float64, score: Float64, max_union: float, max_inside: float = 1.0) -> Int64:
    """Return rows that survive greedy non-maximum suppression, best score first.

    Args:
        roi: (n, 4) boxes.
        score: (n,) higher is better.
        max_union: A box that overlaps a better one by more intersection over union is dropped.
        max_inside: So is one that lies in a better one by more than this fraction of its own area.
    """
    union, inside, _ = roi_overlap(roi, roi)
    kept: list[int] = []
    for row in np.argsort(-score, kind="stable"):
        if not kept or (
            union[row, kept].max() <= max_union and inside[row, kept].max() <= max_inside
        ):
            kept.append(int(row))
    return np.array(kept, np.int64)


def bounding_roi(pixels: Int32) -> Float64:
    """Return the box of pixels (n, 2) without the outermost half percent on each side."""
    ordered = np.sort(pixels, axis=0)
    crumbs = round(0.005 * (len(ordered) - 1))
    low, high = ordered[crumbs], ordered[-1 - crumbs]
    return np.concatenate([low, high - low + 1]).astype(np.float64)


def union_roi(roi: Float64) -> Float64:
    """Return the box (4,) around boxes (n, 4)."""
    low, high = roi[:, :2].min(axis=0), (roi[:, :2] + roi[:, 2:]).max(axis=0)
    return np.concatenate([low, high - low])


def nearest_roi(pixels: Int32, roi: Float64) -> Int64:
    """Return for each pixel (n, 2) the row of the box whose middle is nearest, in half sizes."""
    middle, half = roi[:, :2] + 0.5 * roi[:, 2:], 0.5 * roi[:, 2:]
    offset = (pixels[:, None] - middle) / half
    return np.abs(offset).max(axis=2).argmin(axis=1)
