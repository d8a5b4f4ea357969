"""Pairs of walks from folders: simulated data sets, and Mission's published arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from small_sets import write_set  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from gait_reid_training.cli import train  # noqa: E402
from gait_reid_training.data.mission_npy import NAMES  # noqa: E402
from gait_reid_training.data.mission_splits import split_records  # noqa: E402
from gait_reid_training.training.config import make_experiment  # noqa: E402
from gait_reid_training.training.source import load_data  # noqa: E402

SPLITS = {"train": ("ann", "bob", "cid", "dan"), "validation": ("eve", "fay")}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A data set with radar and one with camera, of the same people."""
    root = tmp_path_factory.mktemp("data")
    room = write_set(root / "room", SPLITS, 6, camera=False, lidar=False, radar=True)
    door = write_set(root / "door", SPLITS, 6, lidar=False)
    return {"data.folders": [str(room)], "data.camera_folders": [str(door)]}


def an_experiment(**values: Any) -> Any:
    return make_experiment(
        {
            "network.name": "mission", "network.wrong_pairs": 1,
            "batch": {"people": 2, "walks": 2, "frames": 4},
            "validation.frames": 4, "validation.every_iterations": 100, "run.threads": 1, **values,
        }
    )  # fmt: skip


def test_people_of_both_data_sets_are_learnt_from_and_others_watched(
    folders: dict[str, Any],
) -> None:
    data = load_data(an_experiment(**folders))
    assert data.people == SPLITS["train"]
    batch = next(iter(data.train_loader(0, 0, 1)))
    assert batch.radar.points.shape == (4, 4, 64, 5)
    assert batch.vision.rgb.shape == (4, 4, 3, 64, 32)
    assert torch.equal(batch.vision.labels, batch.radar.labels)
    assert len(set(batch.labels.tolist())) == 2
    looks = list(data.validation_loader())
    assert torch.cat([one.labels for one in looks]).tolist() == [0] * 3 + [1] * 3
    again = next(iter(load_data(an_experiment(**folders)).train_loader(0, 0, 1)))
    assert torch.equal(batch.radar.points, again.radar.points)
    assert torch.equal(batch.vision.rgb, again.vision.rgb)


def test_people_of_the_training_split_can_be_held_out(folders: dict[str, Any]) -> None:
    data = load_data(an_experiment(**folders, **{"data.held_out": 1}))
    assert data.people == ("ann", "bob", "cid")
    assert {one for batch in data.validation_loader() for one in batch.labels.tolist()} == {0}
    with pytest.raises(ValueError, match=r"data.held_out is 4, allowed: less than the 4 people"):
        load_data(an_experiment(**folders, **{"data.held_out": 4}))


def test_folders_that_lack_are_named(folders: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data.camera_folders is empty: name the folder"):
        load_data(an_experiment(**{**folders, "data.camera_folders": []}))
    with pytest.raises(ValueError, match=r"data.folders is empty"):
        load_data(an_experiment(**{**folders, "data.folders": []}))
    with pytest.raises(ValueError, match="holds no walks"):
        load_data(an_experiment(**{**folders, "data.folders": [str(tmp_path)]}))


def test_the_shipped_configuration_trains_and_goes_on(
    folders: dict[str, Any], tmp_path: Path
) -> None:
    sizes = {
        "network.preset": "edge", "network.width": 2, "network.lstm_width": 8,
        "input.focal_px": 0.0, "batch.people": 3, "batch.frames": 4,
        "schedule.iterations": 2, "schedule.warm_up_iterations": 1,
        "validation.every_iterations": 2, "validation.frames": 4, "run.accelerator": "cpu",
    }  # fmt: skip
    arguments = ["-c", "mission_sim", "-o", str(tmp_path), "--resume"]
    for key, value in {**folders, **sizes}.items():
        arguments += ["--set", f"{key}={json.dumps(value)}"]
    for slice_minutes in ("0.0005", "10"):
        result = CliRunner().invoke(train.app, [*arguments, "--max-minutes", slice_minutes])
        assert result.exit_code == 0, result.output
        found = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
        assert found["finished"] == (slice_minutes == "10")
    assert found["iteration"] == 2
    assert found["monitored"] == "validation/pairwise_rank1"
    assert 0.0 <= found["best"] <= 1.0


def write_records(folder: Path) -> Path:
    """Write four records of each of five people, who walk towards the radar."""
    rng = np.random.default_rng(3)
    people, frames = np.repeat(["p1", "p2", "p3", "p4", "p5"], 4), 6
    radar = rng.uniform(-0.3, 0.3, (len(people), frames, 16, 3))
    radar[..., 0] += 4.0 - 0.1 * np.arange(frames)[:, None]
    radar[..., 2] += 0.9
    coarse = rng.integers(0, 255, (len(people), frames, 4, 4, 3)).astype(np.uint8)
    pictures = np.stack([[cv2.resize(one, (32, 32)) for one in row] for row in coarse])
    arrays = {
        "radar": radar, "pose": rng.normal(size=(len(people), frames, 24, 3)), "label": people,
        "picture": pictures.transpose(0, 1, 4, 2, 3),
    }  # fmt: skip
    folder.mkdir()
    for key, name in NAMES[0].items():
        np.save(folder / f"{name}.npy", arrays[key])
    return folder


def test_published_records_are_a_source_too(tmp_path: Path) -> None:
    folder = write_records(tmp_path / "npy")
    values = {
        "data.kind": "mission_npy", "data.folders": [str(folder)], "data.held_out": 2,
        "network.joints": 24, "network.radar_channels": 3,
    }  # fmt: skip
    data = load_data(an_experiment(**values))
    assert data.people == ("p1", "p2", "p3")
    batch = next(iter(data.train_loader(0, 0, 1)))
    assert batch.radar.points.shape == (4, 4, 64, 5)
    assert batch.vision_joints.shape == (4, 4, 24, 3)
    assert not torch.equal(batch.vision_joints, batch.radar.joints)
    looks = list(data.validation_loader())
    assert torch.cat([one.labels for one in looks]).tolist() == [0] * 4 + [1] * 4
    with pytest.raises(ValueError, match=r"network.joints is 21, allowed: 24"):
        load_data(an_experiment(**{**values, "network.joints": 21}))
    with pytest.raises(ValueError, match="leave nobody of the 5 people"):
        load_data(an_experiment(**{**values, "data.test_people": 3}))


def test_splits_of_published_records_share_nothing() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4])
    parts = {one: split_records(labels, one, 0, 1, 0.5) for one in ("train", "test")}
    assert parts["train"].tolist() == [0, 1, 4, 5]
    assert parts["test"].tolist() == [2, 3, 6, 7, 9, 10]
    unseen = {one: split_records(labels, one, 2, 1) for one in ("train", "validation", "test")}
    assert unseen["train"].tolist() == list(range(8))
    assert unseen["validation"].tolist() == [8, 9, 10]
    assert unseen["test"].tolist() == [11, 12]
    with pytest.raises(ValueError, match="split is 'dev'"):
        split_records(labels, "dev")
