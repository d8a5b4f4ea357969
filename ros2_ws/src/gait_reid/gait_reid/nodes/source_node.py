"""What camera and LiDAR nodes share: one source, read in a thread, and what became of it."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from gait_reid.sensors.base import Source, SourceError
from gait_reid.sensors.runner import RunnerConfig, SourceRunner, Stamped
from gait_reid_common.diagnostics import DropCounters, Level, Status
from gait_reid_common.lifecycle import ManagedNode
from gait_reid_common.qos import Topic


class SourceParameters(Protocol):
    """What the parameters of such a node have in common."""

    @property
    def run(self) -> RunnerConfig:
        """Pace of files and retries of live sensors."""

    @property
    def stamp_files_with_clock(self) -> bool:
        """Whether the first frame of a file is stamped with the node's time."""

    @property
    def wait_for_subscriber(self) -> bool:
        """Whether a file begins only when somebody subscribes."""


P = TypeVar("P", bound=SourceParameters)
F = TypeVar("F", bound=Stamped)


class SourceNode(ManagedNode[P], Generic[P, F]):
    """Reads one source; a live one that is lost is opened again.

    Attributes:
        data_topic: Topic of the frames.
        frame_name: What one frame is called.
        counters: What became of the frames that were read.
    """

    data_topic: ClassVar[Topic[Any]]
    frame_name: ClassVar[str]

    @abstractmethod
    def make_source(self, parameters: P, clock: Callable[[], int] | None) -> Source[F]:
        """Return the source, closed.

        Args:
            parameters: Of the node.
            clock: Stamps the first frame of a file; None: the file's own time.
        """

    @abstractmethod
    def may_come_later(self, error: SourceError) -> bool:
        """Return whether a live source that cannot be opened may be there later."""

    @abstractmethod
    def to_message(self, frame: F) -> Any:
        """Return the message of a frame."""

    @abstractmethod
    def source_name(self) -> str:
        """Return what the source is called in the log."""

    @abstractmethod
    def values(self) -> dict[str, str]:
        """Return what is known of the source, for /diagnostics."""

    def publish_beside(self, frame: F) -> None:
        """Publish what goes with a frame, before it."""

    def status_name(self) -> str:
        """Return what the report on /diagnostics is about."""
        return self.data_topic.name

    def warning(self) -> str:
        """Return what is odd about a source that delivers, or an empty string."""
        return ""

    # Hooks

    def do_configure(self, parameters: P) -> None:
        """Open the source once, so that a wrong one is reported here and not later."""
        self.runner: SourceRunner[F] | None = None
        self.counters = DropCounters(self.data_topic.name)
        clock = self.now_ns if parameters.stamp_files_with_clock else None
        self._source = self.make_source(parameters, clock)
        try:
            self._source.open()
        except SourceError as error:
            if not self._source.live or not self.may_come_later(error):
                raise
            self.report_error(f"{error} (tried again until it comes)")
        self._source.close()
        self._data_out = self.publisher(self.data_topic)
        self.add_status(self._status)
        if not self._source.live and parameters.wait_for_subscriber:
            self.every(0.1, self._begin_when_wanted)

    def do_activate(self) -> None:
        """Begin to read."""
        self.runner = SourceRunner(
            self._source, self._publish, self._report_change, self.parameters.run
        )
        if self._source.live or not self.parameters.wait_for_subscriber:
            self.runner.start()

    def do_deactivate(self) -> None:
        """Stop reading and give the device back."""
        if self.runner is not None:
            self.runner.stop()

    def _begin_when_wanted(self) -> None:
        if self.runner is not None and not self.runner.started and self.wanted(self._data_out):
            self.runner.start()

    # In the runner's thread

    def _publish(self, frame: F) -> None:
        self.counters.receive()
        try:
            self.publish_beside(frame)
            if self.wanted(self._data_out):
                self._data_out.publish(self.to_message(frame))
                self.counters.publish()
            else:
                self.counters.drop("nobody_subscribes")
        except Exception:
            self.counters.drop("error")
            self.report_error(f"a {self.frame_name} is lost:\n{traceback.format_exc()}")

    def _report_change(self, error: SourceError | None) -> None:
        if error is None:
            self.get_logger().info(f"{self.source_name()} delivers again")
        else:
            self.get_logger().error(str(error))

    # In the executor's thread

    def _status(self) -> Status:
        name, runner, counts = self.status_name(), self.runner, self.counters.snapshot()
        values = {"read": str(counts.received), "published": str(counts.published)}
        values |= {f"dropped {reason}": str(n) for reason, n in sorted(counts.drops.items())}
        values |= self.values()
        if runner is None or not runner.started:
            return Status(name, Level.OK, "waits for a subscriber", values)
        values["connections lost"] = str(runner.failures)
        if runner.error is not None:
            return Status(name, Level.ERROR, str(runner.error), values)
        if runner.ended:
            return Status(name, Level.OK, "played to the end", values)
        warning = self.warning()
        if warning:
            return Status(name, Level.WARN, warning, values)
        return Status(name, Level.OK, "delivers", values)
