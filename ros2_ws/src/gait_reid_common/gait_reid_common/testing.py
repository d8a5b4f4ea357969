"""Helpers for tests: isolated ROS contexts, waiting for conditions, optional recordings."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gait_reid_common.diagnostics import Counts

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.node import Node

# Beyond 101 the ports of a domain may be in the range that the system hands out to others.
DOMAIN_IDS = range(1, 102)
_domains_used = itertools.count()


@contextlib.contextmanager
def domain_id() -> Iterator[int]:
    """Reserve a domain id that no other test of this machine uses meanwhile.

    The next one is another one, because nodes of the last test may still be believed alive.
    """
    folder = Path(tempfile.gettempdir())
    first = os.getpid() + next(_domains_used)
    for offset in range(len(DOMAIN_IDS)):
        number = DOMAIN_IDS[(first + offset) % len(DOMAIN_IDS)]
        lock = folder / f"gait_reid_domain_{number}.lock"
        # Another user's file may be locked, but neither written nor created anew.
        if not lock.exists():
            with contextlib.suppress(PermissionError):
                lock.touch()
        with lock.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield number
            return
    raise RuntimeError(f"all domain ids of {DOMAIN_IDS} are in use by tests")


@contextlib.contextmanager
def ros_context() -> Iterator[Context]:
    """Make an rclpy context of its own in a domain of its own."""
    from rclpy.context import Context

    with domain_id() as number:
        context = Context()
        context.init(args=[], domain_id=number)
        try:
            yield context
        finally:
            context.try_shutdown()


def spin_until(condition: Callable[[], Any], timeout_s: float, *nodes: Node) -> bool:
    """Spin nodes until ``condition()`` holds.

    Returns:
        Whether the condition came true within ``timeout_s``.
    """
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=nodes[0].context)
    for node in nodes:
        executor.add_node(node)
    try:
        end_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end_s:
                return False
            executor.spin_once(timeout_sec=0.02)
        return True
    finally:
        for node in nodes:
            executor.remove_node(node)
        executor.shutdown()


@contextlib.contextmanager
def node_maker(context: Context) -> Iterator[Callable[..., Any]]:
    """Yield a function that makes nodes, which are destroyed at the end.

    It takes the node's class, ROS arguments as strings, and parameters as keywords with ``__`` for
    a dot. Nodes do not start by themselves unless ``autostart=True``.
    """
    from rclpy.parameter import Parameter

    nodes: list[Node] = []

    def make(node_class: Callable[..., Any], *arguments: str, **parameters: Any) -> Any:
        values = {"autostart": False, **parameters}
        node = node_class(
            context=context,
            parameter_overrides=[
                Parameter(name.replace("__", "."), value=value) for name, value in values.items()
            ],
            cli_args=["--ros-args", *arguments] if arguments else None,
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()


def activate(*nodes: Any) -> None:
    """Configure and activate managed nodes."""
    from rclpy.lifecycle import TransitionCallbackReturn as Return

    for node in nodes:
        if node.trigger_configure() != Return.SUCCESS:
            raise AssertionError(f"{node.get_name()} does not configure: {node.failure}")
        if node.trigger_activate() != Return.SUCCESS:
            raise AssertionError(f"{node.get_name()} does not activate: {node.failure}")


class NodeBench:
    """A managed node between publishers of its inputs and subscribers of its outputs.

    Attributes:
        node: The node.
        peer: The node that publishes and subscribes.
        heard: What the node has published, by topic name.
    """

    def __init__(self, node: Any, peer: Node, listen: bool = True) -> None:
        """Activate the node and connect it.

        Args:
            node: Managed node that is not configured yet.
            peer: Node of the same context.
            listen: Whether to subscribe to what the node publishes.
        """
        self.node, self.peer = node, peer
        self.heard: dict[str, list[Any]] = {topic.name: [] for topic in node.publishes}
        self._publishers: dict[str, Any] = {}
        activate(node)
        inputs = {source.name for source in node.inputs}
        for topic in node.subscribes:
            if node.resolve_topic_name(topic.name) in inputs:
                self.connect(topic)
        if listen:
            self.listen()

    def connect(self, topic: Any) -> None:
        """Publish an input of the node; the others have been connected already."""
        profile = topic.offered.profile()
        publisher = self.peer.create_publisher(topic.type, topic.name, profile)
        self._publishers[topic.name] = publisher
        if not self.spin(publisher.get_subscription_count):
            raise AssertionError(f"{self.node.get_name()} does not subscribe to {topic.name}")

    def listen(self) -> None:
        """Subscribe to everything that the node publishes."""
        for topic in self.node.publishes:
            profile = topic.offered.profile()
            heard = self.heard[topic.name].append
            self.peer.create_subscription(topic.type, topic.name, heard, profile)
            if not self.spin(functools.partial(self._is_connected, topic)):
                raise AssertionError(f"{self.node.get_name()} does not publish {topic.name}")

    def _is_connected(self, topic: Any) -> bool:
        name = self.node.resolve_topic_name(topic.name)
        publishers = [one for one in self.node.publishers if one.topic_name == name]
        return all(one.get_subscription_count() for one in publishers)

    def spin(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> bool:
        """Spin both nodes until the condition holds; return whether it does."""
        return spin_until(condition, timeout_s, self.node, self.peer)

    def counts(self, topic: Any) -> Counts:
        """Return what has become of the messages of an input."""
        name = self.node.resolve_topic_name(topic.name)
        (source,) = (source for source in self.node.inputs if source.name == name)
        counts: Counts = source.counters.snapshot()
        return counts

    def publish(self, topic: Any, message: Any) -> None:
        """Send a message and do not wait for it."""
        self._publishers[topic.name].publish(message)

    def send(self, topic: Any, message: Any) -> None:
        """Send a message and wait until it has arrived."""
        before = self.counts(topic).received
        self.publish(topic, message)
        if not self.spin(lambda: self.counts(topic).received > before):
            raise AssertionError(f"a message on {topic.name} does not arrive")

    def use(self, topic: Any, message: Any) -> None:
        """Send a message and wait until it is used or dropped."""
        self.send(topic, message)
        if not self.spin(lambda: not self.counts(topic).pending):
            raise AssertionError(f"a message on {topic.name} waits: {self.counts(topic)}")


def wait_until(condition: Callable[[], Any], timeout_s: float, period_s: float = 0.005) -> bool:
    """Wait, without spinning anything, until ``condition()`` holds; return whether it does."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(period_s)
    return True


def shared_data(relative: str) -> Path:
    """Return the path of an optional recording, or skip the test when it is absent.

    Recordings are looked for in the folder named by ``GAIT_REID_SHARED_DATA``, else in
    ``shared/data`` beside the repository.
    """
    import pytest

    configured = os.environ.get("GAIT_REID_SHARED_DATA")
    roots = [Path(configured)] if configured else _data_roots()
    found = [root / relative for root in roots if (root / relative).exists()]
    if not found:
        pytest.skip(f"recording {relative} is not here: set GAIT_REID_SHARED_DATA to its folder")
    return found[0]


def _data_roots() -> list[Path]:
    here = (Path(__file__).resolve(), Path.cwd().resolve() / "x")
    return [parent / "shared" / "data" for start in here for parent in start.parents]
