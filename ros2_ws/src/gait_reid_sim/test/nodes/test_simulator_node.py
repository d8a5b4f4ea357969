from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_scene import SMALL

pytest.importorskip("rclpy")
pytest.importorskip("gait_reid_msgs.msg")

from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.node import Node

from gait_reid.adapters import image, matches, pointcloud, tracks
from gait_reid.core.types import Modality
from gait_reid.nodes.lidar_node import LidarNode
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO, LIDAR_POINTS, TRACKS
from gait_reid_common.qos import Qos, Topic
from gait_reid_common.stamps import to_ns
from gait_reid_common.testing import activate, node_maker, ros_context, spin_until
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.nodes.simulator_node import SimulatorNode
from gait_reid_sim.nodes.topics import CLOCK, TRUTH_IDENTITIES, TRUTH_TRACKS
from ti_mmwave_driver.nodes.radar_node import RadarNode
from ti_mmwave_driver.nodes.topics import RADAR_POINTS

CONFIG = Path(__file__).resolve().parents[3] / "ti_mmwave_driver/config/mission_isk.cfg"
ALL = (
    LIDAR_POINTS, CAMERA_IMAGE, CAMERA_INFO, RADAR_POINTS, TRUTH_TRACKS, TRUTH_IDENTITIES, CLOCK,
)  # fmt: skip
EPOCH_NS = 1_000_000_000 * 1_000_000_000
# Every message is to arrive, however busy the machine is.
LOSSLESS = Qos("reliable", 1000).profile()


class Bench:
    """A simulator and a peer that keeps what is published."""

    def __init__(self, context: Any, make: Callable[..., Any], folder: Path) -> None:
        self.peer = Node("peer", context=context)
        self.scene = folder / "small.yaml"
        self.scene.write_text(SMALL)
        self._make = make
        self.heard: dict[str, list[Any]] = {}

    def simulator(self, **parameters: Any) -> Any:
        values = {"scenario": str(self.scene), "workers": 0, **parameters}
        for topic in ALL:
            values[f"{topic.parameter_group}.depth"] = 1000
        return self._make(SimulatorNode, **values)

    def listen(self, *topics: Topic[Any]) -> None:
        for topic in topics:
            kept = self.heard.setdefault(topic.name, [])
            self.peer.create_subscription(topic.type, topic.name, kept.append, LOSSLESS)

    def of(self, topic: Topic[Any]) -> list[Any]:
        return self.heard[topic.name]

    def play(self, node: Any, timeout_s: float = 60.0) -> None:
        """Play a scene to its end, once the peer hears all of it."""
        activate(node)
        names = [name for name in self.heard if name != CLOCK.name]
        connected = lambda: all(self.peer.count_publishers(name) for name in names)  # noqa: E731
        assert spin_until(connected, 10.0, node, self.peer)
        assert spin_until(lambda: node._player.ended, timeout_s, node, self.peer)
        published = {f"{s}/points": c.snapshot().published for s, c in node.counters.items()}
        wanted = {name: n for name, n in published.items() if name in self.heard}
        assert spin_until(
            lambda: all(len(self.heard[name]) >= n for name, n in wanted.items()),
            10.0, node, self.peer,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ros_context() as context, node_maker(context) as make:
        made = Bench(context, make, tmp_path)
        yield made
        made.peer.destroy_node()


FAST = {"rate": 0.0, "publish_clock": True, "start_delay_s": 0.5}


def test_a_scene_is_published_as_the_drivers_would(bench: Bench) -> None:
    bench.listen(*ALL)
    node = bench.simulator(**FAST)
    bench.play(node)
    assert spin_until(lambda: len(bench.of(TRUTH_TRACKS)) >= 35, 10.0, node, bench.peer)
    simulation = Simulation(read_scenario(SMALL, "small.yaml", "small"))
    lidar, camera, radar = simulation.scenario.sensors

    clouds = bench.of(LIDAR_POINTS)
    assert [to_ns(m.header.stamp) - EPOCH_NS for m in clouds] == [
        simulation.frame(lidar, n).stamp_ns for n in range(10)
    ]
    expected = simulation.frame(lidar, 3)
    made = pointcloud.from_message(clouds[3])
    assert made.frame_id == "lidar"
    np.testing.assert_array_equal(made.xyz, expected.data.xyz)
    np.testing.assert_array_equal(made.intensity, expected.data.intensity)

    pictures, infos = bench.of(CAMERA_IMAGE), bench.of(CAMERA_INFO)
    assert len(pictures) == len(infos) == 15
    seen = simulation.frame(camera, 7)
    np.testing.assert_array_equal(image.bgr_of(pictures[7]), seen.data.image)
    assert pictures[7].header.frame_id == infos[7].header.frame_id == "camera_optical"
    assert image.intrinsics_of(infos[7]).fx == seen.data.intrinsics.fx

    frames = bench.of(RADAR_POINTS)
    assert len(frames) == 10
    assert [f.name for f in frames[0].fields] == ["x", "y", "z", "velocity", "intensity", "noise"]
    echo = pointcloud.from_message(frames[5])
    np.testing.assert_array_equal(echo.velocity, simulation.frame(radar, 5).data.velocity)


def test_the_truth_comes_with_the_stamps_of_the_frames(bench: Bench) -> None:
    bench.listen(LIDAR_POINTS, CAMERA_IMAGE, TRUTH_TRACKS, TRUTH_IDENTITIES)
    node = bench.simulator(**FAST, radar="off")
    bench.play(node)
    assert spin_until(lambda: len(bench.of(TRUTH_IDENTITIES)) == 25, 10.0, node, bench.peer)
    truth = {to_ns(m.header.stamp): tracks.from_message(m) for m in bench.of(TRUTH_TRACKS)}
    assert set(truth) == {
        to_ns(m.header.stamp) for t in (LIDAR_POINTS, CAMERA_IMAGE) for m in bench.of(t)
    }
    simulation = Simulation(read_scenario(SMALL, "small.yaml", "small"))
    for stamp_ns, now in truth.items():
        time_s = 1e-9 * (stamp_ns - EPOCH_NS)
        for row, track in enumerate(now.track_id.tolist()):
            actor = simulation.actors[track]
            np.testing.assert_allclose(now.position[row], actor.position(time_s), atol=1e-9)
    last = [truth[stamp] for stamp in sorted(truth)][-1]
    assert last.modality.tolist() == [Modality.LIDAR | Modality.CAMERA] * 2
    (boxed, *_) = [m for m in bench.of(TRUTH_TRACKS) if m.tracks and m.tracks[0].has_roi]
    assert boxed.tracks[0].camera_frame_id == "camera_optical"
    assert boxed.tracks[0].roi.height > 20
    who = matches.from_message(bench.of(TRUTH_IDENTITIES)[-1])
    assert [(m.track_id, m.person_id) for m in who] == [(0, "anna"), (1, "ben")]


def test_the_same_seed_gives_the_same_messages_with_any_number_of_workers(bench: Bench) -> None:
    counts = {LIDAR_POINTS: 10, CAMERA_IMAGE: 15, RADAR_POINTS: 10, TRUTH_TRACKS: 35}
    bench.listen(*counts)
    runs = []
    for workers, seed in ((0, -1), (1, 5), (0, 6)):
        node = bench.simulator(**FAST, workers=workers, seed=seed)
        bench.play(node)
        complete = lambda: all(len(bench.of(t)) == n for t, n in counts.items())  # noqa: E731
        assert spin_until(complete, 10.0, node, bench.peer)
        runs.append({name: [content(m) for m in kept] for name, kept in bench.heard.items()})
        for kept in bench.heard.values():
            kept.clear()
        node.trigger_shutdown()
    for name, messages in runs[0].items():
        assert messages == runs[1][name], name
        assert messages != runs[2][name], name


def content(message: Any) -> tuple[str, bytes]:
    """Return all that a message says; the bytes that align fields when it is sent are anybody's."""
    data = bytes(getattr(message, "data", b""))
    if data:
        message.data = []
    return repr(message), data


def test_the_clock_leads_every_message(bench: Bench) -> None:
    bench.listen(CLOCK, LIDAR_POINTS)
    node = bench.simulator(**FAST, camera="off", radar="off", truth=False)
    bench.play(node)
    end_ns = EPOCH_NS + 1_000_000_000
    assert spin_until(
        lambda: any(to_ns(m.clock) == end_ns for m in bench.of(CLOCK)), 10.0, node, bench.peer
    )
    times = [to_ns(m.clock) for m in bench.of(CLOCK)]
    assert times == sorted(times)
    assert times[-1] == end_ns
    stamps = [to_ns(m.header.stamp) for m in bench.of(LIDAR_POINTS)]
    assert len(stamps) == 10
    assert all(any(0 <= t - stamp < 1_000_000 for t in times) for stamp in stamps)


def test_a_scene_waits_for_somebody_and_a_switch_silences_a_sensor(bench: Bench) -> None:
    node = bench.simulator(rate=0.0, publish_clock=True, lidar="off")
    activate(node)
    assert "waits" in node._status().message
    names = {publisher.topic_name for publisher in node.publishers}
    assert "/lidar/points" not in names
    assert not node._player.started
    bench.listen(TRUTH_TRACKS)
    assert spin_until(lambda: node._player.ended, 30.0, node, bench.peer)
    assert node._status().message == "played to the end"
    assert spin_until(lambda: len(bench.of(TRUTH_TRACKS)) == 25, 10.0, node, bench.peer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("path: [[3, 1], [6, 0.5]]", "speed_m_s: -1, path: [[3, 1], [6, 0.5]]"),
            "small.yaml:13: people[1].walks[0].speed_m_s",
        ),
        (("beams: vlp16", "beams: vlp99"), "small.yaml:6: sensors.lidar.beams"),
        (("type: radar, mount: {z: 1.2}", "type: radar"), "mount"),
        (("seed: 5", "sead: 5"), "sead"),
    ],
)
def test_a_bad_scenario_is_refused_by_name_and_line(
    bench: Bench, change: tuple[str, str], said: str
) -> None:
    bench.scene.write_text(SMALL.replace(*change))
    node = bench.simulator()
    assert node.trigger_configure() is not Return.SUCCESS
    assert said in node.failure
    bench.scene.write_text(SMALL)
    assert node.trigger_configure() is Return.SUCCESS


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"scenario": "nowhere"}, "nowhere is neither a file nor a scenario, known are"),
        ({"rate": 4.0}, "'rate' is 4.0, allowed: 1.0 while publish_clock is false"),
        ({"lidar": "velodyne", "publish_clock": True}, "false while lidar is velodyne"),
        ({"radar": "emulator"}, "devices.radar_ports is empty"),
        ({"radar": "loud"}, "'radar' is 'loud'"),
        ({"scenario": "entrance", "lidar": "velodyne"}, "beams os1_64, which no Velodyne has"),
    ],
)
def test_wrong_parameters_fail_to_configure(
    bench: Bench, parameters: dict[str, Any], said: str
) -> None:
    node = bench.simulator(**parameters)
    assert node.trigger_configure() is not Return.SUCCESS
    assert said in node.failure


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return int(udp.getsockname()[1])


def test_the_lidar_driver_runs_in_the_loop(bench: Bench) -> None:
    pytest.importorskip("velodyne_decoder")
    port = free_port()
    bench.listen(LIDAR_POINTS, TRUTH_TRACKS)
    driver = bench._make(LidarNode, **{"lidar.ip_port": port, "lidar.min_coverage": 0.5})
    activate(driver)
    node = bench.simulator(
        lidar="velodyne", camera="off", radar="off", loop=True, max_lateness_s=5.0,
        **{"devices.lidar_port": port},
    )  # fmt: skip
    activate(node)
    enough = lambda: len(bench.of(LIDAR_POINTS)) >= 4  # noqa: E731
    assert spin_until(enough, 30.0, node, driver, bench.peer)
    assert node.devices.senders["lidar"].sent >= 4 * 75
    simulation = Simulation(read_scenario(SMALL, "small.yaml", "small"))
    everything = [simulation.frame(simulation.scenario.sensors[0], n).data.xyz for n in range(10)]
    from scipy.spatial import cKDTree

    found = pointcloud.from_message(bench.of(LIDAR_POINTS)[2]).xyz
    distance, _ = cKDTree(np.concatenate(everything)).query(found)
    assert distance.max() < 0.02
    assert spin_until(lambda: bench.of(TRUTH_TRACKS), 10.0, node, driver, bench.peer)


def test_the_radar_driver_runs_in_the_loop(bench: Bench, tmp_path: Path) -> None:
    bench.listen(RADAR_POINTS, TRUTH_TRACKS)
    node = bench.simulator(
        lidar="off", camera="off", radar="emulator", loop=True,
        **{"devices.radar_ports": str(tmp_path / "ports")},
    )  # fmt: skip
    ports = tmp_path / "ports" / "radar"
    driver = bench._make(
        RadarNode,
        **{
            "profile": str(CONFIG),
            "ports.cli": str(ports / "cli"),
            "ports.data": str(ports / "data"),
        },
    )
    activate(node, driver)
    full = lambda: sum(m.width > 3 for m in bench.of(RADAR_POINTS)) >= 5  # noqa: E731
    assert spin_until(full, 30.0, node, driver, bench.peer)
    assert node.devices.boards["radar"].profile is not None
    frames = [pointcloud.from_message(m) for m in bench.of(RADAR_POINTS) if m.width > 3]
    points = np.concatenate([frame.xyz for frame in frames])
    bins = np.linalg.norm(points, axis=1) / 0.0469526
    # All but false points and reflections lie on the profile's range bins.
    assert np.mean(np.abs(bins - np.rint(bins)) < 0.01) > 0.7
    moments = np.arange(0.0, 1.0, 0.05)
    actors = Simulation(read_scenario(SMALL, "small.yaml", "small")).actors
    paths = np.array([actor.position(t)[:2] for actor in actors for t in moments])
    near = np.linalg.norm(points[:, None, :2] - paths, axis=2).min(axis=1)
    assert np.mean(near < 0.9) > 0.6
    assert spin_until(lambda: bench.of(TRUTH_TRACKS), 10.0, node, driver, bench.peer)
    driver.trigger_deactivate()


def test_a_scene_waits_for_the_answers_of_a_slow_site(bench: Bench) -> None:
    bench.listen(LIDAR_POINTS, CLOCK)
    node = bench.simulator(
        publish_clock=True, wait_for="tracks", max_ahead_s=0.35, camera="off", radar="off"
    )
    out = bench.peer.create_publisher(TRACKS.type, TRACKS.name, TRACKS.offered.profile())
    activate(node)
    node._pace._patience_s = 1e9
    scans, clock = bench.of(LIDAR_POINTS), bench.of(CLOCK)
    assert spin_until(lambda: len(scans) == 3, 60.0, node, bench.peer)
    ticks = len(clock)
    assert spin_until(lambda: len(clock) > ticks + 20, 60.0, node, bench.peer)
    # The fourth scan is complete at 0.4 s.
    assert len(scans) == 3
    assert to_ns(clock[-1].clock) - EPOCH_NS <= 350_000_000

    def answer() -> bool:
        if scans:
            out.publish(TRACKS.type(header=scans[-1].header))
        return bool(node._player.ended)

    assert spin_until(answer, 60.0, node, bench.peer)
    assert spin_until(lambda: len(scans) == 10, 10.0, node, bench.peer)
    assert not node.counters["lidar"].snapshot().drops
    times = [to_ns(message.clock) for message in clock]
    assert times == sorted(times)


def test_a_scene_that_waits_needs_the_clock(bench: Bench) -> None:
    node = bench.simulator(wait_for="matches")
    assert node.trigger_configure() is not Return.SUCCESS
    assert "wait_for" in node.failure
