from __future__ import annotations

import numpy as np
import pytest

from gait_reid.core.rois import clip_roi, roi_overlap, suppress


def test_clip_and_overlap():
    clipped = clip_roi([[-10, -10, 30, 40], [200, 0, 10, 10]], 100, 100)
    assert clipped[0].tolist() == [0, 0, 20, 30]
    assert np.isnan(clipped[1]).all()
    union, first, second = roi_overlap([[0, 0, 10, 10]], [[5, 0, 10, 10], [np.nan] * 4])
    assert union[0].tolist() == pytest.approx([1 / 3, 0])
    assert first[0].tolist() == pytest.approx([0.5, 0])
    assert second[0].tolist() == pytest.approx([0.5, 0])


def test_suppression_keeps_the_best_of_those_that_overlap():
    roi = np.array([[0, 0, 10, 20], [1, 0, 10, 20], [50, 0, 10, 20], [51, 2, 3, 3]], float)
    score = np.array([0.5, 0.9, 0.4, 0.3])
    assert suppress(roi, score, 0.5).tolist() == [1, 2, 3]
    assert suppress(roi, score, 0.5, max_inside=0.8).tolist() == [1, 2]
    assert len(suppress(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0
