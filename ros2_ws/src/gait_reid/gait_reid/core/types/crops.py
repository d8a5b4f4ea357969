"""What belongs to one person: crops and sequences of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.types.base import Float32, Float64, Modality, UInt8, check_shape


@dataclass(frozen=True)
class CropQuality:
    """How usable one crop is.

    Attributes:
        range_m: Horizontal distance from the sensor to the person.
        pixel_height: Height of the person in the picture, pixels; 0 without a picture.
        sharpness: Variance of the Laplacian of the crop at 128 pixels height; 0 without a picture.
        brightness: Mean grey value in [0, 1]; 0 without a picture.
        truncation: Fraction of the person's box outside the picture, [0, 1].
        num_points: LiDAR or radar points on the person.
        occlusion: Fraction of the person's box covered by nearer people, [0, 1].
        focal_px: Focal length of the camera, pixels; 0 without a picture, or when not known.
    """

    range_m: float = 0.0
    pixel_height: float = 0.0
    sharpness: float = 0.0
    brightness: float = 0.0
    truncation: float = 0.0
    num_points: int = 0
    occlusion: float = 0.0
    focal_px: float = 0.0


@dataclass(frozen=True)
class PersonCrop:
    """What belongs to one person at one instant.

    Attributes:
        track_id: Track that the crop belongs to.
        stamp_ns: Acquisition time.
        frame_id: Fixed frame of the site.
        modality: Sensors that contributed.
        position: (3,) float64, metres, on the ground below the person.
        velocity: (3,) float64, m/s.
        roi: (4,) float64, pixels x, y, width, height in the full picture; NaN without a picture.
        image: (h, w, 3) uint8 BGR cut-out, or None.
        silhouette: (h, w) uint8, 255 on the person, same size as ``image``, or None.
        points: (k, 3) float32, metres in ``frame_id``, or None.
        intensity: (k,) float32, or None.
        point_velocity: (k,) float32, radial velocity of radar points in m/s, positive away from the
            sensor, or None.
        viewpoint: (3,) float64, position of the sensor that saw ``points`` in ``frame_id``.
        quality: Quality figures.
    """

    track_id: int
    stamp_ns: int
    frame_id: str
    modality: Modality
    position: Float64
    velocity: Float64
    roi: Float64
    image: UInt8 | None = None
    silhouette: UInt8 | None = None
    points: Float32 | None = None
    intensity: Float32 | None = None
    viewpoint: Float64 = field(default_factory=lambda: np.zeros(3))
    quality: CropQuality = field(default_factory=CropQuality)
    point_velocity: Float32 | None = None

    def __post_init__(self) -> None:
        check_shape("PersonCrop.position", self.position, (3,))
        check_shape("PersonCrop.velocity", self.velocity, (3,))
        check_shape("PersonCrop.roi", self.roi, (4,))
        if self.image is not None:
            check_shape("PersonCrop.image", self.image, (None, None, 3))
        if self.silhouette is not None:
            shape = self.silhouette.shape if self.image is None else self.image.shape[:2]
            check_shape("PersonCrop.silhouette", self.silhouette, tuple(shape))
        if self.points is not None:
            check_shape("PersonCrop.points", self.points, (None, 3))
        if self.point_velocity is not None:
            count = None if self.points is None else len(self.points)
            check_shape("PersonCrop.point_velocity", self.point_velocity, (count,))


@dataclass(frozen=True)
class Tracklet:
    """Crops of one track in order of time, bounded by whoever collects them."""

    track_id: int
    crops: tuple[PersonCrop, ...]

    def __post_init__(self) -> None:
        stamps = [crop.stamp_ns for crop in self.crops]
        if stamps != sorted(stamps):
            raise ValueError(f"Tracklet {self.track_id} has crops out of order")
        if any(crop.track_id != self.track_id for crop in self.crops):
            raise ValueError(f"Tracklet {self.track_id} holds crops of another track")

    def __len__(self) -> int:
        return len(self.crops)
