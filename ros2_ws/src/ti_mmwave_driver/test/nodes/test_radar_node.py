"""The node against the emulated board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("gait_reid_msgs.msg")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from std_srvs.srv import SetBool

from gait_reid_common.testing import ros_context, spin_until
from gait_reid_msgs.msg import RadarInfo, RadarRangeProfile, RadarTargetArray
from gait_reid_msgs.srv import SendCommand, SetProfile
from ti_mmwave_driver.emulator.board import BoardOptions, EmulatedBoard
from ti_mmwave_driver.emulator.scene import walking_person
from ti_mmwave_driver.emulator.streams import out_of_box_packets
from ti_mmwave_driver.nodes.radar_node import RadarNode

CONFIG = Path(__file__).parents[2] / "config"
TEXT = (CONFIG / "mission_isk.cfg").read_text()
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
TOPICS = {
    "radar/points": (PointCloud2, 10),
    "radar/targets": (RadarTargetArray, 10),
    "radar/range_profile": (RadarRangeProfile, 10),
    "radar/info": (RadarInfo, LATCHED),
    "/diagnostics": (DiagnosticArray, 10),
}


class Peer:
    """A node that listens to everything and calls services."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.heard: dict[str, list[Any]] = {name: [] for name in TOPICS}
        for name, (kind, qos) in TOPICS.items():
            node.create_subscription(kind, name, self.heard[name].append, qos)

    def call(self, node: Any, kind: Any, name: str, **request: Any) -> Any:
        client = self.node.create_client(kind, f"radar/{name}")
        assert spin_until(client.service_is_ready, 10.0, node, self.node)
        future = client.call_async(kind.Request(**request))
        assert spin_until(future.done, 10.0, node, self.node)
        return future.result()

    def wait(self, node: Any, name: str, count: int = 1) -> list[Any]:
        wanted = len(self.heard[name]) + count
        assert spin_until(lambda: len(self.heard[name]) >= wanted, 10.0, node, self.node), name
        return self.heard[name][-count:]

    def status(self, node: Any) -> Any:
        (report,) = self.wait(node, "/diagnostics")
        return next(status for status in report.status if status.name.endswith(": radar"))


@pytest.fixture
def context() -> Iterator[Any]:
    with ros_context() as made:
        yield made


@pytest.fixture
def peer(context: Any) -> Iterator[Peer]:
    node = Node("peer", context=context)
    yield Peer(node)
    node.destroy_node()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[EmulatedBoard]:
    with EmulatedBoard(tmp_path, walking_person(20), BoardOptions(calibration_s=0.02)) as made:
        yield made


@pytest.fixture
def make(context: Any) -> Iterator[Any]:
    nodes: list[Any] = []

    def make_node(**overrides: Any) -> RadarNode:
        values = {"autostart": False, "profile": str(CONFIG / "mission_isk.cfg"), **overrides}
        parameters = [Parameter(name.replace("__", "."), value=v) for name, v in values.items()]
        nodes.append(RadarNode(context=context, parameter_overrides=parameters))
        return nodes[-1]

    yield make_node
    for node in nodes:
        node.destroy_node()


@pytest.fixture
def live(make: Any, board: EmulatedBoard) -> Any:
    def start(**overrides: Any) -> RadarNode:
        ports = {"ports__cli": str(board.cli_port), "ports__data": str(board.data_port)}
        node = make(**ports, **overrides)
        assert node.trigger_configure() is Return.SUCCESS
        assert node.trigger_activate() is Return.SUCCESS
        return node

    return start


def test_points_info_and_diagnostics(live, peer):
    node = live(frame_id="radar_left")
    clouds = peer.wait(node, "radar/points", 5)
    cloud = clouds[-1]
    assert cloud.header.frame_id == "radar_left"
    assert [field.name for field in cloud.fields] == [
        *("x", "y", "z", "velocity", "intensity", "noise"),
    ]
    table = np.frombuffer(bytes(cloud.data), "<f4").reshape(-1, 6)
    assert (cloud.width, cloud.point_step, len(table)) == (20, 24, 20)
    assert (table[:, 0] > 1.0).all()
    np.testing.assert_allclose(table[:, 4:], [[20.0, 55.0]] * 20, atol=1e-4)
    stamps = [c.header.stamp.sec + c.header.stamp.nanosec * 1e-9 for c in clouds]
    np.testing.assert_allclose(np.diff(stamps), 0.1, atol=0.02)
    assert spin_until(
        lambda: any(info.platform for info in peer.heard["radar/info"]), 5.0, node, peer.node
    )
    info = peer.heard["radar/info"][-1]
    assert (info.platform, info.firmware_version) == ("xWR68xx", "03.05.00.04")
    assert info.range_resolution_m == pytest.approx(0.04695, abs=1e-5)
    assert info.max_velocity_m_s == pytest.approx(2.313, abs=1e-3)
    assert "chirpCfg 2 2 0 0 0 0 0 2" in info.profile
    assert spin_until(lambda: peer.status(node).level == b"\x00", 10.0, node, peer.node)
    values = {value.key: value.value for value in peer.status(node).values}
    assert values["state"] == "running"
    assert values["frames lost"] == values["bytes rejected"] == "0"
    assert values["temperature rx0 [deg C]"] == "45"
    assert float(values["data port load [%]"]) > 0


def test_unplugging_shows_in_diagnostics_and_is_survived(live, peer, board):
    node = live()
    peer.wait(node, "radar/points", 3)
    board.unplug()
    status = peer.status(node)
    if status.level == b"\x00":  # the report was already on its way
        status = peer.status(node)
    assert status.level == b"\x02"
    board.plug()
    peer.wait(node, "radar/points", 3)
    assert spin_until(lambda: peer.status(node).level == b"\x00", 10.0, node, peer.node)


def test_commands_and_profiles_through_services(live, peer):
    node = live()
    peer.wait(node, "radar/points", 2)
    reply = peer.call(node, SendCommand, "send_command", command="queryDemoStatus")
    assert reply.success
    assert "Sensor State: 2" in list(reply.lines)
    reply = peer.call(node, SendCommand, "send_command", command="nonsense")
    assert not reply.success
    assert "not recognized" in reply.message
    wrong = TEXT.replace("0 2 32 0 100", "0 2 32 0 20")
    reply = peer.call(node, SetProfile, "set_profile", profile=wrong)
    assert not reply.success
    assert any("duty_cycle" in violation for violation in reply.violations)
    faster = TEXT.replace("0 2 32 0 100", "0 2 32 0 50").replace(
        "guiMonitor -1 1 0 0 0 0 1", "guiMonitor -1 1 1 0 0 0 1"
    )
    reply = peer.call(node, SetProfile, "set_profile", profile=faster)
    assert reply.success, reply.message
    peer.wait(node, "radar/points", 3)
    assert spin_until(
        lambda: peer.heard["radar/info"][-1].frame_period_s == pytest.approx(0.05),
        5.0,
        node,
        peer.node,
    )
    assert not peer.call(node, SetProfile, "set_profile", path="none.cfg").success


def test_a_recording_replays_in_place_of_the_radar(live, make, peer, tmp_path):
    node = live(recording_directory=str(tmp_path / "walks"))
    peer.wait(node, "radar/points", 2)
    reply = peer.call(node, SetBool, "record", data=True)
    assert reply.success, reply.message
    peer.wait(node, "radar/points", 6)
    reply = peer.call(node, SetBool, "record", data=False)
    assert reply.success, reply.message
    (path,) = (tmp_path / "walks").glob("*.dat")
    assert node.trigger_deactivate() is Return.SUCCESS
    peer.heard["radar/info"].clear()

    player = make(replay__path=str(path), replay__rate=2.0, replay__loop=True)
    assert player.trigger_configure() is Return.SUCCESS
    assert player.trigger_activate() is Return.SUCCESS
    cloud = peer.wait(player, "radar/points", 4)[-1]
    assert cloud.width == 20
    heard = peer.heard["radar/info"]
    assert spin_until(lambda: heard and heard[-1].platform == "xWR68xx", 5.0, player, peer.node)
    reply = peer.call(player, SendCommand, "send_command", command="version")
    assert not reply.success
    assert "recording is being played" in reply.message
    assert not peer.call(player, SetBool, "record", data=True).success


def test_deactivation_stops_the_sensor_and_activation_starts_it_again(live, peer, board):
    node = live()
    peer.wait(node, "radar/points", 2)
    assert node.trigger_deactivate() is Return.SUCCESS
    assert board.state.name == "STOPPED"
    assert node.trigger_activate() is Return.SUCCESS
    peer.wait(node, "radar/points", 2)
    assert node.trigger_deactivate() is Return.SUCCESS
    assert node.trigger_cleanup() is Return.SUCCESS


def test_nobody_listens_and_nothing_is_made(live, board):
    node = live()
    assert spin_until(lambda: board.frames_sent >= 3, 10.0, node)
    assert node._points_out.get_subscription_count() == 0


@pytest.mark.parametrize(
    "overrides",
    [
        {"profile": "/none/such.cfg"},
        {"ports__cli": "/dev/ttyUSB0"},
        {"record_from_start": True},
        {"watchdog_periods": 1.0},
        {"replay__path": "/none/such.dat"},
        {"frame_id": ""},
    ],
)
def test_wrong_parameters_do_not_configure(make, overrides):
    node = make(**overrides)
    assert node.trigger_configure() is not Return.SUCCESS


def test_range_profiles_and_targets_are_published(make, peer, tmp_path):
    from ti_mmwave_driver.core.types import HeaderFormat
    from ti_mmwave_driver.emulator.packets import encode_packet

    target = np.zeros((1, 28), "<f4")
    target[0, :1].view("<u4")[0] = 7
    target[0, 1:4] = 1.0, 2.0, 0.5
    blocks = [
        (2, np.full(256, 512, "<u2").tobytes()),
        (1010, target.tobytes()),
        (1011, bytes([7, 255])),
    ]
    packets = [
        encode_packet(HeaderFormat.OUT_OF_BOX, number, blocks, cpu_cycles=20_000_000 * number)
        for number in range(1, 4)
    ]
    path = tmp_path / "targets.dat"
    path.write_bytes(b"".join(packets))
    node = make(replay__path=str(path), replay__loop=True, replay__rate=4.0)
    assert node.trigger_configure() is Return.SUCCESS
    assert node.trigger_activate() is Return.SUCCESS
    (array,) = peer.wait(node, "radar/targets")
    assert [t.target_id for t in array.targets] == [7]
    position = array.targets[0].position
    assert (position.x, position.y, position.z) == (2.0, -1.0, 0.5)
    assert list(array.point_targets) == [7, 255]
    (profile,) = peer.wait(node, "radar/range_profile")
    np.testing.assert_allclose(profile.magnitude_db, np.full(256, 6.0206), rtol=1e-4)
    assert peer.wait(node, "radar/points")[0].width == 0


def test_a_plain_capture_without_information_replays(make, peer, tmp_path):
    path = tmp_path / "capture.dat"
    path.write_bytes(b"".join(out_of_box_packets(5)))
    node = make(replay__path=str(path), replay__rate=0.5, replay__loop=True)
    assert node.trigger_configure() is Return.SUCCESS
    assert node.trigger_activate() is Return.SUCCESS
    assert peer.wait(node, "radar/points", 2)[-1].width == 30
