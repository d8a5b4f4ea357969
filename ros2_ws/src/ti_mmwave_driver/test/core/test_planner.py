"""Planned profiles keep their promise; what is impossible is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ti_mmwave_driver.core.check import check_profile
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.planner import Board, PlanError, Requirements, plan_profile
from ti_mmwave_driver.core.profile import parse_profile


def test_the_gait_requirements_give_a_valid_profile_on_every_board():
    for board in Board:
        plan = plan_profile(Requirements(0.047, 9.6, 2.3, 0.145, 10, board))
        result = check_profile(parse_profile(plan.text))
        assert result.violations == ()
        design = result.frames[0].design
        assert design.range_resolution_m <= 0.047
        assert design.usable_range_m >= 9.6
        assert design.max_velocity_m_s >= 2.3
        assert design.velocity_resolution_m_s <= 0.145
        expected = Firmware.OUT_OF_BOX_64XX if board is Board.AOP else Firmware.OUT_OF_BOX_68XX
        assert result.firmware is expected
        assert plan.max_points >= 300


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.04, 0.5),
    st.floats(1.0, 40.0),
    st.floats(0.5, 15.0),
    st.floats(0.05, 2.0),
    st.sampled_from([1, 5, 10, 15, 20, 30]),
    st.sampled_from(Board),
)
def test_a_plan_that_is_given_meets_the_requirements(
    resolution, distance, velocity, velocity_resolution, rate, board
):
    need = Requirements(resolution, distance, velocity, velocity_resolution, rate, board)
    try:
        plan = plan_profile(need)
    except PlanError:
        assume(False)
        return
    result = check_profile(parse_profile(plan.text), point_count=0)
    assert result.errors == ()
    design = result.frames[0].design
    assert design.range_resolution_m <= resolution * 1.0001
    assert design.usable_range_m >= distance * 0.99
    assert design.max_velocity_m_s >= velocity * 0.9999
    assert design.velocity_resolution_m_s <= velocity_resolution * 1.0001
    assert design.period_ms == pytest.approx(1000 / rate, rel=1e-4)


@pytest.mark.parametrize(
    ("need", "says"),
    [
        ((0.03, 5.0, 2.0, 0.1, 10), "4 GHz"),
        ((0.047, 60.0, 2.0, 0.1, 10), "samples per chirp"),
        ((0.047, 9.6, 40.0, 1.0, 10), "needs a chirp every"),
        ((0.047, 9.6, 12.0, 0.1, 10), "of 768 KB"),
        ((0.2, 5.0, 2.3, 0.05, 30), "half of the"),
    ],
)
def test_impossible_requirements_name_the_limit(need, says):
    with pytest.raises(PlanError, match=says):
        plan_profile(Requirements(*need))


def test_requirements_are_checked():
    with pytest.raises(ValueError, match="rate_hz is 0"):
        Requirements(0.047, 9.6, 2.3, 0.145, 0)
