"""Which walks make a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from walk_source import RandomWalks  # noqa: E402

from gait_reid_training.training.batches import (  # noqa: E402
    draw_rows,
    looked_at,
    without_sensors,
)
from gait_reid_training.training.config_groups import BatchConfig  # noqa: E402

LABELS = np.repeat(np.arange(12), 5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 100), st.integers(1, 3))
def test_a_batch_has_so_many_walks_of_so_many_people(step: int, seed: int, processes: int) -> None:
    config = BatchConfig(people=4, walks=3)
    everyone: list[int] = []
    for rank in range(processes):
        rows = draw_rows(LABELS, config, step, seed, rank, processes)
        people, counts = np.unique(LABELS[rows], return_counts=True)
        assert counts.tolist() == [3, 3, 3, 3]
        assert len(set(rows.tolist())) == 12
        assert np.array_equal(rows, draw_rows(LABELS, config, step, seed, rank, processes))
        everyone += people.tolist()
    # Processes of one step learn from different people.
    assert len(set(everyone)) == len(everyone)


def test_a_pass_shows_everybody_once_and_passes_differ() -> None:
    config = BatchConfig(people=4, walks=2)
    passes = [
        [LABELS[draw_rows(LABELS, config, step, 1)].tolist() for step in range(start, start + 3)]
        for start in (0, 3)
    ]
    for one in passes:
        assert sorted({person for batch in one for person in batch}) == list(range(12))
    assert passes[0] != passes[1]


def test_short_data_are_drawn_with_repetition() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2])
    rows = draw_rows(labels, BatchConfig(people=3, walks=4), 0, 1)
    assert np.bincount(labels[rows]).tolist() == [4, 4, 4]
    assert set(rows[labels[rows] == 0].tolist()) <= {0, 1}


def test_a_look_keeps_the_gallery_and_spreads_the_rest() -> None:
    source = RandomWalks(6, walks=10, conditions=("near", "far", "far", "far", "far"))
    rows = looked_at(source, people=3, walks=4, gallery=("near",))
    assert set(source.labels[rows]) == {0, 1, 2}
    for person in range(3):
        own = rows[source.labels[rows] == person]
        assert (source.condition[own] == "near").sum() == 2
        assert (source.condition[own] == "far").sum() == 4
    assert len(looked_at(source, 0, 0, ())) == 60


def test_a_sensor_is_taken_away_whole() -> None:
    batch = RandomWalks(4).batch([0, 1], 3, None)
    night = without_sensors(batch, ["lidar"])
    assert not night.has_camera.any()
    assert not night.rgb.any()
    assert not night.silhouette.any()
    assert not night.quality[..., :3].any()
    assert torch.equal(night.points, batch.points)
    blind = without_sensors(batch, ["camera"])
    assert not blind.has_lidar.any()
    assert not blind.point_mask.any()
    assert not blind.depth.any()
    assert not blind.quality[..., 4].any()
    assert torch.equal(blind.rgb, batch.rgb)
    assert without_sensors(batch, ["camera", "lidar"]) is batch
