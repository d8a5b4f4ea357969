from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gait_reid.core.clusters import BirdsEyeGrid, cluster_points

GRID = BirdsEyeGrid.around(0.0, 0.0, 4.0, 0.2)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(0, 80), st.just(2)), elements=st.floats(-5, 5, width=32)
    ),
    st.integers(0, 9),
)
def test_both_implementations_give_the_same_labels(xy, seed):
    blocked = np.random.default_rng(seed).random(GRID.shape) < 0.1 * (seed % 3)
    fast, fast_count = cluster_points(xy, GRID, blocked, use_numba=True)
    plain, plain_count = cluster_points(xy, GRID, blocked, use_numba=False)
    np.testing.assert_array_equal(fast, plain)
    assert fast_count == plain_count


def test_touching_cells_join_and_distant_ones_do_not():
    xy = np.array(
        [[0.05, 0.05], [0.25, 0.25], [0.45, 0.45], [1.05, 0.05], [9.0, 0.0], [np.nan, 0.0]],
        np.float32,
    )
    labels, count = cluster_points(xy, GRID)
    assert labels.tolist() == [0, 0, 0, 1, -1, -1]
    assert count == 2


def test_blocked_cells_separate():
    xy = np.array([[0.1, 0.1], [0.3, 0.1], [0.5, 0.1]], np.float32)
    blocked = np.zeros(GRID.shape, bool)
    row, column, _ = GRID.cells(xy[1:2])
    blocked[row, column] = True
    assert cluster_points(xy, GRID, blocked)[0].tolist() == [0, -1, 1]


def test_labels_agree_with_dbscan_on_separate_blobs():
    sklearn_cluster = pytest.importorskip("sklearn.cluster")
    rng = np.random.default_rng(1)
    centers = np.array([[-2, -2], [0, 1.5], [2.5, -1], [-1, 3]])
    xy = np.concatenate([rng.normal(c, 0.12, (200, 2)) for c in centers]).astype(np.float32)
    labels, _ = cluster_points(xy, GRID)
    expected = sklearn_cluster.DBSCAN(eps=0.3, min_samples=1).fit_predict(xy)
    pairs = set(zip(labels.tolist(), expected.tolist(), strict=True))
    assert len(pairs) == len(set(labels.tolist())) == len(set(expected.tolist()))


def test_wrong_shape_of_blocked_is_named():
    with pytest.raises(ValueError, match=r"blocked has shape \(2, 2\)"):
        cluster_points(np.zeros((1, 2), np.float32), GRID, np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="cell_m is 0.0"):
        BirdsEyeGrid(0.0, 0.0, 0.0, 1, 1)
