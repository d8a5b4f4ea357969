"""Publishes the poses of simulated sensors on /tf_static."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher

from gait_reid_common.qos import LATCHED
from gait_reid_sim.adapters.frames import sensor_transforms
from gait_reid_sim.core.scene.scenario import Scenario


def publish_frames(node: Node, scenario: Scenario, frame_id: str) -> Publisher | None:
    """Publish once, latched; return the publisher, or None where tf2_msgs is not installed."""
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError:
        return None
    publisher = node.create_publisher(TFMessage, "/tf_static", LATCHED.profile())
    publisher.publish(TFMessage(transforms=sensor_transforms(scenario, frame_id)))
    return publisher
