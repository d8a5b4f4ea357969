"""Publishes scans of a Velodyne or Ouster LiDAR, from the network or from a capture file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from sensor_msgs.msg import PointCloud2

from gait_reid.adapters import pointcloud
from gait_reid.core.types import PointCloud
from gait_reid.nodes.source_node import SourceNode
from gait_reid.nodes.topics import LIDAR_POINTS
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.lidar import LidarConfig, LidarSource
from gait_reid.sensors.rate import RateMeter
from gait_reid.sensors.runner import RunnerConfig
from gait_reid_common.lifecycle import run_node
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


class LidarNode(SourceNode[LidarParameters, PointCloud]):
    """Reads one LiDAR; a live one that falls silent is connected again."""

    node_name = "lidar"
    parameter_type = LidarParameters
    publishes = (LIDAR_POINTS,)
    data_topic = LIDAR_POINTS
    frame_name = "scan"

    def make_source(
        self, parameters: LidarParameters, clock: Callable[[], int] | None
    ) -> LidarSource:
        """Return the sensor or capture."""
        self._lidar = LidarSource(parameters.lidar, clock)
        return self._lidar

    def do_activate(self) -> None:
        """Begin to read."""
        self._meter = RateMeter()
        super().do_activate()

    def may_come_later(self, error: SourceError) -> bool:
        """Return whether the sensor does not answer yet."""
        return error.thing == "Ouster sensor"

    def to_message(self, frame: PointCloud) -> PointCloud2:
        """Return the message of a scan."""
        return pointcloud.to_message(frame)

    def publish_beside(self, frame: PointCloud) -> None:
        """Take note of the scan for the measured rate."""
        self._meter.add()

    def source_name(self) -> str:
        """Return the sensor's model."""
        return self._lidar.model

    def warning(self) -> str:
        """Return by how much the measured rate differs from the nominal one, if it does."""
        nominal_hz = self._lidar.nominal_hz
        if not self._lidar.live:
            nominal_hz *= self.parameters.run.speed
        return self._meter.judge(nominal_hz, self.parameters.rate_tolerance)

    def values(self) -> dict[str, str]:
        """Return keys of REP-138 and what happened to packets and scans."""
        config, statistics = self._lidar.config, self._lidar.statistics
        return {
            "Product Name": self._lidar.model,
            "IP Address": config.ip_address or "any",
            "IP Port": str(config.ip_port or "default"),
            "rate_hz": f"{self._meter.rate_hz if self.runner is not None else 0.0:.2f}",
            "nominal_rate_hz": f"{self._lidar.nominal_hz:.2f}",
            "scans": str(statistics.scans),
            "incomplete scans": str(statistics.incomplete),
            "dropped too incomplete": str(statistics.dropped),
            "packets": str(statistics.packets),
            "packets lost": str(statistics.lost),
            "packets overflowed": str(statistics.overflowed),
            "packets of others": str(statistics.foreign),
        }


def main() -> int:
    """Run the node."""
    return run_node(LidarNode)


if __name__ == "__main__":
    sys.exit(main())
