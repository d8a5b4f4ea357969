"""``gait-reid record``: topics of the running graph into an mcap."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gait_reid.adapters.bags import BagWriter
from gait_reid.adapters.bags.types import message_types
from gait_reid.cli.console import ERR, CommandError, reporting_errors
from gait_reid.cli.ros import message_type, ros_node

if TYPE_CHECKING:
    from rclpy.node import Node

_LOOK_PERIOD_S = 0.5
_DEPTH = 50


def command(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="rosbag2 folder to make")],
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", help="topic to record, repeatable; default: all"),
    ] = None,
    duration_s: Annotated[
        float, typer.Option("--duration", min=0.0, help="seconds; 0: until stopped")
    ] = 0.0,
) -> None:
    """Record topics of the running graph into a rosbag2 (mcap); stop it with Ctrl-C."""
    with reporting_errors(), ros_node("gait_reid_record") as node:
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        with BagWriter(path) as bag:
            recorder = Recorder(node, bag, topics or [])
            end_s = time.monotonic() + (duration_s or float("inf"))
            try:
                while node.context.ok() and time.monotonic() < end_s:
                    recorder.look_for_topics()
                    executor.spin_once(timeout_sec=0.1)
            except (KeyboardInterrupt, ExternalShutdownException):
                ERR.print("stopping")
        listed = ", ".join(f"{count} {topic}" for topic, count in sorted(recorder.counts.items()))
        ERR.print(f"recorded {listed or 'nothing'} into {path}", soft_wrap=True)


class Recorder:
    """Subscribes to topics as they appear and writes their messages as they come.

    Attributes:
        counts: Messages by topic.
    """

    def __init__(self, node: Node, bag: BagWriter, topics: list[str]) -> None:
        self._node = node
        self._bag = bag
        self._wanted = {node.resolve_topic_name(name) for name in topics}
        self._subscriptions: dict[str, Any] = {}
        self._looked_s = float("-inf")
        self.counts: dict[str, int] = {}

    def look_for_topics(self) -> None:
        """Subscribe to what is new in the graph, twice a second."""
        if time.monotonic() - self._looked_s < _LOOK_PERIOD_S:
            return
        self._looked_s = time.monotonic()
        for name, kinds in self._node.get_topic_names_and_types():
            if name not in self._subscriptions and (not self._wanted or name in self._wanted):
                self._subscriptions[name] = self._subscribe(name, kinds[0])

    def _subscribe(self, name: str, type_name: str) -> Any:
        try:
            kind = message_type(type_name)
            if type_name not in message_types().fielddefs:
                raise CommandError(f"the definition of {type_name} is not known")
        except CommandError as error:
            ERR.print(f"warning: {name} is not recorded: {error}", markup=False)
            return None

        def write(data: bytes) -> None:
            self._bag.write_raw(name, type_name, time.time_ns(), data)
            self.counts[name] = self.counts.get(name, 0) + 1

        return self._node.create_subscription(kind, name, write, self._quality(name), raw=True)

    def _quality(self, name: str) -> Any:
        """Ask for no more than every publisher offers, and for the latched message where it is."""
        from gait_reid_common.qos import Qos

        offered = [
            Qos.from_profile(info.qos_profile)
            for info in self._node.get_publishers_info_by_topic(name)
        ]
        reliable = all(qos.reliability == "reliable" for qos in offered)
        latched = bool(offered) and all(qos.durability == "transient_local" for qos in offered)
        return Qos(
            "reliable" if reliable else "best_effort",
            _DEPTH,
            "transient_local" if latched else "volatile",
        ).profile()
