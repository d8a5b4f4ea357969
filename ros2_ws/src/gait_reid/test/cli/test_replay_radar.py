"""People enrolled from a camera's recording are looked for in a radar's, without ROS."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from gait_reid.adapters import pointcloud
from gait_reid.adapters.bags import BagWriter, provide_message_modules
from gait_reid.testing import radar_room, walk_recording
from gait_reid.testing.mission_model import write_mission_model

PARAMS = """
/**/tracker:
  ros__parameters:
    perception:
      camera: {{translation_m: [0.0, 0.0, 1.2]}}
/**/radar_tracker:
  ros__parameters:
    perception:
      radar: {{translation_m: [0.0, 0.0, 1.0]}}
/**/reid:
  ros__parameters:
    reidentification:
      mission: {{model: tiny, model_directory: {folder}}}
"""


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    calibration = {"max_distance": 2.0, "min_frames": 4}
    write_mission_model(folder / "tiny", {"calibration": calibration})
    path = folder / "site.yaml"
    path.write_text(PARAMS.format(folder=folder))
    return path


@pytest.fixture(scope="module")
def radar_bag(tmp_path_factory) -> Path:
    """One person walks through the room and stands still at the end."""
    provide_message_modules()
    path = tmp_path_factory.mktemp("radar") / "bag"
    bag, rng = BagWriter(path, "mcap"), np.random.default_rng(0)
    way = radar_room.straight((6.0, 0.8), (2.0, -0.5))
    for number in range(70):
        cloud = radar_room.frame(number * radar_room.PERIOD_S, [way], rng)
        message = pointcloud.to_message(cloud)
        bag.write("/room/radar/points", "sensor_msgs/msg/PointCloud2", cloud.stamp_ns, message)
    bag.close()
    return path


def test_enrolled_by_camera_and_ranked_by_radar(gait_reid, params, radar_bag, tmp_path):
    store = [
        "--gallery", tmp_path / "gallery.sqlite", "--key-file", tmp_path / "gallery.key",
    ]  # fmt: skip
    seen = walk_recording.write(tmp_path / "hall", ["camera"], duration_s=3.0)
    done = gait_reid(
        "enroll", seen, "--params", params, "--encoder", "mission", "--person", "ada",
        "--consent", *store,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    done = gait_reid(
        "replay", radar_bag, "--params", params, "--json", tmp_path / "out.jsonl", *store
    )
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    answers = [match for line in lines for match in line["matches"]]
    assert {tuple(line["sensors"]) for line in lines} == {("radar",)}
    named = [one for one in answers if one["decision"] == "candidate"]
    assert len(named) > 5
    assert {one["candidates"][0]["person_id"] for one in named} == {"ada"}
    assert {one["person_id"] for one in answers} == {""}
    assert answers[-1]["reason"] == "not_walking"
    assert (answers[-1]["candidates"], answers[-1]["sensors"]) == ([], [])


def test_a_radar_is_tracked_without_a_gallery_and_without_a_model(gait_reid, radar_bag, tmp_path):
    done = gait_reid("replay", radar_bag, "--no-gallery", "--json", tmp_path / "out.jsonl")
    assert done.exit_code == 0, done.output
    tracks = [
        track["track_id"]
        for line in (tmp_path / "out.jsonl").read_text().splitlines()
        for track in json.loads(line)["tracks"]
        if track["state"] == "confirmed"
    ]
    assert len(set(tracks)) == 1


def test_a_model_needs_its_encoder(gait_reid, radar_bag):
    done = gait_reid("enroll", radar_bag, "--model", "tiny", "--consent")
    assert done.exit_code == 1
    assert "--model tiny: give --encoder as well" in done.output
