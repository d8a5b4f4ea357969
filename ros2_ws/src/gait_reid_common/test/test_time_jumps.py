from __future__ import annotations

import pytest
from gait_reid_common.time_jumps import StampVerdict, TimeJumpGuard
from hypothesis import given
from hypothesis import strategies as st

SECOND_NS = 1_000_000_000


def test_small_disorder_between_topics_is_no_jump() -> None:
    guard = TimeJumpGuard()
    stamps = (0, 100, 50, 900_000_000, 100_000_000)
    assert all(guard.observe(stamp) is StampVerdict.NORMAL for stamp in stamps)


def test_straggler_from_before_the_jump_does_not_cause_a_second_one() -> None:
    guard = TimeJumpGuard(steady_clock=lambda: 0.0)
    guard.observe(20 * SECOND_NS)
    assert guard.observe(0) is StampVerdict.JUMPED
    assert guard.observe(20 * SECOND_NS + 30_000_000) is StampVerdict.BEFORE_JUMP
    assert guard.observe(100_000_000) is StampVerdict.NORMAL
    assert guard.epoch == 1


def test_leap_forward_long_after_a_jump_is_believed() -> None:
    now_s = [0.0]
    guard = TimeJumpGuard(steady_clock=lambda: now_s[0])
    guard.observe(20 * SECOND_NS)
    guard.observe(0)
    now_s[0] = 5.0
    assert guard.observe(20 * SECOND_NS) is StampVerdict.NORMAL
    assert guard.observe(20 * SECOND_NS + 1) is StampVerdict.NORMAL


@given(loops=st.integers(1, 5), late=st.integers(0, 3), topics=st.integers(1, 3))
def test_one_jump_per_loop_however_many_topics(loops: int, late: int, topics: int) -> None:
    guard = TimeJumpGuard(steady_clock=lambda: 0.0)
    period_ns = 100_000_000
    pass_ns = [number * period_ns for number in range(50) for _ in range(topics)]
    for loop in range(loops):
        order = list(pass_ns)
        if loop and late:
            order[1:1] = pass_ns[-late:]
        for stamp_ns in order:
            guard.observe(stamp_ns)
    assert guard.epoch == loops - 1


def test_threshold_must_be_positive() -> None:
    with pytest.raises(ValueError, match="threshold_ns is 0"):
        TimeJumpGuard(0)
