"""Sensor poses from tf2, which is stood in for here: PyPI has none."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2

from gait_reid.adapters import pointcloud
from gait_reid.core.types import PointCloud
from gait_reid.nodes.topics import LIDAR_POINTS, TRACKS
from gait_reid.nodes.tracker_node import TrackerNode
from gait_reid_common.testing import activate, spin_until

Make = Callable[..., Any]


class FakeBuffer:
    """Knows one frame, from one second on."""

    def __init__(self, node: Node) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def lookup_transform(self, target: str, source: str, time: Any) -> TransformStamped:
        self.asked.append((target, source, time.nanoseconds))
        if time.nanoseconds < 10**9:
            raise LookupError("too early")
        transform = TransformStamped()
        transform.transform.translation.z = 2.5
        transform.transform.rotation.z = transform.transform.rotation.w = float(np.sqrt(0.5))
        return transform


@pytest.fixture
def tf2(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    listener = types.SimpleNamespace(unregistered=0)

    class FakeListener:
        def __init__(self, buffer: FakeBuffer, node: Node, spin_thread: bool) -> None:
            assert not spin_thread

        def unregister(self) -> None:
            listener.unregistered += 1

    module = types.ModuleType("tf2_ros")
    module.Buffer = FakeBuffer  # type: ignore[attr-defined]
    module.TransformListener = FakeListener  # type: ignore[attr-defined]
    module.TransformException = LookupError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    return listener


def test_poses_come_from_tf_and_frames_without_one_are_counted(
    make: Make, peer: Node, tf2: types.SimpleNamespace
) -> None:
    node = make(TrackerNode, extrinsics="tf", sync__sensors=["lidar"], max_age_s=0.0)
    activate(node)
    heard: list[Any] = []
    peer.create_subscription(TRACKS.type, TRACKS.name, heard.append, TRACKS.offered.profile())
    out = peer.create_publisher(PointCloud2, LIDAR_POINTS.name, LIDAR_POINTS.offered.profile())
    assert spin_until(
        lambda: out.get_subscription_count() and node.wanted(node._tracks_out), 10.0, node, peer
    )
    (source,) = node.inputs
    for number, stamp_ns in enumerate((5 * 10**8, 2 * 10**9), start=1):
        cloud = PointCloud(stamp_ns, "velodyne", np.zeros((3, 3), np.float32))
        out.publish(pointcloud.to_message(cloud))
        assert spin_until(
            lambda wanted=number: (
                source.counters.snapshot().received == wanted
                and not source.counters.snapshot().pending
            ),
            10.0,
            node,
            peer,
        )
    counts = source.counters.snapshot()
    assert (counts.drops, counts.published) == ({"tf_missing": 1}, 1)
    assert node._tf._buffer.asked[-1] == ("site", "velodyne", 2 * 10**9)
    assert node.perception.lidar_pose.translation.tolist() == [0.0, 0.0, 2.5]
    assert node.perception.lidar_pose.apply([1.0, 0.0, 0.0]) == pytest.approx([0.0, 1.0, 2.5])
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert tf2.unregistered == 1
