"""A lifecycle node whose inputs, outputs, services and workers are declared when it is configured.

rclpy has no lifecycle subscriptions, and what it calls destroy leaks lifecycle publishers. What is
declared here comes to life when the node is activated and ends when it is deactivated.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.publisher import Publisher

from gait_reid_common.diagnostics import Status
from gait_reid_common.endpoints import make_publisher, make_subscription
from gait_reid_common.inputs import Input, NewestFirst, Received
from gait_reid_common.mailbox import Mailbox
from gait_reid_common.node_parameters import NodeParameters
from gait_reid_common.qos import ServiceInterface, Topic
from gait_reid_common.stamps import to_ns
from gait_reid_common.time_jumps import TimeJumpGuard
from gait_reid_common.workers import Way, Worker

M = TypeVar("M")
T = TypeVar("T")

JOIN_TIMEOUT_S = 5.0
_MAX_REMEMBERED_ERRORS = 100


def nothing() -> None:
    """Do nothing."""


class DeclaringNode(LifecycleNode):
    """The part of `ManagedNode` that nodes call to declare what they consist of.

    Attributes:
        node_name: Default name of the node.
        parameter_type: Parameter class of the node.
        publishes: Topics that `publisher` may be called with.
        subscribes: Topics that `subscribe` and `process` may be called with.
        serves: Services that `serve` may be called with.
        inputs: Inputs that are declared now.
        node_parameters: Parameters of the node.
    """

    node_name: ClassVar[str]
    parameter_type: ClassVar[type]
    publishes: ClassVar[tuple[Topic[Any], ...]] = ()
    subscribes: ClassVar[tuple[Topic[Any], ...]] = ()
    serves: ClassVar[tuple[ServiceInterface, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(self.node_name, **kwargs)
        topics = [(topic, topic.offered) for topic in self.publishes]
        topics += [(topic, topic.requested) for topic in self.subscribes]
        self.node_parameters = NodeParameters(self, self.parameter_type, topics)
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.inputs: list[Input[Any]] = []
        self._guard = TimeJumpGuard()
        self._reported_s: dict[str, float] = {}
        self._statuses: list[Callable[[], Status]] = []
        self._publishers_made: list[LifecyclePublisher] = []
        self._to_activate: list[Callable[[], None]] = []
        self._to_deactivate: list[Callable[[], object]] = []

    def now_ns(self) -> int:
        """Return the node's time, which is replayed time where ``use_sim_time`` is set."""
        return int(self.get_clock().now().nanoseconds)

    def wanted(self, *publishers: Publisher) -> bool:
        """Return whether somebody subscribes to one of the publishers."""
        return any(publisher.get_subscription_count() for publisher in publishers)

    def publisher(self, topic: Topic[Any], name: str = "") -> LifecyclePublisher:
        """Create a publisher of one of ``publishes``; it is silent while the node is inactive.

        Args:
            topic: One of ``publishes``.
            name: Publish the topic under this name instead of its own.
        """
        self._must_be_declared(topic, self.publishes, "publishes")
        qos = self.node_parameters.qos(topic)
        publisher = make_publisher(self, replace(topic, name=name or topic.name), qos)
        self._publishers_made.append(publisher)
        return publisher

    def subscribe(
        self,
        topic: Topic[M],
        callback: Callable[[Input[M], Received[M]], None],
        required: bool = False,
        name: str = "",
    ) -> Input[M]:
        """Subscribe to one of ``subscribes`` while active; the callback accounts for the message.

        Messages of timed topics carry the stamp of their header, others the time of arrival.

        Args:
            topic: One of ``subscribes``.
            callback: Called in the executor's thread.
            required: Whether to remind of a silent topic.
            name: Subscribe to the topic under this name instead of its own.
        """
        self._must_be_declared(topic, self.subscribes, "subscribes")
        qos = self.node_parameters.qos(topic)
        topic = replace(topic, name=name or topic.name)
        name = self.resolve_topic_name(topic.name)
        source: Input[M] = Input(name, topic.type_name, required, self, self._guard)
        self.inputs.append(source)

        def receive(message: Any) -> None:
            stamp_ns = to_ns(message.header.stamp) if topic.timed else None
            received = source.receive(message, stamp_ns)
            if received is None:
                return
            try:
                callback(source, received)
            except Exception:
                source.counters.drop("error")
                self.report_error(f"callback of '{name}' failed:\n{traceback.format_exc()}")

        def activate() -> None:
            source.silent_since_steady_ns = time.monotonic_ns()
            subscription = make_subscription(self, topic, qos, receive)
            self._to_deactivate.append(lambda: self.destroy_subscription(subscription))

        self._to_activate.append(activate)
        return source

    def process(
        self,
        topic: Topic[M],
        function: Callable[[Received[M]], None],
        max_age_s: float = 0.0,
        wanted: tuple[Publisher, ...] = (),
        on_time_jump: Callable[[], None] = nothing,
        required: bool = True,
    ) -> Input[M]:
        """Subscribe, and use the newest message in a worker thread; every message is counted.

        Args:
            topic: One of ``subscribes``.
            function: Uses one message; raises `DroppedError` with a reason when it cannot.
            max_age_s: Messages older than this when their turn comes are dropped; 0: never.
            wanted: Publishers that the work is for; while nobody subscribes to any of them
                messages are dropped at once. Empty: the work is always wanted.
            on_time_jump: Called once per backward jump of time, in the worker's thread, before the
                first message after it.
            required: Whether to remind of a silent topic.
        """
        ways: list[NewestFirst[M]] = []

        def activate() -> None:
            way = NewestFirst(
                source,
                function,
                max_age_s,
                lambda: not wanted or self.wanted(*wanted),
                on_time_jump,
                self._guard.epoch,
            )
            ways[:] = [way]
            self._start_way(topic.name, way)

        self._to_activate.append(activate)
        source = self.subscribe(topic, lambda _, received: ways[0].put(received), required)
        return source

    def add_worker(
        self, name: str, mailbox: Callable[[], Mailbox[T]], function: Callable[[T], None]
    ) -> None:
        """Run ``function`` with each item of a mailbox while active.

        Args:
            name: Name of the thread.
            mailbox: Makes the mailbox anew for each activation, because a closed one stays closed.
            function: Called in the worker's thread.
        """
        self._to_activate.append(lambda: self._start_worker(name, mailbox(), function))

    def add_way(self, name: str, make: Callable[[], Way[Any]]) -> None:
        """Run a way's ``work`` with each item of its mailbox while active, then close it.

        Args:
            name: Name of the thread.
            make: Makes the way anew for each activation.
        """
        self._to_activate.append(lambda: self._start_way(name, make()))

    def serve(self, service: ServiceInterface, callback: Callable[[Any, Any], Any]) -> None:
        """Offer one of ``serves`` while active; an exception becomes an unsuccessful answer."""
        self._must_be_declared(service, self.serves, "serves")

        def answer(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                self.report_error(f"service '{service.name}' failed:\n{traceback.format_exc()}")
                response.success, response.message = False, f"internal error: {error}"
                return response

        def activate() -> None:
            server = self.create_service(service.type, service.name, answer)
            self._to_deactivate.append(lambda: self.destroy_service(server))

        self._to_activate.append(activate)

    def every(self, period_s: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` every ``period_s`` of steady time while active."""

        def fire() -> None:
            try:
                callback()
            except Exception:
                self.report_error(f"timer failed:\n{traceback.format_exc()}")

        def activate() -> None:
            timer = self.create_timer(period_s, fire, clock=self.steady_clock)
            self._to_deactivate.append(lambda: self.destroy_timer(timer))

        self._to_activate.append(activate)

    def add_status(self, status: Callable[[], Status]) -> None:
        """Report a status line on /diagnostics once per second until the node is cleaned up."""
        self._statuses.append(status)

    def report_error(self, text: str) -> None:
        """Log an error that may repeat with every message, each at most once per second."""
        # rclpy's own throttle goes by the line that logs, which is this one for all errors.
        now_s, first_line = time.monotonic(), text.partition("\n")[0]
        if now_s - self._reported_s.get(first_line, -1.0) < 1.0:
            return
        if len(self._reported_s) > _MAX_REMEMBERED_ERRORS:
            self._reported_s.clear()
        self._reported_s[first_line] = now_s
        self.get_logger().error(text)

    def _start_worker(self, name: str, mailbox: Mailbox[T], function: Callable[[T], None]) -> None:
        worker = Worker(f"{self.get_name()}:{name}", mailbox, function, self.report_error)

        def stop() -> None:
            if not worker.stop(JOIN_TIMEOUT_S):
                self.get_logger().error(
                    f"worker '{worker.name}' did not stop within {JOIN_TIMEOUT_S:g} s and is left"
                )

        self._to_deactivate.append(stop)
        worker.start()

    def _start_way(self, name: str, way: Way[Any]) -> None:
        self._start_worker(name, way.mailbox, way.work)
        self._to_deactivate.append(way.close)

    def _start_declared(self) -> None:
        for activate in self._to_activate:
            activate()

    def _stop_declared(self) -> None:
        while self._to_deactivate:
            self._to_deactivate.pop()()

    def _undeclare(self) -> None:
        for publisher in self._publishers_made:
            self.destroy_lifecycle_publisher(publisher)
        for declared in (self._publishers_made, self._to_activate, self._statuses, self.inputs):
            declared.clear()  # type: ignore[attr-defined]

    def _must_be_declared(self, thing: Any, declared: tuple[Any, ...], where: str) -> None:
        if thing not in declared:
            names = [item.name for item in declared]
            raise ValueError(
                f"'{thing.name}' is not among {type(self).__name__}.{where}, which has {names}"
            )
