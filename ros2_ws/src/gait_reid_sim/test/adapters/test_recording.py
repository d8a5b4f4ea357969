from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_scene import SMALL

from gait_reid.adapters import image, pointcloud
from gait_reid.adapters.bags import BagReader
from gait_reid.core.geometry import optical_pose
from gait_reid_sim.adapters.recording import EPOCH_S, record_scene
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scene.simulation import Simulation


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(read_scenario(SMALL))


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def bag(request: Any, simulation: Simulation, tmp_path_factory: Any) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "scene"
    seen: list[float] = []
    # 35 frames, 15 calibrations, two messages of truth for each frame, and the poses.
    assert record_scene(simulation, path, storage=request.param, progress=seen.append) == 121
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    return path


class Heard(NamedTuple):
    log_ns: int
    data: bytes
    message: Any


def messages_of(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with BagReader(path) as reader:
        for one in reader.messages():
            found.setdefault(one.topic, []).append(Heard(one.log_ns, one.data, reader.decode(one)))
    return found


def test_a_scene_is_recorded_as_the_node_publishes_it(bag: Path, simulation: Simulation) -> None:
    found = messages_of(bag)
    assert {topic: len(kept) for topic, kept in found.items()} == {
        "/tf_static": 1, "/lidar/points": 10, "/camera/image_raw": 15, "/camera/camera_info": 15,
        "/radar/points": 10, "/truth/tracks": 35, "/truth/identities": 35,
    }  # fmt: skip
    lidar, camera, _ = simulation.scenario.sensors
    cloud = pointcloud.from_message(found["/lidar/points"][4].message)
    np.testing.assert_array_equal(cloud.xyz, simulation.frame(lidar, 4).data.xyz)
    assert cloud.stamp_ns == EPOCH_S * 10**9 + simulation.frame(lidar, 4).stamp_ns
    picture = image.bgr_of(found["/camera/image_raw"][2].message)
    np.testing.assert_array_equal(picture, simulation.frame(camera, 2).data.image)


def test_the_poses_of_the_sensors_are_recorded(bag: Path, simulation: Simulation) -> None:
    (message,) = messages_of(bag)["/tf_static"]
    found = {t.child_frame_id: t for t in message.message.transforms}
    assert {name: t.header.frame_id for name, t in found.items()} == {
        "lidar": "site", "camera": "site", "camera_optical": "camera", "radar": "site"
    }  # fmt: skip
    mount = simulation.scenario.sensors[1].mount
    camera, optical = found["camera"].transform, found["camera_optical"].transform
    turned = Rotation.from_quat(quaternion(camera)) * Rotation.from_quat(quaternion(optical))
    np.testing.assert_allclose(turned.as_matrix(), optical_pose(mount).rotation, atol=1e-9)
    assert camera.translation.z == 1.6


def quaternion(transform: Any) -> list[float]:
    q = transform.rotation
    return [q.x, q.y, q.z, q.w]


def test_two_recordings_of_a_scene_are_the_same(
    bag: Path, simulation: Simulation, tmp_path: Path
) -> None:
    record_scene(simulation, tmp_path / "again")
    again, first = messages_of(tmp_path / "again"), messages_of(bag)
    assert again.keys() == first.keys()
    for topic, kept in first.items():
        assert [m.log_ns for m in kept] == [m.log_ns for m in again[topic]]
        assert [m.data for m in kept] == [m.data for m in again[topic]]
