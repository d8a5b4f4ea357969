"""The sensor collector: pairing, missing sensors, bounded memory, time jumps, honest counters."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.core.sync import Instant, SensorCollector, SensorTiming

MS = 1_000_000
PERIOD_NS = {"lidar": 100 * MS, "camera": 33 * MS, "radar": 100 * MS}
Event = tuple[int, str]


def make_collector(**overrides: SensorTiming) -> SensorCollector[int]:
    timing = {
        "lidar": SensorTiming(),
        "camera": SensorTiming(tolerance_s=0.03),
        "radar": SensorTiming(),
    }
    return SensorCollector({**timing, **overrides})


def events(sensors: Iterable[str], duration_ms: int, start_ms: int = 1000) -> list[Event]:
    made = [
        (stamp, sensor)
        for sensor in sensors
        for stamp in range(start_ms * MS, (start_ms + duration_ms) * MS, PERIOD_NS[sensor])
    ]
    return sorted(made)


def play(collector: SensorCollector[int], stream: Iterable[Event]) -> list[Instant[int]]:
    instants: list[Instant[int]] = []
    for stamp, sensor in stream:
        instants += collector.add(sensor, stamp, stamp)
    return instants


def assert_nothing_uncounted(collector: SensorCollector[int]) -> None:
    for sensor, received in collector.received.items():
        dropped = sum(count for (name, _), count in collector.dropped.items() if name == sensor)
        assert received == collector.used[sensor] + dropped + collector.waiting[sensor]


def test_every_lidar_scan_gets_the_nearest_picture() -> None:
    collector = make_collector()
    instants = play(collector, events(PERIOD_NS, 2000))

    assert [i.stamp_ns for i in instants] == [(1000 + 100 * k) * MS for k in range(len(instants))]
    assert len(instants) >= 19
    assert all(set(i.items) == {"lidar", "camera", "radar"} for i in instants)
    assert max(i.spread_s for i in instants) <= 0.017
    assert_nothing_uncounted(collector)


@pytest.mark.parametrize(
    "sensors", [{"camera"}, {"lidar"}, {"radar"}, {"camera", "radar"}, {"lidar", "camera"}]
)
def test_absent_sensors_cost_no_instants(sensors: set[str]) -> None:
    collector = make_collector()
    instants = play(collector, events(sensors, 2000))

    slowest = 100 if sensors != {"camera"} else 33
    assert len(instants) >= 2000 // slowest - 4
    assert all(set(i.items) <= sensors for i in instants)
    assert_nothing_uncounted(collector)


def test_a_sensor_that_dies_and_returns_is_missed_and_taken_back() -> None:
    collector = make_collector()
    stream = (
        events({"camera"}, 4000) + events({"lidar"}, 1000) + events({"lidar"}, 1000, start_ms=4000)
    )
    instants = play(collector, sorted(stream))

    references = [i.reference for i in instants]
    assert references[0] == references[-1] == "lidar"
    assert "camera" in references
    stamps = [i.stamp_ns for i in instants]
    assert stamps == sorted(set(stamps))
    assert_nothing_uncounted(collector)


def test_a_silent_sensor_delays_an_instant_no_longer_than_its_timeout() -> None:
    collector = make_collector()
    play(collector, events(PERIOD_NS, 500))
    assert collector.add("lidar", 1500 * MS, 0) == []
    assert collector.poll(1590 * MS) == []
    (instant,) = collector.poll(1601 * MS)
    assert set(instant.items) == {"lidar", "camera"}


def test_offset_corrects_a_late_clock() -> None:
    collector = make_collector(camera=SensorTiming(offset_s=-0.2, tolerance_s=0.01))
    for stamp, sensor in events({"lidar"}, 1000):
        collector.add("camera", stamp + 200 * MS, 1)
        instants = collector.add(sensor, stamp, 0)
        assert not instants or instants[0].spread_s == 0.0
    assert collector.used["camera"] == 10


@pytest.mark.parametrize("in_flight", [0, 1, 4])
def test_a_looped_recording_resets_once_per_loop(in_flight: int) -> None:
    collector = make_collector()
    recording = events(PERIOD_NS, 3000)
    instants = play(collector, recording)
    for _ in range(2):
        # Frames of the old loop that arrive after the first frame of the new one.
        late = (
            [
                (stamp, sensor)
                for stamp, sensor in recording[-in_flight:]
                if sensor != recording[0][1]
            ]
            if in_flight
            else []
        )
        instants += play(collector, recording[:1])
        instants += play(collector, late)
        instants += play(collector, recording[1:])

    assert collector.sequence == 2
    assert [i.sequence for i in instants] == sorted(i.sequence for i in instants)
    per_loop = [sum(i.sequence == k for i in instants) for k in range(3)]
    assert min(per_loop) >= 28
    assert max(per_loop) - min(per_loop) <= 1
    assert_nothing_uncounted(collector)


def test_memory_is_bounded_while_a_preferred_sensor_stalls() -> None:
    collector = SensorCollector(
        {"lidar": SensorTiming(timeout_s=50.0), "camera": SensorTiming()}, max_waiting=8
    )
    collector.add("lidar", 0, 0)
    for k in range(1, 500):
        collector.add("camera", k * 33 * MS, k)
    assert max(collector.waiting.values()) <= 8
    assert collector.dropped["camera", "overflow"] > 400
    assert_nothing_uncounted(collector)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(PERIOD_NS)), st.integers(0, 5000)),
        max_size=200,
    )
)
def test_any_order_of_frames_is_counted_and_stays_in_order(stream: list[tuple[str, int]]) -> None:
    collector = make_collector()
    instants = play(collector, [(stamp * MS, sensor) for sensor, stamp in stream])
    for first, second in zip(instants, instants[1:]):
        assert second.sequence > first.sequence or second.stamp_ns > first.stamp_ns
    assert_nothing_uncounted(collector)


def test_wrong_timing_is_named() -> None:
    with pytest.raises(ValueError, match=r"timeout_s is -1.0, expected more than 0"):
        SensorTiming(timeout_s=-1.0)
