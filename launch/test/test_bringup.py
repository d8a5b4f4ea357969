"""The launch files, parameter files and RViz configuration against the nodes that they are for."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

LAUNCH = Path(__file__).resolve().parents[1]
ROOT = LAUNCH.parent
FILES = sorted(LAUNCH.glob("*.launch.xml"))
STARTED = ("tracker", "reid", "gallery", "visualizer")
ROOM = ("radar", "radar_tracker", "reid", "visualizer")


def processes(file: str, folder: Path, **arguments: str) -> dict[str, list[str]]:
    """Return the command of every process that a launch file asks for, by executable."""
    context = pytest.importorskip("gait_reid_launch.context")
    reader = pytest.importorskip("gait_reid_launch.reader")
    made = context.Context(os.environ, LAUNCH / file, folder)
    found = reader.read_processes(made, arguments, lambda _: None)
    return {Path(process.command[0]).name: list(process.command) for process in found}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_argument_is_described_and_nothing_needs_a_newer_launch(path: Path) -> None:
    text = path.read_text()
    for argument in ET.fromstring(text).findall("arg"):
        assert len(argument.get("description", "")) > 10, argument.get("name")
    # Humble has neither of these.
    assert "on_exit" not in text
    assert "$(equals" not in text
    assert "$(not-equals" not in text


def test_a_radar_recording_starts_the_radar_driver_in_the_site(tmp_path: Path) -> None:
    found = processes(
        "bringup.launch.xml", tmp_path, radar_replay="/data/port.bin", namespace="room"
    )
    assert "__ns:=/room" in found["radar_node"]
    assert parameters_of(found["radar_node"])["replay.path"] == "/data/port.bin"
    assert "radar_node" not in processes("bringup.launch.xml", tmp_path)


def test_a_site_enrols_with_mission_where_it_is_asked_to(tmp_path: Path) -> None:
    key = "reidentification.enroll_encoders"
    found = processes("bringup.launch.xml", tmp_path, enroll_mission="true")
    assert parameters_of(found["reid_node"])[key] == ["mission"]
    site = tmp_path / "site.yaml"
    site.write_text(
        "/**/reid: {ros__parameters: {reidentification: {enroll_encoders: [energy_image]}}}"
    )
    found = processes("bringup.launch.xml", tmp_path, params_file=str(site))
    assert parameters_of(found["reid_node"])[key] == ["energy_image"]
    assert key not in parameters_of(processes("bringup.launch.xml", tmp_path)["reid_node"])


def test_a_room_with_a_radar_runs_mission_on_the_gallery_of_another_site(tmp_path: Path) -> None:
    ports = {"cli_port": "/ports/cli", "data_port": "/ports/data", "profile": "mission_aop.cfg"}
    found = processes(
        "radar_room.launch.xml", tmp_path, namespace="room", model="mine", model_directory="/m",
        use_sim_time="true", **ports,
    )  # fmt: skip
    assert set(found) == {f"{name}_node" for name in ROOM}
    for name in ROOM:
        assert "__ns:=/room" in found[f"{name}_node"]
        assert parameters_of(found[f"{name}_node"])["use_sim_time"] is True
    reid = parameters_of(found["reid_node"])
    assert reid["reidentification.encoder"] == "mission"
    assert reid["reidentification.mission.model"] == "mine"
    assert reid["reidentification.mission.model_directory"] == "/m"
    radar = parameters_of(found["radar_node"])
    assert (radar["ports.cli"], radar["profile"]) == ("/ports/cli", "mission_aop.cfg")


def test_a_room_takes_the_points_of_another_driver_or_a_recording(tmp_path: Path) -> None:
    other = {"radar": "false", "radar_topic": "/ti/points", "gallery": "true"}
    found = processes("radar_room.launch.xml", tmp_path, **other)
    assert "radar_node" not in found
    assert "gallery_node" in found
    assert "radar/points:=/ti/points" in found["radar_tracker_node"]
    found = processes("radar_room.launch.xml", tmp_path, radar="false", replay="/data/port.bin")
    assert parameters_of(found["radar_node"])["replay.path"] == "/data/port.bin"


def test_one_site_with_a_recording(tmp_path: Path) -> None:
    found = processes(
        "bringup.launch.xml", tmp_path, bag="/data/walk", bag_loop="3", namespace="hall"
    )
    assert set(found) == {*(f"{name}_node" for name in STARTED), "gait-reid"}
    assert found["gait-reid"][1:] == ["play", "--loop", "3", "--rate", "1.0", "/data/walk"]
    for name in STARTED:
        command = found[f"{name}_node"]
        assert "__ns:=/hall" in command
        assert f"__node:={name}" in command
        assert str(LAUNCH / "config" / f"{name}.yaml") in [os.path.realpath(c) for c in command]
        values = parameters_of(command)
        assert values["use_sim_time"] is True
        assert values["autostart"] is True


def test_live_drivers_start_when_they_are_asked_for(tmp_path: Path) -> None:
    found = processes(
        "bringup.launch.xml",
        tmp_path,
        camera="0",
        pcap="walk.pcap",
        gallery="false",
        sensors="lidar",
    )
    assert set(found) == {
        *(f"{name}_node" for name in (*STARTED, "camera", "lidar") if name != "gallery")
    }
    assert parameters_of(found["camera_node"])["camera.source"] == "0"
    assert parameters_of(found["lidar_node"])["lidar.pcap"] == "walk.pcap"
    assert parameters_of(found["tracker_node"])["sync.sensors"] == ["lidar"]
    assert parameters_of(found["tracker_node"])["use_sim_time"] is False


def test_topics_of_other_drivers_reach_everybody_who_listens(tmp_path: Path) -> None:
    vendor = {
        "lidar_topic": "/ouster/points",
        "image_topic": "/camera/color/image_raw",
        "camera_info_topic": "/camera/color/camera_info",
    }
    found = processes("bringup.launch.xml", tmp_path, **vendor)
    assert {word for word in found["tracker_node"] if ":=/" in word} >= {
        "lidar/points:=/ouster/points",
        "camera/image_raw:=/camera/color/image_raw",
        "camera/camera_info:=/camera/color/camera_info",
    }
    assert "camera/image_raw:=/camera/color/image_raw" in found["visualizer_node"]


def parameters_of(command: list[str]) -> dict[str, Any]:
    """Return the parameters of the files on a command line, the last one winning."""
    from gait_reid_common.parameters import flatten

    values: dict[str, Any] = {}
    for flag, name in zip(command, command[1:]):
        if flag == "--params-file":
            for content in yaml.safe_load(Path(name).read_text()).values():
                values.update(flatten(content["ros__parameters"]))
    return values


def test_generated_files_are_current() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    stale = [p.name for p, text in generate.files().items() if p.read_text() != text]
    assert not stale, f"run ./run exec docs/generate.py: {stale} are out of date"


def test_parameter_files_are_accepted_by_their_nodes() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    from gait_reid.nodes.reference import node_classes
    from gait_reid_common.parameters import from_mapping

    nodes = {f"/**/{node.node_name}": node for node in node_classes()}
    checked = []
    for path in sorted((LAUNCH / "config").glob("*.yaml")):
        for key, content in yaml.safe_load(path.read_text()).items():
            node = nodes.get(key)
            if node is None:  # of another package, which has a test of its own
                continue
            made = from_mapping(node.parameter_type, content["ros__parameters"])
            if path.stem == node.node_name:
                assert made == node.parameter_type()
                checked.append(path.stem)
    assert checked == sorted(node.node_name for node in nodes.values())


def displays(content: Any) -> Iterator[dict[str, Any]]:
    for display in content.get("Displays", []):
        yield display
        yield from displays(display)


def test_rviz_asks_for_what_is_offered() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    from gait_reid.nodes import topics
    from gait_reid_common.qos import Qos, Topic, mismatches

    known = {value.name: value for value in vars(topics).values() if isinstance(value, Topic)}
    manager = yaml.safe_load((LAUNCH / "rviz/gait_reid.rviz").read_text())["Visualization Manager"]
    groups = [d["Name"] for d in manager["Displays"] if d["Class"] == "rviz_common/Group"]
    assert groups == ["Sensors", "Tracks", "Identities", "Debug"]
    shown = set()
    for display in displays(manager):
        if "Topic" not in display:
            continue
        wanted = display["Topic"]
        topic = known[wanted["Value"]]
        reliability = wanted["Reliability Policy"].lower().replace(" ", "_")
        durability = wanted["Durability Policy"].lower().replace(" ", "_")
        assert not mismatches(topic.offered, Qos(reliability, wanted["Depth"], durability))
        shown.add(topic.name)
    assert shown == {
        "lidar/points", "camera/image_raw", "radar/points", "markers", "overlay"
    }  # fmt: skip


def launch_command() -> list[str]:
    if shutil.which("ros2") and importlib.util.find_spec("launch_xml"):
        return ["ros2", "launch"]
    if importlib.util.find_spec("gait_reid_launch"):
        return [sys.executable, "-m", "gait_reid_launch"]
    return pytest.skip("nothing here runs launch files")


@pytest.mark.slow
def test_site_comes_up_a_killed_node_rejoins_and_all_end_cleanly(tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.node import Node

    from gait_reid_common.testing import ros_context, spin_until

    active: set[str] = set()

    def note(message: DiagnosticArray) -> None:
        lines = [s for s in message.status if s.name.endswith(": lifecycle")]
        active.update(s.name.split(":")[0] for s in lines if s.message == "active")

    with ros_context() as context:
        watcher = Node("watcher", context=context)
        watcher.create_subscription(DiagnosticArray, "/diagnostics", note, 50)
        words = [
            *("namespace:=hall", "sensors:=lidar", f"database:={tmp_path / 'g.sqlite'}"),
            f"key_file:={tmp_path / 'g.key'}",
        ]
        environment = {**os.environ, "ROS_DOMAIN_ID": str(context.get_domain_id())}
        file = str(LAUNCH / "bringup.launch.xml")
        with (tmp_path / "log").open("w") as log:
            site = subprocess.Popen(
                [*launch_command(), file, *words], env=environment, stdout=log, stderr=log
            )
        wanted = {f"hall/{name}" for name in STARTED}
        try:
            assert spin_until(lambda: active >= wanted, 60.0, watcher), active
            (tracker,) = (p for p in children(site.pid) if "tracker_node" in command_line(p))
            os.kill(tracker, signal.SIGKILL)
            assert spin_until(lambda: not command_line(tracker), 20.0, watcher)
            active.clear()
            assert spin_until(lambda: "hall/tracker" in active, 60.0, watcher)
        finally:
            site.send_signal(signal.SIGINT)
            site.wait(60.0)
            watcher.destroy_node()
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text, text
    assert text.count("has finished cleanly") == len(STARTED), text


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found += [int(path.name), *children(int(path.name))]
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
