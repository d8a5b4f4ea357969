"""Frames in, tracks and crops out, through DDS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.node import Node

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import image, pointcloud
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.perception import Perception
from gait_reid.core.types import PointCloud, SensorFrames, TrackState
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO, CROPS, LIDAR_POINTS, TRACKS
from gait_reid.nodes.tracker_node import TrackerNode
from gait_reid.testing import walk_recording
from gait_reid_common.testing import activate, spin_until

Make = Callable[..., Any]
MOUNTS = {
    "perception__lidar__translation_m": [0.0, 0.0, walk_recording.LIDAR_HEIGHT_M],
    "perception__camera__translation_m": [0.0, 0.0, walk_recording.CAMERA_HEIGHT_M],
}


@pytest.fixture(scope="module")
def scans() -> list[PointCloud]:
    """Return two seconds of LiDAR in which one person walks and a second one appears."""
    frames = walk_recording.frames(("lidar",), 3.0)
    return [frame for _, frame in frames if isinstance(frame, PointCloud)][10:]


class Site:
    """A tracker with its sensors and its listeners."""

    def __init__(self, node: Any, peer: Node) -> None:
        self.node, self.peer = node, peer
        self.tracks: list[Any] = []
        self.crops: list[Any] = []
        self.publishers = {
            topic.name: peer.create_publisher(topic.type, topic.name, topic.offered.profile())
            for topic in (LIDAR_POINTS, CAMERA_IMAGE)
        }
        activate(node)

    def listen(self) -> Site:
        for topic, heard in ((TRACKS, self.tracks), (CROPS, self.crops)):
            profile = topic.offered.profile()
            self.peer.create_subscription(topic.type, topic.name, heard.append, profile)
        assert self.spin(lambda: self.node.wanted(self.node._tracks_out))
        return self

    def spin(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> bool:
        return spin_until(condition, timeout_s, self.node, self.peer)

    def connect(self) -> Site:
        topics = [p for p in self.publishers.values() if p.topic_name in self.input_names()]
        assert self.spin(lambda: all(p.get_subscription_count() for p in topics))
        return self

    def input_names(self) -> list[str]:
        return [source.name for source in self.node.inputs]

    def counts(self, topic: Any) -> Any:
        name = self.node.resolve_topic_name(topic.name)
        (source,) = (s for s in self.node.inputs if s.name == name)
        return source.counters.snapshot()

    def send(self, topic: Any, message: Any) -> None:
        before = self.counts(topic).received
        self.publishers[topic.name].publish(message)
        assert self.spin(lambda: self.counts(topic).received > before)

    def settle(self, topic: Any, pending: int = 0) -> None:
        assert self.spin(lambda: self.counts(topic).pending == pending)


@pytest.fixture
def lidar_site(make: Make, peer: Node) -> Site:
    return Site(make(TrackerNode, sync__sensors=["lidar"], max_age_s=0.0, **MOUNTS), peer)


def test_nobody_subscribes_no_work(lidar_site: Site, scans: list[PointCloud]) -> None:
    lidar_site.connect()
    lidar_site.send(LIDAR_POINTS, pointcloud.to_message(scans[0]))
    assert lidar_site.counts(LIDAR_POINTS).drops == {"nobody_subscribes": 1}


def test_tracks_and_crops_are_those_of_the_core(lidar_site: Site, scans: list[PointCloud]) -> None:
    site = lidar_site.connect().listen()
    perception = Perception(site.node.perception.config)
    for scan in scans:
        site.send(LIDAR_POINTS, pointcloud.to_message(scan))
        site.settle(LIDAR_POINTS)
    assert site.spin(lambda: len(site.tracks) == len(site.crops) == len(scans))
    for scan, tracks, crops in zip(scans, site.tracks, site.crops):
        expected = perception.process(SensorFrames(scan.stamp_ns, lidar=scan))
        found = tracks_adapter.from_message(tracks)
        assert found.stamp_ns == scan.stamp_ns
        assert found.frame_id == "site"
        assert found.track_id.tolist() == expected.tracks.track_id.tolist()
        assert found.position == pytest.approx(expected.tracks.position)
        assert len(crops_adapter.from_message(crops)) == len(expected.crops)
        assert list(crops.active_track_ids) == found.track_id.tolist()
    last = tracks_adapter.from_message(site.tracks[-1])
    walking = len(walk_recording.present(2.9))
    assert last.state.tolist() == [TrackState.CONFIRMED] * walking
    assert len(site.crops[-1].crops) == walking
    assert site.counts(LIDAR_POINTS).published == len(scans)


def test_bag_looped_three_times_resets_once_per_loop(
    lidar_site: Site, scans: list[PointCloud]
) -> None:
    site = lidar_site.connect().listen()
    for _ in range(3):
        for scan in scans:
            site.send(LIDAR_POINTS, pointcloud.to_message(scan))
            site.settle(LIDAR_POINTS)
    assert site.spin(lambda: len(site.crops) == 3 * len(scans))
    sequences = [message.sequence_id for message in site.crops]
    loops = [
        sequences[start : start + len(scans)] for start in range(0, 3 * len(scans), len(scans))
    ]
    assert [len(set(loop)) for loop in loops] == [1, 1, 1]
    assert len(set(sequences)) == 3
    assert site.node.state == "active"
    assert [len(m.tracks) for m in site.tracks[:: len(scans)]] == [len(site.tracks[0].tracks)] * 3


def test_deactivation_accounts_for_what_waits(make: Make, peer: Node, scans: list) -> None:
    site = Site(make(TrackerNode, max_age_s=0.0, **MOUNTS), peer).connect().listen()
    picture = image.to_message(walk_recording.camera_frame(1.01))
    site.send(CAMERA_IMAGE, picture)
    site.send(LIDAR_POINTS, pointcloud.to_message(scans[0]))
    site.node.trigger_deactivate()
    for topic in (CAMERA_IMAGE, LIDAR_POINTS):
        counts = site.counts(topic)
        assert (counts.received, counts.pending) == (1, 0), counts


def test_camera_and_lidar_are_joined_and_the_counters_add_up(make: Make, peer: Node) -> None:
    site = Site(make(TrackerNode, max_age_s=0.0, **MOUNTS), peer)
    infos = peer.create_publisher(CAMERA_INFO.type, CAMERA_INFO.name, CAMERA_INFO.offered.profile())
    site.connect().listen()
    assert site.spin(lambda: infos.get_subscription_count())
    early = walk_recording.camera_frame(0.5)
    site.send(CAMERA_IMAGE, image.to_message(early))
    assert site.counts(CAMERA_IMAGE).drops == {"no_camera_info": 1}
    infos.publish(image.camera_info(walk_recording.INTRINSICS))
    assert site.spin(lambda: site.counts(CAMERA_INFO).published == 1)
    sent = {"lidar": 0, "camera": 1}
    for sensor, frame in walk_recording.frames(duration_s=2.0):
        if frame.stamp_ns < walk_recording.START_NS + 1_000_000_000:
            continue
        lidar = isinstance(frame, PointCloud)
        message = pointcloud.to_message(frame) if lidar else image.to_message(frame)
        site.send(LIDAR_POINTS if lidar else CAMERA_IMAGE, message)
        sent[sensor] += 1
    site.node.trigger_deactivate()
    lidar_counts, camera_counts = site.counts(LIDAR_POINTS), site.counts(CAMERA_IMAGE)
    assert (lidar_counts.received, camera_counts.received) == (sent["lidar"], sent["camera"])
    assert lidar_counts.pending == camera_counts.pending == 0
    assert lidar_counts.published > 0
    # Fifteen pictures to ten scans: the others have no scan to belong to.
    assert camera_counts.drops["unpaired"] >= 3


def test_damaged_frame_costs_itself_alone(
    lidar_site: Site, scans: list[PointCloud], capfd: Any
) -> None:
    site = lidar_site.connect().listen()
    broken = pointcloud.to_message(scans[0])
    broken.fields = [field for field in broken.fields if field.name != "y"]
    site.send(LIDAR_POINTS, broken)
    site.settle(LIDAR_POINTS)
    assert site.counts(LIDAR_POINTS).drops == {"decode_error": 1}
    assert "field 'y' is missing" in capfd.readouterr().err
    site.send(LIDAR_POINTS, pointcloud.to_message(scans[1]))
    site.settle(LIDAR_POINTS)
    assert site.counts(LIDAR_POINTS).published == 1


def test_unknown_encoding_is_named_and_the_lidar_goes_on(
    make: Make, peer: Node, scans: list[PointCloud], capfd: Any
) -> None:
    site = Site(make(TrackerNode, sync__sensors=["camera"], max_age_s=0.0), peer)
    site.connect().listen()
    message = image.to_message(walk_recording.camera_frame(1.0))
    message.encoding = "hologram"
    site.send(CAMERA_IMAGE, message)
    site.settle(CAMERA_IMAGE)
    assert site.counts(CAMERA_IMAGE).drops == {"decode_error": 1}
    assert "image encoding 'hologram' is not supported, known are" in capfd.readouterr().err


def test_wrong_calibration_is_named(make: Make, peer: Node, capfd: Any) -> None:
    site = Site(make(TrackerNode, sync__sensors=["camera"], max_age_s=0.0), peer)
    infos = peer.create_publisher(CAMERA_INFO.type, CAMERA_INFO.name, CAMERA_INFO.offered.profile())
    site.connect().listen()
    assert site.spin(lambda: infos.get_subscription_count())
    infos.publish(image.camera_info(dataclasses.replace(walk_recording.INTRINSICS, width=640)))
    assert site.spin(lambda: site.counts(CAMERA_INFO).published == 1)
    site.send(CAMERA_IMAGE, image.to_message(walk_recording.camera_frame(1.0)))
    site.settle(CAMERA_IMAGE)
    assert site.counts(CAMERA_IMAGE).drops == {"decode_error": 1}
    assert "its calibration is for 640x180" in capfd.readouterr().err
