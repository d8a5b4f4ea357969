"""Follows the people of a room in which only a radar looks: points in; tracks and crops out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import pointcloud
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.perception import Percept
from gait_reid.core.radar_perception import (
    RadarPerception,
    RadarPerceptionConfig,
    RadarTargets,
)
from gait_reid.core.sync import Instant, SensorCollector, SensorTiming
from gait_reid.core.types import SensorFrames
from gait_reid.nodes.extrinsics import TfExtrinsics
from gait_reid.nodes.instants import InstantFilter, InstantWay, Sample
from gait_reid.nodes.topics import CROPS, RADAR_POINTS, RADAR_TARGETS, TRACKS
from gait_reid_common.inputs import DroppedError, Input, Received
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import param, validate
from gait_reid_msgs.msg import RadarTargetArray


@dataclass(frozen=True)
class RadarTrackerParameters:
    """Parameters of the radar tracker node."""

    max_age_s: float = param(
        1.0, "Frames older than this when their turn comes are dropped, 0: never", "s", 0.0, 60.0
    )
    extrinsics: str = param(
        "parameters",
        "Where the radar's pose comes from: perception.radar, or tf2",
        choices=("parameters", "tf"),
    )
    targets: bool = param(
        False, "Use the targets of the radar's own tracker where its firmware sends them"
    )
    targets_timeout_s: float = param(
        0.12, "How long points wait for the targets of the same frame", "s", 0.001, 1.0
    )
    perception: RadarPerceptionConfig = field(default_factory=RadarPerceptionConfig)

    def __post_init__(self) -> None:
        validate(self)

    def collector(self) -> SensorCollector[Any]:
        """Return what joins points and targets of one frame."""
        timing = SensorTiming(0.0, 0.005, self.targets_timeout_s)
        names = ("radar", "targets") if self.targets else ("radar",)
        return SensorCollector(dict.fromkeys(names, timing))


class RadarTrackerNode(ManagedNode[RadarTrackerParameters]):
    """Detects and follows people in radar points, and crops those who walk."""

    node_name = "radar_tracker"
    parameter_type = RadarTrackerParameters
    publishes = (TRACKS, CROPS)
    subscribes = (RADAR_POINTS, RADAR_TARGETS)

    _tf: TfExtrinsics | None = None

    def do_configure(self, parameters: RadarTrackerParameters) -> None:
        """Prepare detection and tracking."""
        self._tf = None
        if parameters.extrinsics == "tf":
            self._tf = TfExtrinsics(self, parameters.perception.frame_id)
        self.perception = RadarPerception(parameters.perception)
        self.perception.warm_up()
        self._tracks_out = self.publisher(TRACKS)
        self._crops_out = self.publisher(CROPS)
        self.add_way("perception", lambda: self._way)
        self.subscribe(RADAR_POINTS, self._on_points, required=True)
        if parameters.targets:
            self.subscribe(RADAR_TARGETS, self._on_targets)

    def do_activate(self) -> None:
        """Begin a new sequence of tracks."""
        self.perception.reset()
        self._sequence = 0
        self._way = InstantWay(self._perceive, self.parameters.max_age_s)
        self._filter = InstantFilter(self.parameters.collector())
        self._filter.registerCallback(self._way.put)

    def do_deactivate(self) -> None:
        """Account for the frames that still wait for targets."""
        self._filter.discard("deactivated")

    def do_cleanup(self) -> None:
        """Give back what the look-up of poses holds."""
        if self._tf is not None:
            self._tf.close()

    # In the executor's thread

    def _on_points(self, source: Input[Any], received: Received[PointCloud2]) -> None:
        self._collect("radar", Sample(source, received))

    def _on_targets(self, source: Input[Any], received: Received[RadarTargetArray]) -> None:
        self._collect("targets", Sample(source, received))

    def _collect(self, sensor: str, sample: Sample) -> None:
        if self.wanted(self._tracks_out, self._crops_out):
            self._filter.add(sensor, sample)
        else:
            sample.source.counters.drop("nobody_subscribes")

    # In the worker's thread

    def _perceive(self, instant: Instant[Sample]) -> None:
        if instant.sequence != self._sequence:
            self._sequence = instant.sequence
            self.perception.reset()
            self.get_logger().info("time jumped back: tracks are reset")
        if "radar" not in instant.items:
            raise DroppedError("targets_without_points")
        frames = self._decode(instant)
        if self._tf is not None and frames.radar is not None:
            self.perception.radar_pose = self._tf.pose(frames.radar.frame_id, frames.stamp_ns)
        targets = instant.items.get("targets")
        given = None if targets is None else _targets_of(targets.received.message)
        self._publish(self.perception.process(frames, given))

    def _decode(self, instant: Instant[Sample]) -> SensorFrames:
        try:
            cloud = pointcloud.from_message(instant.items["radar"].received.message)
        except ValueError as error:
            self.report_error(f"a frame is dropped: {error}")
            raise DroppedError("decode_error") from error
        return SensorFrames(instant.stamp_ns, radar=cloud)

    def _publish(self, percept: Percept) -> None:
        tracks = percept.tracks
        self._tracks_out.publish(tracks_adapter.to_message(tracks, ""))
        if self.wanted(self._crops_out):
            self._crops_out.publish(
                crops_adapter.to_message(
                    percept.crops,
                    percept.stamp_ns,
                    tracks.frame_id,
                    percept.sequence_id,
                    tracks.track_id.tolist(),
                )
            )


def _targets_of(message: RadarTargetArray) -> RadarTargets:
    positions = [[t.position.x, t.position.y, t.position.z] for t in message.targets]
    confidence = [t.confidence for t in message.targets]
    return RadarTargets(
        np.array(positions, np.float64).reshape(-1, 3), np.array(confidence, np.float64)
    )


def main() -> int:
    """Run the node."""
    return run_node(RadarTrackerNode)


if __name__ == "__main__":
    sys.exit(main())
