"""Rigid poses, the pinhole camera, and the way back from pixels to metres.

Frames follow REP-103: a body frame has x forward, y left, z up; an optical frame (suffix
``_optical``) has z forward, x right, y down. A `Pose` named ``a_from_b`` maps coordinates of b to
those of a, so that a sensor's pose in the fixed frame maps what the sensor measured to the site.
The camera's pose is that of its **optical** frame; `optical_pose` makes it from the pose of a
camera body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import CameraFrame, CameraIntrinsics, Float64, check_shape

NEAR_PLANE_M = 0.05


@dataclass(frozen=True)
class Pose:
    """Rigid transform ``p_parent = rotation @ p_child + translation``.

    Attributes:
        rotation: (3, 3) float64, orthonormal with determinant 1.
        translation: (3,) float64, metres.
    """

    rotation: Float64 = field(default_factory=lambda: np.eye(3))
    translation: Float64 = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        object.__setattr__(self, "rotation", np.asarray(self.rotation, np.float64))
        object.__setattr__(self, "translation", np.asarray(self.translation, np.float64))
        check_shape("Pose.rotation", self.rotation, (3, 3))
        check_shape("Pose.translation", self.translation, (3,))
        if not (np.isfinite(self.rotation).all() and np.isfinite(self.translation).all()):
            raise ValueError("Pose holds NaN or infinity, expected finite numbers")
        deviation = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        if deviation > 1e-5 or np.linalg.det(self.rotation) < 0.0:
            raise ValueError(
                f"Pose.rotation deviates from a rotation by {deviation:.2g}, "
                "expected an orthonormal matrix with determinant 1"
            )

    @classmethod
    def from_xyz_rpy(
        cls, x: float, y: float, z: float, roll: float, pitch: float, yaw: float
    ) -> Pose:
        """Return the pose from metres and fixed-axis roll, pitch, yaw in radians (REP-103)."""
        (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
        rotation = [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
        return cls(np.array(rotation), np.array([x, y, z], np.float64))

    @classmethod
    def from_quaternion(cls, x: float, y: float, z: float, quaternion: npt.ArrayLike) -> Pose:
        """Return the pose from metres and a quaternion (x, y, z, w), as in geometry_msgs.

        Raises:
            ValueError: The quaternion has no length.
        """
        q = np.asarray(quaternion, np.float64)
        norm = np.linalg.norm(q)
        if q.shape != (4,) or not np.isfinite(norm) or norm < 1e-6:
            raise ValueError(f"quaternion is {q.tolist()}, expected (x, y, z, w) of unit length")
        axis, w = q[:3] / norm, q[3] / norm
        skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        rotation = np.eye(3) + 2.0 * w * skew + 2.0 * skew @ skew
        return cls(rotation, np.array([x, y, z], np.float64))

    def apply(self, points: npt.ArrayLike) -> Float64:
        """Map points (..., 3) from the child frame to the parent frame."""
        return np.asarray(points) @ self.rotation.T + self.translation

    def rotate(self, vectors: npt.ArrayLike) -> Float64:
        """Map directions (..., 3) from the child frame to the parent frame."""
        return np.asarray(vectors) @ self.rotation.T

    def inverse(self) -> Pose:
        """Return the pose that maps parent to child."""
        return Pose(self.rotation.T, -self.rotation.T @ self.translation)

    def compose(self, other: Pose) -> Pose:
        """Return ``self`` after ``other``: ``a_from_b.compose(b_from_c)`` is ``a_from_c``."""
        return Pose(
            self.rotation @ other.rotation, self.rotation @ other.translation + self.translation
        )


OPTICAL_FROM_BODY = Pose(np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]))
BODY_FROM_OPTICAL = OPTICAL_FROM_BODY.inverse()


def optical_pose(fixed_from_body: Pose) -> Pose:
    """Return the pose of the optical frame of a camera whose body has the given pose."""
    return fixed_from_body.compose(BODY_FROM_OPTICAL)


def intrinsics_or_default(frame: CameraFrame, horizontal_fov_rad: float) -> CameraIntrinsics:
    """Return the calibration of a picture, or a pinhole of the given field of view without one."""
    if frame.intrinsics is not None:
        return frame.intrinsics
    height, width = frame.image.shape[:2]
    return CameraIntrinsics.from_field_of_view(width, height, horizontal_fov_rad)


def camera_matrix(intrinsics: CameraIntrinsics) -> Float64:
    """Return the (3, 3) matrix K of sensor_msgs/CameraInfo."""
    return np.array(
        [
            [intrinsics.fx, 0.0, intrinsics.cx],
            [0.0, intrinsics.fy, intrinsics.cy],
            [0.0, 0.0, 1.0],
        ]
    )


@lru_cache(maxsize=32)
def _largest_radius(coefficients: tuple[float, ...]) -> float:
    """Return the normalised radius at which the distortion stops growing (it folds back beyond)."""
    k1, k2, _, _, k3, k4, k5, k6 = (*coefficients, *([0.0] * 8))[:8]
    r = np.linspace(0.0, 10.0, 4001)
    numerator = 1.0 + r**2 * (k1 + r**2 * (k2 + r**2 * k3))
    denominator = 1.0 + r**2 * (k4 + r**2 * (k5 + r**2 * k6))
    falling = np.flatnonzero(np.diff(r * numerator / denominator) <= 0.0)
    return float(r[falling[0]]) if len(falling) else np.inf


def project(
    intrinsics: CameraIntrinsics, points_optical: npt.ArrayLike
) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """Project points of the optical frame into the picture.

    Args:
        intrinsics: Camera model with plumb-bob or rational distortion (OpenCV order).
        points_optical: (n, 3) metres.

    Returns:
        (n, 2) float64 pixels, NaN where the second value is False, and the (n,) mask of points in
        front of the camera and inside the range of angles that its distortion model covers.
    """
    points = np.asarray(points_optical, np.float64).reshape(-1, 3)
    pixels = np.full((len(points), 2), np.nan)
    visible = points[:, 2] > NEAR_PLANE_M
    if intrinsics.distortion.size:
        limit = _largest_radius(tuple(float(k) for k in intrinsics.distortion))
        visible &= np.hypot(points[:, 0], points[:, 1]) < limit * points[:, 2]
    if not visible.any():
        return pixels, visible
    if intrinsics.distortion.size:
        projected, _ = cv2.projectPoints(
            points[visible],
            np.zeros(3),
            np.zeros(3),
            camera_matrix(intrinsics),
            np.asarray(intrinsics.distortion, np.float64),
        )
        pixels[visible] = projected.reshape(-1, 2)
    else:
        focal = (intrinsics.fx, intrinsics.fy)
        scaled = points[visible, :2] / points[visible, 2:] * focal
        pixels[visible] = scaled + (intrinsics.cx, intrinsics.cy)
    return pixels, visible


def unproject(intrinsics: CameraIntrinsics, pixels: npt.ArrayLike) -> Float64:
    """Return rays (n, 3) of the optical frame through pixels (n, 2), scaled to z = 1."""
    pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
    focal = np.array([intrinsics.fx, intrinsics.fy])
    normalised = (pixels - (intrinsics.cx, intrinsics.cy)) / focal
    if intrinsics.distortion.size and len(pixels):
        coefficients = np.asarray(intrinsics.distortion, np.float64)
        matrix = camera_matrix(intrinsics)
        normalised = cv2.undistortPoints(pixels[:, None], matrix, coefficients).reshape(-1, 2)
        # OpenCV stops after five iterations, which leaves a quarter of a pixel in the corners.
        for _ in range(5):
            rays = np.column_stack([normalised, np.ones(len(normalised))])
            normalised = normalised + np.nan_to_num(pixels - project(intrinsics, rays)[0]) / focal
    return np.column_stack([normalised, np.ones(len(normalised))])


def unproject_ground(
    intrinsics: CameraIntrinsics, camera_pose: Pose, pixels: npt.ArrayLike, ground_z: float = 0.0
) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """Return where the rays through pixels meet the horizontal plane ``z = ground_z``.

    Args:
        intrinsics: Camera model.
        camera_pose: Optical frame in the fixed frame.
        pixels: (n, 2).
        ground_z: Height of the ground in the fixed frame, metres.

    Returns:
        (n, 3) float64 points of the fixed frame, NaN where the ray points to or above the horizon,
        and the (n,) mask of those that meet the ground.
    """
    rays = camera_pose.rotate(unproject(intrinsics, pixels))
    drop = ground_z - camera_pose.translation[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = drop / rays[:, 2]
    hit = np.isfinite(depth) & (depth > 0.0)
    points = camera_pose.translation + rays * np.where(hit, depth, np.nan)[:, None]
    points[:, 2] = np.where(hit, ground_z, np.nan)
    return points, hit


def unproject_height(
    intrinsics: CameraIntrinsics, camera_pose: Pose, roi: npt.ArrayLike, height_m: npt.ArrayLike
) -> Float64:
    """Return where upright people of known height stand, from their boxes in the picture.

    The rays through the middle of the upper and of the lower edge rise by different slopes per
    metre of horizontal distance; their difference times the distance is the height, which holds
    for a tilted camera as well.

    Args:
        intrinsics: Camera model.
        camera_pose: Optical frame in the fixed frame.
        roi: (n, 4) pixels x, y, width, height; the box spans the person from head to feet.
        height_m: (n,) or scalar, metres.

    Returns:
        (n, 3) float64 feet of the people in the fixed frame; NaN where the box has no height.
    """
    roi = np.asarray(roi, np.float64).reshape(-1, 4)
    middle = roi[:, 0] + 0.5 * roi[:, 2]
    top = camera_pose.rotate(unproject(intrinsics, np.column_stack([middle, roi[:, 1]])))
    bottom = camera_pose.rotate(
        unproject(intrinsics, np.column_stack([middle, roi[:, 1] + roi[:, 3]]))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = [ray[:, 2] / np.hypot(ray[:, 0], ray[:, 1]) for ray in (top, bottom)]
        rise = slopes[0] - slopes[1]
        distance = np.where(rise > 1e-6, height_m / np.maximum(rise, 1e-6), np.nan)
        horizontal = bottom / np.hypot(bottom[:, 0], bottom[:, 1])[:, None]
    return camera_pose.translation + horizontal * distance[:, None]


def box_to_roi(
    intrinsics: CameraIntrinsics, camera_pose: Pose, position: npt.ArrayLike, size: npt.ArrayLike
) -> Float64:
    """Return the boxes in the picture of upright boxes in space, not clipped to the picture.

    Args:
        intrinsics: Camera model.
        camera_pose: Optical frame in the fixed frame.
        position: (n, 3) metres, centre of the base of each box.
        size: (n, 3) metres, length and width (taken as diameters, the heading is unknown), height.

    Returns:
        (n, 4) float64 pixels x, y, width, height; NaN where a part lies behind the camera.
    """
    position = np.asarray(position, np.float64).reshape(-1, 3)
    size = np.asarray(size, np.float64).reshape(-1, 3)
    base = camera_pose.inverse().apply(position)
    top = camera_pose.inverse().apply(position + size * (0.0, 0.0, 1.0))
    radius = 0.5 * np.maximum(size[:, 0], size[:, 1])
    # An upright cylinder looks as wide as its diameter across the line of sight.
    across = np.cross(camera_pose.rotation[2], base)
    norm = np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    aside = across / norm * radius[:, None]
    corners = np.stack([base - aside, base + aside, top - aside, top + aside], axis=1)
    pixels, visible = project(intrinsics, corners.reshape(-1, 3))
    pixels = pixels.reshape(-1, 4, 2)
    whole = visible.reshape(-1, 4).all(axis=1)
    roi = np.full((len(position), 4), np.nan)
    low, high = pixels[whole].min(axis=1), pixels[whole].max(axis=1)
    roi[whole] = np.hstack([low, high - low])
    return roi
