"""The features kept of one track."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gait_reid.core.encoders.track_window import SlidingMaximum, TrackWindow
from gait_reid.core.types import Modality


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_maximum_is_that_of_the_newest_arrays(window: int, count: int, seed: int) -> None:
    arrays = np.random.default_rng(seed).normal(size=(count, 2, 3)).astype(np.float32)
    maximum = SlidingMaximum(window)
    for number, array in enumerate(arrays, 1):
        maximum.add(array)
        newest = arrays[max(0, number - window) : number]
        np.testing.assert_array_equal(maximum.value(), newest.max(axis=0))
        assert len(maximum) == len(newest)


def test_the_maximum_of_nothing_and_an_empty_window_are_refused() -> None:
    with pytest.raises(ValueError, match="maximum of no arrays"):
        SlidingMaximum(2).value()
    with pytest.raises(ValueError, match="window is 0"):
        SlidingMaximum(0)


def test_a_window_slides_over_everything() -> None:
    window = TrackWindow(3)
    for number in range(5):
        modality = Modality.LIDAR if number == 4 else Modality.CAMERA
        value = np.full(2, number, np.float32)
        window.add(number * 10**9, np.full((4, 2), -number, np.float32), value, modality)
    assert (len(window), window.start_ns, window.end_ns) == (3, 2 * 10**9, 4 * 10**9)
    assert window.duration_s == 2.0
    assert window.clouds[:, 0].tolist() == [2.0, 3.0, 4.0]
    assert window.pooled[0, 0] == -2.0
    assert window.modality == Modality.CAMERA | Modality.LIDAR


def test_a_window_keeps_no_batch_alive() -> None:
    batch = np.zeros((10, 4, 2), np.float32)
    window = TrackWindow(3)
    window.add(1, batch[3], batch[3, 0], Modality.CAMERA)
    assert window.pooled.base is None
    batch[3] = 9.0
    assert window.pooled.max() == 0.0
    assert window.clouds.max() == 0.0
