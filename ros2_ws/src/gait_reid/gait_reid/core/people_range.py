"""Where people stand, from their boxes in one picture.

A box tells the bearing sharply and the range poorly. Two clues give the range: the height of the
box against an assumed stature, and the lower edge against the ground. They are weighted by their
variances, and the second one counts only where it agrees with the first (a person on a roof, or
behind a wall, does not touch the ground at the lower edge of the box).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.geometry import Pose, unproject, unproject_ground, unproject_height
from gait_reid.core.types import CameraIntrinsics, Float64
from gait_reid_common.parameters import param, validate

_BORDER_PX = 2.0
_DISAGREEMENT = 9.0  # squared, in variances: three standard deviations
_UPRIGHT_ASPECT = 0.6


@dataclass(frozen=True)
class RangeConfig:
    """What is assumed about people and the ground when one camera has to tell their range."""

    horizontal_fov_deg: float = param(
        60.0, "Field of view of a camera without calibration", "deg", minimum=5.0, maximum=170.0
    )
    stature_m: float = param(1.69, "Mean stature of adults", "m", minimum=0.5, maximum=2.5)
    stature_deviation_m: float = param(
        0.10, "Standard deviation of the stature", "m", minimum=0.01, maximum=0.5
    )
    ground_z_m: float = param(0.0, "Height of the ground in the fixed frame", "m")
    horizon_deviation_deg: float = param(
        1.0, "Standard deviation of the camera's pitch", "deg", minimum=0.05, maximum=10.0
    )
    min_camera_height_m: float = param(
        0.3, "Height below which the ground does not tell the range", "m", minimum=0.0
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PeopleInSpace:
    """Where boxes are in space.

    Attributes:
        position: (n, 3) float64, fixed frame, on the ground below the person.
        covariance: (n, 2, 2) float64, square metres, long along the line of sight.
        size: (n, 3) float64; NaN, width, height of the box at that range.
        valid: (n,) bool; where False, the box tells no range and the other values are NaN.
    """

    position: Float64
    covariance: Float64
    size: Float64
    valid: np.ndarray


def locate_people(
    intrinsics: CameraIntrinsics, camera_pose: Pose, roi: Float64, config: RangeConfig
) -> PeopleInSpace:
    """Return where people stand from their boxes (n, 4) in the picture.

    Args:
        intrinsics: Camera model.
        camera_pose: Optical frame in the fixed frame.
        roi: (n, 4) pixels, from head to feet.
        config: Assumptions.
    """
    by_height = unproject_height(intrinsics, camera_pose, roi, config.stature_m)
    eye = camera_pose.translation
    range_m = np.linalg.norm((by_height - eye)[:, :2], axis=1)
    deviation = _height_deviation(intrinsics, roi, range_m, config)
    ground, ground_deviation = _ground_range(intrinsics, camera_pose, roi, config)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = deviation**-2, ground_deviation**-2
        both = (weights[0] * range_m + weights[1] * ground) / (weights[0] + weights[1])
        surprise = (range_m - ground) ** 2 / (deviation**2 + ground_deviation**2)
        agree = surprise < _DISAGREEMENT
        fused = np.where(agree, both, range_m)
        spread = np.where(agree, (weights[0] + weights[1]) ** -0.5, deviation)
    middle = unproject(intrinsics, roi[:, :2] + 0.5 * roi[:, 2:])
    bearing = camera_pose.rotate(middle)[:, :2]
    bearing /= np.maximum(np.linalg.norm(bearing, axis=1, keepdims=True), 1e-9)
    position = np.full((len(roi), 3), config.ground_z_m)
    position[:, :2] = eye[:2] + bearing * fused[:, None]
    covariance = _covariance(bearing, fused, spread, roi, intrinsics)
    size = np.full((len(roi), 3), np.nan)
    size[:, 1] = roi[:, 2] / intrinsics.fx * fused
    size[:, 2] = config.stature_m * fused / range_m
    valid = np.isfinite(fused) & np.isfinite(covariance).all(axis=(1, 2))
    return PeopleInSpace(position, covariance, size, valid)


def _height_deviation(
    intrinsics: CameraIntrinsics, roi: Float64, range_m: Float64, config: RangeConfig
) -> Float64:
    """Return the standard deviation of the range from the box's height, metres."""
    relative = config.stature_deviation_m / config.stature_m
    pixel = 2.0 / np.maximum(roi[:, 3], 1.0)
    bottom = roi[:, 1] + roi[:, 3]
    cut = (roi[:, 1] < _BORDER_PX) | (bottom > intrinsics.height - _BORDER_PX)
    # A wide box is a person who bends or lies: the height of the box says little.
    aspect = roi[:, 2] / np.maximum(roi[:, 3], 1.0)
    bent = np.clip((aspect - _UPRIGHT_ASPECT) / 0.4, 0.0, 1.0) * 0.5
    return range_m * np.sqrt(relative**2 + pixel**2 + bent**2 + np.where(cut, 0.5, 0.0) ** 2)


def _ground_range(
    intrinsics: CameraIntrinsics, camera_pose: Pose, roi: Float64, config: RangeConfig
) -> tuple[Float64, Float64]:
    """Return the range where the lower edge meets the ground, and its deviation (inf: unknown)."""
    bottom = roi[:, 1] + roi[:, 3]
    feet = np.column_stack([roi[:, 0] + 0.5 * roi[:, 2], bottom])
    points, hit = unproject_ground(intrinsics, camera_pose, feet, config.ground_z_m)
    range_m = np.linalg.norm((points - camera_pose.translation)[:, :2], axis=1)
    height = camera_pose.translation[2] - config.ground_z_m
    known = hit & (height > config.min_camera_height_m) & (bottom < intrinsics.height - _BORDER_PX)
    angle = np.hypot(np.deg2rad(config.horizon_deviation_deg), 3.0 / intrinsics.fy)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = (range_m**2 + height**2) / height * angle
    return np.where(known, range_m, 0.0), np.where(known, deviation, np.inf)


def _covariance(
    bearing: Float64, range_m: Float64, deviation: Float64, roi: Float64, camera: CameraIntrinsics
) -> Float64:
    """Return (n, 2, 2): ``deviation`` along the bearing, a part of the box's width across it."""
    across_m = np.hypot(0.05, 0.15 * roi[:, 2] / camera.fx * range_m)
    along = np.einsum("ni,nj->nij", bearing, bearing)
    aside = np.eye(2) - along
    return along * (deviation**2)[:, None, None] + aside * (across_m**2)[:, None, None]
