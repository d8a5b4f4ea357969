"""Recognises backward jumps of time, such as a bag that starts again."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable


class StampVerdict(enum.Enum):
    """What a stamp says about the course of time."""

    NORMAL = "normal"
    JUMPED = "jumped"
    BEFORE_JUMP = "before_jump"


class TimeJumpGuard:
    """Reports one jump per loop of a bag, however many topics and clocks go back.

    A stamp more than ``threshold_ns`` older than the newest one is a jump. For ``straggler_time_s``
    after it, stamps around the time that was left come from before the jump: they must not look
    like a leap forward, which would be followed by a second jump back.

    Attributes:
        epoch: Number of jumps so far.
    """

    def __init__(
        self,
        threshold_ns: int = 1_000_000_000,
        straggler_time_s: float = 2.0,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if threshold_ns <= 0:
            raise ValueError(f"threshold_ns is {threshold_ns}, expected a positive number")
        self.threshold_ns = threshold_ns
        self.epoch = 0
        self._straggler_time_s = straggler_time_s
        self._steady_clock = steady_clock
        self._lock = threading.Lock()
        self._newest_ns: int | None = None
        self._left_behind_ns = 0
        self._stragglers_until_s = -float("inf")

    def observe(self, stamp_ns: int) -> StampVerdict:
        """Take note of a stamp and say what it means."""
        with self._lock:
            newest_ns = self._newest_ns
            if newest_ns is None or 0 <= stamp_ns - newest_ns <= self.threshold_ns:
                self._newest_ns = stamp_ns
                return StampVerdict.NORMAL
            if stamp_ns > newest_ns:
                return self._observe_leap(stamp_ns)
            if newest_ns - stamp_ns <= self.threshold_ns:
                return StampVerdict.NORMAL
            self.epoch += 1
            self._left_behind_ns, self._newest_ns = newest_ns, stamp_ns
            self._stragglers_until_s = self._steady_clock() + self._straggler_time_s
            return StampVerdict.JUMPED

    def _observe_leap(self, stamp_ns: int) -> StampVerdict:
        straggler = abs(stamp_ns - self._left_behind_ns) <= self.threshold_ns
        if straggler and self._steady_clock() < self._stragglers_until_s:
            return StampVerdict.BEFORE_JUMP
        self._newest_ns = stamp_ns
        return StampVerdict.NORMAL
