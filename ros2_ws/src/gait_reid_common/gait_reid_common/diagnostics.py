"""Counters, latencies and status levels as plain data."""

from __future__ import annotations

import enum
import threading
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np


class Level(enum.IntEnum):
    """Severity with the numbers of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Status:
    """One line of a diagnostics report.

    Attributes:
        name: What the report is about, without the node's name.
        level: Severity.
        message: One sentence; for WARN and ERROR it says what to do.
        values: Names and values, shown in order.
    """

    name: str
    level: Level
    message: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """A consistent reading of `DropCounters`.

    Attributes:
        received: Messages that arrived.
        published: Messages that were used in a result.
        drops: Messages that were thrown away, by reason.
    """

    received: int
    published: int
    drops: dict[str, int]

    @property
    def dropped(self) -> int:
        """Messages thrown away for any reason."""
        return sum(self.drops.values())

    @property
    def pending(self) -> int:
        """Messages received that are neither used nor dropped yet."""
        return self.received - self.published - self.dropped


class DropCounters:
    """Accounts for every message of one input: used, dropped for a reason, or still waiting."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._received = 0
        self._published = 0
        self._drops: Counter[str] = Counter()

    def receive(self, number: int = 1) -> None:
        """Count messages that arrived."""
        with self._lock:
            self._received += number

    def publish(self, number: int = 1) -> None:
        """Count messages that were used in a result."""
        with self._lock:
            self._published += number

    def drop(self, reason: str, number: int = 1) -> None:
        """Count messages that were thrown away because of ``reason``, for example ``stale``."""
        if number:
            with self._lock:
                self._drops[reason] += number

    def snapshot(self) -> Counts:
        """Return the counts of one moment."""
        with self._lock:
            return Counts(self._received, self._published, dict(self._drops))

    def check(self, pending: int = 0) -> None:
        """Raise RuntimeError unless exactly ``pending`` messages are not accounted for."""
        counts = self.snapshot()
        if counts.pending != pending:
            raise RuntimeError(
                f"counters of '{self.name}' do not add up: received {counts.received}, "
                f"published {counts.published}, dropped {counts.drops}, {counts.pending} left "
                f"where {pending} are expected"
            )


@dataclass(frozen=True)
class Distribution:
    """Median, 95th percentile and maximum of the values in the window."""

    p50: float
    p95: float
    maximum: float


@dataclass(frozen=True)
class Arrival:
    """When a message was acquired and when it arrived.

    Attributes:
        stamp_ns: Acquisition time, on the node's clock.
        received_ns: Time of the callback, on the node's clock.
        received_steady_ns: Time of the callback, on the steady clock.
    """

    stamp_ns: int
    received_ns: int
    received_steady_ns: int


class LatencyMeter:
    """Latencies over a sliding window, in the vocabulary of Autoware.

    * ``input_latency_ms``: acquisition to callback.
    * ``data_age_ms``: acquisition to the start of processing.
    * ``processing_time_ms``: computing alone.
    * ``processing_latency_ms``: callback to result.
    * ``pipeline_latency_ms``: acquisition to result.
    * ``cyclic_time_ms``: result to result.

    Durations are taken from the steady clock, ages from the node's clock, so that a replayed clock
    that runs fast or coarse does not distort processing times.
    """

    NAMES = (
        "input_latency_ms",
        "data_age_ms",
        "processing_time_ms",
        "processing_latency_ms",
        "pipeline_latency_ms",
        "cyclic_time_ms",
    )

    def __init__(self, window: int = 200) -> None:
        if window < 1:
            raise ValueError(f"window is {window}, expected a positive number of results")
        self._lock = threading.Lock()
        self._values: dict[str, deque[float]] = {name: deque(maxlen=window) for name in self.NAMES}
        self._last_result_steady_ns: int | None = None

    def record(
        self, arrival: Arrival, started_steady_ns: int, now_ns: int, now_steady_ns: int
    ) -> None:
        """Take note of one result.

        Args:
            arrival: Of the message that the result was made from.
            started_steady_ns: Steady time at which computing began.
            now_ns: Time of the result on the node's clock.
            now_steady_ns: Time of the result on the steady clock.
        """
        input_ns = arrival.received_ns - arrival.stamp_ns
        waited_ns = started_steady_ns - arrival.received_steady_ns
        values_ns = {
            "input_latency_ms": input_ns,
            "data_age_ms": input_ns + waited_ns,
            "processing_time_ms": now_steady_ns - started_steady_ns,
            "processing_latency_ms": now_steady_ns - arrival.received_steady_ns,
            "pipeline_latency_ms": now_ns - arrival.stamp_ns,
        }
        with self._lock:
            if self._last_result_steady_ns is not None:
                values_ns["cyclic_time_ms"] = now_steady_ns - self._last_result_steady_ns
            self._last_result_steady_ns = now_steady_ns
            for name, value_ns in values_ns.items():
                self._values[name].append(value_ns / 1e6)

    def reset(self) -> None:
        """Forget the window, for example after a jump of time."""
        with self._lock:
            self._last_result_steady_ns = None
            for values in self._values.values():
                values.clear()

    def distribution(self, name: str) -> Distribution | None:
        """Return the figures of one latency in milliseconds, or None before the first result.

        Raises:
            KeyError: ``name`` is not one of `NAMES`.
        """
        with self._lock:
            values = np.fromiter(self._values[name], float)
        if not len(values):
            return None
        p50, p95 = np.percentile(values, (50, 95))
        return Distribution(float(p50), float(p95), float(values.max()))

    def report(self) -> dict[str, str]:
        """Return ``name: "p50 / p95 / max"`` of every latency that has values."""
        found = ((name, self.distribution(name)) for name in self.NAMES)
        return {
            f"{name} p50/p95/max": f"{d.p50:.1f} / {d.p95:.1f} / {d.maximum:.1f}"
            for name, d in found
            if d is not None
        }
