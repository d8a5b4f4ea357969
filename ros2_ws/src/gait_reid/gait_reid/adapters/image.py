"""sensor_msgs/Image and CameraInfo <-> CameraFrame and CameraIntrinsics, without cv_bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.adapters.pointcloud import byte_array
from gait_reid.core.types import CameraFrame, CameraIntrinsics, UInt8
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from sensor_msgs.msg import CameraInfo, Image

_DISTORTION_MODELS = ("", "plumb_bob", "rational_polynomial")


class ImageError(ValueError):
    """An image or its calibration cannot be used; the message says why and what can."""


class _Encoding(NamedTuple):
    """How the pixels of an encoding lie, and OpenCV's way to BGR (None: they are BGR)."""

    channels: int
    dtype: str
    to_bgr: int | None


# OpenCV names a Bayer pattern by its second row, ROS by its first.
_ENCODINGS = {
    "bgr8": _Encoding(3, "u1", None),
    "8UC3": _Encoding(3, "u1", None),
    "rgb8": _Encoding(3, "u1", cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, "u1", cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, "u1", cv2.COLOR_RGBA2BGR),
    "mono8": _Encoding(1, "u1", cv2.COLOR_GRAY2BGR),
    "8UC1": _Encoding(1, "u1", cv2.COLOR_GRAY2BGR),
    "mono16": _Encoding(1, "u2", cv2.COLOR_GRAY2BGR),
    "yuv422": _Encoding(2, "u1", cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": _Encoding(2, "u1", cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": _Encoding(2, "u1", cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": _Encoding(2, "u1", cv2.COLOR_YUV2BGR_YUY2),
    "bayer_rggb8": _Encoding(1, "u1", cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": _Encoding(1, "u1", cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": _Encoding(1, "u1", cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": _Encoding(1, "u1", cv2.COLOR_BayerGB2BGR),
}


def pixels_of(message: Image) -> npt.NDArray[Any]:
    """Return a (height, width[, channels]) view of the pixels as they are; nothing is copied.

    Raises:
        ImageError: Names the encoding or the sizes that do not fit.
    """
    encoding = _ENCODINGS.get(message.encoding)
    if encoding is None:
        raise ImageError(
            f"image encoding '{message.encoding}' is not supported, known are "
            f"{', '.join(_ENCODINGS)}; convert it in the camera driver"
        )
    channels, name, _ = encoding
    dtype = np.dtype(name).newbyteorder(">" if message.is_bigendian else "<")
    height, width = message.height, message.width
    row = width * channels * dtype.itemsize
    step = message.step or row
    data = memoryview(message.data).cast("B")
    if height * width == 0:
        raise ImageError(f"image has {width}x{height} pixels, expected at least one")
    if step < row or len(data) < (height - 1) * step + row:
        raise ImageError(
            f"{width}x{height} pixels of encoding '{message.encoding}' do not fit into "
            f"{len(data)} bytes with step {message.step}"
        )
    shape, strides = [height, width], [step, channels * dtype.itemsize]
    if channels > 1:
        shape.append(channels)
        strides.append(dtype.itemsize)
    return np.ndarray(tuple(shape), dtype, buffer=data, strides=tuple(strides))


def bgr_of(message: Image) -> UInt8:
    """Return the picture as (height, width, 3) uint8 BGR; a view where it is BGR already.

    Raises:
        ImageError: See `pixels_of`.
    """
    pixels = pixels_of(message)
    if pixels.dtype.itemsize == 2:
        pixels = (pixels >> 8).astype(np.uint8)
    conversion = _ENCODINGS[message.encoding].to_bgr
    if conversion is None:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), conversion), np.uint8)


def mono_of(message: Image) -> UInt8:
    """Return a mono8 picture as a (height, width) uint8 view.

    Raises:
        ImageError: The encoding is another one, or see `pixels_of`.
    """
    if message.encoding not in ("mono8", "8UC1"):
        raise ImageError(f"image encoding is '{message.encoding}', expected mono8")
    return pixels_of(message)


def from_message(message: Image, intrinsics: CameraIntrinsics | None = None) -> CameraFrame:
    """Return the picture with its calibration.

    Raises:
        ImageError: The picture cannot be read.
        ValueError: The calibration is for another size.
    """
    stamp_ns = to_ns(message.header.stamp)
    return CameraFrame(stamp_ns, message.header.frame_id, bgr_of(message), intrinsics)


def to_message(frame: CameraFrame) -> Image:
    """Return a bgr8 message."""
    return image_message(frame.image, frame.stamp_ns, frame.frame_id)


def image_message(image: UInt8, stamp_ns: int = 0, frame_id: str = "") -> Image:
    """Return a (h, w, 3) picture as bgr8, a (h, w) one as mono8."""
    from sensor_msgs.msg import Image

    height, width = image.shape[:2]
    mono = image.ndim == 2
    message = Image(height=height, width=width, encoding="mono8" if mono else "bgr8")
    message.step = width if mono else 3 * width
    message.header.stamp = to_stamp(stamp_ns)
    message.header.frame_id = frame_id
    message.data = byte_array(image)
    return message


def intrinsics_of(message: CameraInfo) -> CameraIntrinsics | None:
    """Return the calibration, or None when the camera says that it has none (K is zero).

    Raises:
        ImageError: A distortion model that is not that of OpenCV's pinhole camera.
    """
    if message.k[0] == 0.0:
        return None
    if message.distortion_model not in _DISTORTION_MODELS:
        known = ", ".join(model for model in _DISTORTION_MODELS if model)
        raise ImageError(
            f"distortion model '{message.distortion_model}' is not supported, known are {known}; "
            "publish a rectified picture"
        )
    k = message.k
    distortion = np.array(message.d, np.float64)
    return CameraIntrinsics(
        message.width, message.height, k[0], k[4], k[2], k[5], distortion[: _used(distortion)]
    )


def camera_info(intrinsics: CameraIntrinsics, stamp_ns: int = 0, frame_id: str = "") -> CameraInfo:
    """Return the message for a calibration; the picture is not rectified."""
    from sensor_msgs.msg import CameraInfo

    i = intrinsics
    message = CameraInfo(width=i.width, height=i.height)
    message.header.stamp = to_stamp(stamp_ns)
    message.header.frame_id = frame_id
    message.distortion_model = "rational_polynomial" if len(i.distortion) > 5 else "plumb_bob"
    message.d = [float(value) for value in i.distortion] or [0.0] * 5
    message.k = [i.fx, 0.0, i.cx, 0.0, i.fy, i.cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [i.fx, 0.0, i.cx, 0.0, 0.0, i.fy, i.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def _used(distortion: npt.NDArray[np.float64]) -> int:
    """Return the number of coefficients to keep: none when all are zero."""
    return len(distortion) if distortion.any() else 0
