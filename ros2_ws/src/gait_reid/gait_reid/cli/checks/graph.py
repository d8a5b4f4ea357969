"""The running site: which topics are there, and do their profiles fit?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gait_reid.cli.checks.finding import Finding, good, warning
from gait_reid.cli.console import CommandError
from gait_reid.cli.ros import ros_node

if TYPE_CHECKING:
    from rclpy.node import Node

    from gait_reid_common.qos import Topic

_AREA = "site"
_START = "gait-reid-launch gait_reid_bringup bringup.launch.xml, or ros2 launch"


def check_graph(namespace: str = "", wait_s: float = 2.0) -> Iterator[Finding]:
    """Yield what publishes and what listens to each topic of the suite."""
    try:
        with ros_node("gait_reid_doctor") as node:
            _discover(node, wait_s)
            yield from _topics(node, namespace)
    except CommandError as error:
        yield good(_AREA, "nodes", f"not looked for: {error}")


def _discover(node: Node, wait_s: float) -> None:
    """Give discovery its time; it has no end that one could wait for."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end_s = time.monotonic() + wait_s
    while time.monotonic() < end_s and rclpy.ok(context=node.context):
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()


def _topics(node: Node, namespace: str) -> Iterator[Finding]:
    from gait_reid.nodes import topics

    inputs = (topics.LIDAR_POINTS, topics.CAMERA_IMAGE, topics.CAMERA_INFO)
    results = (topics.TRACKS, topics.CROPS, topics.MATCHES, topics.GALLERY)
    names = {topic: _full_name(topic.name, namespace) for topic in (*inputs, *results)}
    running = [t for t in results if node.count_publishers(names[t])]
    if not running:
        yield good(_AREA, "nodes", f"no node of the suite runs here; start one with {_START}")
        return
    for topic in results:
        if topic in running:
            yield _present(node, names[topic], topic)
        else:
            yield warning(_AREA, names[topic], "nobody publishes it", f"start its node: {_START}")
    seen = [topic for topic in inputs if node.count_publishers(names[topic])]
    for topic in inputs:
        if topic in seen:
            yield _present(node, names[topic], topic)
        elif topic is not topics.CAMERA_INFO or topics.CAMERA_IMAGE in seen:
            fix = "start its driver, or remap it to the driver's topic; a site works without it"
            yield warning(_AREA, names[topic], "nobody publishes it", fix)


def _full_name(name: str, namespace: str) -> str:
    if name.startswith("/"):
        return name
    return f"/{namespace.strip('/')}/{name}" if namespace.strip("/") else f"/{name}"


def _present(node: Node, name: str, topic: Topic) -> Finding:
    """Return who publishes, or which policies keep publisher and suite apart."""
    from gait_reid_common.qos import Qos, mismatches

    publishers = node.get_publishers_info_by_topic(name)
    for info in publishers:
        if info.topic_type != topic.type_name:
            state = f"{info.node_name} publishes {info.topic_type}, expected {topic.type_name}"
            return warning(_AREA, name, state, "remap the right topic")
        for policy, offered, requested in mismatches(
            Qos.from_profile(info.qos_profile), topic.requested
        ):
            state = f"{info.node_name} offers {policy} {offered}, the suite asks for {requested}"
            fix = (
                f"set parameter {topic.parameter_group}.{policy} of the listening node to {offered}"
            )
            return warning(_AREA, name, state, fix)
    listeners = node.count_subscribers(name)
    names = ", ".join(sorted({info.node_name for info in publishers}))
    return good(_AREA, name, f"from {names}, {listeners} listeners")
