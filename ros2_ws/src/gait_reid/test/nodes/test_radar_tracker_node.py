"""Radar points in, tracks and crops of walkers out, through DDS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point
from rclpy.node import Node

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import pointcloud
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.radar_perception import RadarPerception
from gait_reid.core.types import Modality, PointCloud, SensorFrames
from gait_reid.nodes.radar_tracker_node import RadarTrackerNode
from gait_reid.nodes.topics import CROPS, RADAR_POINTS, RADAR_TARGETS, TRACKS
from gait_reid.testing.radar_room import PERIOD_S, frame, straight
from gait_reid_common.stamps import to_stamp
from gait_reid_common.testing import NodeBench
from gait_reid_msgs.msg import RadarTarget, RadarTargetArray

Make = Callable[..., Any]
MOUNT = {"perception__radar__translation_m": [0.0, 0.0, 1.0]}
WAYS = [straight((6.0, 0.5), (1.5, 0.5)), straight((6.2, -0.3), (1.7, -0.3))]


@pytest.fixture(scope="module")
def clouds() -> list[PointCloud]:
    rng = np.random.default_rng(1)
    return [frame(float(t), WAYS[:1], rng) for t in np.arange(0.1, 3.0, PERIOD_S)]


def test_tracks_and_crops_are_those_of_the_core(
    make: Make, peer: Node, clouds: list[PointCloud]
) -> None:
    site = NodeBench(make(RadarTrackerNode, max_age_s=0.0, **MOUNT), peer)
    perception = RadarPerception(site.node.perception.config)
    for cloud in clouds:
        site.use(RADAR_POINTS, pointcloud.to_message(cloud))
    assert site.spin(lambda: len(site.heard[CROPS.name]) == len(clouds))
    for cloud, tracks, crops in zip(clouds, site.heard[TRACKS.name], site.heard[CROPS.name]):
        expected = perception.process(SensorFrames(cloud.stamp_ns, radar=cloud))
        found = tracks_adapter.from_message(tracks)
        assert found.track_id.tolist() == expected.tracks.track_id.tolist()
        assert found.position == pytest.approx(expected.tracks.position)
        received = crops_adapter.from_message(crops)
        assert len(received) == len(expected.crops)
        for one, other in zip(received, expected.crops):
            assert one.modality == Modality.RADAR
            assert one.point_velocity == pytest.approx(other.point_velocity)
            assert one.points == pytest.approx(other.points)
    assert len(site.heard[CROPS.name][-1].crops) == 1
    assert site.counts(RADAR_POINTS).published == len(clouds)


def targets_message(cloud: PointCloud) -> RadarTargetArray:
    message = RadarTargetArray()
    message.header.stamp = to_stamp(cloud.stamp_ns)
    message.header.frame_id = cloud.frame_id
    for number, way in enumerate(WAYS):
        x, y = way(cloud.stamp_ns * 1e-9)
        message.targets.append(
            RadarTarget(target_id=number, position=Point(x=x, y=y, z=0.0), confidence=float("nan"))
        )
    return message


def test_targets_of_the_firmware_are_joined_with_the_points_of_their_frame(
    make: Make, peer: Node
) -> None:
    site = NodeBench(make(RadarTrackerNode, max_age_s=0.0, targets=True, **MOUNT), peer)
    rng = np.random.default_rng(1)
    clouds = [frame(float(t), WAYS, rng) for t in np.arange(0.1, 2.0, PERIOD_S)]
    for cloud in clouds:
        site.send(RADAR_TARGETS, targets_message(cloud))
        site.use(RADAR_POINTS, pointcloud.to_message(cloud))
    # The first pair may come apart while the topics find each other.
    assert site.spin(lambda: len(site.heard[TRACKS.name]) >= len(clouds) - 1)
    assert len(site.heard[TRACKS.name][-1].tracks) == 2
    assert len(site.heard[CROPS.name][-1].crops) == 2


def test_silent_targets_delay_nothing_for_good(
    make: Make, peer: Node, clouds: list[PointCloud]
) -> None:
    site = NodeBench(make(RadarTrackerNode, max_age_s=0.0, targets=True, **MOUNT), peer)
    for cloud in clouds:
        site.send(RADAR_POINTS, pointcloud.to_message(cloud))

    def handled() -> int:
        counts = site.counts(RADAR_POINTS)
        return counts.published + counts.drops.get("overwritten", 0)

    assert site.spin(lambda: handled() >= len(clouds) - 3)
    assert site.spin(lambda: len(site.heard[TRACKS.name]) >= 1)


def test_a_cloud_that_contradicts_itself_is_counted_and_survived(
    make: Make, peer: Node, clouds: list[PointCloud]
) -> None:
    site = NodeBench(make(RadarTrackerNode, max_age_s=0.0, **MOUNT), peer)
    broken = pointcloud.to_message(clouds[0])
    broken.width = 10_000
    site.send(RADAR_POINTS, broken)
    assert site.spin(lambda: site.counts(RADAR_POINTS).drops)
    site.use(RADAR_POINTS, pointcloud.to_message(clouds[1]))
    assert site.counts(RADAR_POINTS).drops == {"decode_error": 1}
    assert site.counts(RADAR_POINTS).published == 1
