"""Silhouettes of single people out of the foreground of the whole picture."""

from __future__ import annotations

import cv2
import numpy as np

from gait_reid.core.background import sharpened
from gait_reid.core.rois import roi_overlap
from gait_reid.core.types import Detections, Float64, Int32, Int64, UInt8

_MIN_PIECE = 0.05  # of the largest piece
_MAX_HOLE = 0.04  # of the body
_GAP = 1 / 50  # of the height
_NEIGHBOUR_OVERLAP = 0.02
_ROUGH_PX = 1.5  # of the foreground, by which its edges may be wrong
_LEAST_HEIGHT = 0.7  # of the box
_EDGE_ROWS = 128  # of a person, at which edges are looked for; networks see 64


def cut_silhouette(detections: Detections, row: int, image: UInt8) -> UInt8 | None:
    """Return the silhouette of one person at the size of his or her picture.

    Args:
        detections: With foreground; where the empty scene is known, edges are as fine as the
            picture's.
        row: The person.
        image: (height, width, 3) uint8, what is cut out of the picture for the person.

    Returns:
        (height, width) uint8, 255 on the person; None without a foreground, when nothing of the
        person moves, or when what does is too little of the height to be the whole body.
    """
    if detections.foreground is None:
        return None
    scale = detections.foreground_scale
    box = detections.roi[row] * scale
    low = np.floor(box[:2] + 1e-6).astype(int)
    high = np.ceil(box[:2] + box[2:] - 1e-6).astype(int)
    mask = detections.foreground[max(low[1], 0) : high[1], max(low[0], 0) : high[0]].copy()
    if mask.size == 0:
        return None
    _remove_neighbours(mask, np.maximum(low, 0), row, detections.roi * scale)
    if detections.scene is None:
        found = _clean(mask)
    else:
        found = _fine(mask, np.maximum(low, 0), detections, row, image)
    rows = np.flatnonzero(found.any(axis=1))
    if not len(rows) or rows[-1] - rows[0] + 1 < _LEAST_HEIGHT * len(found):
        return None
    return _enlarged(found, np.zeros(2), np.array(found.shape[::-1], np.float64), image)


def _fine(rough: UInt8, low: np.ndarray, detections: Detections, row: int, image: UInt8) -> UInt8:
    """Return a silhouette whose edges are the picture's, at the size where they are looked for.

    Args:
        rough: Part of the foreground.
        low: Pixel of the foreground where it begins.
        detections: With foreground and the empty scene.
        row: The person.
        image: (height, width, 3) uint8.
    """
    assert detections.scene is not None
    scale = detections.foreground_scale
    x, y, x_end, y_end = pixel_box(detections.roi[row], detections.scene.shape)
    corner = np.array([x, y]) * scale - low
    extent = np.array([x_end - x, y_end - y]) * scale
    share = min(1.0, _EDGE_ROWS / len(image))
    size = max(1, round(image.shape[1] * share)), max(1, round(len(image) * share))
    cut, scene = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA)
        for one in (image, detections.scene[y:y_end, x:x_end])
    )
    reach = max(round(_ROUGH_PX * len(cut) / extent[1]), 2)
    return _clean(sharpened(_enlarged(rough, corner, extent, cut), cut, scene, reach))


def pixel_box(roi: Float64, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the whole pixels x, y, x_end, y_end that a box lies in, inside of a picture."""
    x, y = np.floor(np.maximum(roi[:2], 0.0)).astype(int)
    x_end, y_end = np.ceil(np.minimum(roi[:2] + roi[2:], shape[1::-1])).astype(int)
    return int(x), int(y), int(x_end), int(y_end)


def _enlarged(mask: UInt8, corner: np.ndarray, extent: np.ndarray, image: UInt8) -> UInt8:
    """Return the part of a mask that begins at a corner, at the size of an image."""
    rows, columns = image.shape[:2]
    step = extent / (columns, rows)
    # Whole numbers are the middles of pixels.
    first = corner + 0.5 * step - 0.5
    matrix = np.array([[step[0], 0.0, first[0]], [0.0, step[1], first[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    large = cv2.warpAffine(
        mask, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1]


def _remove_neighbours(mask: UInt8, corner: np.ndarray, row: int, roi: Float64) -> None:
    """Clear pixels that lie nearer to the middle of another person's box than to this one's."""
    near = _touching(roi, row)
    if not len(near):
        return
    _, covered, _ = roi_overlap(roi[row : row + 1], roi[near])
    others = near[covered[0] > _NEIGHBOUR_OVERLAP]
    if not len(others):
        return
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    x, y = x + corner[0], y + corner[1]
    own = _distance(x, y, roi[row])
    for other in others:
        mask[_distance(x, y, roi[other]) < own] = 0


def _touching(roi: Float64, row: int) -> Int64:
    """Return which other boxes have anything in common with one."""
    low, high = roi[:, :2], roi[:, :2] + roi[:, 2:]
    common = (low < high[row]).all(axis=1) & (high > low[row]).all(axis=1)
    common[row] = False
    return np.flatnonzero(common)


def _distance(x: np.ndarray, y: np.ndarray, box: Float64) -> np.ndarray:
    """Return the distance to the middle of a box in units of its half size."""
    middle, half = box[:2] + 0.5 * box[2:], 0.5 * box[2:]
    return np.maximum(np.abs(x - middle[0]) / half[0], np.abs(y - middle[1]) / half[1])


def _clean(mask: UInt8) -> UInt8:
    """Drop noise and pieces far smaller than the body, close gaps and holes a few pixels wide."""
    reach = max(1, round(len(mask) * _GAP))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 4 * reach + 1))
    # Closing at the very border would draw the body out to it.
    pad = 2 * reach
    padded = cv2.copyMakeBorder(
        cv2.medianBlur(mask, 3), pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0
    )
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)
    body = closed[pad:-pad, pad:-pad]
    pieces, _, areas = _pieces(body)
    if not len(areas):
        return body
    kept = np.concatenate([[False], areas >= _MIN_PIECE * areas.max()])
    body = kept[pieces].astype(np.uint8) * np.uint8(255)
    holes, boxes, areas = _pieces(255 - body)
    inner = (boxes[:, :2] > 0).all(axis=1)
    inner &= (boxes[:, :2] + boxes[:, 2:4] < (body.shape[1], body.shape[0])).all(axis=1)
    filled = np.concatenate([[False], inner & (areas < _MAX_HOLE * np.count_nonzero(body))])
    body[filled[holes]] = 255
    return body


def _pieces(mask: UInt8) -> tuple[Int32, Int32, Int32]:
    """Return labels, boxes (n, 4) and areas (n,) of the connected pieces of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return labels, stats[1:, :4], stats[1:, cv2.CC_STAT_AREA]
