"""Stamps follow the device clock, not the arrival times."""

from __future__ import annotations

import numpy as np
import pytest

from ti_mmwave_driver.core.clock import DeviceClock

HZ = 200_000_000
MS = 1_000_000
BEGIN_NS = 1_700_000_000_000_000_000


def arrivals(count: int, skew_ppm: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True times of frames 100 ms apart and their arrivals: at least 1 ms late, often more."""
    generator = np.random.default_rng(seed)
    true_ns = BEGIN_NS + (np.arange(count) * 100 * MS * (1 + skew_ppm * 1e-6)).astype(np.int64)
    late_ns = (1 * MS + generator.exponential(4 * MS, count)).astype(np.int64)
    return true_ns, true_ns + late_ns


def cycles(index: int) -> int:
    return (4_000_000_000 + index * HZ // 10) % 2**32


@pytest.mark.parametrize("skew_ppm", [0.0, 40.0, -40.0])
def test_jitter_is_removed_and_the_wrap_is_followed(skew_ppm):
    count = 3000
    true_ns, arrival_ns = arrivals(count, skew_ppm)
    clock = DeviceClock()
    stamps = np.array([clock.stamp_ns(cycles(i), int(arrival_ns[i])) for i in range(count)])
    settled = slice(300, None)
    error_ms = (stamps - true_ns)[settled] / MS
    assert (stamps <= arrival_ns).all()
    assert np.std((arrival_ns - true_ns)[settled] / MS) > 3.5
    assert np.std(error_ms) < 0.1
    assert error_ms.mean() == pytest.approx(1.0, abs=0.2)
    assert clock.skew_ppm == pytest.approx(skew_ppm, abs=10.0)
    assert (np.diff(stamps) > 0).all()


def test_a_restarted_device_restarts_the_fit():
    clock = DeviceClock()
    for index in range(50):
        clock.stamp_ns(cycles(index), BEGIN_NS + index * 100 * MS)
    later_ns = BEGIN_NS + 5_300 * MS
    assert clock.stamp_ns(12345, later_ns) == later_ns
    assert clock.stamp_ns(12345 + HZ // 10, later_ns + 105 * MS) == later_ns + 100 * MS


def test_a_step_of_the_host_clock_restarts_the_fit():
    clock = DeviceClock()
    for index in range(50):
        clock.stamp_ns(cycles(index), BEGIN_NS + index * 100 * MS)
    backwards_ns = BEGIN_NS - 3_600_000 * MS
    assert clock.stamp_ns(cycles(50), backwards_ns) == backwards_ns


def test_settings_are_checked():
    with pytest.raises(ValueError, match="window_s is 0"):
        DeviceClock(window_s=0)
