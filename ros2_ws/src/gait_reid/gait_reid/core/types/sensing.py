"""What sensors deliver: point clouds, pictures, and what belongs to one instant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gait_reid.core.types.base import Float32, Float64, Modality, UInt8, check_shape


@dataclass(frozen=True)
class PointCloud:
    """Points of one scan.

    Attributes:
        stamp_ns: Acquisition time of the last point.
        frame_id: Frame that ``xyz`` is expressed in.
        xyz: (n, 3) float32, metres.
        intensity: (n,) float32, the sensor's own scale (radar: SNR in dB), or None.
        velocity: (n,) float32, radial velocity in m/s, positive away from the sensor, or None.
        snr: (n,) float32, dB, or None.
    """

    stamp_ns: int
    frame_id: str
    xyz: Float32
    intensity: Float32 | None = None
    velocity: Float32 | None = None
    snr: Float32 | None = None

    def __post_init__(self) -> None:
        check_shape("PointCloud.xyz", self.xyz, (None, 3))
        for name in ("intensity", "velocity", "snr"):
            column = getattr(self, name)
            if column is not None:
                check_shape(f"PointCloud.{name}", column, (len(self.xyz),))

    def __len__(self) -> int:
        return len(self.xyz)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> PointCloud:
        """Return a cloud without points."""
        return cls(stamp_ns, frame_id, np.zeros((0, 3), np.float32))

    def select(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> PointCloud:
        """Return the points chosen by a mask or an index array, columns included."""
        columns = (self.intensity, self.velocity, self.snr)
        chosen = (None if column is None else column[index] for column in columns)
        return PointCloud(self.stamp_ns, self.frame_id, self.xyz[index], *chosen)


@dataclass(frozen=True)
class CameraIntrinsics:
    """Pinhole model with the plumb-bob distortion of sensor_msgs/CameraInfo.

    Attributes:
        width: Image width, pixels.
        height: Image height, pixels.
        fx: Focal length along x, pixels.
        fy: Focal length along y, pixels.
        cx: Principal point x, pixels.
        cy: Principal point y, pixels.
        distortion: (k,) float64, OpenCV order k1 k2 p1 p2 k3 ...; empty: already rectified.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Float64 = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name in ("width", "height", "fx", "fy"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"CameraIntrinsics.{name} is {value}, expected a positive number of pixels"
                )

    @classmethod
    def from_field_of_view(
        cls, width: int, height: int, horizontal_fov_rad: float
    ) -> CameraIntrinsics:
        """Return an undistorted camera with square pixels and a centred principal point."""
        if not 0.0 < horizontal_fov_rad < np.pi:
            raise ValueError(
                f"horizontal_fov_rad is {horizontal_fov_rad}, expected a value between 0 and pi"
            )
        focal = 0.5 * width / np.tan(0.5 * horizontal_fov_rad)
        return cls(width, height, focal, focal, 0.5 * (width - 1), 0.5 * (height - 1))


@dataclass(frozen=True)
class CameraFrame:
    """One picture.

    Attributes:
        stamp_ns: Acquisition time.
        frame_id: Optical frame of the camera (REP-103: z forward, x right, y down).
        image: (height, width, 3) uint8, BGR.
        intrinsics: Camera model, or None when the camera is not calibrated.
    """

    stamp_ns: int
    frame_id: str
    image: UInt8
    intrinsics: CameraIntrinsics | None = None

    def __post_init__(self) -> None:
        check_shape("CameraFrame.image", self.image, (None, None, 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"CameraFrame.image has dtype {self.image.dtype}, expected uint8 BGR")
        if self.intrinsics is not None:
            size = (self.intrinsics.height, self.intrinsics.width)
            if self.image.shape[:2] != size:
                raise ValueError(
                    f"CameraFrame.image is {self.image.shape[1]}x{self.image.shape[0]} pixels but "
                    f"its calibration is for {size[1]}x{size[0]}; "
                    "calibrate at the resolution that is published"
                )

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class SensorFrames:
    """What the sensors of one site saw at one instant; a missing sensor is None.

    Attributes:
        stamp_ns: Stamp of the reference sensor's frame.
        camera: Newest picture that belongs to the instant.
        lidar: LiDAR scan that belongs to the instant.
        radar: Radar frame that belongs to the instant.
    """

    stamp_ns: int
    camera: CameraFrame | None = None
    lidar: PointCloud | None = None
    radar: PointCloud | None = None

    @property
    def modality(self) -> Modality:
        """Sensors that are present."""
        flags = Modality.NONE
        for flag, frame in (
            (Modality.CAMERA, self.camera),
            (Modality.LIDAR, self.lidar),
            (Modality.RADAR, self.radar),
        ):
            if frame is not None:
                flags |= flag
        return flags
