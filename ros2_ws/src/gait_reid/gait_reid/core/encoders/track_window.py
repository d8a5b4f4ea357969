"""What is kept of one track: the newest frames' features, and their maximum, kept up to date."""

from __future__ import annotations

from collections import deque

import numpy as np

from gait_reid.core.types import Float32, Modality


class SlidingMaximum:
    """Element-wise maximum of the newest arrays, one new array at a time.

    The window is cut into blocks: arrays that came are kept until a block is full, then replaced by
    their maxima from each one to the block's end. The maximum of any window is that of one such
    maximum and of the running maximum of what came since (van Herk 1992; Gil and Werman 1993), so
    an array costs three comparisons per element on average, whatever the window.

    Args:
        window: Number of arrays.
    """

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError(f"window is {window}, expected at least 1")
        self._window = window
        self._older: deque[Float32] = deque()  # maxima to the end of the last block
        self._newer: list[Float32] = []
        self._running: Float32 | None = None

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def add(self, array: Float32) -> None:
        """Take the next array; the oldest one goes when the window is full."""
        if len(self) == self._window:
            if not self._older:
                self._close_block()
            self._older.popleft()
        self._newer.append(array)
        if self._running is None:
            self._running = array.copy()
        else:
            np.maximum(self._running, array, out=self._running)

    def _close_block(self) -> None:
        best: Float32 | None = None
        for array in reversed(self._newer):
            best = array if best is None else np.maximum(best, array)
            self._older.appendleft(best)
        self._newer, self._running = [], None

    def value(self) -> Float32:
        """Return the maximum of the window, good until the next array.

        Raises:
            ValueError: Nothing was added yet.
        """
        if self._running is None:
            if not self._older:
                raise ValueError("the maximum of no arrays is asked for")
            return self._older[0]
        if not self._older:
            return self._running
        return np.maximum(self._older[0], self._running)


class TrackWindow:
    """The newest frames of one track.

    Args:
        frames: Number of frames that are kept.
    """

    def __init__(self, frames: int) -> None:
        self._pooled = SlidingMaximum(frames)
        self._clouds: deque[Float32] = deque(maxlen=frames)
        self._stamps_ns: deque[int] = deque(maxlen=frames)
        self._modalities: deque[Modality] = deque(maxlen=frames)
        self.semantics: Float32 | None = None
        self.semantics_score = -1.0

    def __len__(self) -> int:
        return len(self._stamps_ns)

    @property
    def start_ns(self) -> int:
        """Stamp of the oldest frame kept."""
        return self._stamps_ns[0]

    @property
    def end_ns(self) -> int:
        """Stamp of the newest frame."""
        return self._stamps_ns[-1]

    @property
    def duration_s(self) -> float:
        """Time between the oldest and the newest frame kept."""
        return (self.end_ns - self.start_ns) * 1e-9 if len(self) else 0.0

    @property
    def modality(self) -> Modality:
        """Sensors that contributed to any frame kept."""
        seen = Modality.NONE
        for one in self._modalities:
            seen |= one
        return seen

    @property
    def pooled(self) -> Float32:
        """Maximum of the frames' fused maps, (P, d)."""
        return self._pooled.value()

    @property
    def clouds(self) -> Float32:
        """Points' mean of each frame, (n, d), oldest first."""
        return np.stack(self._clouds)

    def add(self, stamp_ns: int, fused: Float32, cloud: Float32, modality: Modality) -> None:
        """Take the features of the next frame: (P, d) and (d,)."""
        # Rows of a batch are copied, or a track would keep those of others.
        self._pooled.add(fused.copy())
        self._clouds.append(cloud.copy())
        self._stamps_ns.append(stamp_ns)
        self._modalities.append(modality)
