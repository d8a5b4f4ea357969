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
    """Reports one jump per loop of a bag, however many topics go back.

    Each topic is compared with itself alone, because sensors whose clocks disagree would otherwise
    look like time going to and fro. The first topic that goes back begins a new epoch; the others
    follow without beginning another one, and what they deliver until then is from before the jump.

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
        self._newest_ns: dict[str, int] = {}
        self._topic_epoch: dict[str, int] = {}
        self._stragglers_until_s = -float("inf")

    def observe(self, topic: str, stamp_ns: int) -> StampVerdict:
        """Take note of a stamp of a topic and say what it means."""
        with self._lock:
            newest_ns = self._newest_ns.get(topic, stamp_ns)
            follows = self._topic_epoch.setdefault(topic, self.epoch) == self.epoch
            if stamp_ns < newest_ns - self.threshold_ns:
                self._newest_ns[topic] = stamp_ns
                return self._go_back(topic, begins=follows)
            self._newest_ns[topic] = max(newest_ns, stamp_ns)
            if follows:
                return StampVerdict.NORMAL
            if self._steady_clock() < self._stragglers_until_s:
                return StampVerdict.BEFORE_JUMP
            self._topic_epoch[topic] = self.epoch
            return StampVerdict.NORMAL

    def _go_back(self, topic: str, begins: bool) -> StampVerdict:
        if begins:
            self.epoch += 1
            self._stragglers_until_s = self._steady_clock() + self._straggler_time_s
        self._topic_epoch[topic] = self.epoch
        return StampVerdict.JUMPED if begins else StampVerdict.NORMAL
