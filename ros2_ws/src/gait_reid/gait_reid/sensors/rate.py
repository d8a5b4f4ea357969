"""How often frames come, against how often they should."""

from __future__ import annotations

import time
from collections import deque

WINDOW_FRAMES = 20


class RateMeter:
    """Measures a rate over the last frames; one thread adds, others may read."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=WINDOW_FRAMES)

    def add(self, now_s: float | None = None) -> None:
        """Take note of a frame, now or at a time of the steady clock."""
        self._times_s.append(time.monotonic() if now_s is None else now_s)

    @property
    def rate_hz(self) -> float:
        """Frames per second, 0 before the second frame."""
        times_s = list(self._times_s)
        span_s = times_s[-1] - times_s[0] if len(times_s) > 1 else 0.0
        return (len(times_s) - 1) / span_s if span_s > 0.0 else 0.0

    def judge(self, nominal_hz: float, tolerance: float) -> str:
        """Return what is wrong with the rate, or an empty string.

        Nothing is wrong while too little is known.
        """
        if nominal_hz <= 0.0 or len(self._times_s) < WINDOW_FRAMES // 2:
            return ""
        rate_hz = self.rate_hz
        if abs(rate_hz - nominal_hz) <= tolerance * nominal_hz:
            return ""
        return (
            f"{rate_hz:.1f} scans per second instead of {nominal_hz:.1f}; see packets lost and "
            "overflowed for the network and this computer, and the sensor's rpm setting"
        )
