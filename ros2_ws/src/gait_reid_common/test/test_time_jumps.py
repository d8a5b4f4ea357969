from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid_common.time_jumps import StampVerdict, TimeJumpGuard

SECOND_NS = 1_000_000_000


def test_small_disorder_is_no_jump() -> None:
    guard = TimeJumpGuard()
    stamps = (0, 100, 50, 900_000_000, 100_000_000)
    assert all(guard.observe("a", stamp) is StampVerdict.NORMAL for stamp in stamps)


def test_sensors_with_different_clocks_are_no_jump() -> None:
    guard = TimeJumpGuard()
    for step in range(5):
        guard.observe("camera", 1_700_000_000 * SECOND_NS + step)
        guard.observe("lidar", 40 * SECOND_NS + step)
    assert guard.epoch == 0


def test_second_topic_follows_the_first_without_a_second_jump() -> None:
    guard = TimeJumpGuard(steady_clock=lambda: 0.0)
    guard.observe("a", 20 * SECOND_NS)
    guard.observe("b", 20 * SECOND_NS)
    assert guard.observe("a", 0) is StampVerdict.JUMPED
    assert guard.observe("b", 20 * SECOND_NS + 30_000_000) is StampVerdict.BEFORE_JUMP
    assert guard.observe("b", 0) is StampVerdict.NORMAL
    assert guard.observe("b", 100_000_000) is StampVerdict.NORMAL
    assert guard.epoch == 1


def test_topic_that_never_goes_back_is_heard_again_after_a_while() -> None:
    now_s = [0.0]
    guard = TimeJumpGuard(steady_clock=lambda: now_s[0])
    guard.observe("a", 20 * SECOND_NS)
    guard.observe("b", 20 * SECOND_NS)
    guard.observe("a", 0)
    assert guard.observe("b", 21 * SECOND_NS) is StampVerdict.BEFORE_JUMP
    now_s[0] = 5.0
    assert guard.observe("b", 25 * SECOND_NS) is StampVerdict.NORMAL
    assert guard.epoch == 1


@given(loops=st.integers(1, 5), late=st.integers(0, 3), topics=st.integers(1, 3))
def test_one_jump_per_loop_however_many_topics(loops: int, late: int, topics: int) -> None:
    guard = TimeJumpGuard(steady_clock=lambda: 0.0)
    period_ns, length = 100_000_000, 50
    events: list[tuple[int, str, int]] = []
    for loop in range(loops):
        for number in range(length):
            for topic in range(topics):
                arrival = loop * length + number + topic * late
                events.append((arrival, str(topic), number * period_ns))
    for _, topic, stamp_ns in sorted(events, key=lambda event: event[0]):
        guard.observe(topic, stamp_ns)
    assert guard.epoch == loops - 1


def test_threshold_must_be_positive() -> None:
    with pytest.raises(ValueError, match="threshold_ns is 0"):
        TimeJumpGuard(0)
