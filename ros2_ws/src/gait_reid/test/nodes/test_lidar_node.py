from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2

from gait_reid.adapters import pointcloud
from gait_reid.core.geometry import Pose
from gait_reid.core.people_lidar import LidarPeopleDetector
from gait_reid.nodes.lidar_node import LidarNode
from gait_reid.sensors.pcap import read_udp
from gait_reid_common.testing import activate, node_maker, ros_context, shared_data, spin_until

VLP16 = "lidar/velodyne/sample_velodyne_vlp16_gps.pcap"
HDL32 = "lidar/velodyne/sample_velodyne_hdl32.pcap"
OS1 = "lidar/ouster/OS-1-32-G_v2.1.1_1024x10"
MakeNode = Callable[..., Any]


class Listener:
    """Keeps what the node publishes."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.messages: list[PointCloud2] = []
        self.reports: dict[str, Any] = {}
        node.create_subscription(
            PointCloud2, "lidar/points", self.messages.append, qos_profile_sensor_data
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._keep, 10)

    def _keep(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.reports[status.name] = status

    def report(self, part: str) -> Any:
        found = [status for name, status in self.reports.items() if part in name]
        return found[0] if found else None

    def values(self) -> dict[str, str]:
        status = self.report("lidar/points")
        return {value.key: value.value for value in status.values} if status else {}


@pytest.fixture
def setup() -> Iterator[tuple[Callable[..., Any], Listener]]:
    with ros_context() as context, node_maker(context) as make:
        peer = Node("peer", context=context)
        yield (lambda **parameters: make(LidarNode, **parameters)), Listener(peer)
        peer.destroy_node()


@pytest.mark.parametrize(("name", "scans", "model"), [(VLP16, 3, "VLP-16"), (HDL32, 2, "HDL-32E")])
@pytest.mark.parametrize("speed", [1.0, 0.0])
def test_a_capture_plays_to_its_end(setup, name, scans, model, speed):
    make, listener = setup
    node = make(**{"lidar.pcap": str(shared_data(name)), "run.speed": speed})
    activate(node)
    nodes = (node, listener.node)
    assert spin_until(lambda: len(listener.messages) == scans, 10.0, *nodes)
    ended = "played to the end"
    assert spin_until(
        lambda: (r := listener.report("lidar/points")) and r.message == ended, 5.0, *nodes
    )
    values = listener.values()
    assert model in values["Product Name"]
    assert values["scans"] == values["published"] == str(scans)
    assert values["incomplete scans"] == values["dropped too incomplete"] == "1"
    assert values["packets lost"] == "0"
    stamps = [pointcloud.from_message(m).stamp_ns for m in listener.messages]
    np.testing.assert_allclose(np.diff(stamps) * 1e-9, 0.1, atol=0.02)
    assert abs(node.now_ns() - stamps[0]) < 30_000_000_000


def test_street_scan_through_the_node_shows_its_pedestrians(setup):
    make, listener = setup
    files = {"lidar.pcap": f"{OS1}.pcap", "lidar.metadata": f"{OS1}.json"}
    node = make(**{key: str(shared_data(value)) for key, value in files.items()})
    activate(node)
    assert spin_until(lambda: listener.messages, 10.0, node, listener.node)
    cloud = pointcloud.from_message(listener.messages[0])
    assert cloud.frame_id == "lidar"
    people = LidarPeopleDetector().detect(cloud, Pose()).position[:, :2]
    places = [(1.72, -4.26), (-0.19, -4.78), (1.14, -5.48), (2.76, -5.5)]
    places += [(6.88, -4.91), (7.15, -4.59), (10.58, 9.03), (10.53, 9.79)]
    found = [min(np.hypot(*(people - place).T)) < 0.35 for place in places]
    assert sum(found) >= 7


def test_live_packets_are_published_and_silence_is_reported(setup):
    make, listener = setup
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
    config = {"lidar.ip_port": port, "run.silence_s": 0.3, "run.retry_min_s": 0.05}
    node = make(**config)
    activate(node)
    nodes = (node, listener.node)
    assert spin_until(lambda: node.wanted(node._data_out), 5.0, *nodes)
    assert spin_until(
        lambda: (r := listener.report("lidar/points")) and "silent" in r.message, 5.0, *nodes
    )
    packets = [p.payload for p in read_udp(shared_data(VLP16))]
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for payload in itertools.cycle(packets):
                udp.sendto(payload, ("127.0.0.1", port))
                if stop.wait(0.0003):
                    return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert spin_until(lambda: len(listener.messages) >= 5, 10.0, *nodes)
        assert spin_until(
            lambda: (r := listener.report("lidar/points")) and "silent" not in r.message,
            5.0,
            *nodes,
        )
    finally:
        stop.set()
        sender.join()
    assert int(listener.values()["connections lost"]) >= 1


def test_wrong_parameters_fail_to_configure(setup, tmp_path):
    make, _ = setup
    for parameters in (
        {"lidar.pcap": str(tmp_path / "no.pcap")},
        {"lidar.model": "vlp17"},
        {"lidar.model": "ouster"},
        {"lidar.min_range_m": 9.0, "lidar.max_range_m": 5.0},
    ):
        assert make(**parameters).trigger_configure() is not Return.SUCCESS


def test_an_ouster_that_does_not_answer_yet_is_waited_for(setup):
    make, listener = setup
    parameters = {"lidar.model": "ouster", "lidar.ip_address": "127.0.0.1:9"}
    node = make(**parameters, **{"run.retry_min_s": 0.05})
    activate(node)
    nodes = (node, listener.node)
    assert spin_until(
        lambda: (r := listener.report("lidar/points")) and "does not answer" in r.message,
        5.0,
        *nodes,
    )


def test_port_in_use_fails_to_configure_and_works_once_it_is_free(setup):
    make, _ = setup
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("", 0))
        node = make(**{"lidar.ip_port": udp.getsockname()[1]})
        assert node.trigger_configure() is not Return.SUCCESS
    assert node.trigger_configure() is Return.SUCCESS
