"""From crops to what encoders take: normalised silhouettes and depth images."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, Float64, PersonCrop, UInt8

SILHOUETTE_SIZE = (64, 44)  # rows, columns: the input of the OpenGait family
_MIN_SILHOUETTE_PIXELS = 60
_SPLAT_M = 0.045


def normalise_silhouette(
    silhouette: UInt8, size: tuple[int, int] = SILHOUETTE_SIZE
) -> Float32 | None:
    """Scale a silhouette to a fixed height and centre it by its mass.

    The usual preparation of silhouette gait recognition (Iwama et al. 2012; Chao et al. 2019,
    GaitSet): cut to the rows that the person fills, resize to the wanted height keeping the aspect,
    and put the column that halves the mass in the middle.

    Args:
        silhouette: (h, w) uint8, non-zero on the person.
        size: Rows and columns of the result.

    Returns:
        (rows, columns) float32 in [0, 1], or None when too little of a person is there.
    """
    rows = np.flatnonzero(silhouette.any(axis=1))
    if not len(rows) or cv2.countNonZero(silhouette) < _MIN_SILHOUETTE_PIXELS:
        return None
    body = silhouette[rows[0] : rows[-1] + 1]
    height, width = size
    scaled_width = max(1, round(body.shape[1] * height / len(body)))
    shrink = height < len(body)
    scaled = cv2.resize(
        body, (scaled_width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    )
    shift = 0.5 * (width - 1) - _middle_of_mass(scaled.sum(axis=0, dtype=np.float64))
    # A fraction of a pixel counts: mirrored walks would be one pixel apart otherwise.
    matrix = np.array([[1.0, 0.0, shift], [0.0, 1.0, 0.0]])
    centred = cv2.warpAffine(scaled, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return centred.astype(np.float32) / np.float32(255.0)


def _middle_of_mass(columns: Float64) -> float:
    """Return where half of the mass is reached, in fractions of a column."""
    mass = columns.cumsum()
    half = 0.5 * mass[-1]
    index = int(np.searchsorted(mass, half))
    return index + 0.5 - float(mass[index] - half) / float(columns[index])


def project_points(
    points: npt.NDArray[np.floating], viewpoint: Float64, position: Float64
) -> tuple[Float64, Float64]:
    """Return a person's points as the sensor sees them, in metres.

    Args:
        points: (k, 3) metres, fixed frame.
        viewpoint: (3,) position of the sensor.
        position: (3,) person on the ground.

    Returns:
        (k, 2) float64 right and up from the person's foot, and (k,) float64 depth behind the
        person's axis along the line of sight.
    """
    sight = np.asarray(position[:2] - viewpoint[:2], np.float64)
    norm = np.hypot(*sight)
    forward = sight / norm if norm > 1e-6 else np.array([1.0, 0.0])
    right = np.array([forward[1], -forward[0]])
    offset = np.asarray(points, np.float64) - position
    return np.column_stack([offset[:, :2] @ right, offset[:, 2]]), offset[:, :2] @ forward


def depth_image(
    points: npt.NDArray[np.floating],
    viewpoint: Float64,
    position: Float64,
    size: tuple[int, int] = SILHOUETTE_SIZE,
    max_height_m: float = 2.2,
) -> Float32 | None:
    """Draw a person's LiDAR points as the sensor sees them, nearer points brighter.

    Close to the projection of Shen et al. 2023 (LidarGait), but orthographic and in metres, so that
    the range does not change the size. Every point becomes a disc, because scan lines are farther
    apart than pixels.

    Args:
        points: (k, 3) metres, fixed frame.
        viewpoint: (3,) position of the sensor.
        position: (3,) person on the ground.
        size: Rows and columns of the result.
        max_height_m: Height above which points are not the person's.

    Returns:
        (rows, columns) float32, 0 where no point is and 0.5 to 1 on the person, scaled to the
        person's height and centred by mass; None when there are too few points.
    """
    seen, depth = project_points(points, viewpoint, position)
    body = (seen[:, 1] > -0.3) & (seen[:, 1] < max_height_m) & (np.abs(seen[:, 0]) < 1.0)
    seen, depth = seen[body], depth[body]
    if len(seen) < 8 or np.ptp(seen[:, 1]) < 0.6:
        return None
    low, high = np.percentile(seen[:, 1], [1.0, 99.0])
    rows, columns = size
    metres_per_pixel = (high - low + 2 * _SPLAT_M) / rows
    middle = np.median(seen[:, 0])
    x = (seen[:, 0] - middle) / metres_per_pixel + columns / 2.0
    y = (high + _SPLAT_M - seen[:, 1]) / metres_per_pixel
    canvas = np.zeros(size, np.float32)
    near = np.clip(0.75 - 0.5 * (depth - np.median(depth)), 0.5, 1.0)
    reach = max(1, round(_SPLAT_M / metres_per_pixel))
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    np.maximum.at(canvas, (y[inside].astype(int), x[inside].astype(int)), near[inside])
    # Lines of a scan are apart vertically much more than points along a line.
    gap = min(max(reach, round(0.6 * _line_spacing(seen[:, 1]) / metres_per_pixel)), rows // 8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * gap + 1))
    return cv2.dilate(canvas, kernel)


def _line_spacing(height: Float64) -> float:
    """Return the usual vertical distance of neighbouring scan lines on a person, metres."""
    steps = np.diff(np.sort(height))
    steps = steps[steps > 0.02]
    return float(np.median(steps)) if len(steps) else 0.0


def crop_silhouette(crop: PersonCrop, size: tuple[int, int] = SILHOUETTE_SIZE) -> Float32 | None:
    """Return the normalised camera silhouette of a crop, or None without one."""
    return None if crop.silhouette is None else normalise_silhouette(crop.silhouette, size)


def crop_depth(crop: PersonCrop, size: tuple[int, int] = SILHOUETTE_SIZE) -> Float32 | None:
    """Return the LiDAR depth image of a crop, or None without enough points."""
    if crop.points is None:
        return None
    return depth_image(crop.points, crop.viewpoint, crop.position, size)
