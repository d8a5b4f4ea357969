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
from gait_reid_common.testing import NodeBench

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


@pytest.fixture
def lidar_site(make: Make, peer: Node) -> NodeBench:
    return NodeBench(
        make(TrackerNode, sync__sensors=["lidar"], max_age_s=0.0, **MOUNTS), peer, listen=False
    )


def test_nobody_subscribes_no_work(lidar_site: NodeBench, scans: list[PointCloud]) -> None:
    lidar_site.send(LIDAR_POINTS, pointcloud.to_message(scans[0]))
    assert lidar_site.counts(LIDAR_POINTS).drops == {"nobody_subscribes": 1}


def test_tracks_and_crops_are_those_of_the_core(
    lidar_site: NodeBench, scans: list[PointCloud]
) -> None:
    site = lidar_site
    site.listen()
    perception = Perception(site.node.perception.config)
    for scan in scans:
        site.use(LIDAR_POINTS, pointcloud.to_message(scan))
    assert site.spin(
        lambda: len(site.heard[TRACKS.name]) == len(site.heard[CROPS.name]) == len(scans)
    )
    for scan, tracks, crops in zip(scans, site.heard[TRACKS.name], site.heard[CROPS.name]):
        expected = perception.process(SensorFrames(scan.stamp_ns, lidar=scan))
        found = tracks_adapter.from_message(tracks)
        assert found.stamp_ns == scan.stamp_ns
        assert found.frame_id == "site"
        assert found.track_id.tolist() == expected.tracks.track_id.tolist()
        assert found.position == pytest.approx(expected.tracks.position)
        assert len(crops_adapter.from_message(crops)) == len(expected.crops)
        assert list(crops.active_track_ids) == found.track_id.tolist()
    last = tracks_adapter.from_message(site.heard[TRACKS.name][-1])
    walking = len(walk_recording.present(2.9))
    assert last.state.tolist() == [TrackState.CONFIRMED] * walking
    assert len(site.heard[CROPS.name][-1].crops) == walking
    assert site.counts(LIDAR_POINTS).published == len(scans)


def test_bag_looped_three_times_resets_once_per_loop(
    lidar_site: NodeBench, scans: list[PointCloud]
) -> None:
    site = lidar_site
    site.listen()
    for _ in range(3):
        for scan in scans:
            site.use(LIDAR_POINTS, pointcloud.to_message(scan))
    assert site.spin(lambda: len(site.heard[CROPS.name]) == 3 * len(scans))
    sequences = [message.sequence_id for message in site.heard[CROPS.name]]
    loops = [
        sequences[start : start + len(scans)] for start in range(0, 3 * len(scans), len(scans))
    ]
    assert [len(set(loop)) for loop in loops] == [1, 1, 1]
    assert len(set(sequences)) == 3
    assert site.node.state == "active"
    assert [len(m.tracks) for m in site.heard[TRACKS.name][:: len(scans)]] == [
        len(site.heard[TRACKS.name][0].tracks)
    ] * 3


def test_deactivation_accounts_for_what_waits(make: Make, peer: Node, scans: list) -> None:
    site = NodeBench(make(TrackerNode, max_age_s=0.0, **MOUNTS), peer)
    site.use(CAMERA_INFO, image.camera_info(walk_recording.INTRINSICS))
    picture = image.to_message(walk_recording.camera_frame(1.01))
    site.send(CAMERA_IMAGE, picture)
    site.send(LIDAR_POINTS, pointcloud.to_message(scans[0]))
    site.node.trigger_deactivate()
    for topic in (CAMERA_IMAGE, LIDAR_POINTS):
        counts = site.counts(topic)
        assert (counts.received, counts.pending) == (1, 0), counts


def test_camera_and_lidar_are_joined_and_the_counters_add_up(make: Make, peer: Node) -> None:
    site = NodeBench(make(TrackerNode, max_age_s=0.0, **MOUNTS), peer)
    early = walk_recording.camera_frame(0.5)
    site.send(CAMERA_IMAGE, image.to_message(early))
    assert site.counts(CAMERA_IMAGE).drops == {"no_camera_info": 1}
    site.use(CAMERA_INFO, image.camera_info(walk_recording.INTRINSICS))
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
    lidar_site: NodeBench, scans: list[PointCloud], capfd: Any
) -> None:
    site = lidar_site
    site.listen()
    broken = pointcloud.to_message(scans[0])
    broken.fields = [field for field in broken.fields if field.name != "y"]
    site.use(LIDAR_POINTS, broken)
    assert site.counts(LIDAR_POINTS).drops == {"decode_error": 1}
    assert "field 'y' is missing" in capfd.readouterr().err
    site.use(LIDAR_POINTS, pointcloud.to_message(scans[1]))
    assert site.counts(LIDAR_POINTS).published == 1


def test_unknown_encoding_is_named_and_the_lidar_goes_on(
    make: Make, peer: Node, scans: list[PointCloud], capfd: Any
) -> None:
    site = NodeBench(make(TrackerNode, sync__sensors=["camera"], max_age_s=0.0), peer)
    site.use(CAMERA_INFO, image.camera_info(walk_recording.INTRINSICS))
    message = image.to_message(walk_recording.camera_frame(1.0))
    message.encoding = "hologram"
    site.use(CAMERA_IMAGE, message)
    assert site.counts(CAMERA_IMAGE).drops == {"decode_error": 1}
    assert "image encoding 'hologram' is not supported, known are" in capfd.readouterr().err


def test_wrong_calibration_is_named(make: Make, peer: Node, capfd: Any) -> None:
    site = NodeBench(make(TrackerNode, sync__sensors=["camera"], max_age_s=0.0), peer)
    site.use(
        CAMERA_INFO, image.camera_info(dataclasses.replace(walk_recording.INTRINSICS, width=640))
    )
    site.use(CAMERA_IMAGE, image.to_message(walk_recording.camera_frame(1.0)))
    assert site.counts(CAMERA_IMAGE).drops == {"decode_error": 1}
    assert "its calibration is for 640x180" in capfd.readouterr().err
