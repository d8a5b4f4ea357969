"""Pictures as networks take them: the person fills the height and stands in the middle."""

from __future__ import annotations

import cv2
import numpy as np

from gait_reid.core.types import UInt8

GREY = 127
"""What is beside the person's box, where a picture has nothing to show."""
_MIN_SHARE = 0.8  # of the crop's height; less of a silhouette is not all of the person
_MAX_ASPECT = 0.75  # width over height of the widest stride, with what is carried


def person_box(image: UInt8, silhouette: UInt8 | None) -> tuple[int, int, int, int]:
    """Return the box of the person inside a cut-out: x, y, width, height.

    Cut-outs come from detectors, whose boxes fit loosely. Where a silhouette is there and shows
    nearly the whole person, its extents are the box; else the whole cut-out is, because a
    silhouette that lacks the legs must not make the trunk fill the picture.

    Args:
        image: (h, w, 3).
        silhouette: (h, w), non-zero on the person, or None.
    """
    whole = (0, 0, image.shape[1], image.shape[0])
    if silhouette is None:
        return whole
    x, y, width, height = cv2.boundingRect(silhouette)
    if height < _MIN_SHARE * image.shape[0] or width > _MAX_ASPECT * height:
        return whole
    return x, y, width, height


def frame_picture(
    image: UInt8, box: tuple[int, int, int, int], size: tuple[int, int]
) -> tuple[UInt8, UInt8]:
    """Scale the person's box to the full height, in the middle of a picture.

    Sides beyond the picture's width are cut; where the box is narrower, grey is put beside it.

    Args:
        image: (h, w, 3) uint8.
        box: x, y, width, height inside of the image.
        size: Rows and columns of the result.

    Returns:
        (rows, columns, 3) uint8 and the part of it that shows the box.
    """
    rows, columns = size
    x, y, width, height = box
    scale = rows / height
    widest = columns / scale
    if width > widest:
        cut = max(round(widest), 1)
        x, width = x + (width - cut) // 2, cut
    scaled_width = min(max(round(width * scale), 1), columns)
    body = cv2.resize(
        image[y : y + height, x : x + width],
        (scaled_width, rows),
        interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR,
    )
    canvas = np.full((rows, columns, 3), GREY, np.uint8)
    left = (columns - scaled_width) // 2
    canvas[:, left : left + scaled_width] = body
    return canvas, body


def picture_figures(body: UInt8) -> tuple[float, float]:
    """Return the variance of the Laplacian and the mean grey value in [0, 1] of a BGR picture."""
    grey = cv2.cvtColor(np.ascontiguousarray(body), cv2.COLOR_BGR2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return float(deviation[0, 0] ** 2), float(cv2.mean(grey)[0] / 255.0)
