"""Grouping camera, LiDAR and radar messages by stamp."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.harness import Benchmark, Case, Contender, Missing, Sample
from gait_reid.core.sync import SensorCollector, SensorTiming

RATES_HZ = {"lidar": 10.0, "radar": 10.0, "camera": 30.0}
DURATION_S = 60.0
QUEUE = 32
SLOP_S = 0.06
_JITTER_S = 0.003


def stamped() -> list[tuple[str, int]]:
    """Return sensor and stamp of every message, in order of arrival."""
    rng = np.random.default_rng(5)
    messages = []
    for sensor, rate_hz in RATES_HZ.items():
        count = int(DURATION_S * rate_hz)
        stamps_s = 1.0 + (np.arange(count) + rng.random()) / rate_hz
        stamps_s += rng.normal(0.0, _JITTER_S, count).clip(-2 * _JITTER_S, 2 * _JITTER_S)
        arrivals_s = stamps_s + 0.01 + rng.exponential(0.005, count)
        messages += [(a, sensor, round(s * 1e9)) for a, s in zip(arrivals_s, np.sort(stamps_s))]
    return [(sensor, stamp_ns) for _, sensor, stamp_ns in sorted(messages)]


def _spread_ms(groups: list[tuple[int, ...]]) -> float:
    return float(np.mean([(max(group) - min(group)) / 1e6 for group in groups]))


def _sample(messages: int, feed: Callable[[], list[tuple[int, ...]]]) -> Sample:
    start = time.perf_counter()
    groups = feed()
    elapsed_s = time.perf_counter() - start
    return {
        "time_us": 1e6 * elapsed_s / messages,
        "complete_groups": float(len(groups)),
        "mean_spread_ms": _spread_ms(groups),
    }


def _own(messages: list[tuple[str, int]]) -> list[tuple[int, ...]]:
    timing = SensorTiming(tolerance_s=SLOP_S, timeout_s=0.1)
    collector: SensorCollector[int] = SensorCollector(dict.fromkeys(RATES_HZ, timing), QUEUE)
    groups = []
    for sensor, stamp_ns in messages:
        for instant in collector.add(sensor, stamp_ns, stamp_ns):
            if len(instant.items) == len(RATES_HZ):
                groups.append(tuple(instant.items.values()))
    return groups


def _upstream(name: str) -> Contender | Missing:
    """Return the synchroniser of ROS 2's own message_filters, where that is the one installed."""
    try:
        import message_filters
        from std_msgs.msg import Header

        synchronizer: Any = getattr(message_filters, "ApproximateTimeSynchronizer")  # noqa: B009
    except (ImportError, AttributeError) as error:
        return Missing(name, f"message_filters of ROS 2 is not importable here ({error})")
    stream = [(sensor, _message(Header, stamp_ns)) for sensor, stamp_ns in stamped()]

    def feed() -> list[tuple[int, ...]]:
        filters = {sensor: message_filters.SimpleFilter() for sensor in RATES_HZ}
        groups: list[tuple[int, ...]] = []
        synchronizer(list(filters.values()), QUEUE, SLOP_S).registerCallback(
            lambda *found: groups.append(tuple(message.stamp_ns for message in found))
        )
        for sensor, message in stream:
            filters[sensor].signalMessage(message)
        return groups

    version = getattr(message_filters, "__version__", "")
    return Contender(name, lambda: _sample(len(stream), feed), version)


def _message(header_type: Any, stamp_ns: int) -> Any:
    header = header_type()
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return SimpleNamespace(header=header, stamp_ns=stamp_ns)


def _found(*options: Contender | Missing) -> Iterator[Contender]:
    return (option for option in options if isinstance(option, Contender))


def build() -> Case:
    """Make the stream of messages."""
    messages = stamped()
    candidate = Contender("SensorCollector", lambda: _sample(len(messages), lambda: _own(messages)))
    peer = _upstream("message_filters ApproximateTimeSynchronizer (Python)")
    workload = (
        f"{len(messages):,} messages: LiDAR and radar at 10 Hz, camera at 30 Hz, "
        f"queue {QUEUE}, tolerance {SLOP_S * 1e3:.0f} ms; time per message"
    )
    missing = (peer,) if isinstance(peer, Missing) else ()
    return Case(workload, candidate, tuple(_found(peer)), missing)


BENCHMARK = Benchmark(
    "synchronisation",
    "Synchronising three topics",
    build,
    "time_us",
    "us",
    rounds=5,
    promise=1 / 10,
)
