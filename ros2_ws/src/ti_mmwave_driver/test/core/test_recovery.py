"""The order of recovery, without ports and threads."""

from __future__ import annotations

import pytest

from ti_mmwave_driver.core.reader import FrameCounter
from ti_mmwave_driver.core.recovery import RecoveryLadder, RecoveryStep, WatchdogSettings
from ti_mmwave_driver.core.types import FrameHeader, HeaderFormat


def header(number: int, subframe: int = 0) -> FrameHeader:
    return FrameHeader(HeaderFormat.OUT_OF_BOX, 0, 64, 0, number, 0, 0, 0, subframe)


def test_steps_get_rougher_until_a_frame_comes():
    ladder = RecoveryLadder(0.1)
    ladder.started(0.0)
    assert ladder.due(0.49) is None
    assert ladder.due(0.51) is RecoveryStep.RESTART
    assert ladder.due(0.9) is None
    assert ladder.due(1.1) is RecoveryStep.RECONFIGURE
    assert ladder.due(1.7) is RecoveryStep.REOPEN
    assert not ladder.is_exhausted
    assert ladder.due(2.3) is RecoveryStep.REOPEN
    assert ladder.is_exhausted
    assert ladder.due(3.0) is None
    ladder.frame(5.0)
    assert not ladder.is_climbing
    assert ladder.due(5.29) is None
    assert ladder.due(5.31) is RecoveryStep.RESTART


def test_a_stopped_sensor_is_left_alone():
    ladder = RecoveryLadder(0.1)
    ladder.started(0.0)
    ladder.stopped()
    ladder.frame(0.05)
    assert ladder.due(100.0) is None


def test_slow_frames_get_the_time_they_need():
    ladder = RecoveryLadder(1.0)
    ladder.started(0.0)
    assert ladder.due(2.9) is None
    assert ladder.due(3.1) is RecoveryStep.RESTART


@pytest.mark.parametrize("field", ["periods", "first_frame_s", "retry_s"])
def test_settings_are_checked(field):
    with pytest.raises(ValueError, match=f"{field} is 0"):
        WatchdogSettings(**{field: 0})


def test_lost_frames_are_counted_by_their_numbers():
    counter = FrameCounter()
    for number in (1, 2, 5, 6, 6, 1, 2, 4_000_000_000):
        counter.add(header(number))
    assert (counter.dropped, counter.restarts) == (2, 1)


def test_subframes_share_a_number():
    counter = FrameCounter()
    for number in (1, 2, 3):
        for subframe in range(4):
            counter.add(header(number, subframe))
    assert (counter.dropped, counter.restarts) == (0, 0)
