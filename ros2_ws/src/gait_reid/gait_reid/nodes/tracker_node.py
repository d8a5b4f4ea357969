"""Follows the people of one site: sensor messages in; tracks and crops out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import cv2
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import image, pointcloud
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.perception import Percept, Perception, PerceptionConfig
from gait_reid.core.pipeline import SyncConfig
from gait_reid.core.sync import Instant, SensorCollector
from gait_reid.core.types import CameraIntrinsics, SensorFrames
from gait_reid.nodes.extrinsics import TfExtrinsics
from gait_reid.nodes.instants import InstantFilter, InstantWay, Sample
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO, CROPS, LIDAR_POINTS, TRACKS
from gait_reid_common.inputs import DroppedError, Input, Received
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class TrackerParameters:
    """Parameters of the tracker node."""

    max_age_s: float = param(
        1.0, "Frames older than this when their turn comes are dropped, 0: never", "s", 0.0, 60.0
    )
    extrinsics: str = param(
        "parameters",
        "Where sensor poses come from: perception.lidar and perception.camera, or tf2",
        choices=("parameters", "tf"),
    )
    opencv_threads: int = param(
        1, "Threads of OpenCV, whose steps are too short to gain from more", "", 1, 64
    )
    sync: SyncConfig = field(default_factory=SyncConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)

    def __post_init__(self) -> None:
        validate(self)


class TrackerNode(ManagedNode[TrackerParameters]):
    """Collects frames that belong together, detects, follows and crops people."""

    node_name = "tracker"
    parameter_type = TrackerParameters
    publishes = (TRACKS, CROPS)
    subscribes = (LIDAR_POINTS, CAMERA_IMAGE, CAMERA_INFO)

    _tf: TfExtrinsics | None = None

    def do_configure(self, parameters: TrackerParameters) -> None:
        """Prepare detection and tracking."""
        cv2.setNumThreads(parameters.opencv_threads)
        self._tf = None
        if parameters.extrinsics == "tf":
            self._tf = TfExtrinsics(self, parameters.perception.frame_id)
        self.perception = Perception(parameters.perception)
        self.perception.warm_up()
        self._intrinsics: CameraIntrinsics | None = None
        self._has_camera_info = False
        self._tracks_out = self.publisher(TRACKS)
        self._crops_out = self.publisher(CROPS)
        self.add_way("perception", lambda: self._way)
        sensors = parameters.sync.sensors
        if "lidar" in sensors:
            self.subscribe(LIDAR_POINTS, self._on_cloud, required=True)
        if "camera" in sensors:
            self.subscribe(CAMERA_INFO, self._on_camera_info)
            self.subscribe(CAMERA_IMAGE, self._on_image, required=True)

    def do_activate(self) -> None:
        """Begin a new sequence of tracks."""
        self.perception.reset()
        self._sequence = 0
        self._way = InstantWay(self._perceive, self.parameters.max_age_s)
        collector: SensorCollector[Any] = self.parameters.sync.collector()
        self._filter = InstantFilter(collector)
        self._filter.registerCallback(self._way.put)

    def do_deactivate(self) -> None:
        """Account for the frames that still wait for others."""
        self._filter.discard("deactivated")

    def do_cleanup(self) -> None:
        """Give back what detection holds."""
        if self._tf is not None:
            self._tf.close()

    # In the executor's thread

    def _on_cloud(self, source: Input[Any], received: Received[PointCloud2]) -> None:
        self._collect("lidar", Sample(source, received))

    def _on_image(self, source: Input[Any], received: Received[Image]) -> None:
        if self._waits_for_calibration():
            source.counters.drop("no_camera_info")
        else:
            self._collect("camera", Sample(source, received))

    def _collect(self, sensor: str, sample: Sample) -> None:
        if self.wanted(self._tracks_out, self._crops_out):
            self._filter.add(sensor, sample)
        else:
            sample.source.counters.drop("nobody_subscribes")

    def _waits_for_calibration(self) -> bool:
        """Whether a calibration is announced but has not come; positions would jump with it."""
        topic = self.resolve_topic_name(CAMERA_INFO.name)
        if self._has_camera_info or not self.count_publishers(topic):
            return False
        self.report_error(f"pictures are dropped until their calibration comes on '{topic}'")
        return True

    def _on_camera_info(self, source: Input[Any], received: Received[CameraInfo]) -> None:
        self._has_camera_info = True
        try:
            self._intrinsics = image.intrinsics_of(received.message)
        except ValueError as error:
            self.report_error(f"'{source.name}': {error}")
            source.counters.drop("decode_error")
        else:
            source.counters.publish()

    # In the worker's thread

    def _perceive(self, instant: Instant[Sample]) -> None:
        if instant.sequence != self._sequence:
            self._sequence = instant.sequence
            self.perception.reset()
            self.get_logger().info("time jumped back: tracks are reset")
        frames = self._decode(instant)
        if self._tf is not None:
            self._look_up_poses(self._tf, frames)
        self._publish(self.perception.process(frames))

    def _decode(self, instant: Instant[Sample]) -> SensorFrames:
        try:
            lidar, camera = instant.items.get("lidar"), instant.items.get("camera")
            return SensorFrames(
                instant.stamp_ns,
                camera=None
                if camera is None
                else image.from_message(camera.received.message, self._intrinsics),
                lidar=None if lidar is None else pointcloud.from_message(lidar.received.message),
            )
        except ValueError as error:
            self.report_error(f"a frame is dropped: {error}")
            raise DroppedError("decode_error") from error

    def _look_up_poses(self, tf: TfExtrinsics, frames: SensorFrames) -> None:
        if frames.lidar is not None:
            self.perception.lidar_pose = tf.pose(frames.lidar.frame_id, frames.lidar.stamp_ns)
        if frames.camera is not None:
            self.perception.camera_pose = tf.pose(frames.camera.frame_id, frames.camera.stamp_ns)

    def _publish(self, percept: Percept) -> None:
        tracks, camera = percept.tracks, percept.frames.camera
        optical_frame = "" if camera is None else camera.frame_id
        self._tracks_out.publish(tracks_adapter.to_message(tracks, optical_frame))
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


def main() -> int:
    """Run the node."""
    return run_node(TrackerNode)


if __name__ == "__main__":
    sys.exit(main())
