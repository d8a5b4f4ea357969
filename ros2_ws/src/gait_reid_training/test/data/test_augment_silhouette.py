"""Silhouettes as motion gives them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from small_sets import write_set

torch = pytest.importorskip("torch")

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig  # noqa: E402
from gait_reid_training.data.augment import AugmentConfig, augment  # noqa: E402
from gait_reid_training.data.augment_silhouette import (  # noqa: E402
    Coarseness,
    change_silhouettes,
    coarse,
)
from gait_reid_training.data.walks import WalkDataset  # noqa: E402

CONFIG = NetworkInputConfig(num_points=16)
NOTHING = AugmentConfig(
    **{
        one.name: 0 for one in fields(AugmentConfig) if not one.name.startswith("max_range")
    }
)  # fmt: skip
PLAIN = Coarseness(0.25, 0.35, 0.0, (0.5, 0.5))


def body() -> np.ndarray:
    """Return a person of 64 x 44 pixels: a head, a trunk and two legs."""
    out = np.zeros((64, 44), np.uint8)
    out[:10, 19:25], out[10:36, 15:29] = 255, 255
    out[36:, 15:20], out[36:, 24:29] = 255, 255
    return out


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    one, two = first > 127, second > 127
    return float((one & two).sum() / (one | two).sum())


def frames(length: int = 40) -> FrameInputs:
    out = FrameInputs.empty(CONFIG, length)
    out.silhouette[:, 0] = body()
    out.quality[:, 0] = 1.5
    out.has_camera[:] = True
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = {"train": ("ann", "bob", "cid")}
    return write_set(tmp_path_factory.mktemp("data") / "walks", people)


def test_the_farther_the_person_the_coarser_the_silhouette() -> None:
    rng = np.random.default_rng(0)
    kept = [
        np.mean([overlap(coarse(body(), height, PLAIN, rng), body()) for _ in range(20)])
        for height in (400.0, 160.0, 60.0, 25.0)
    ]
    assert kept[0] > 0.9
    assert kept[-1] < 0.75
    assert all(near > far for near, far in zip(kept, kept[1:]))


def test_the_level_decides_how_wide_people_are() -> None:
    rng = np.random.default_rng(0)
    width = [
        np.mean([(coarse(body(), 100.0, replace(PLAIN, level=level), rng) > 127).sum()
                 for _ in range(20)])
        for level in (0.15, 0.55)
    ]  # fmt: skip
    assert width[0] > 1.15 * width[1]


def test_clothes_of_the_background_s_colour_are_missing_and_shadows_are_not() -> None:
    rng = np.random.default_rng(0)
    hidden = coarse(body(), 400.0, replace(PLAIN, hidden=(0.2, 0.5)), rng)
    assert (hidden[16:30] > 127).mean() < 0.5 * (body()[16:30] > 127).mean()
    shadow = coarse(body(), 400.0, replace(PLAIN, shadow=0.2), rng)
    assert (shadow[-3:] > 127).sum() > 1.5 * (body()[-3:] > 127).sum()


def test_nothing_left_is_black() -> None:
    assert not coarse(body(), 100.0, replace(PLAIN, hidden=(0.0, 1.0), level=0.55),
                      np.random.default_rng(0)).any()  # fmt: skip


def test_walks_are_coarse_as_a_whole_and_as_often_as_was_asked() -> None:
    many = frames(400)
    change_silhouettes(many, (100, 4), np.ones(100), 0.3, np.random.default_rng(0))
    changed = (many.silhouette[:, 0] != body()).any(axis=(1, 2)).reshape(100, 4)
    assert (changed.all(axis=1) | ~changed.any(axis=1)).all()
    assert 0.2 < changed.mean() < 0.4


def test_lost_silhouettes_keep_their_colours_and_the_other_way_round() -> None:
    many = frames(800)
    many.rgb[:], many.has_lidar[:] = 90, True
    config = replace(NOTHING, drop_silhouettes=0.2, camera_frames=1)
    out = augment(many, (200, 4), config, np.random.default_rng(0))
    outlined = out.silhouette.any(axis=(1, 2, 3)).reshape(200, 4)
    coloured = out.rgb.any(axis=(1, 2, 3)).reshape(200, 4)
    assert (outlined.all(axis=1) | ~outlined.any(axis=1)).all()
    assert 0.1 < (~outlined).mean() < 0.3
    assert (coloured.sum(axis=1) == 1).all()


def test_silhouettes_of_walks_farther_away_are_coarser() -> None:
    away, length = [], 100
    for factor in (1.0, 2.0, 4.0):
        many = frames(length)
        many.quality[:, 0] = 0.5
        rng = np.random.default_rng(0)
        change_silhouettes(many, (length, 1), np.full(length, factor), 0.0, rng)
        away.append(np.mean([overlap(one, body()) for one in many.silhouette[:, 0]]))
    assert away[0] == 1.0
    assert away[0] > away[1] > away[2]


def test_what_else_is_drawn_does_not_depend_on_silhouettes() -> None:
    many = frames(40)
    many.points[:], many.point_mask[:], many.has_lidar[:] = 0.5, True, True
    found = [
        augment(many, (10, 4), replace(AugmentConfig(), coarse=one, drop_silhouettes=one),
                np.random.default_rng(3)).points
        for one in (0.0, 1.0)
    ]  # fmt: skip
    np.testing.assert_array_equal(found[0], found[1])


def test_a_data_set_shows_a_walk_s_silhouettes_the_same_each_time(folder: Path) -> None:
    data = WalkDataset([folder], "train", CONFIG, coarse=True)
    first, again = data.batch([1, 4], 4, None), data.batch([4, 1], 4, None)
    assert torch.equal(first.silhouette, again.silhouette[[1, 0]])
    plain = WalkDataset([folder], "train", CONFIG).batch([1, 4], 4, None)
    assert not torch.equal(first.silhouette, plain.silhouette)
    assert torch.equal(first.rgb, plain.rgb)
