from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from small_sets import BODY, COLUMNS, ROWS, write_set

torch = pytest.importorskip("torch")

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare  # noqa: E402
from gait_reid_sim.core.dataset.shard import Shard  # noqa: E402
from gait_reid_training.data import cache as caches  # noqa: E402
from gait_reid_training.data.augment import AugmentConfig, augment  # noqa: E402
from gait_reid_training.data.cache import CacheError, build_cache  # noqa: E402
from gait_reid_training.data.detected import as_detected  # noqa: E402
from gait_reid_training.data.index import DatasetError  # noqa: E402
from gait_reid_training.data.preparations import FramePreparation  # noqa: E402
from gait_reid_training.data.walks import WalkDataset  # noqa: E402

CONFIG = NetworkInputConfig(num_points=16)
PEOPLE = {"train": ("ann", "bob", "cid"), "test": ("dan",)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("data") / "walks", PEOPLE)


@pytest.fixture(scope="module")
def data(folder):
    return WalkDataset([folder], "train", CONFIG)


def test_the_walks_of_a_split_are_those_that_were_written(data):
    assert data.people == ("ann", "bob", "cid")
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.condition.tolist() == ["near", "far", "night"] * 3
    assert data.walks.light.tolist() == ["day", "day", "night"] * 3
    assert data.walks.range_m.tolist() == [10.0, 30.0, 20.0] * 3


def test_a_batch_without_chance_is_what_the_run_time_prepares(folder, data):
    batch = data.batch([4], 0, None)
    shard = Shard(folder / "train" / "bob")
    direct = prepare([as_detected(crop) for crop in shard.tracklet(1).crops], CONFIG)
    for one in fields(FrameInputs):
        got, want = getattr(batch, one.name)[0].numpy(), getattr(direct, one.name)
        np.testing.assert_allclose(got, want, atol=1e-3)
    assert batch.labels.tolist() == [1]
    assert batch.frame_mask.all()


def test_the_person_fills_the_height_as_in_the_boxes_of_detectors(folder):
    crop = Shard(folder / "train" / "ann").tracklet(0).crops[0]
    cut = as_detected(crop)
    x, y, width, height = BODY
    assert cut.image.shape == (round(0.96 * height), width, 3)
    np.testing.assert_allclose(cut.roi, [100 + x, 50 + y, width, round(0.96 * height)], atol=1e-3)
    hidden = crop.silhouette.copy()
    hidden[y + 30 :] = 0
    legless = as_detected(replace(crop, silhouette=hidden))
    assert legless.image.shape[0] == pytest.approx(0.76 * 0.96 * ROWS, abs=1.5)
    assert legless.image.shape[1] == pytest.approx(0.6 * COLUMNS, abs=1.0)


def test_short_walks_are_padded_and_seen_by_nothing(tmp_path):
    write_set(tmp_path / "a", {"train": ("ann",)}, frames=3)
    write_set(tmp_path / "b", {"train": ("ann", "bob")}, frames=6)
    both = WalkDataset([tmp_path / "a", tmp_path / "b"], "train", CONFIG)
    assert both.people == ("ann", "bob")
    assert both.labels.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    batch = both.batch([0, 8], 0, None)
    assert batch.frame_mask.tolist() == [[True] * 3 + [False] * 3, [True] * 6]
    for name in ("rgb", "points", "point_mask", "state", "quality", "has_camera", "has_lidar"):
        assert not getattr(batch, name)[0, 3:].any()
        assert getattr(batch, name)[0, :3].any()


def test_frames_are_drawn_without_repetition_as_long_as_they_last(data):
    def different(frames):
        batch = data.batch([0], frames, np.random.default_rng(2))
        return len(torch.unique(batch.rgb[0].reshape(frames, -1), dim=0))

    assert [different(frames) for frames in (1, 3, 5, 9)] == [1, 3, 5, 5]


def test_the_same_seed_draws_the_same_batch(folder):
    data = WalkDataset([folder], "train", CONFIG, augmentation=AugmentConfig())
    first, second = (data.batch([0, 3, 7], 4, np.random.default_rng(5)) for _ in range(2))
    other = data.batch([0, 3, 7], 4, np.random.default_rng(6))
    for one in fields(first):
        assert torch.equal(getattr(first, one.name), getattr(second, one.name))
    assert not torch.equal(first.points, other.points)


def test_prepared_frames_of_other_data_or_settings_are_refused(tmp_path):
    root = write_set(tmp_path / "set", {"train": ("ann", "bob")})
    WalkDataset([root], "train", CONFIG, cache=tmp_path / "cache")
    other = replace(CONFIG, min_height_m=0.3)
    with pytest.raises(CacheError, match=r"min_height_m is 0\.2, wanted is 0\.3; delete"):
        WalkDataset([root], "train", other, cache=tmp_path / "cache")
    # Networks that take fewer points or no pictures of depth use the same cache.
    WalkDataset(
        [root], "train", replace(CONFIG, num_points=9, with_depth=False), tmp_path / "cache"
    )
    write_set(root, {"train": ("eve",)})
    with pytest.raises(CacheError, match="source_sha256"):
        WalkDataset([root], "train", CONFIG, cache=tmp_path / "cache")


def test_an_interrupted_preparation_goes_on(tmp_path, monkeypatch):
    root = write_set(tmp_path / "set", {"train": ("ann", "bob", "cid")})
    whole = WalkDataset([root], "train", CONFIG, tmp_path / "whole").batch(range(9), 0, None)
    written = []
    write = caches._write

    def stops(target, person, first, config):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(person.path.name)
        write(target, person, first, config)

    monkeypatch.setattr(caches, "_write", stops)
    target = tmp_path / "cache" / "set"
    with pytest.raises(KeyboardInterrupt):
        build_cache(root, target, FramePreparation(CONFIG))
    assert not (target / "cache.json").exists()
    monkeypatch.setattr(caches, "_write", lambda *a: (written.append(a[1].path.name), write(*a)))
    again = WalkDataset([root], "train", CONFIG, tmp_path / "cache").batch(range(9), 0, None)
    assert written == ["ann", "bob", "cid"]
    for one in fields(whole):
        assert torch.equal(getattr(whole, one.name), getattr(again, one.name))


def test_several_processes_prepare_the_same_frames(folder, data, tmp_path):
    other = WalkDataset([folder], "train", CONFIG, tmp_path / "cache", workers=2)
    for one in fields(FrameInputs):
        first, second = data.batch(range(9), 0, None), other.batch(range(9), 0, None)
        assert torch.equal(getattr(first, one.name), getattr(second, one.name))


@pytest.mark.parametrize("sensor", ["camera", "lidar"])
def test_data_sets_of_one_sensor_lack_the_other(tmp_path, sensor):
    root = write_set(tmp_path / "one", {"test": ("ann",)}, camera=sensor == "camera",
                     lidar=sensor == "lidar")  # fmt: skip
    batch = WalkDataset([root], "test", CONFIG).batch([0, 1], 3, None)
    assert batch.has_camera.all() == batch.rgb.any() == (sensor == "camera")
    assert batch.has_lidar.all() == batch.points.any() == (sensor == "lidar")


def test_what_is_no_data_set_is_refused_by_name(tmp_path):
    with pytest.raises(DatasetError, match="holds no walks"):
        WalkDataset([tmp_path], "train", CONFIG)
    root = write_set(tmp_path / "set", {"train": ("ann",)})
    with pytest.raises(DatasetError, match="no walks of split 'test'"):
        WalkDataset([root], "test", CONFIG)
    file = root / "train" / "ann" / "tracklets.json"
    rows = json.loads(file.read_text())
    rows[1]["first"] = 99
    file.write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match=r"tracklets\.json: walk 1 .* from 5 on"):
        WalkDataset([root], "train", CONFIG)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("position", lambda a: a[:-1], r"position\.npy has shape \(14, 3\), expected 15 rows"),
        ("images_start", lambda a: a[:-2], "expected 16 rows"),
        ("images_start", lambda a: a[::-1], "does not ascend"),
        ("points", lambda a: a[:-7], r"points\.npy has shape"),
        ("intensity", lambda a: a[:-1], r"intensity\.npy has shape"),
        ("viewpoint", lambda a: a[:1], "expected 3 rows"),
        ("roi", lambda a: np.array([None], object), r"roi\.npy is missing or damaged"),
    ],
)
def test_arrays_of_odd_lengths_are_refused_by_name(tmp_path, name, change, reason):
    root = write_set(tmp_path / "set", {"train": ("ann",)})
    path = root / "train" / "ann" / f"{name}.npy"
    np.save(path, change(np.load(path)), allow_pickle=True)
    with pytest.raises(DatasetError, match=reason):
        WalkDataset([root], "train", CONFIG)


NOTHING = AugmentConfig(**{one.name: 0 for one in fields(AugmentConfig)
                           if not one.name.startswith("max_range")})  # fmt: skip


def frames_of(data, rows=range(9), length=4):
    batch = data.batch(rows, length, None)
    values = {one.name: getattr(batch, one.name).flatten(0, 1).numpy()
              for one in fields(FrameInputs)}  # fmt: skip
    return FrameInputs(**values), (len(batch), length)


def test_augmentation_that_is_off_changes_nothing(data):
    frames, shape = frames_of(data)
    same = augment(frames, shape, NOTHING, np.random.default_rng(0))
    for one in fields(FrameInputs):
        np.testing.assert_allclose(getattr(same, one.name), getattr(frames, one.name), atol=2e-2)


def test_few_pictures_of_a_walk_are_kept_and_all_scans(data):
    frames, shape = frames_of(data)
    thin = augment(frames, shape, replace(NOTHING, camera_frames=1), np.random.default_rng(0))
    kept = thin.has_camera.reshape(shape).sum(axis=1)
    alone = (frames.has_camera & ~frames.has_lidar).reshape(shape).sum(axis=1)
    had = frames.has_camera.reshape(shape).sum(axis=1)
    assert (kept <= np.minimum(had, 1 + alone)).all()
    assert kept.sum() > 0
    assert not thin.rgb[~thin.has_camera].any()
    np.testing.assert_array_equal(thin.has_lidar, frames.has_lidar)
    np.testing.assert_allclose(thin.points, frames.points, atol=1e-6)


def test_a_mirrored_walk_is_mirrored_for_all_sensors(data):
    frames, shape = frames_of(data)
    mirrored = augment(frames, shape, replace(NOTHING, mirror=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(mirrored.rgb, frames.rgb[..., ::-1])
    np.testing.assert_array_equal(mirrored.depth, frames.depth[..., ::-1])
    np.testing.assert_allclose(mirrored.points[..., 1], -frames.points[..., 1])
    np.testing.assert_allclose(mirrored.points[..., 2], frames.points[..., 2])
    np.testing.assert_allclose(mirrored.state[:, 0], -frames.state[:, 0])
    np.testing.assert_allclose(mirrored.state[:, 1], frames.state[:, 1])


def test_a_walk_farther_away_has_fewer_points_and_coarser_pictures(folder):
    data = WalkDataset([folder], "train", replace(CONFIG, num_points=128))
    frames, shape = frames_of(data, rows=[0, 3, 6], length=5)
    config = replace(NOTHING, far=1.0)
    away = augment(frames, shape, config, np.random.default_rng(4))
    factor = away.state[:, 3] / frames.state[:, 3]
    assert 1.0 < factor.min() < factor.max() <= 4.0
    np.testing.assert_allclose(away.quality[:, 0], frames.quality[:, 0] / factor, rtol=1e-5)
    left = away.point_mask.sum(axis=1) / frames.point_mask.sum(axis=1)
    np.testing.assert_allclose(left.mean(), (1 / factor**2).mean(), rtol=0.4)
    assert not away.points[~away.point_mask].any()
    # One draw for a walk.
    assert all(len(np.unique(np.round(one, 4))) == 1 for one in factor.reshape(3, 5))


def test_a_lost_sensor_leaves_nothing_and_never_both(data):
    frames, shape = frames_of(data, rows=list(range(9)) * 20, length=2)
    config = replace(NOTHING, drop_camera=0.4, drop_lidar=0.4)
    out = augment(frames, shape, config, np.random.default_rng(0))
    assert (out.has_camera | out.has_lidar).all()
    assert 0.3 < (~out.has_camera).mean() < 0.5
    assert 0.1 < (~out.has_lidar).mean() < 0.4
    assert not out.rgb[~out.has_camera].any()
    assert not out.quality[~out.has_camera, :3].any()
    assert not out.points[~out.has_lidar].any()
    assert not out.depth[~out.has_lidar].any()
    walks = out.has_camera.reshape(shape)
    assert (walks.all(axis=1) | ~walks.any(axis=1)).all()
