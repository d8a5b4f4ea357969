"""Publishers and subscriptions that say why nothing arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.subscription import Subscription

from gait_reid_common.qos import Qos, Topic, mismatches

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

M = TypeVar("M")


def make_publisher(node: LifecycleNode, topic: Topic[Any], qos: Qos) -> LifecyclePublisher:
    """Create a lifecycle publisher that reports subscribers which it cannot serve."""

    def report(event: Any) -> None:
        del event
        peers = node.get_subscriptions_info_by_topic(node.resolve_topic_name(topic.name))
        for peer in peers:
            requested = Qos.from_profile(peer.qos_profile)
            _report(node, topic, f"subscriber {peer.node_name}", qos, requested, "offered")

    events = PublisherEventCallbacks(incompatible_qos=report)
    return node.create_lifecycle_publisher(
        topic.type, topic.name, qos.profile(), event_callbacks=events
    )


def make_subscription(
    node: LifecycleNode, topic: Topic[M], qos: Qos, callback: Callable[[M], None]
) -> Subscription:
    """Create a subscription that reports publishers which it cannot hear."""

    def report(event: Any) -> None:
        del event
        peers = node.get_publishers_info_by_topic(node.resolve_topic_name(topic.name))
        for peer in peers:
            offered = Qos.from_profile(peer.qos_profile)
            _report(node, topic, f"publisher {peer.node_name}", offered, qos, "requested")

    events = SubscriptionEventCallbacks(incompatible_qos=report)
    return node.create_subscription(
        topic.type, topic.name, callback, qos.profile(), event_callbacks=events
    )


def _report(
    node: LifecycleNode, topic: Topic[Any], peer: str, offered: Qos, requested: Qos, own: str
) -> None:
    for policy, offer, request in mismatches(offered, requested):
        fitting = offer if own == "requested" else request
        node.get_logger().error(
            f"'{node.resolve_topic_name(topic.name)}': no messages between this node and {peer}: "
            f"offered is ({offered.describe()}), requested is ({requested.describe()}); "
            f"set parameter '{topic.parameter_group}.{policy}' of this node to '{fitting}', "
            f"or change the other side"
        )
