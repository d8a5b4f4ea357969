"""Hands frames over when they are due; what cannot be ready in time is counted, not delayed."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gait_reid_sim.core.playback.rendering import Rendered
from gait_reid_sim.core.playback.schedule import Slot
from gait_reid_sim.core.scene.simulation import SensorFrame

TICK_S = 0.01
_PATIENCE_S = 0.5
_SMOOTHING = 0.2
_FORGETTING = 0.9


class FrameMaker(Protocol):
    """What `gait_reid_sim.core.playback.rendering.Renderer` offers."""

    workers: int

    def submit(self, sensor: str, number: int) -> Future[Rendered]:
        """Have a frame made."""


class Outlet(Protocol):
    """Where frames go; called in the player's thread."""

    def wants(self, sensor: str) -> bool:
        """Whether somebody wants the frames of a sensor."""

    def deliver(self, slot: Slot, frame: SensorFrame) -> None:
        """Take a frame that is due."""

    def drop(self, slot: Slot, reason: str) -> None:
        """Take note of a frame that does not come: late, nobody_subscribes, error or stopped."""

    def report(self, error: BaseException) -> None:
        """Take note of what went wrong."""

    def tick(self, scene_s: float) -> None:
        """Take note of the scene's time, at least every `TICK_S` of real time."""


class Pace:
    """Scene time as a multiple of real time.

    Attributes:
        start_s: Time of the steady clock at which the scene began.

    Args:
        rate: Scene seconds per second; 0: every frame is due at once and none is ever late.
    """

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate
        self.start_s = time.monotonic()
        self._reached_s = 0.0

    def start(self) -> None:
        """Begin at scene time 0."""
        self.start_s, self._reached_s = time.monotonic(), 0.0

    def reach(self, scene_s: float) -> None:
        """Take note of a frame's time; without a rate it is what the clock shows."""
        self._reached_s = max(self._reached_s, scene_s)

    def hold(self, is_late: bool) -> None:
        """Take note whether a frame is due and not there; this clock goes on all the same."""

    def now_s(self) -> float:
        """Return the scene's time."""
        if not self.rate:
            return self._reached_s
        return (time.monotonic() - self.start_s) * self.rate

    def until_s(self, scene_s: float) -> float:
        """Return the real time until a scene time, negative afterwards."""
        return (scene_s - self.now_s()) / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class PlayerLimits:
    """How far ahead and how late.

    Attributes:
        lookahead_s: Frames are made at most so long before they are due, real time.
        max_lateness_s: Frames that come later than this are dropped, real time.
        max_ahead: Frames that are held at most.
    """

    lookahead_s: float = 0.5
    max_lateness_s: float = 0.1
    max_ahead: int = 30


class Player:
    """Plays frames in a thread of its own.

    Attributes:
        ended: Whether the last frame was played.
    """

    def __init__(
        self,
        slots: Iterator[Slot],
        maker: FrameMaker,
        outlet: Outlet,
        pace: Pace,
        limits: PlayerLimits | None = None,
    ) -> None:
        self.ended = False
        self.pace = pace
        self._slots, self._maker, self._outlet = slots, maker, outlet
        self._limits = limits or PlayerLimits()
        self._following = next(slots, None)
        self._pending: deque[tuple[Slot, Future[Rendered]]] = deque()
        self._costs_s: dict[str, float] = {}
        self._in_work = 0
        self._stop = False
        self._ticked_s = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.run, name="player", daemon=True)

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    @property
    def costs_s(self) -> dict[str, float]:
        """Time that a frame of each sensor takes to make, smoothed."""
        return dict(self._costs_s)

    def start(self) -> None:
        """Begin to play; scene time 0 is now."""
        self.pace.start()
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop and account for the frames that were on their way."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        if self.started:
            self._thread.join(timeout_s)

    def run(self) -> None:
        """Play to the end, or until `stop`."""
        while not self._stop and (self._pending or self._following):
            if not self.step():
                with self._changed:
                    if not self._stop and not self._news():
                        self._changed.wait(self._idle_s())
        for slot, future in self._pending:
            future.cancel()
            self._outlet.drop(slot, "stopped")
        self._pending.clear()
        self.ended = not self._stop

    def step(self) -> bool:
        """Do what can be done now; return whether a frame was dealt with."""
        self._tick()
        self._submit()
        return self._hand_over()

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s - self._ticked_s >= TICK_S:
            self._ticked_s = now_s
            self._outlet.tick(self.pace.now_s())

    def _submit(self) -> None:
        """Have made what is due soon, as far as the maker is free."""
        while self._following is not None and not self._stop and self._may_submit(self._following):
            slot, self._following = self._following, next(self._slots, None)
            if not self._outlet.wants(slot.sensor):
                # Nothing to make, but time is not to run ahead.
                self._pace_out(slot)
            elif self._cannot_be_ready(slot):
                # What is not made teaches nothing, so the estimate is trusted less and less.
                self._costs_s[slot.sensor] = _FORGETTING * self._costs_s.get(slot.sensor, 0.0)
                self._outlet.drop(slot, "late")
            else:
                future = self._maker.submit(slot.sensor, slot.number)
                self._pending.append((slot, future))
                self._in_work += 1
                future.add_done_callback(partial(self._note, slot.sensor))

    def _pace_out(self, slot: Slot) -> None:
        future: Future[Rendered] = Future()
        future.cancel()
        self._pending.append((slot, future))

    def _may_submit(self, slot: Slot) -> bool:
        if len(self._pending) >= self._limits.max_ahead:
            return False
        if self._in_work > self._maker.workers:
            return False
        ahead_s = max(self._limits.lookahead_s, 2.0 * self._costs_s.get(slot.sensor, 0.0))
        return self.pace.until_s(slot.release_s) < ahead_s

    def _cannot_be_ready(self, slot: Slot) -> bool:
        if not self.pace.rate or math.isinf(self._limits.max_lateness_s):
            return False
        turns = 1 + self._in_work // max(self._maker.workers, 1)
        # Aims at the time itself: the lateness that is allowed is for what takes longer than usual.
        takes_s = turns * self._costs_s.get(slot.sensor, 0.0)
        return self.pace.until_s(slot.release_s) < (takes_s or -self._limits.max_lateness_s)

    def _hand_over(self) -> bool:
        """Deal with the frame whose turn it is; return whether that was possible now."""
        if not self._pending:
            return False
        slot, future = self._pending[0]
        wait_s = self.pace.until_s(slot.release_s)
        if wait_s > 0.0:
            return False
        if not future.done():
            if not self.pace.rate or -wait_s <= self._limits.max_lateness_s:
                self.pace.hold(True)
                return False
            future.cancel()
            self._outlet.drop(slot, "late")
        else:
            self.pace.hold(False)
            self._take(slot, future)
        self._pending.popleft()
        return True

    def _take(self, slot: Slot, future: Future[Rendered]) -> None:
        if not self.pace.rate:
            self.pace.reach(slot.release_s)
            self._outlet.tick(slot.release_s)
        try:
            frame = future.result().frame
        except CancelledError:
            self._outlet.drop(slot, "nobody_subscribes")
        except Exception as error:
            self._outlet.drop(slot, "error")
            self._outlet.report(error)
        else:
            self._outlet.deliver(slot, frame)

    def _note(self, sensor: str, future: Future[Rendered]) -> None:
        with self._changed:
            self._in_work -= 1
            # Also of frames that came too late, else nothing is learnt from them.
            if not future.cancelled() and future.exception() is None:
                cost_s = future.result().cost_s
                known_s = self._costs_s.get(sensor, cost_s)
                self._costs_s[sensor] = known_s + _SMOOTHING * (cost_s - known_s)
            self._changed.notify_all()

    def _news(self) -> bool:
        """Whether something can be done at once."""
        if self._pending:
            slot, future = self._pending[0]
            if future.done() and self.pace.until_s(slot.release_s) <= 0.0:
                return True
        return self._following is not None and self._may_submit(self._following)

    def _idle_s(self) -> float:
        """Return the time until something may be to do without a notification."""
        if not self.pace.rate:
            return _PATIENCE_S
        waits = [TICK_S]
        if self._pending:
            slot, future = self._pending[0]
            lateness_s = 0.0 if future.done() else self._limits.max_lateness_s
            waits.append(self.pace.until_s(slot.release_s) + lateness_s)
        return max(min(waits), 0.001)
