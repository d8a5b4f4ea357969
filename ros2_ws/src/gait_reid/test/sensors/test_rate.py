from __future__ import annotations

import pytest

from gait_reid.sensors.rate import RateMeter


def metered(rate_hz: float, frames: int) -> RateMeter:
    meter = RateMeter()
    for index in range(frames):
        meter.add(100.0 + index / rate_hz)
    return meter


def test_rate_is_measured_over_the_last_frames():
    meter = metered(10.0, 50)
    assert meter.rate_hz == pytest.approx(10.0)
    assert metered(10.0, 1).rate_hz == 0.0


def test_deviation_is_told_once_enough_is_known():
    assert metered(8.0, 20).judge(10.0, 0.1).startswith("8.0 scans per second instead of 10.0")
    assert metered(9.5, 20).judge(10.0, 0.1) == ""
    assert metered(8.0, 5).judge(10.0, 0.1) == ""
    assert metered(8.0, 20).judge(0.0, 0.1) == ""
