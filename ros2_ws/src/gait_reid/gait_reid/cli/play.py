"""``gait-reid play``: a recording over DDS, with its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gait_reid.adapters.bags import BagDamagedError, BagMessage, BagReader, TopicInfo
from gait_reid.adapters.bags.types import OWN_PACKAGE
from gait_reid.cli.console import ERR, FAILED, CommandError, report, reporting_errors
from gait_reid.cli.ros import message_type, ros_node

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.publisher import Publisher

# What the nodes make themselves; playing it beside them would mix old results with new ones.
_DERIVED_TYPES = (OWN_PACKAGE, "visualization_msgs", "diagnostic_msgs")
_DERIVED_NAMES = ("overlay", "rosout", "parameter_events", "clock")
_LATCHED_NAMES = ("tf_static", "robot_description", "gallery", "map")
_SETTLE_S = 0.5


def command(
    path: Annotated[Path, typer.Argument(metavar="BAG", help="rosbag2 folder, .mcap or .db3")],
    loop: Annotated[
        int, typer.Option("--loop", min=0, help="times to play it; 0: until stopped")
    ] = 1,
    rate: Annotated[float, typer.Option("--rate", min=0.01, max=100.0, help="speed")] = 1.0,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", help="topic to play, repeatable")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="also topics that this suite publishes itself")
    ] = False,
    clock_hz: Annotated[
        float, typer.Option("--clock-hz", min=0.0, help="rate of /clock; 0: none")
    ] = 100.0,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0.0, help="longest wait for a subscriber, seconds")
    ] = 10.0,
) -> None:
    """Publish the sensor topics of a recording with their timing, and its time on /clock.

    Every loop begins at the time of the recording, so time jumps back as with `ros2 bag play`.
    """
    with reporting_errors(), BagReader(path) as reader, ros_node("gait_reid_play") as node:
        chosen = choose_topics(reader.topics, topics or [], everything, str(path))
        player = Player(node, chosen, rate, clock_hz)
        player.wait_for_subscriber(wait_s)
        rounds = 0
        while node.context.ok() and (loop == 0 or rounds < loop):
            rounds += 1
            damage = player.play(reader)
            if damage is not None:
                report(str(damage))
                raise typer.Exit(FAILED)
        ERR.print(f"played {player.num_messages} messages in {rounds} round(s)")


def choose_topics(
    known: Mapping[str, TopicInfo], wanted: Collection[str], everything: bool, source: str
) -> dict[str, str]:
    """Return the type of every topic to play.

    Raises:
        CommandError: A wanted topic is not in the recording, or nothing is left.
    """
    missing = [name for name in wanted if name not in known]
    if missing:
        raise CommandError(f"{source}: has no topic {missing[0]}; it has {', '.join(known)}")
    if wanted:
        return {name: known[name].type_name for name in wanted}
    chosen = {
        name: topic.type_name
        for name, topic in known.items()
        if everything or not _is_derived(topic)
    }
    if not chosen:
        raise CommandError(
            f"{source}: holds only results ({', '.join(known)}); play them with --all"
        )
    return chosen


def _is_derived(topic: TopicInfo) -> bool:
    package = topic.type_name.partition("/")[0]
    return package in _DERIVED_TYPES or topic.name.rpartition("/")[2] in _DERIVED_NAMES


class Player:
    """Publishes serialised messages at the times at which they were recorded.

    Args:
        node: Node to publish with.
        topics: Type by topic; a type that is not installed is left out with a warning.
        rate: Speed, 1 for real time.
        clock_hz: Rate of /clock, 0 for none.
        steady_s: Clock that only grows, seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        node: Node,
        topics: Mapping[str, str],
        rate: float,
        clock_hz: float,
        steady_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._node = node
        self._rate = rate
        self._clock_period_s = 1.0 / clock_hz if clock_hz else 0.0
        self._steady_s, self._sleep = steady_s, sleep
        self._publishers: dict[str, Publisher] = {}
        for name, type_name in topics.items():
            try:
                kind = message_type(type_name)
            except CommandError as error:
                ERR.print(f"warning: {name} is not played: {error}", markup=False)
                continue
            self._publishers[name] = node.create_publisher(kind, name, _quality(name))
        if not self._publishers:
            raise CommandError("no topic can be played; install the packages of their types")
        self._clock = self._make_clock() if clock_hz else None
        self.num_messages = 0

    def wait_for_subscriber(self, timeout_s: float) -> None:
        """Wait until somebody listens to one of the topics, or for the time given."""
        end_s = self._steady_s() + timeout_s
        while self._steady_s() < end_s and self._node.context.ok():
            if any(p.get_subscription_count() for p in self._publishers.values()):
                self._sleep(_SETTLE_S)
                return
            self._sleep(0.05)

    def play(self, reader: BagReader) -> BagDamagedError | None:
        """Publish everything once; return what could not be read."""
        first_ns: int | None = None
        begun_s = 0.0
        try:
            for message in reader.messages(self._publishers):
                if first_ns is None:
                    first_ns, begun_s = message.log_ns, self._steady_s()
                self._wait_until(begun_s, first_ns, message.log_ns)
                if not self._node.context.ok():
                    return None
                self._publish(message)
        except BagDamagedError as error:
            return error
        return None

    def _publish(self, message: BagMessage) -> None:
        self._tick(message.log_ns)
        self._publishers[message.topic].publish(message.data)
        self.num_messages += 1

    def _wait_until(self, begun_s: float, first_ns: int, log_ns: int) -> None:
        """Sleep until a message is due, and publish the time meanwhile."""
        due_s = begun_s + (log_ns - first_ns) * 1e-9 / self._rate
        while (left_s := due_s - self._steady_s()) > 0.0 and self._node.context.ok():
            self._sleep(min(left_s, self._clock_period_s or left_s, 0.5))
            elapsed_s = (self._steady_s() - begun_s) * self._rate
            self._tick(min(first_ns + round(1e9 * elapsed_s), log_ns))

    def _make_clock(self) -> tuple[Publisher, Any]:
        from rosgraph_msgs.msg import Clock

        return self._node.create_publisher(Clock, "/clock", 10), Clock

    def _tick(self, time_ns: int) -> None:
        if self._clock is not None:
            publisher, kind = self._clock
            message = kind()
            message.clock.sec, message.clock.nanosec = divmod(time_ns, 10**9)
            publisher.publish(message)


def _quality(topic: str) -> Any:
    from gait_reid_common.qos import LATCHED, SENSOR_OUT

    latched = topic.rpartition("/")[2] in _LATCHED_NAMES
    return (LATCHED if latched else SENSOR_OUT).profile()
