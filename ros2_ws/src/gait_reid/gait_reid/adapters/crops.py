"""gait_reid_msgs/PersonCropArray <-> PersonCrop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gait_reid.adapters import image, pointcloud
from gait_reid.core.types import CropQuality, Float64, Modality, PersonCrop, PointCloud
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from geometry_msgs.msg import Point, Vector3

    from gait_reid_msgs.msg import PersonCrop as PersonCropMessage
    from gait_reid_msgs.msg import PersonCropArray

_QUALITY = (
    "range_m", "pixel_height", "sharpness", "brightness", "truncation", "occlusion", "focal_px"
)  # fmt: skip


def to_message(
    crops: Sequence[PersonCrop],
    stamp_ns: int,
    frame_id: str,
    sequence_id: str,
    active_track_ids: Sequence[int],
) -> PersonCropArray:
    """Return the message of one instant."""
    from gait_reid_msgs.msg import PersonCropArray

    message = PersonCropArray(sequence_id=sequence_id, active_track_ids=list(active_track_ids))
    message.header.stamp = to_stamp(stamp_ns)
    message.header.frame_id = frame_id
    message.crops = [_crop(crop) for crop in crops]
    return message


def _crop(crop: PersonCrop) -> PersonCropMessage:
    from geometry_msgs.msg import Point, Vector3

    from gait_reid_msgs.msg import PersonCrop as PersonCropMessage

    message = PersonCropMessage(track_id=crop.track_id, modality=int(crop.modality))
    for name, kind in (("position", Point), ("velocity", Vector3), ("viewpoint", Point)):
        x, y, z = getattr(crop, name).tolist()
        setattr(message, name, kind(x=x, y=y, z=z))
    message.roi = np.asarray(crop.roi, np.float64)
    if crop.image is not None:
        message.image = image.image_message(crop.image, crop.stamp_ns)
    if crop.silhouette is not None:
        message.silhouette = image.image_message(crop.silhouette, crop.stamp_ns)
    if crop.points is not None:
        cloud = PointCloud(
            crop.stamp_ns, crop.frame_id, crop.points, crop.intensity, crop.point_velocity
        )
        message.points = pointcloud.to_message(cloud)
    for name in _QUALITY:
        setattr(message, name, float(getattr(crop.quality, name)))
    message.num_points = crop.quality.num_points
    return message


def from_message(message: PersonCropArray) -> list[PersonCrop]:
    """Return the crops; pictures are views of the message's memory.

    Raises:
        ValueError: A picture or a cloud contradicts itself; names the track.
    """
    stamp_ns, frame_id = to_ns(message.header.stamp), message.header.frame_id
    crops = []
    for item in message.crops:
        try:
            crops.append(_from_crop(item, stamp_ns, frame_id))
        except ValueError as error:
            raise ValueError(f"crop of track {item.track_id}: {error}") from error
    return crops


def _from_crop(message: PersonCropMessage, stamp_ns: int, frame_id: str) -> PersonCrop:
    quality = {name: float(getattr(message, name)) for name in _QUALITY}
    cloud = pointcloud.from_message(message.points) if message.points.fields else None
    return PersonCrop(
        track_id=int(message.track_id),
        stamp_ns=stamp_ns,
        frame_id=frame_id,
        modality=Modality(message.modality),
        position=_vector(message.position),
        velocity=_vector(message.velocity),
        roi=np.array(message.roi, np.float64),
        image=image.bgr_of(message.image) if message.image.height else None,
        silhouette=image.mono_of(message.silhouette) if message.silhouette.height else None,
        points=None if cloud is None else cloud.xyz,
        intensity=None if cloud is None else cloud.intensity,
        point_velocity=None if cloud is None else cloud.velocity,
        viewpoint=_vector(message.viewpoint),
        quality=CropQuality(num_points=int(message.num_points), **quality),
    )


def _vector(message: Point | Vector3) -> Float64:
    return np.array([message.x, message.y, message.z])
