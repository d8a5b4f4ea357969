from __future__ import annotations

import array

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg")

from sensor_msgs.msg import CameraInfo, Image

from gait_reid.adapters import image
from gait_reid.core.types import CameraFrame, CameraIntrinsics

RNG = np.random.default_rng(1)


def smooth_picture(height: int = 24, width: int = 32) -> np.ndarray:
    """Return a picture whose chroma survives subsampling."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (255 * np.stack([0.2 + 0.5 * x, 0.3 + 0.4 * y, 0.8 - 0.5 * x], 2)).astype(np.uint8)


def message_of(pixels: np.ndarray, encoding: str, padding: int = 0) -> Image:
    height, width = pixels.shape[:2]
    row = pixels.itemsize * pixels.size // height
    message = Image(height=height, width=width, encoding=encoding, step=row + padding)
    raw = b"".join(line.tobytes() + b"\xee" * padding for line in pixels)
    message.data = array.array("B", raw)
    return message


def bayer(bgr: np.ndarray, pattern: str) -> np.ndarray:
    mosaic = np.zeros(bgr.shape[:2], np.uint8)
    for index, letter in enumerate(pattern):
        row, column = divmod(index, 2)
        mosaic[row::2, column::2] = bgr[row::2, column::2, "bgr".index(letter)]
    return mosaic


def yuv422(bgr: np.ndarray, order: str) -> np.ndarray:
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)
    packed = np.zeros((*bgr.shape[:2], 2), np.uint8)
    luma, chroma = (1, 0) if order == "uyvy" else (0, 1)
    packed[..., luma] = yuv[..., 0]
    packed[:, 0::2, chroma] = yuv[:, 0::2, 1]
    packed[:, 1::2, chroma] = yuv[:, 0::2, 2]
    return packed


PICTURE = smooth_picture()
EXACT = {
    "bgr8": PICTURE,
    "8UC3": PICTURE,
    "rgb8": PICTURE[..., ::-1],
    "bgra8": np.dstack([PICTURE, np.full(PICTURE.shape[:2], 7, np.uint8)]),
    "rgba8": np.dstack([PICTURE[..., ::-1], np.full(PICTURE.shape[:2], 7, np.uint8)]),
}


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", EXACT)
def test_colour_encodings_are_exact(encoding: str, padding: int) -> None:
    frame = image.from_message(message_of(EXACT[encoding], encoding, padding))
    np.testing.assert_array_equal(frame.image, PICTURE)


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16"])
def test_grey_encodings(encoding: str, padding: int) -> None:
    grey = PICTURE[..., 0]
    pixels = grey.astype("<u2") << 8 if encoding == "mono16" else grey
    frame = image.from_message(message_of(pixels, encoding, padding))
    np.testing.assert_array_equal(frame.image, np.dstack([grey] * 3))


def test_big_endian_mono16() -> None:
    message = message_of((PICTURE[..., 0].astype(np.uint16) << 8).astype(">u2"), "mono16")
    message.is_bigendian = 1
    np.testing.assert_array_equal(image.bgr_of(message)[..., 0], PICTURE[..., 0])


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_the_right_colours(pattern: str) -> None:
    message = message_of(bayer(PICTURE, pattern), f"bayer_{pattern}8")
    inside = np.s_[2:-2, 2:-2]
    difference = np.abs(image.bgr_of(message).astype(int) - PICTURE)[inside]
    assert difference.max() <= 12


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")],
)
def test_yuv422(encoding: str, order: str) -> None:
    # OpenCV decodes camera YUV in video range, so the picture is encoded the same way here.
    bgr = image.bgr_of(message_of(yuv422(PICTURE, order), encoding))
    reference = cv2.cvtColor(yuv422(PICTURE, "yuyv"), cv2.COLOR_YUV2BGR_YUY2)
    np.testing.assert_array_equal(bgr, reference)


def test_unknown_encoding_lists_the_known_ones() -> None:
    with pytest.raises(image.ImageError, match=r"'32FC1' is not supported, known are bgr8, .*"):
        image.bgr_of(message_of(np.zeros((2, 2), np.float32), "32FC1"))


@pytest.mark.parametrize("lost", ["data", "step", "height"])
def test_sizes_that_do_not_fit(lost: str) -> None:
    message = message_of(PICTURE, "bgr8")
    if lost == "data":
        message.data = message.data[:-1]
    elif lost == "step":
        message.step = 10
    else:
        message.height = 0
    with pytest.raises(image.ImageError, match=r"32x(24|0) pixels"):
        image.bgr_of(message)


def test_round_trip_and_no_copy_of_bgr() -> None:
    frame = CameraFrame(5_000_000_001, "camera_optical", np.ascontiguousarray(PICTURE))
    message = image.to_message(frame)
    back = image.from_message(message)
    assert (back.stamp_ns, back.frame_id) == (frame.stamp_ns, frame.frame_id)
    np.testing.assert_array_equal(back.image, frame.image)
    message.data[0] ^= 0xFF
    assert back.image[0, 0, 0] == frame.image[0, 0, 0] ^ 0xFF


def test_slices_of_pictures_can_be_sent() -> None:
    message = image.image_message(PICTURE[3:9, 4:20])
    np.testing.assert_array_equal(image.bgr_of(message), PICTURE[3:9, 4:20])
    mono = image.image_message(PICTURE[3:9, 4:20, 1])
    np.testing.assert_array_equal(image.mono_of(mono), PICTURE[3:9, 4:20, 1])
    with pytest.raises(image.ImageError, match="expected mono8"):
        image.mono_of(message)


@pytest.mark.parametrize("distortion", [(), (0.1, -0.2, 0.001, 0.002, 0.0), tuple([0.01] * 8)])
def test_calibration_round_trip(distortion: tuple[float, ...]) -> None:
    intrinsics = CameraIntrinsics(640, 480, 500.0, 501.0, 320.5, 240.5, np.array(distortion))
    back = image.intrinsics_of(image.camera_info(intrinsics, 7, "camera_optical"))
    assert back is not None
    np.testing.assert_array_equal(back.distortion, intrinsics.distortion)
    assert (back.fx, back.fy, back.cx, back.cy) == (500.0, 501.0, 320.5, 240.5)


def test_uncalibrated_camera_and_foreign_model() -> None:
    assert image.intrinsics_of(CameraInfo()) is None
    message = image.camera_info(CameraIntrinsics(64, 48, 50.0, 50.0, 32.0, 24.0))
    message.distortion_model = "equidistant"
    with pytest.raises(image.ImageError, match="'equidistant' is not supported"):
        image.intrinsics_of(message)


def test_calibration_of_another_size_is_named() -> None:
    intrinsics = CameraIntrinsics(640, 480, 500.0, 500.0, 320.0, 240.0)
    with pytest.raises(ValueError, match="32x24 pixels but its calibration is for 640x480"):
        image.from_message(message_of(PICTURE, "bgr8"), intrinsics)
