"""Publishes scans of a Velodyne or Ouster LiDAR, from the network or from a capture file."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass, field

from gait_reid.adapters import pointcloud
from gait_reid.core.types import PointCloud
from gait_reid.nodes.topics import LIDAR_POINTS
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.lidar import LidarConfig, LidarSource
from gait_reid.sensors.rate import RateMeter
from gait_reid.sensors.runner import RunnerConfig, SourceRunner
from gait_reid_common.diagnostics import DropCounters, Level, Status
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class LidarParameters:
    """Parameters of the LiDAR node."""

    lidar: LidarConfig = field(default_factory=LidarConfig)
    run: RunnerConfig = field(default_factory=RunnerConfig)
    stamp_files_with_clock: bool = param(
        True, "Whether a file's first scan is stamped with the node's time, not as recorded"
    )
    wait_for_subscriber: bool = param(
        True, "Whether a file begins only when somebody subscribes to its scans"
    )
    rate_tolerance: float = param(
        0.1, "Deviation of the measured rate from the nominal one that is reported", "", 0.0, 1.0
    )

    def __post_init__(self) -> None:
        validate(self)


class LidarNode(ManagedNode[LidarParameters]):
    """Reads one LiDAR; a live one that falls silent is connected again."""

    node_name = "lidar"
    parameter_type = LidarParameters
    publishes = (LIDAR_POINTS,)

    def do_configure(self, parameters: LidarParameters) -> None:
        """Open the source once, so that a wrong one is reported here and not later."""
        self._runner: SourceRunner[PointCloud] | None = None
        self.counters = DropCounters(LIDAR_POINTS.name)
        clock = self.now_ns if parameters.stamp_files_with_clock else None
        self._source = LidarSource(parameters.lidar, clock)
        try:
            self._source.open()
        except SourceError as error:
            if not self._source.live or error.thing != "Ouster sensor":
                raise
            self.report_error(f"{error} (tried again until it comes)")
        self._source.close()
        self._points_out = self.publisher(LIDAR_POINTS)
        self.add_status(self._status)
        if not self._source.live and parameters.wait_for_subscriber:
            self.every(0.1, self._begin_when_wanted)

    def do_activate(self) -> None:
        """Begin to read."""
        self._meter = RateMeter()
        self._runner = SourceRunner(
            self._source, self._publish, self._report_change, self.parameters.run
        )
        if self._source.live or not self.parameters.wait_for_subscriber:
            self._runner.start()

    def do_deactivate(self) -> None:
        """Stop reading and release the port."""
        if self._runner is not None:
            self._runner.stop()

    def _begin_when_wanted(self) -> None:
        if self._runner is not None and not self._runner.started and self.wanted(self._points_out):
            self._runner.start()

    # In the runner's thread

    def _publish(self, cloud: PointCloud) -> None:
        self.counters.receive()
        self._meter.add()
        try:
            if self.wanted(self._points_out):
                self._points_out.publish(pointcloud.to_message(cloud))
                self.counters.publish()
            else:
                self.counters.drop("nobody_subscribes")
        except Exception:
            self.counters.drop("error")
            self.report_error(f"a scan is lost:\n{traceback.format_exc()}")

    def _report_change(self, error: SourceError | None) -> None:
        if error is None:
            self.get_logger().info(f"{self._source.model} delivers again")
        else:
            self.get_logger().error(str(error))

    # In the executor's thread

    def _status(self) -> Status:
        name = LIDAR_POINTS.name
        runner, values = self._runner, self._values()
        if runner is None or not runner.started:
            return Status(name, Level.OK, "waits for a subscriber", values)
        values["connections lost"] = str(runner.failures)
        if runner.error is not None:
            return Status(name, Level.ERROR, str(runner.error), values)
        if runner.ended:
            return Status(name, Level.OK, "played to the end", values)
        nominal_hz = self._source.nominal_hz
        if not self._source.live:
            nominal_hz *= self.parameters.run.speed
        warning = self._meter.judge(nominal_hz, self.parameters.rate_tolerance)
        if warning:
            return Status(name, Level.WARN, warning, values)
        return Status(name, Level.OK, "delivers", values)

    def _values(self) -> dict[str, str]:
        """Return keys of REP-138 and what happened to packets and scans."""
        config, statistics = self._source.config, self._source.statistics
        counts = self.counters.snapshot()
        values = {
            "Product Name": self._source.model,
            "IP Address": config.ip_address or "any",
            "IP Port": str(config.ip_port or "default"),
            "rate_hz": f"{self._meter.rate_hz if self._runner is not None else 0.0:.2f}",
            "nominal_rate_hz": f"{self._source.nominal_hz:.2f}",
            "scans": str(statistics.scans),
            "incomplete scans": str(statistics.incomplete),
            "dropped too incomplete": str(statistics.dropped),
            "packets": str(statistics.packets),
            "packets lost": str(statistics.lost),
            "packets overflowed": str(statistics.overflowed),
            "packets of others": str(statistics.foreign),
            "published": str(counts.published),
        }
        return values | {f"dropped {reason}": str(n) for reason, n in sorted(counts.drops.items())}


def main() -> int:
    """Run the node."""
    return run_node(LidarNode)


if __name__ == "__main__":
    sys.exit(main())
