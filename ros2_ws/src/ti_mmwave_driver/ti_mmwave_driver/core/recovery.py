"""What to try, and in which order, when a running radar falls silent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RecoveryStep(Enum):
    """Steps from gentle to rough."""

    RESTART = "restart"
    RECONFIGURE = "reconfigure"
    REOPEN = "reopen"


_LADDER = (RecoveryStep.RESTART, RecoveryStep.RECONFIGURE, RecoveryStep.REOPEN)


@dataclass(frozen=True)
class WatchdogSettings:
    """When a radar counts as silent.

    Attributes:
        periods: Frame periods without a frame, at least 2.
        first_frame_s: Time to the first frame after a start, above 0.
        retry_s: Pause between further attempts once every step has failed, above 0.
    """

    periods: float = 3.0
    first_frame_s: float = 0.5
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if not self.periods >= 2:
            raise ValueError(f"periods is {self.periods}; it must be at least 2")
        for name in ("first_frame_s", "retry_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}; it must be above 0")


class RecoveryLadder:
    """Chooses the next step; knows nothing of ports and threads.

    Args:
        period_s: Frame period.
        settings: When a radar counts as silent.

    Times are seconds of any steady clock.
    """

    def __init__(self, period_s: float, settings: WatchdogSettings | None = None) -> None:
        self._settings = settings or WatchdogSettings()
        self._period_s = period_s
        self._deadline_s: float | None = None
        self._next = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether every step has been tried since the last frame, and none helped."""
        return self._next > len(_LADDER)

    @property
    def is_climbing(self) -> bool:
        """Whether any step has been tried since the last frame."""
        return self._next > 0

    def started(self, now_s: float) -> None:
        """The sensor was started: a frame is expected soon."""
        wait_s = max(self._settings.first_frame_s, self._settings.periods * self._period_s)
        self._deadline_s = now_s + wait_s

    def stopped(self) -> None:
        """The sensor was stopped on purpose: no frame is expected."""
        self._deadline_s = None

    def frame(self, now_s: float) -> None:
        """A frame came; one that was still on its way when the sensor was stopped is ignored."""
        if self._deadline_s is None:
            return
        self._next = 0
        self._deadline_s = now_s + self._settings.periods * self._period_s

    def due(self, now_s: float) -> RecoveryStep | None:
        """The step to take now, or ``None`` while all is well or a step may still work."""
        if self._deadline_s is None or now_s < self._deadline_s:
            return None
        step = _LADDER[min(self._next, len(_LADDER) - 1)]
        self._next = min(self._next + 1, len(_LADDER) + 1)
        pause_s = self._settings.retry_s if self.is_exhausted else 0.0
        self.started(now_s + pause_s)
        return step
