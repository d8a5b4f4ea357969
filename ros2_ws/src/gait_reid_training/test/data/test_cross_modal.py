from __future__ import annotations

import numpy as np
import pytest
from small_sets import write_set

torch = pytest.importorskip("torch")

from gait_reid.core.network_points import walk_frames  # noqa: E402
from gait_reid.core.radar_input import RadarInputConfig, prepare_radar  # noqa: E402
from gait_reid_sim.core.dataset.shard import Shard  # noqa: E402
from gait_reid_training.data.augment import AugmentConfig  # noqa: E402
from gait_reid_training.data.cross_modal import CrossModalDataset  # noqa: E402
from gait_reid_training.data.index import DatasetError  # noqa: E402
from gait_reid_training.data.preparations import radar_crops  # noqa: E402
from gait_reid_training.data.radar_walks import RadarAugmentConfig, RadarDataset  # noqa: E402


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    radar = write_set(
        root / "room", {"train": ("ann", "bob", "cid")}, 8, camera=False, lidar=False, radar=True
    )
    vision = write_set(root / "door", {"train": ("bob", "cid", "dan")}, 7, lidar=False)
    return radar, vision


@pytest.fixture(scope="module")
def data(folders):
    return CrossModalDataset([folders[0]], [folders[1]], "train")


def test_radar_frames_are_those_that_the_run_time_prepares(folders):
    data = RadarDataset([folders[0]], "train")
    batch = data.batch([4], 0, None)
    crops = radar_crops(Shard(folders[0] / "train" / "bob"), 1)
    direct = prepare_radar(crops, RadarInputConfig())
    np.testing.assert_allclose(batch.points[0].numpy(), direct.points, atol=2e-3)
    np.testing.assert_array_equal(batch.point_mask[0].numpy(), direct.point_mask)
    assert batch.point_mask.sum(dim=2).tolist() == [[30] * 8]
    assert batch.labels.tolist() == [1]
    echoes = np.concatenate([crop.point_velocity for crop in crops])
    assert batch.points[..., 3].sum() == pytest.approx(echoes.sum(), rel=1e-3)
    shine = np.concatenate([crop.intensity for crop in crops])
    assert batch.points[..., 4].sum() == pytest.approx(shine.sum() / 30, rel=1e-3)


def test_points_and_joints_are_in_the_frame_of_the_walk(folders):
    batch = RadarDataset([folders[0]], "train").batch([0], 0, None)
    shard = Shard(folders[0] / "train" / "ann")
    crops = radar_crops(shard, 0)
    heading = walk_frames(crops, 0.3).heading[0]
    # The pelvis is 5 cm ahead of the track along x of the site.
    expected = 0.05 * np.array([heading[0], -heading[1]])
    np.testing.assert_allclose(batch.root[0].numpy(), np.tile(expected, (8, 1)), atol=1e-5)
    assert not batch.joints[0, :, 0, :2].any()
    np.testing.assert_allclose(batch.joints[0, :, 0, 2].numpy(), 1.0, atol=1e-5)
    joints = shard.array("joints")[3] - shard.array("joints")[3, 0]
    length = np.linalg.norm(joints[:, :2], axis=1)
    np.testing.assert_allclose(np.linalg.norm(batch.joints[0, 3, :, :2], axis=1), length, atol=1e-5)
    assert batch.has_pose.all()


def test_frames_of_a_radar_walk_follow_each_other(folders):
    data = RadarDataset([folders[0]], "train")
    whole = data.batch([2], 0, None).points[0]
    starts = set()
    for seed in range(20):
        part = data.batch([2], 5, np.random.default_rng(seed)).points[0]
        start = next(i for i in range(4) if torch.equal(whole[i], part[0]))
        assert torch.equal(whole[start : start + 5], part)
        starts.add(start)
    assert starts == {0, 1, 2, 3}
    middle = data.batch([2], 4, None).points[0]
    assert torch.equal(whole[2:6], middle)


def test_pairs_are_of_one_person_and_of_those_that_both_sensors_saw(data):
    assert data.people == ("bob", "cid")
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    rng = np.random.default_rng(0)
    for rows in ([0, 1, 2, 3, 4, 5], [5, 0, 0, 0, 0]):
        partners = data.partners(rows, rng)
        names = data.vision.walks.person_id[partners]
        assert names.tolist() == [data.people[label] for label in data.labels[rows]]
    # Each camera walk of a person once before one comes again.
    assert sorted(data.partners([0, 1, 2], rng)) == sorted(data.partners([2, 1, 0], None))
    batch = data.batch([0, 4], 6, rng)
    assert batch.vision.labels.tolist() == batch.radar.labels.tolist() == [0, 1]
    assert batch.vision.rgb.shape[:2] == batch.radar.points.shape[:2] == (2, 6)
    assert batch.vision_joints.shape == batch.radar.joints.shape == (2, 6, 21, 3)
    assert not batch.vision_has_pose.any()  # these camera walks know no poses


def test_walks_without_radar_are_silent_not_wrong(folders):
    batch = RadarDataset([folders[1]], "train").batch([0], 4, None)
    assert not batch.point_mask.any()
    assert not batch.has_pose.any()


def test_strangers_to_each_other_are_refused(folders, tmp_path):
    other = write_set(tmp_path / "other", {"train": ("eve",)}, lidar=False)
    with pytest.raises(DatasetError, match="nobody of .*room is in .*other"):
        CrossModalDataset([folders[0]], [other], "train")


def test_radar_augmentation_moves_points_and_bodies_together(folders):
    nothing = {
        "drop_points": 0.0, "shift_m": 0.0, "jitter_m": 0.0, "turn_deg": 0.0,
        "point_noise_m": 0.0, "speed_noise_m_s": 0.0, "snr_db": 0.0,
    }  # fmt: skip
    data = RadarDataset([folders[0]], "train", augmentation=RadarAugmentConfig(**nothing))
    plain = data.batch([1], 8, None)
    same = data.batch([1], 8, np.random.default_rng(0))
    for name in ("points", "root", "joints", "point_mask"):
        torch.testing.assert_close(getattr(same, name), getattr(plain, name))
    moving = {**nothing, "shift_m": 0.2, "turn_deg": 60.0}
    data.augmentation = RadarAugmentConfig(**moving)
    moved = data.batch([1], 8, np.random.default_rng(1))
    assert (moved.points - plain.points).abs().max() > 0.05
    # The way from pelvis to points only turns.
    for one, other in ((plain, moved),):
        first = (one.points[0, :, :30, :2] - one.root[0, :, None]).norm(dim=-1)
        second = (other.points[0, :, :30, :2] - other.root[0, :, None]).norm(dim=-1)
        torch.testing.assert_close(first, second, atol=2e-3, rtol=0)
        turn = [torch.atan2(b.joints[0, 0, 4, 1], b.joints[0, 0, 4, 0]) for b in (one, other)]
        point = [torch.atan2(*(b.points[0, 0, 3, :2] - b.root[0, 0]).flip(0)) for b in (one, other)]
        difference = (turn[1] - turn[0]) - (point[1] - point[0])
        assert torch.cos(difference) == pytest.approx(1.0, abs=1e-2)


def test_camera_walks_of_pairs_are_not_mirrored(folders):
    data = CrossModalDataset(
        [folders[0]], [folders[1]], "train", vision_augmentation=AugmentConfig(mirror=1.0)
    )
    assert data.vision.augmentation.mirror == 0.0
