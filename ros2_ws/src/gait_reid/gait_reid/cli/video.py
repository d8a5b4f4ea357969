"""MP4 files whose pictures stay at their times."""

from __future__ import annotations

from pathlib import Path

import cv2

from gait_reid.cli.console import CommandError
from gait_reid.core.types import UInt8

_USUAL_RATE_HZ = 10.0


class StampedVideo:
    """Writes pictures at a constant rate; one that stands longer is repeated.

    Args:
        path: File to write, ``.mp4``.
        rate_hz: Pictures per second; None takes it from the first two stamps.

    Attributes:
        num_pictures: Pictures of the file so far, repeated ones included.

    Raises:
        CommandError: The name ends otherwise.
    """

    def __init__(self, path: Path, rate_hz: float | None = None) -> None:
        if path.suffix.lower() != ".mp4":
            raise CommandError(f"video {path}: expected a file that ends with .mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._rate_hz = rate_hz
        self._writer: cv2.VideoWriter | None = None
        self._newest: tuple[int, UInt8] | None = None
        self._first_ns = 0
        self.num_pictures = 0

    def add(self, stamp_ns: int, picture: UInt8) -> None:
        """Take the picture of a time; one that is not newer than the last is left out.

        Raises:
            CommandError: OpenCV cannot write the file.
        """
        if self._newest is None:
            self._first_ns = stamp_ns
        elif stamp_ns <= self._newest[0]:
            return
        else:
            self._write_until(stamp_ns)
        self._newest = (stamp_ns, picture)

    def close(self) -> None:
        """Write the last picture and finish the file; may be called twice."""
        if self._newest is not None:
            self._write(self._newest[1])
            self._newest = None
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _write_until(self, stamp_ns: int) -> None:
        assert self._newest is not None  # the caller looked
        before_ns, picture = self._newest
        if self._rate_hz is None:
            self._rate_hz = min(max(1e9 / (stamp_ns - before_ns), 1.0), 120.0)
        due = round((stamp_ns - self._first_ns) * 1e-9 * self._rate_hz)
        for _ in range(max(1, due - self.num_pictures)):
            self._write(picture)

    def _write(self, picture: UInt8) -> None:
        if self._writer is None:
            size = (picture.shape[1], picture.shape[0])
            code = cv2.VideoWriter_fourcc(*"mp4v")  # type: ignore[attr-defined]
            rate_hz = self._rate_hz or _USUAL_RATE_HZ
            self._writer = cv2.VideoWriter(str(self._path), code, rate_hz, size)
            if not self._writer.isOpened():
                raise CommandError(f"video {self._path}: OpenCV cannot write MP4 here")
        self._writer.write(picture)
        self.num_pictures += 1
