"""The launch file of the simulator against its node."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

LAUNCH = Path(__file__).resolve().parents[1]
SCENE = """duration_s: 600
sensors:
  lidar: {type: lidar, beams: vlp16, mount: {z: 1.5}}
people:
  - id: anna
    walks: [{path: [[5, -1.5], [4.5, 1.5]]}]
"""


def launch_command() -> list[str]:
    if shutil.which("ros2") and importlib.util.find_spec("launch_xml"):
        return ["ros2", "launch"]
    if importlib.util.find_spec("gait_reid_launch"):
        return [sys.executable, "-m", "gait_reid_launch"]
    return pytest.skip("nothing here runs launch files")


def test_the_parameter_file_holds_the_nodes_defaults() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    from gait_reid_common.parameters import from_mapping
    from gait_reid_sim.nodes.simulator_node import SimulatorNode

    (content,) = yaml.safe_load((LAUNCH / "config" / "simulator.yaml").read_text()).values()
    made = from_mapping(SimulatorNode.parameter_type, content["ros__parameters"])
    assert made == SimulatorNode.parameter_type()


@pytest.mark.slow
def test_a_scene_is_launched_heard_and_ended(tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    from rclpy.node import Node
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import PointCloud2

    from gait_reid_common.testing import ros_context, spin_until

    scene, parameters = tmp_path / "scene.yaml", tmp_path / "site.yaml"
    scene.write_text(SCENE)
    parameters.write_text("/**/simulator: {ros__parameters: {workers: 1, max_lateness_s: 10.0}}")
    clouds: list[PointCloud2] = []
    clocks: list[Clock] = []
    with ros_context() as context:
        peer = Node("peer", context=context)
        peer.create_subscription(PointCloud2, "lidar/points", clouds.append, 10)
        peer.create_subscription(Clock, "/clock", clocks.append, 10)
        words = [
            *(f"scenario:={scene}", f"params_file:={parameters}"),
            *("rate:=0.5", "seed:=3", "radar:=off", "loop:=true"),
        ]
        environment = {**os.environ, "ROS_DOMAIN_ID": str(context.get_domain_id())}
        with (tmp_path / "log").open("w") as log:
            site = subprocess.Popen(
                [*launch_command(), str(LAUNCH / "simulator.launch.xml"), *words],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            heard = spin_until(lambda: len(clouds) >= 2 and clocks, 120.0, peer)
            assert heard, (tmp_path / "log").read_text()
        finally:
            site.send_signal(signal.SIGINT)
            site.wait(60.0)
            peer.destroy_node()
    assert clouds[0].width > 1000
    assert clocks[0].clock.sec >= 1_000_000_000
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text, text
