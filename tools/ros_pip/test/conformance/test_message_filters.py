"""The same cases for the stand-in and, where it is installed, for ROS 2's message_filters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import pytest
from conformance.implementations import load_stand_in, load_upstream

rclpy = pytest.importorskip("rclpy")
Int32 = pytest.importorskip("std_msgs.msg").Int32


@pytest.fixture(params=["stand-in", "upstream"])
def message_filters(request: pytest.FixtureRequest) -> ModuleType:
    load = load_stand_in if request.param == "stand-in" else load_upstream
    return load("message_filters")


@pytest.fixture
def node() -> Iterator[object]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=100 + os.getpid() % 100)
    made = rclpy.create_node("conformance", context=context)
    yield made
    made.destroy_node()
    rclpy.shutdown(context=context)


def test_callbacks_are_called_in_order_with_message_and_extra_arguments(
    message_filters: ModuleType,
) -> None:
    source = message_filters.SimpleFilter()
    calls: list[tuple[object, ...]] = []
    connections = [
        source.registerCallback(lambda *given: calls.append(("first", *given))),
        source.registerCallback(lambda *given: calls.append(("second", *given)), 7, "x"),
    ]
    source.signalMessage("message")
    source.signalMessage("one", "two")
    assert connections == [0, 1]
    assert calls == [
        ("first", "message"),
        ("second", "message", 7, "x"),
        ("first", "one", "two"),
        ("second", "one", "two", 7, "x"),
    ]


def test_a_filter_can_be_derived_from_and_chained(message_filters: ModuleType) -> None:
    class Double(message_filters.SimpleFilter):  # type: ignore[misc,name-defined]
        def __init__(self, source: object) -> None:
            super().__init__()
            source.registerCallback(self.add)  # type: ignore[attr-defined]

        def add(self, value: int) -> None:
            self.signalMessage(2 * value)

    source = message_filters.SimpleFilter()
    received: list[int] = []
    Double(source).registerCallback(received.append)
    source.signalMessage(21)
    assert received == [42]


def test_an_exception_of_a_callback_reaches_the_source(message_filters: ModuleType) -> None:
    source = message_filters.SimpleFilter()
    received: list[int] = []

    def fail(_: int) -> None:
        raise ValueError("no")

    source.registerCallback(fail)
    source.registerCallback(received.append)
    with pytest.raises(ValueError, match="no"):
        source.signalMessage(1)
    assert received == []


def test_subscriber_passes_received_messages_on(message_filters: ModuleType, node: object) -> None:
    subscriber = message_filters.Subscriber(node, Int32, "numbers")
    received: list[tuple[int, str]] = []
    subscriber.registerCallback(lambda message, tag: received.append((message.data, tag)), "tag")
    publisher = node.create_publisher(Int32, "numbers", 10)  # type: ignore[attr-defined]
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)  # type: ignore[attr-defined]
    executor.add_node(node)
    for _ in range(300):
        if received:
            break
        publisher.publish(Int32(data=5))
        executor.spin_once(timeout_sec=0.1)
    assert received
    assert set(received) == {(5, "tag")}


def test_subscriber_takes_what_create_subscription_takes(
    message_filters: ModuleType, node: object
) -> None:
    best_effort = rclpy.qos.QoSProfile(depth=1, reliability=rclpy.qos.ReliabilityPolicy.BEST_EFFORT)
    group = rclpy.callback_groups.ReentrantCallbackGroup()
    first = message_filters.Subscriber(node, Int32, "numbers")
    second = message_filters.Subscriber(
        node, Int32, "numbers", qos_profile=best_effort, callback_group=group
    )
    assert first.qos_profile.depth == 10
    assert first.qos_profile.reliability == rclpy.qos.ReliabilityPolicy.RELIABLE
    assert second.qos_profile.depth == 1
    assert second.sub.callback_group is group
    assert (first.getTopic(), first.topic, first.topic_name) == ("numbers", "numbers", "/numbers")
    assert first.msg_type is Int32
    assert first.node is node
    with pytest.raises(AttributeError):
        _ = first.absent
