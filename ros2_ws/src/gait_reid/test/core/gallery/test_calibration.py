from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.core.gallery.calibration import calibrate, fit_logistic
from gait_reid.core.gallery.decision import DecisionConfig

DISTANCES = st.floats(0.0, 2.0).map(lambda value: round(value, 2))


@settings(max_examples=40)
@given(st.lists(DISTANCES, min_size=100, max_size=300), st.sampled_from([0.01, 0.1, 0.5]))
def test_the_threshold_keeps_the_rate_and_no_higher_one_does(
    impostor: list[float], far: float
) -> None:
    other = np.array(impostor) + 0.1  # ties are common
    threshold = calibrate([0.0, 0.01], other / 2.2 * 2.0, far).max_distance
    scaled = other / 2.2 * 2.0
    assert (scaled <= threshold).mean() <= far
    above = scaled[scaled > threshold].min()
    assert (scaled <= above).mean() > far


def test_the_measured_rate_holds_on_new_walks() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.5, 0.1, 500), rng.normal(1.0, 0.1, 20_000)
    config = calibrate(genuine, impostor, 0.01, DecisionConfig(min_frames=7))
    assert (rng.normal(1.0, 0.1, 20_000) <= config.max_distance).mean() == pytest.approx(
        0.01, abs=0.003
    )
    assert config.max_distance == pytest.approx(1.0 - 2.326 * 0.1, abs=0.01)
    assert config.min_frames == 7


def test_probabilities_are_those_of_the_distances() -> None:
    """Two normal distributions of the same spread have a logistic posterior with known values."""
    rng = np.random.default_rng(1)
    genuine, impostor = rng.normal(0.5, 0.15, 40_000), rng.normal(0.9, 0.15, 10_000)
    midpoint, slope = fit_logistic(genuine, impostor)
    assert midpoint == pytest.approx(0.7, abs=0.005)
    assert slope == pytest.approx((0.9 - 0.5) / 0.15**2, rel=0.03)
    config = calibrate(np.abs(genuine), np.abs(impostor), 0.01)
    chances = config.probability([0.0, 0.7, 2.0])
    assert chances == pytest.approx([1.0, 0.5, 0.0], abs=0.03)


def test_separable_distances_give_finite_values() -> None:
    midpoint, slope = fit_logistic(np.full(20, 0.1), np.full(20, 0.9))
    assert 0.4 < midpoint < 0.6
    assert 1.0 < slope < 100.0


@pytest.mark.parametrize(
    ("genuine", "impostor", "far", "message"),
    [
        ([0.1], [0.5] * 99, 0.01, "99 impostor distances cannot show .* at least 100"),
        ([0.9, 0.8], [0.1, 0.2], 0.5, "are not smaller than impostor"),
        ([0.1], [0.5], 0.0, "far is 0"),
        ([], [0.5], 0.5, "genuine has 0 distances"),
        ([0.1], [np.nan], 0.5, "impostor has 1 distances"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    genuine: list[float], impostor: list[float], far: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(genuine, impostor, far)
