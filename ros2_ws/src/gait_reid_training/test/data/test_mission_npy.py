from __future__ import annotations

import cv2
import numpy as np
import pytest

from gait_reid_training.data.index import DatasetError
from gait_reid_training.data.mission_npy import NAMES, read_mission

RECORDS, FRAMES, SIZE = 4, 20, 56


def photographs(seed: int = 0, frames: int = FRAMES) -> np.ndarray:
    """(R, T, H, W, 3) smooth pictures, red above and blue below."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (RECORDS, frames, 7, 7, 3)).astype(np.uint8)
    out = np.stack([[cv2.resize(one, (SIZE, SIZE)) for one in row] for row in image])
    out[:, :, :8] = (250, 0, 0)
    out[:, :, -8:] = (0, 0, 250)
    return out


def write(folder, names=NAMES[0], frames=FRAMES, **other):
    rng = np.random.default_rng(1)
    steps = np.arange(frames)[None, :, None] * 0.12
    radar = rng.uniform(-0.3, 0.3, (RECORDS, frames, 64, 5))
    radar[..., 0] += 4.0 - steps
    radar[..., 2] += 0.9
    radar[:, :, 50:] = 0.0
    arrays = {
        "radar": radar,
        "pose": rng.normal(size=(RECORDS, frames, 24, 3)),
        "label": np.array(["p2", "p1", "p2", "p3"]),
        "picture": photographs(frames=frames).transpose(0, 1, 4, 2, 3),
    }
    folder.mkdir(exist_ok=True)
    for key, name in names.items():
        value = other.get(key, arrays[key])
        if value is not None:
            np.save(folder / f"{name}.npy", value, allow_pickle=True)
    return folder


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("frames", [20, 25])
def test_published_arrays_are_read_under_both_names(tmp_path, names, frames):
    found = read_mission(write(tmp_path / "a", names, frames))
    assert len(found) == RECORDS
    assert found.people == ("p1", "p2", "p3")
    assert found.labels.tolist() == [1, 0, 1, 2]
    assert found.radar.shape[1] == found.picture.shape[1] == 20
    assert isinstance(found.picture.base if found.picture.base is not None else None, np.memmap)


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("last", [False, True])
def test_pictures_are_upright_whatever_their_shape_says(tmp_path, last, scale):
    images = photographs()
    stored = (
        images.reshape(RECORDS, FRAMES, 3, SIZE, SIZE)
        if last
        else np.ascontiguousarray(images.transpose(0, 1, 4, 2, 3))
    )
    found = read_mission(write(tmp_path / "a", picture=(stored / scale).astype(np.float32)))
    assert found.channels_last == last
    pictures = found.pictures(2, (SIZE, SIZE))
    assert pictures.shape == (20, 3, SIZE, SIZE)
    np.testing.assert_allclose(pictures.transpose(0, 2, 3, 1), images[2], atol=1)
    small = found.pictures(2, (64, 32))
    assert small[0, :, 1, 5].tolist() == pytest.approx([250, 0, 0], abs=2)


def test_radar_frames_are_in_the_frame_of_the_walk(tmp_path):
    found = read_mission(write(tmp_path / "a"))
    frames, poses = found.radar_frames(0)
    assert frames.points.shape == (20, 64, 5)
    assert set(frames.point_mask.sum(axis=1).tolist()) == {50}
    middle = np.array([p[m, :2].mean(axis=0) for p, m in zip(frames.points, frames.point_mask)])
    assert np.abs(middle).max() < 0.3
    # Walking towards the radar, the side that it sees is ahead of the middle of the body.
    assert middle[:, 0].mean() > 0.03
    assert not poses.joints[:, 0, :2].any()
    assert poses.has_pose.all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"radar": None}, "list_all_ti.npy is missing"),
        ({"label": np.array(["a", "b"])}, "unequal numbers of records .*list_label_all.npy 2"),
        ({"label": np.array(["a", 1, None, 2], object)}, "damaged or holds objects"),
        ({"pose": np.zeros((4, 20, 24, 2))}, r"shape \(4, 20, 24, 2\), expected .*joints, 3"),
        ({"picture": np.zeros((4, 20, 56, 56, 3), np.uint8)}, "expected .*3, rows, columns"),
        ({"picture": np.full((4, 20, 3, 56, 56), 9, np.uint8)}, "cannot tell whether colours"),
        ({"radar": np.zeros((4, 20, 64))}, r"shape \(4, 20, 64\)"),
        ({"radar": np.zeros((4, 20, 64, 3), "c8")}, "holds complex64, expected numbers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, changes, reason):
    with pytest.raises(DatasetError, match=reason):
        read_mission(write(tmp_path / "a", **changes))


def test_a_folder_without_the_files_and_cut_files_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="holds none of the published files"):
        read_mission(tmp_path)
    folder = write(tmp_path / "a")
    file = folder / "list_all_ti.npy"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(DatasetError, match=r"list_all_ti\.npy is damaged"):
        read_mission(folder)


def test_records_become_pairs_of_different_records_of_one_person(tmp_path):
    pytest.importorskip("torch")
    from gait_reid_training.data.mission_walks import MissionWalks

    data = MissionWalks(read_mission(write(tmp_path / "a")))
    assert data.partners([0, 1, 2, 3], None).tolist() == [2, 1, 0, 3]
    batch = data.batch([0, 3], 6, None)
    assert batch.radar.points.shape == (2, 6, 64, 5)
    assert batch.vision.rgb.shape == (2, 6, 3, 64, 32)
    assert batch.vision_joints.shape == batch.radar.joints.shape == (2, 6, 24, 3)
    assert batch.radar.labels.tolist() == batch.vision.labels.tolist() == [1, 2]
    # Frames 7 to 12 of record 2, in the middle of the walk.
    image = photographs()[2, 7]
    np.testing.assert_allclose(batch.vision.rgb[0, 0].float().mean(), image.mean(), rtol=0.1)
    assert batch.vision.has_camera.all()
    assert not batch.vision.has_lidar.any()
