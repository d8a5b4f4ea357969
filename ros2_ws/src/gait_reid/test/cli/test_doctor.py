"""The doctor names what is wrong, how bad it is and what to do, also where nothing is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from gait_reid.cli.checks import environment, graph, software
from gait_reid.cli.checks.finding import Severity
from gait_reid_common.testing import domain_id

BARE = """
import importlib.abc, importlib.util, sys
BLOCKED = {modules!r}
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
real = importlib.util.find_spec
importlib.util.find_spec = lambda n, *a: None if n.partition(".")[0] in BLOCKED else real(n, *a)
from gait_reid.cli.main import main
main()
"""


def bare(*arguments: str, modules: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run the command in a child that lacks some modules."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(
        [sys.executable, "-c", BARE.format(modules=modules), *arguments],
        env=variables, text=True, capture_output=True, check=False, timeout=120,
    )  # fmt: skip


ALL = ("numpy", "scipy", "cv2", "yaml", "sqlalchemy", "cryptography", "rosbags", "mcap", "numba",
       "rclpy", "velodyne_decoder", "onnxruntime")  # fmt: skip


def test_a_bare_environment_is_diagnosed_and_not_a_traceback():
    done = bare("doctor", "--json", modules=ALL)
    assert done.returncode == Severity.ERROR, done.stderr
    found = {item["thing"]: item for item in json.loads(done.stdout)}
    for _, distribution in software.REQUIRED:
        if distribution not in ("typer", "rich"):
            assert found[distribution]["severity"] == "error"
            assert found[distribution]["fix"] == f"pip install '{distribution}'"
    assert found["rclpy"]["severity"] == "warning"
    assert "nodes do not" in found["rclpy"]["state"]
    assert found["numba"]["severity"] == "warning" or "optional" in found["numba"]["state"]


def test_a_missing_library_costs_only_the_commands_that_need_it():
    done = bare("replay", "x.mcap", modules=("rosbags", "mcap"))
    assert done.returncode == 1
    assert "replay" in done.stderr
    assert "doctor" in done.stderr
    assert "Traceback" not in done.stderr
    assert bare("list", "--help", modules=("rosbags", "mcap")).returncode == 0


def test_the_exit_status_is_the_worst_severity(gait_reid):
    done = gait_reid("doctor", "--no-graph", "--json")
    worst = max(Severity[item["severity"].upper()] for item in json.loads(done.stdout))
    assert done.exit_code == worst
    shown = gait_reid("doctor", "--no-graph", "--problems")
    assert shown.exit_code == worst


def severities(findings) -> dict[str, Severity]:
    return {finding.thing: finding.severity for finding in findings}


@pytest.fixture
def with_rclpy(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: object() if name == "rclpy" else real(name, *a),
    )


def test_a_missing_transport_profile_is_a_warning_and_a_wrong_one_an_error(with_rclpy, tmp_path):
    malloc = {"MALLOC_MMAP_THRESHOLD_": "1", "MALLOC_TRIM_THRESHOLD_": "1"}
    profile = tmp_path / "profile.xml"

    def check(**variables: str) -> dict[str, Severity]:
        return severities(environment.check_transport(variables, tmp_path))

    found = check()
    assert found["Fast DDS profile"] == Severity.WARNING
    assert found["malloc thresholds"] == Severity.WARNING
    found = check(FASTDDS_DEFAULT_PROFILES_FILE=str(profile), **malloc)
    assert found["Fast DDS profile"] == Severity.ERROR
    assert found["malloc thresholds"] == Severity.OK
    profile.write_text("<profiles/>")
    assert check(FASTDDS_DEFAULT_PROFILES_FILE=str(profile))["Fast DDS profile"] == Severity.WARNING
    profile.write_text("<segment_size>67108864</segment_size>")
    assert check(FASTDDS_DEFAULT_PROFILES_FILE=str(profile))["Fast DDS profile"] == Severity.OK
    assert check(RMW_IMPLEMENTATION="rmw_cyclonedds_cpp")["Fast DDS profile"] == Severity.OK


def test_segments_in_shared_memory_are_counted_and_too_little_of_it_is_a_warning(
    with_rclpy, tmp_path, monkeypatch
):
    (tmp_path / "fastdds_0123456789abcdef").write_bytes(b"0" * 2**21)
    (finding,) = [
        f for f in environment.check_transport({}, tmp_path) if f.thing == "shared memory"
    ]
    assert "1 files of Fast DDS (2 MiB)" in finding.state
    usage = type(environment.shutil.disk_usage(tmp_path))
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: usage(2**26, 0, 2**26))
    (finding,) = [
        f for f in environment.check_transport({}, tmp_path) if f.thing == "shared memory"
    ]
    assert finding.severity == Severity.WARNING
    assert "--shm-size" in finding.fix


def test_devices_that_may_not_be_opened_name_the_group(tmp_path, monkeypatch):
    assert {f.state for f in environment.check_devices(tmp_path)} == {"none found"}
    for name in ("video0", "ttyUSB0"):
        (tmp_path / name).touch()
    assert set(severities(environment.check_devices(tmp_path)).values()) == {Severity.OK}
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    findings = list(environment.check_devices(tmp_path))
    assert all(f.severity == Severity.ERROR and "usermod -aG" in f.fix for f in findings)
    assert str(tmp_path / "video0") in findings[0].state


def test_a_gallery_that_others_can_read_is_an_error(tmp_path):
    folder = tmp_path / "gait_reid"
    folder.mkdir()
    variables = {"XDG_DATA_HOME": str(tmp_path)}
    assert severities(environment.check_gallery(variables)) == {"gallery": Severity.OK}
    key = folder / "gallery.key"
    key.touch()
    key.chmod(0o644)
    assert severities(environment.check_gallery(variables))["key"] == Severity.ERROR
    key.chmod(0o600)
    assert severities(environment.check_gallery(variables))["key"] == Severity.OK


def test_an_empty_graph_and_a_half_started_site_are_told_apart(monkeypatch):
    rclpy = pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs")
    from sensor_msgs.msg import PointCloud2

    from gait_reid.nodes import topics
    from gait_reid_common.qos import Qos

    with domain_id() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        (finding,) = graph.check_graph("", 0.3)
        assert "no node of the suite" in finding.state
        context = rclpy.context.Context()
        rclpy.init(context=context, domain_id=number)
        node = rclpy.create_node("half_a_site", context=context)
        node.create_publisher(topics.TRACKS.type, "/hall/tracks", topics.TRACKS.offered.profile())
        node.create_publisher(PointCloud2, "/hall/lidar/points", Qos("best_effort", 1).profile())
        found = {f.thing: f for f in graph.check_graph("hall", 1.5)}
        node.destroy_node()
        context.try_shutdown()
    assert found["/hall/tracks"].severity == Severity.OK
    assert "half_a_site" in found["/hall/tracks"].state
    assert found["/hall/matches"].severity == Severity.WARNING
    assert found["/hall/camera/image_raw"].severity == Severity.WARNING
    assert found["/hall/lidar/points"].severity == Severity.OK


def test_versions_are_those_of_the_installed_distributions():
    assert software.installed_version("numpy", "numpy")
    assert software.installed_version("no_such_module", "no-such-module") is None
    assert software.installed_version("no.such.module", "no-such-module") is None
