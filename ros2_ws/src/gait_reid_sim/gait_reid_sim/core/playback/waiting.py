"""Scene time that waits for the slowest, so that nothing is lost on a slow machine."""

from __future__ import annotations

import threading
import time

from gait_reid_sim.core.playback.player import Pace


class WaitingPace(Pace):
    """A clock that stands while a frame that is due is not rendered, or answers are behind.

    It never goes backward. Where no answer comes for long, it goes on: whoever was waited for may
    have lost a frame.

    Args:
        rate: Scene seconds per second where nobody has to be waited for, above 0.
        max_ahead_s: How far the scene may be ahead of the newest answer.
        patience_s: Real time after which an answer is not waited for any more.

    Attributes:
        given_up: How often an answer was not waited for any more.
    """

    def __init__(self, rate: float, max_ahead_s: float, patience_s: float = 5.0) -> None:
        if rate <= 0.0:
            raise ValueError(f"rate is {rate}, allowed: above 0 where the scene waits")
        super().__init__(rate)
        self.given_up = 0
        self._max_ahead_s, self._patience_s = max_ahead_s, patience_s
        self._lock = threading.Lock()
        self._shown_s, self._allowed_s, self._heard_s = 0.0, max_ahead_s, self.start_s
        self._stands = False

    def start(self) -> None:
        """Begin at scene time 0."""
        with self._lock:
            super().start()
            self._shown_s, self._allowed_s, self._heard_s = 0.0, self._max_ahead_s, self.start_s

    def now_s(self) -> float:
        """Return the scene's time."""
        with self._lock:
            now_s = time.monotonic()
            elapsed_s = (now_s - self.start_s) * self.rate
            if elapsed_s > self._allowed_s and now_s - self._heard_s > self._patience_s:
                self._allowed_s, self._heard_s = self._shown_s + self._max_ahead_s, now_s
                self.given_up += 1
            limit_s = self._shown_s if self._stands else self._allowed_s
            allowed_s = max(min(elapsed_s, limit_s), self._shown_s)
            self.start_s += (elapsed_s - allowed_s) / self.rate
            self._shown_s = allowed_s
            return allowed_s

    def hold(self, is_late: bool) -> None:
        """Stand still while a frame is due and not there."""
        with self._lock:
            self._stands = is_late

    def answered(self, scene_s: float) -> None:
        """Take note of an answer about a scene time."""
        with self._lock:
            self._allowed_s = max(self._allowed_s, scene_s + self._max_ahead_s)
            self._heard_s = time.monotonic()
