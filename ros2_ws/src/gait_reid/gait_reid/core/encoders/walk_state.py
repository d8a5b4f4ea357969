"""The frames of one walk, bounded, with their mean kept up to date."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float32, UInt8

_WARM = 8  # frames after which the walk so far says what a frame should look like
_MAX_REFUSED = 15  # in a row; then the track shows something else than before
_TURN = 0.3  # body heights that a walk must go to have a direction


@dataclass(frozen=True)
class Frame:
    """One prepared frame.

    Attributes:
        stamp_ns: Acquisition time.
        image: (rows, columns) float32 in [0, 1].
        middle_px: Column of the person's middle in the picture; None without a picture.
        height_px: Height of the person in the picture.
        speed: Speed across the line of sight, positive to the right, in body heights per second;
            used without a picture.
    """

    stamp_ns: int
    image: Float32
    middle_px: float | None = None
    height_px: float = 1.0
    speed: float = 0.0


class WalkState:
    """Keeps the newest frames of one walk; a turn or another body starts it anew."""

    def __init__(self, max_frames: int, min_likeness: float) -> None:
        self._max_frames = max_frames
        self._min_likeness = min_likeness
        self._clear()

    def _clear(self) -> None:
        self._frames: deque[tuple[int, UInt8, float]] = deque()
        self._sum: np.ndarray | None = None
        self._refused = 0
        self._middle_px: float | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def start_ns(self) -> int:
        """Stamp of the oldest frame kept."""
        return self._frames[0][0]

    @property
    def end_ns(self) -> int:
        """Stamp of the newest frame."""
        return self._frames[-1][0]

    @property
    def duration_s(self) -> float:
        """Time between the oldest and the newest frame kept."""
        return (self.end_ns - self.start_ns) * 1e-9 if self._frames else 0.0

    def mean(self) -> Float32:
        """Return the mean of the frames (rows, columns), in [0, 1]."""
        assert self._sum is not None  # only asked when there are frames
        return (self._sum / (255.0 * len(self._frames))).astype(np.float32)

    def faces_right(self) -> bool:
        """Return whether the walk went to the right; False when it went nowhere."""
        return self._travel() > _TURN

    def add(self, frame: Frame) -> bool:
        """Take a frame; return whether it belongs to the walk."""
        if self._frames and frame.stamp_ns <= self.end_ns:
            return False
        if len(self._frames) >= _WARM and self._likeness(frame.image) < self._min_likeness:
            self._refused += 1
            if self._refused > _MAX_REFUSED:
                self._clear()
            return False
        self._refused = 0
        place = self._place(frame)
        if self._turned(place):
            self._clear()
        self._middle_px = frame.middle_px
        image = np.rint(frame.image * 255.0).astype(np.uint8)
        self._frames.append((frame.stamp_ns, image, place))
        self._sum = image.astype(np.int32) if self._sum is None else self._sum + image
        if len(self._frames) > self._max_frames:
            self._sum -= self._frames.popleft()[1]
        return True

    def _place(self, frame: Frame) -> float:
        """Return where the person is across the line of sight, in body heights from the start."""
        if not self._frames:
            return 0.0
        last_ns, _, place = self._frames[-1]
        if frame.middle_px is not None and self._middle_px is not None:
            return place + (frame.middle_px - self._middle_px) / frame.height_px
        return place + frame.speed * (frame.stamp_ns - last_ns) * 1e-9

    def _travel(self) -> float:
        return self._frames[-1][2] - self._frames[0][2] if self._frames else 0.0

    def _turned(self, place: float) -> bool:
        """Return whether the walk goes back on its own way."""
        if len(self._frames) < 2:
            return False
        places = [known[2] for known in self._frames]
        if self._travel() > 0.0:
            return max(places) - place > _TURN and max(places) - places[0] > _TURN
        return place - min(places) > _TURN and places[0] - min(places) > _TURN

    def _likeness(self, image: Float32) -> float:
        assert self._sum is not None
        mean = self._sum.ravel().astype(np.float64)
        values = image.ravel().astype(np.float64)
        norm = np.linalg.norm(mean) * np.linalg.norm(values)
        return float(mean @ values / norm) if norm > 0.0 else 0.0
