"""What happens to a message between its arrival and its use; knows no ROS."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gait_reid_common.diagnostics import Arrival, DropCounters, LatencyMeter, Level, Status
from gait_reid_common.mailbox import Mailbox
from gait_reid_common.time_jumps import StampVerdict, TimeJumpGuard

M = TypeVar("M")

# Beyond this age, stamps and the node's clock do not belong together: a sensor that stamps with its
# up-time, or a bag that is played without its clock.
PLAUSIBLE_AGE_NS = 10_000_000_000


class DroppedError(Exception):
    """Raised while a message is processed: it cannot be used, for the given reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Received(Generic[M]):
    """A message with the circumstances of its arrival.

    Attributes:
        message: The message.
        arrival: When it was acquired and when it came.
        epoch: Number of backward jumps of time before it.
    """

    message: M
    arrival: Arrival
    epoch: int

    @property
    def stamp_ns(self) -> int:
        """Acquisition time."""
        return self.arrival.stamp_ns


class Clocks(Protocol):
    """Source of the node's time."""

    def now_ns(self) -> int:
        """Return the node's time, which is replayed time where the node is told so."""


class Input(Generic[M]):
    """Accounts for the messages of one topic.

    Attributes:
        name: Topic, for people.
        type_name: ROS name of the type, for people.
        required: Whether its absence is worth a reminder.
        counters: Every message: used, dropped for a reason, or waiting.
        meter: Latencies of what was used.
    """

    def __init__(
        self, name: str, type_name: str, required: bool, clocks: Clocks, guard: TimeJumpGuard
    ) -> None:
        self.name = name
        self.type_name = type_name
        self.required = required
        self.counters = DropCounters(name)
        self.meter = LatencyMeter()
        self._clocks = clocks
        self._guard = guard
        self.silent_since_steady_ns = time.monotonic_ns()
        self._stamp_lag_ns = 0

    def receive(self, message: M, stamp_ns: int | None) -> Received[M] | None:
        """Count a message; None when it comes from before a jump of time.

        Args:
            message: The message.
            stamp_ns: Acquisition time, None for messages that carry none.
        """
        steady_ns, now_ns = time.monotonic_ns(), self._clocks.now_ns()
        self.silent_since_steady_ns = steady_ns
        self.counters.receive()
        if stamp_ns is None:
            stamp_ns = now_ns
        elif self._guard.observe(self.name, stamp_ns) is StampVerdict.BEFORE_JUMP:
            self.counters.drop("before_time_jump")
            return None
        self._stamp_lag_ns = now_ns - stamp_ns
        return Received(message, Arrival(stamp_ns, now_ns, steady_ns), self._guard.epoch)

    def age_s(self, received: Received[M]) -> float:
        """Return the age of a message now.

        Where the stamps have nothing to do with the node's clock, it is the time since arrival.
        """
        waited_ns = time.monotonic_ns() - received.arrival.received_steady_ns
        lag_ns = received.arrival.received_ns - received.arrival.stamp_ns
        plausible = abs(lag_ns) <= PLAUSIBLE_AGE_NS
        return (waited_ns + (lag_ns if plausible else 0)) / 1e9

    def used(self, received: Received[M], started_steady_ns: int) -> None:
        """Count a message as used and take its latencies."""
        self.counters.publish()
        now_ns, steady_ns = self._clocks.now_ns(), time.monotonic_ns()
        self.meter.record(received.arrival, started_steady_ns, now_ns, steady_ns)

    def status(self, silence_s: float, latency_warn_s: float, latency_error_s: float) -> Status:
        """Return the report for /diagnostics.

        Args:
            silence_s: Silence of a required input that is reported.
            latency_warn_s: 95th percentile of the age of results that is a warning.
            latency_error_s: The same for an error.
        """
        counts = self.counters.snapshot()
        values = {"received": str(counts.received), "published": str(counts.published)}
        values |= {f"dropped {reason}": str(n) for reason, n in sorted(counts.drops.items())}
        values |= self.meter.report()
        silent_s = (time.monotonic_ns() - self.silent_since_steady_ns) / 1e9
        if silent_s > silence_s:
            level = Level.STALE if self.required else Level.OK
            return Status(self.name, level, f"no message for {silent_s:.0f} s", values)
        if counts.received and abs(self._stamp_lag_ns) > PLAUSIBLE_AGE_NS:
            message = (
                f"stamps are {self._stamp_lag_ns / 1e9:.0f} s behind this node's clock: "
                "synchronise the clocks, or play recordings with their clock and set use_sim_time"
            )
            return Status(self.name, Level.WARN, message, values)
        latency = self.meter.distribution("pipeline_latency_ms")
        if latency is not None and latency.p95 > latency_warn_s * 1e3:
            level = Level.ERROR if latency.p95 > latency_error_s * 1e3 else Level.WARN
            message = f"results are {latency.p95:.0f} ms old (95th percentile)"
            return Status(self.name, level, message, values)
        return Status(self.name, Level.OK, "receiving" if counts.received else "waiting", values)


class NewestFirst(Generic[M]):
    """The way of a message through a mailbox to the function that uses it.

    Only the newest waits; what is older than ``max_age_s`` when its turn comes is dropped. After a
    backward jump of time ``on_time_jump`` is called once, in the worker's thread, before the first
    message of the new course of time.
    """

    def __init__(
        self,
        source: Input[M],
        function: Callable[[Received[M]], None],
        max_age_s: float,
        wanted: Callable[[], bool],
        on_time_jump: Callable[[], None],
        epoch: int,
    ) -> None:
        self.mailbox: Mailbox[Received[M]] = Mailbox()
        self._source = source
        self._function = function
        self._max_age_s = max_age_s
        self._wanted = wanted
        self._on_time_jump = on_time_jump
        self._epoch = epoch

    def put(self, received: Received[M]) -> None:
        """Hand over a message; returns at once."""
        if not self._wanted():
            self._source.counters.drop("nobody_subscribes")
        elif self.mailbox.put(received):
            self._source.counters.drop("overwritten")

    def work(self, received: Received[M]) -> None:
        """Use one message; called by the worker.

        Raises:
            Exception: Whatever the function raises but `DroppedError`; the message is counted.
        """
        started_steady_ns = time.monotonic_ns()
        try:
            if received.epoch != self._epoch:
                self._epoch = received.epoch
                self._source.meter.reset()
                self._on_time_jump()
            if 0 < self._max_age_s < self._source.age_s(received):
                raise DroppedError("stale")
            self._function(received)
        except DroppedError as dropped:
            self._source.counters.drop(dropped.reason)
        except Exception:
            self._source.counters.drop("error")
            raise
        else:
            self._source.used(received, started_steady_ns)

    def close(self) -> None:
        """Count what still waits as dropped."""
        if self.mailbox.close():
            self._source.counters.drop("deactivated")
