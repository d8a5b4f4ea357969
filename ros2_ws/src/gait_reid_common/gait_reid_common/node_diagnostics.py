"""Publishes a node's status lines on /diagnostics."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from gait_reid_common.diagnostics import Status

PERIOD_S = 1.0


def to_message(status: Status, node_name: str) -> DiagnosticStatus:
    """Convert a status line; names follow the habit ``node: what``."""
    return DiagnosticStatus(
        level=bytes([status.level]),
        name=f"{node_name.lstrip('/')}: {status.name}",
        message=status.message,
        hardware_id=node_name,
        values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
    )


class DiagnosticsPublisher:
    """Sends the reports of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def publish(self, statuses: Iterable[Status]) -> None:
        """Publish one report."""
        name = self._node.get_fully_qualified_name()
        message = DiagnosticArray(status=[to_message(status, name) for status in statuses])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
