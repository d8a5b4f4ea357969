"""Pictures from a device, a video file, a network stream, a GStreamer pipeline or a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from gait_reid.core.types import CameraFrame, CameraIntrinsics, UInt8
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.calibration import load_calibration
from gait_reid.sensors.capture import (
    CameraConfig,
    Capture,
    CaptureFactory,
    gone_hint,
    kind_of,
    open_capture,
)
from gait_reid.sensors.newest import NewestFrame

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


class CameraSource:
    """Reads one camera; `capture` says what a source may be.

    A live source is read in a thread of its own and the newest picture wins; files and folders are
    read in order, stamped at their own rate from ``start_ns`` on.
    """

    def __init__(
        self,
        config: CameraConfig,
        factory: CaptureFactory = open_capture,
        start_clock: Callable[[], int] | None = None,
    ) -> None:
        """Prepare; `open` opens.

        Args:
            config: What to open.
            factory: Opens it; tests put a fake device here.
            start_clock: Gives the stamp of a file's first picture in place of ``start_ns``.
        """
        self.config = config
        self._start_clock = start_clock
        self._start_ns = config.start_ns
        self.kind = kind_of(config.source)
        self.intrinsics: CameraIntrinsics | None = None
        self._overwritten = 0
        self._factory = factory
        self._capture: Capture | None = None
        self._newest: NewestFrame[UInt8] | None = None
        self._pictures: Iterator[Path] | None = None
        self._index = 0
        self._ended = False
        self._period_ns = 0
        self._last_ns = 0

    @property
    def live(self) -> bool:
        """Whether pictures come at the camera's pace."""
        return self.kind in ("device", "stream", "pipeline")

    @property
    def ended(self) -> bool:
        """Whether a file or folder was read to its end."""
        return self._ended

    @property
    def period_s(self) -> float:
        """Time between two pictures of a file or a folder; 0 for a live source."""
        return self._period_ns * 1e-9

    @property
    def overwritten(self) -> int:
        """Pictures of a live camera that nobody read before the next one came."""
        return self._overwritten + (self._newest.overwritten if self._newest is not None else 0)

    def open(self) -> None:
        """Open the source and its calibration.

        Raises:
            SourceError: Names what is missing or wrong, and the fix.
        """
        self.close()
        self._index, self._ended, self._last_ns = 0, False, 0
        if self._start_clock is not None:
            self._start_ns = self._start_clock()
        if self.config.calibration:
            self.intrinsics = load_calibration(self.config.calibration)
        if self.kind == "folder":
            self._open_folder()
            return
        if self.kind == "file" and not Path(self.config.source).is_file():
            raise SourceError("video file", self.config.source, "does not exist; check the path")
        self._capture = self._factory(self.config)
        if not self._capture.isOpened():
            self.close()
            raise SourceError(f"camera {self.kind}", self.config.source, gone_hint(self.kind))
        if self.live:
            self._newest = NewestFrame(self._grab)
        else:
            rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
            self._period_ns = round(1e9 / (rate_hz if 0.1 < rate_hz < 1000.0 else 30.0))

    def read(self, timeout_s: float) -> CameraFrame | None:
        """Return the next picture, or None when none came in time or the file has ended.

        Raises:
            SourceError: The camera is gone, or its pictures do not fit the calibration.
        """
        if self._newest is not None:
            return self._read_live(timeout_s)
        if self._ended:
            return None
        image = self._next_picture() if self._pictures is not None else self._next_of_file()
        if image is None:
            self._ended = True
            return None
        self._last_ns = max(self._last_ns + 1, self._start_ns + self._offset_ns())
        self._index += 1
        return self._frame(image, self._last_ns)

    def close(self) -> None:
        """Release the source; may be called twice."""
        idle = True
        if self._newest is not None:
            idle = self._newest.close()
            self._overwritten += self._newest.overwritten
            self._newest = None
        # Releasing a capture that another thread reads crashes; a hung one is left to the system.
        if self._capture is not None and idle:
            self._capture.release()
        self._capture = None
        self._pictures = None

    def _offset_ns(self) -> int:
        """Return the time of the present picture after the first one."""
        regular_ns = self._index * self._period_ns
        if self._capture is None or self._index == 0:
            return regular_ns
        # Phones write videos of variable rate; not every container says the time of a picture.
        told_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return round(told_ms * 1e6) if 0.0 < told_ms < 1e10 else regular_ns

    def _read_live(self, timeout_s: float) -> CameraFrame | None:
        assert self._newest is not None  # the caller looked
        item = self._newest.take(timeout_s)
        if item is None:
            if self._newest.failed:
                raise SourceError(f"camera {self.kind}", self.config.source, gone_hint(self.kind))
            return None
        image, stamp_ns = item
        return self._frame(image, stamp_ns - round(self.config.latency_s * 1e9))

    def _grab(self) -> tuple[UInt8, int] | None:
        capture = self._capture
        good, image = capture.read() if capture is not None else (False, None)
        return (image, time.time_ns()) if good and image is not None else None

    def _frame(self, image: UInt8, stamp_ns: int) -> CameraFrame:
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        height, width = image.shape[:2]
        wanted = self.intrinsics
        if wanted is not None and (wanted.width, wanted.height) != (width, height):
            raise SourceError(
                f"calibration {self.config.calibration} for",
                f"{wanted.width}x{wanted.height}",
                f"pictures of {self.config.source} are {width}x{height}; calibrate at that size, "
                "or set width and height to the calibrated one",
            )
        return CameraFrame(stamp_ns, self.config.frame_id, image, wanted)

    def _open_folder(self) -> None:
        files = sorted(
            path for path in Path(self.config.source).iterdir() if path.suffix.lower() in _PICTURES
        )
        if not files:
            raise SourceError(
                "picture folder", self.config.source, f"holds no {', '.join(sorted(_PICTURES))}"
            )
        self._pictures = iter(files)
        self._period_ns = round(1e9 / (self.config.rate_hz or 10.0))

    def _next_picture(self) -> UInt8 | None:
        assert self._pictures is not None  # the caller looked
        path = next(self._pictures, None)
        if path is None:
            return None
        # imdecode of the bytes, because imread cannot read names outside ASCII everywhere.
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError("picture", str(path), "cannot be decoded; remove it or save it again")
        return image

    def _next_of_file(self) -> UInt8 | None:
        if self._capture is None:
            raise SourceError("video file", self.config.source, "is not open; call open() first")
        good, image = self._capture.read()
        if good:
            return image
        if self._index == 0:
            raise SourceError(
                "video file", self.config.source, "holds no picture that OpenCV can decode"
            )
        return None
