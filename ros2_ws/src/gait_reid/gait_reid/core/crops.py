"""What belongs to one person at one instant, per sensor, with figures of its quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from gait_reid.core.geometry import Pose
from gait_reid.core.rois import clip_roi, roi_overlap
from gait_reid.core.silhouettes import cut_silhouette, pixel_box
from gait_reid.core.types import (
    CropQuality,
    Detections,
    Float64,
    Int64,
    Modality,
    PersonCrop,
    SensorFrames,
    Tracks,
    TrackState,
    UInt8,
)
from gait_reid_common.parameters import param, validate

_SHARPNESS_HEIGHT = 128
_USUAL_ASPECT = 0.4  # width over height of a person who walks


@dataclass(frozen=True)
class CropConfig:
    """Parameters of `cut_crops`."""

    min_pixel_height: float = param(
        32.0, "Height of the smallest person who is cut out of a picture", "px", 8.0
    )
    max_image_height: int = param(
        256, "Height to which larger cut-outs are reduced", "px", 64, 2160
    )
    min_points: int = param(5, "Least LiDAR points of a person", "", 1)

    def __post_init__(self) -> None:
        validate(self)


def cut_crops(
    tracks: Tracks,
    detections: Detections,
    frames: SensorFrames,
    lidar_pose: Pose,
    config: CropConfig | None = None,
    camera_pose: Pose | None = None,
) -> list[PersonCrop]:
    """Return one crop for each confirmed track that is seen at this instant.

    Args:
        tracks: State after this instant's detections.
        detections: What ``tracks.detection_index`` points to.
        frames: The frames that the detections were made from.
        lidar_pose: LiDAR in the fixed frame.
        config: Least sizes.
        camera_pose: Optical frame of the camera in the fixed frame, for the range of people whom
            the camera alone sees; the LiDAR's place is taken when it is None.
    """
    config = config or CropConfig()
    chosen = np.flatnonzero((tracks.state == TrackState.CONFIRMED) & (tracks.detection_index >= 0))
    rows = tracks.detection_index[chosen]
    if not len(chosen):
        return []
    eye = lidar_pose.translation if camera_pose is None else camera_pose.translation
    ranges = np.linalg.norm((detections.position - eye)[:, :2], axis=1)
    hidden = _occlusion(detections.roi, ranges)
    points = _points_by_person(detections, frames)
    scene = _Scene(tracks, detections, frames, lidar_pose, eye, ranges, hidden, points)
    crops = (_crop(scene, int(index), int(row), config) for index, row in zip(chosen, rows))
    return [crop for crop in crops if crop is not None]


@dataclass(frozen=True)
class _Scene:
    """What all crops of an instant share."""

    tracks: Tracks
    detections: Detections
    frames: SensorFrames
    lidar_pose: Pose
    eye: Float64
    ranges: Float64
    hidden: Float64
    points: list[Int64]


def _crop(scene: _Scene, index: int, row: int, config: CropConfig) -> PersonCrop | None:
    tracks, detections = scene.tracks, scene.detections
    camera = _cut_image(row, detections, scene.frames, config)
    lidar = _cut_points(scene.points, row, scene.frames, scene.lidar_pose, config)
    if not camera and not lidar:
        return None
    roi = detections.roi[row].copy() if camera else np.full(4, np.nan)
    num_points = len(lidar["points"]) if lidar else 0
    return PersonCrop(
        track_id=int(tracks.track_id[index]),
        stamp_ns=tracks.stamp_ns,
        frame_id=tracks.frame_id,
        modality=(Modality.CAMERA if camera else Modality.NONE)
        | (Modality.LIDAR if lidar else Modality.NONE),
        position=tracks.position[index].copy(),
        velocity=tracks.velocity[index].copy(),
        roi=roi,
        viewpoint=(scene.lidar_pose.translation if lidar else scene.eye).copy(),
        quality=_quality(
            camera.get("image"),
            roi,
            scene.frames,
            scene.ranges[row],
            num_points,
            float(scene.hidden[row]),
        ),
        **camera,
        **lidar,
    )


def _occlusion(roi: Float64, ranges: Float64) -> Float64:
    """Return the part of each box (n, 4) that the boxes of nearer people cover, at most 1."""
    _, covered, _ = roi_overlap(roi, roi)
    nearer = ranges[None, :] < ranges[:, None]
    return np.minimum((covered * nearer).sum(axis=1), 1.0)


def _points_by_person(detections: Detections, frames: SensorFrames) -> list[Int64]:
    """Return the indices of the LiDAR points of each detection, from one sort of the labels."""
    labels = detections.point_labels
    if labels is None or frames.lidar is None or not len(detections):
        return []
    labelled = np.flatnonzero(labels >= 0)
    order = labelled[np.argsort(labels[labelled], kind="stable")]
    bounds = np.searchsorted(labels[order], np.arange(1, len(detections)))
    return np.split(order, bounds)


def _cut_image(
    row: int, detections: Detections, frames: SensorFrames, config: CropConfig
) -> dict[str, Any]:
    """Return the person's picture and silhouette, or nothing when the picture does not show it."""
    if frames.camera is None:
        return {}
    picture = frames.camera.image
    roi = clip_roi(detections.roi[row], picture.shape[1], picture.shape[0])[0]
    if not (np.isfinite(roi).all() and roi[3] >= config.min_pixel_height and roi[2] >= 2.0):
        return {}
    x, y, x_end, y_end = pixel_box(roi, picture.shape)
    cut = picture[y:y_end, x:x_end]
    scale = min(1.0, config.max_image_height / len(cut))
    size = max(1, round(cut.shape[1] * scale)), max(1, round(len(cut) * scale))
    image = cv2.resize(cut, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else cut.copy()
    return {"image": image, "silhouette": cut_silhouette(detections, row, image)}


def _cut_points(
    points: list[Int64], row: int, frames: SensorFrames, lidar_pose: Pose, config: CropConfig
) -> dict[str, Any]:
    if not points or frames.lidar is None or len(points[row]) < config.min_points:
        return {}
    mine = frames.lidar.select(points[row])
    xyz = lidar_pose.apply(mine.xyz).astype(np.float32)
    return {"points": xyz, "intensity": mine.intensity}


def _quality(
    image: UInt8 | None,
    roi: Float64,
    frames: SensorFrames,
    range_m: float,
    num_points: int,
    occlusion: float,
) -> CropQuality:
    if image is None or frames.camera is None:
        return CropQuality(range_m=float(range_m), num_points=num_points, occlusion=occlusion)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    width = max(1, round(grey.shape[1] * _SHARPNESS_HEIGHT / len(grey)))
    small = cv2.resize(grey, (width, _SHARPNESS_HEIGHT), interpolation=cv2.INTER_AREA)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_16S))
    return CropQuality(
        range_m=float(range_m),
        pixel_height=float(roi[3]),
        sharpness=float(deviation[0, 0] ** 2),
        brightness=float(cv2.mean(small)[0] / 255.0),
        truncation=_truncation(roi, frames.camera.image.shape[1], frames.camera.image.shape[0]),
        num_points=num_points,
        occlusion=occlusion,
        focal_px=0.0 if frames.camera.intrinsics is None else frames.camera.intrinsics.fy,
    )


def _truncation(roi: Float64, width: int, height: int) -> float:
    """Return how much of a person lies beyond the edge that the box touches, from usual shapes."""
    low, high = roi[:2], roi[:2] + roi[2:]
    lost = [0.0]
    if low[0] < 1.0 or high[0] > width - 1.0:
        lost.append(max(0.1, 1.0 - roi[2] / (_USUAL_ASPECT * roi[3])))
    if low[1] < 1.0 or high[1] > height - 1.0:
        lost.append(max(0.1, 1.0 - roi[3] * _USUAL_ASPECT / roi[2]))
    return float(min(max(lost), 1.0))
