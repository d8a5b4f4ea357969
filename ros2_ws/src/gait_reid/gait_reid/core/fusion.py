"""One list of people from a LiDAR and a camera.

A LiDAR knows where somebody stands, a camera knows the box in the picture. LiDAR people are
projected into the picture and assigned to the camera's boxes; pairs take the position of the
LiDAR and the box of the camera. A box that shows a part of somebody, because the rest looks like
what is behind it, is that person's, who keeps the projected box. Whoever one sensor alone sees
stays, and says so in ``modality``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from gait_reid.core.geometry import Pose, box_to_roi, intrinsics_or_default
from gait_reid.core.rois import clip_roi, roi_overlap
from gait_reid.core.types import (
    CameraFrame,
    CameraIntrinsics,
    Detections,
    Float64,
    Int64,
    Modality,
    SensorFrames,
)
from gait_reid_common.parameters import param, validate

Bool = npt.NDArray[np.bool_]
_IMPOSSIBLE = 1e6
_PART_INSIDE, _PART_HEIGHT = 0.7, 0.75  # of the part's area, and of the person's height
DEFAULT_SIZE_M = (0.5, 0.5, 1.7)


@dataclass(frozen=True)
class FusionConfig:
    """Parameters of `fuse`."""

    max_bearing_deg: float = param(
        3.0, "Largest angle between a LiDAR person and a box, beyond half the box", "deg", 0.0, 30.0
    )
    min_overlap: float = param(
        0.1, "Least intersection over union of the projected person and the box", "", 0.0, 1.0
    )
    max_range_surprise: float = param(
        16.0, "Largest squared difference of position, in variances of both sensors", "", 1.0
    )
    horizontal_fov_deg: float = param(
        60.0, "Field of view of a camera without calibration", "deg", 5.0, 170.0
    )

    def __post_init__(self) -> None:
        validate(self)


def fuse(
    lidar: Detections | None,
    camera: Detections | None,
    frames: SensorFrames,
    camera_pose: Pose,
    frame_id: str,
    config: FusionConfig | None = None,
) -> Detections:
    """Return the people that any of the two sensors saw.

    Args:
        lidar: People in the scan, or None without one; their rows come first and keep their
            order, so that ``point_labels`` stays valid.
        camera: People in the picture, or None without one.
        frames: The frames that the people were found in.
        camera_pose: Optical frame of the camera in the fixed frame.
        frame_id: The fixed frame.
        config: Gates of the association.
    """
    config = config or FusionConfig()
    first = lidar if lidar is not None else Detections.empty(frames.stamp_ns, frame_id)
    second = camera if camera is not None else Detections.empty(frames.stamp_ns, frame_id)
    seen_at = project_people(first, frames.camera, camera_pose, config.horizontal_fov_deg)
    rows, columns, part = _associate(first, second, seen_at, frames.camera, config)
    roi = seen_at if _is_calibrated(frames.camera) else np.full((len(first), 4), np.nan)
    taken = ~part | np.isnan(roi[rows, 0])
    roi[rows[taken]] = second.roi[columns[taken]]
    score, modality = first.score.copy(), first.modality.copy()
    score[rows] = 1.0 - (1.0 - first.score[rows]) * (1.0 - second.score[columns])
    modality[rows] |= np.uint8(Modality.CAMERA)
    size = first.size.copy()
    size[rows] = np.where(np.isnan(size[rows]), second.size[columns], size[rows])
    alone = np.setdiff1d(np.arange(len(second)), columns)
    return Detections(
        stamp_ns=frames.stamp_ns,
        frame_id=frame_id,
        position=np.vstack([first.position, second.position[alone]]),
        covariance=np.concatenate([first.covariance, second.covariance[alone]]),
        size=np.vstack([size, second.size[alone]]),
        roi=np.vstack([roi, second.roi[alone]]),
        score=np.concatenate([score, second.score[alone]]),
        modality=np.concatenate([modality, second.modality[alone]]),
        point_labels=first.point_labels,
        foreground=second.foreground,
        foreground_scale=second.foreground_scale,
        scene=second.scene,
    )


def project_people(
    people: Detections, frame: CameraFrame | None, camera_pose: Pose, horizontal_fov_deg: float
) -> Float64:
    """Return the boxes (n, 4) that people in space have in a picture; NaN where outside."""
    if frame is None or not len(people):
        return np.full((len(people), 4), np.nan)
    intrinsics = intrinsics_or_default(frame, np.deg2rad(horizontal_fov_deg))
    size = np.where(np.isnan(people.size), DEFAULT_SIZE_M, people.size)
    roi = box_to_roi(intrinsics, camera_pose, people.position, size)
    return clip_roi(roi, intrinsics.width, intrinsics.height)


def _is_calibrated(frame: CameraFrame | None) -> bool:
    # A guessed field of view is good enough to associate, not to cut a person out of a picture.
    return frame is not None and frame.intrinsics is not None


def _associate(
    lidar: Detections,
    camera: Detections,
    seen_at: Float64,
    frame: CameraFrame | None,
    config: FusionConfig,
) -> tuple[Int64, Int64, Bool]:
    """Return the matched rows of both, by overlap in the picture within gates.

    Returns:
        Rows of the LiDAR's people, rows of the camera's, and whether these show a part alone.
    """
    nothing = np.zeros(0, np.int64)
    if frame is None or not len(lidar) or not len(camera):
        return nothing, nothing, np.zeros(0, np.bool_)
    intrinsics = intrinsics_or_default(frame, np.deg2rad(config.horizontal_fov_deg))
    union, _, _ = roi_overlap(seen_at, camera.roi)
    turned = _bearing_difference(seen_at, camera.roi, intrinsics)
    half_box = 0.5 * camera.roi[:, 2] / intrinsics.fx
    near = turned <= half_box + np.deg2rad(config.max_bearing_deg)
    agreed = _surprise(lidar, camera) <= config.max_range_surprise
    part = _parts(seen_at, camera.roi)
    allowed = near & ((union >= config.min_overlap) & agreed | part)
    cost = np.where(allowed, 1.0 - union + turned, _IMPOSSIBLE)
    rows, columns = linear_sum_assignment(cost)
    good = cost[rows, columns] < _IMPOSSIBLE
    rows, columns = rows[good], columns[good]
    return rows, columns, part[rows, columns]


def _parts(people: Float64, boxes: Float64) -> Bool:
    """Return (n, m) which boxes show no more than a part of which projected people.

    How far away such a box is cannot be told from it: its lower edge is not where the feet are.
    """
    _, _, inside = roi_overlap(people, boxes)
    with np.errstate(invalid="ignore"):
        short = boxes[None, :, 3] < _PART_HEIGHT * people[:, None, 3]
    parts: Bool = (inside >= _PART_INSIDE) & short
    return parts


def _bearing_difference(first: Float64, second: Float64, camera: CameraIntrinsics) -> Float64:
    """Return (n, m) horizontal angles between the middles of boxes, inf where unknown."""
    angles = [
        np.arctan((roi[:, 0] + 0.5 * roi[:, 2] - camera.cx) / camera.fx) for roi in (first, second)
    ]
    return np.nan_to_num(np.abs(angles[0][:, None] - angles[1][None, :]), nan=np.inf)


def _surprise(lidar: Detections, camera: Detections) -> Float64:
    """Return (n, m) squared Mahalanobis distances between the positions of two sensors."""
    offset = lidar.position[:, None, :2] - camera.position[None, :, :2]
    covariance = lidar.covariance[:, None] + camera.covariance[None, :]
    return np.einsum("nmi,nmij,nmj->nm", offset, np.linalg.inv(covariance), offset)
