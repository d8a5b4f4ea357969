from __future__ import annotations

import pytest

from gait_reid_common.diagnostics import Arrival, DropCounters, LatencyMeter


def test_counters_add_up_or_say_what_is_missing() -> None:
    counters = DropCounters("lidar/points")
    counters.receive(10)
    counters.publish(6)
    counters.drop("stale")
    counters.drop("overwritten", 2)
    counters.check(pending=1)
    with pytest.raises(RuntimeError, match=r"lidar/points.*received 10.*1 left"):
        counters.check()
    counters.drop("deactivated")
    counters.check()
    assert counters.snapshot().dropped == 4


def test_latencies_use_the_right_clock_each() -> None:
    meter = LatencyMeter()
    for cycle in range(3):
        # The node's clock runs ten times as fast as the steady clock: a bag at ten times the rate.
        steady_ns = cycle * 10_000_000
        stamp_ns = cycle * 100_000_000
        arrival = Arrival(stamp_ns, stamp_ns + 50_000_000, steady_ns)
        meter.record(arrival, steady_ns + 1_000_000, stamp_ns + 90_000_000, steady_ns + 4_000_000)
    medians = {name: meter.distribution(name).p50 for name in LatencyMeter.NAMES}  # type: ignore[union-attr]
    assert medians == {
        "input_latency_ms": 50.0,
        "data_age_ms": 51.0,
        "processing_time_ms": 3.0,
        "processing_latency_ms": 4.0,
        "pipeline_latency_ms": 90.0,
        "cyclic_time_ms": 10.0,
    }
    assert meter.report()["pipeline_latency_ms p50/p95/max"] == "90.0 / 90.0 / 90.0"
    meter.reset()
    assert meter.distribution("cyclic_time_ms") is None
    assert meter.report() == {}
