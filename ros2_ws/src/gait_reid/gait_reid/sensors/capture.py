"""What OpenCV can open: devices, streams, pipelines and files.

A source is written as one string::

    0, /dev/video0              a video device
    rtsp://..., http://...      a network stream
    folder/                     pictures in order of their names
    file.mp4                    a video file
    v4l2src ! ... ! appsink     a GStreamer pipeline, where OpenCV was built with GStreamer
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from gait_reid.sensors.base import SourceError
from gait_reid_common.parameters import param, validate

_STREAMS = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "udp://", "srt://", "tcp://")
_OPEN_TIMEOUT_MS = 5000
_READ_TIMEOUT_MS = 3000


@dataclass(frozen=True)
class CameraConfig:
    """Parameters of a camera source."""

    source: str = param(
        "0",
        "Device number or path, stream address, video file, folder, or GStreamer pipeline",
        read_only=True,
    )
    calibration: str = param(
        "", "Calibration file in the ROS camera_calibration format; empty for none", read_only=True
    )
    frame_id: str = param("camera_optical_frame", "Optical frame of the camera (REP-103)")
    width: int = param(0, "Width asked from a device, 0: as it comes", "px", 0, 16384)
    height: int = param(0, "Height asked from a device, 0: as it comes", "px", 0, 16384)
    rate_hz: float = param(
        0.0,
        "Rate asked from a device, and of a folder's pictures (0: 10); a file has its own",
        "Hz",
        0.0,
        1000.0,
    )
    latency_s: float = param(
        0.0, "Time from exposure to arrival, taken off the stamps of a live camera", "s", 0.0, 5.0
    )
    start_ns: int = param(
        1_000_000_000, "Stamp of the first picture of a file or a folder", "ns", 0
    )

    def __post_init__(self) -> None:
        validate(self)
        if not self.source.strip():
            raise ValueError("source is empty, allowed: device, stream, file, folder, or pipeline")


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used; tests put a fake device behind it."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return whether it can be read."""

    def read(self) -> tuple[bool, Any]:
        """Return whether there was a picture, and the picture."""

    def get(self, prop: int) -> float:
        """Return a property."""

    def set(self, prop: int, value: float) -> bool:
        """Set a property."""

    def release(self) -> None:
        """Close it."""


class CaptureFactory(Protocol):
    """Opens a capture; `open_capture` is the real one."""

    def __call__(self, config: CameraConfig) -> Capture:
        """Open it."""


def kind_of(source: str) -> str:
    """Return ``device``, ``stream``, ``pipeline``, ``folder`` or ``file``."""
    source = source.strip()
    if source.isdigit() or source.startswith("/dev/"):
        return "device"
    if source.lower().startswith(_STREAMS):
        return "stream"
    if " ! " in source:
        return "pipeline"
    return "folder" if Path(source).is_dir() else "file"


def has_gstreamer() -> bool:
    """Return whether this OpenCV can read GStreamer pipelines; the builds on PyPI cannot."""
    has_backend = getattr(getattr(cv2, "videoio_registry", None), "hasBackend", None)
    if has_backend is not None:
        return bool(has_backend(cv2.CAP_GSTREAMER))
    found = re.search(r"GStreamer:\s*(\w+)", cv2.getBuildInformation())
    return found is not None and found.group(1) == "YES"


def open_capture(config: CameraConfig) -> Capture:
    """Open what ``config.source`` names with OpenCV.

    Raises:
        SourceError: OpenCV lacks GStreamer for a pipeline.
    """
    source, kind = config.source.strip(), kind_of(config.source)
    if kind == "pipeline":
        if not has_gstreamer():
            raise SourceError(
                "GStreamer pipeline",
                source,
                "this OpenCV was built without GStreamer, as all "
                "builds on PyPI are; use the system's OpenCV (apt install python3-opencv, JetPack)",
            )
        return cv2.VideoCapture(source, cv2.CAP_GSTREAMER)
    if kind == "stream":
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            _OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            _READ_TIMEOUT_MS,
        ]
        return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
    if kind != "device":
        return cv2.VideoCapture(source)
    capture = cv2.VideoCapture(_device_number(source), cv2.CAP_V4L2)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    for prop, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, config.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
        (cv2.CAP_PROP_FPS, config.rate_hz),
    ):
        if value > 0:
            capture.set(prop, value)
    return capture


def _device_number(source: str) -> int:
    """Return the number of a device, because OpenCV opens V4L2 devices by number only.

    Raises:
        SourceError: The path leads to no video device.
    """
    if source.isdigit():
        return int(source)
    found = re.fullmatch(r"/dev/video(\d+)", str(Path(source).resolve()))
    if found is None:
        raise SourceError("camera device", source, "is no video device; see /dev/v4l/by-id")
    return int(found.group(1))


def gone_hint(kind: str) -> str:
    """Return what to do when a source of a kind gives no pictures."""
    return {
        "device": "gives no pictures; is it plugged in, free, and may this user read it "
        "(group video)?",
        "stream": "does not answer; check address, password and network",
        "pipeline": "does not run; try it with gst-launch-1.0 and end it with appsink",
        "file": "cannot be opened; is it a video that OpenCV can decode?",
    }[kind]
