"""Publishes pictures and their calibration, from a camera or from a file."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass, field

from sensor_msgs.msg import CameraInfo

from gait_reid.adapters import image
from gait_reid.core.types import CameraFrame
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.camera import CameraSource
from gait_reid.sensors.capture import CameraConfig, CaptureFactory, open_capture
from gait_reid.sensors.runner import RunnerConfig, SourceRunner
from gait_reid_common.diagnostics import DropCounters, Level, Status
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import param, validate
from gait_reid_common.stamps import to_stamp


@dataclass(frozen=True)
class CameraParameters:
    """Parameters of the camera node."""

    camera: CameraConfig = field(default_factory=CameraConfig)
    run: RunnerConfig = field(default_factory=RunnerConfig)
    stamp_files_with_clock: bool = param(
        True, "Whether a file's first picture is stamped with the node's time, not camera.start_ns"
    )
    wait_for_subscriber: bool = param(
        True, "Whether a file begins only when somebody subscribes to its pictures"
    )

    def __post_init__(self) -> None:
        validate(self)


class CameraNode(ManagedNode[CameraParameters]):
    """Reads one camera; a live one that is lost is opened again."""

    node_name = "camera"
    parameter_type = CameraParameters
    publishes = (CAMERA_IMAGE, CAMERA_INFO)
    open_capture: CaptureFactory = staticmethod(open_capture)

    def do_configure(self, parameters: CameraParameters) -> None:
        """Open the source once, so that a wrong one is reported here and not later."""
        self._runner: SourceRunner[CameraFrame] | None = None
        self.counters = DropCounters(CAMERA_IMAGE.name)
        clock = self.now_ns if parameters.stamp_files_with_clock else None
        self._source = CameraSource(parameters.camera, self.open_capture, clock)
        try:
            self._source.open()
        except SourceError as error:
            if not self._source.live or error.thing != f"camera {self._source.kind}":
                raise
            self.report_error(f"{error} (tried again until it comes)")
        self._source.close()
        self._images_out = self.publisher(CAMERA_IMAGE)
        self._infos_out = self.publisher(CAMERA_INFO)
        self.add_status(self._status)
        if not self._source.live and parameters.wait_for_subscriber:
            self.every(0.1, self._begin_when_wanted)

    def do_activate(self) -> None:
        """Begin to read."""
        self._runner = SourceRunner(
            self._source, self._publish, self._report_change, self.parameters.run
        )
        if self._source.live or not self.parameters.wait_for_subscriber:
            self._runner.start()

    def do_deactivate(self) -> None:
        """Stop reading and give the device back."""
        if self._runner is not None:
            self._runner.stop()

    def _begin_when_wanted(self) -> None:
        if self._runner is not None and not self._runner.started and self.wanted(self._images_out):
            self._runner.start()

    # In the runner's thread

    def _publish(self, frame: CameraFrame) -> None:
        self.counters.receive()
        try:
            if self.wanted(self._infos_out):
                self._infos_out.publish(_camera_info(frame))
            if self.wanted(self._images_out):
                self._images_out.publish(image.to_message(frame))
                self.counters.publish()
            else:
                self.counters.drop("nobody_subscribes")
        except Exception:
            self.counters.drop("error")
            self.report_error(f"a picture is lost:\n{traceback.format_exc()}")

    def _report_change(self, error: SourceError | None) -> None:
        if error is None:
            self.get_logger().info(f"'{self.parameters.camera.source}' delivers again")
        else:
            self.get_logger().error(str(error))

    # In the executor's thread

    def _status(self) -> Status:
        name = self.parameters.camera.source
        runner = self._runner
        counts = self.counters.snapshot()
        values = {"read": str(counts.received), "published": str(counts.published)}
        values |= {f"dropped {reason}": str(n) for reason, n in sorted(counts.drops.items())}
        values["overwritten"] = str(self._source.overwritten)
        if runner is None or not runner.started:
            return Status(name, Level.OK, "waits for a subscriber", values)
        values["connections lost"] = str(runner.failures)
        if runner.error is not None:
            return Status(name, Level.ERROR, str(runner.error), values)
        if runner.ended:
            return Status(name, Level.OK, "played to the end", values)
        return Status(name, Level.OK, "delivers", values)


def _camera_info(frame: CameraFrame) -> CameraInfo:
    """Return the calibration; one without a matrix where there is none (CameraInfo.msg: K is 0)."""
    if frame.intrinsics is not None:
        return image.camera_info(frame.intrinsics, frame.stamp_ns, frame.frame_id)
    height, width = frame.image.shape[:2]
    message = CameraInfo(width=width, height=height)
    message.header.stamp = to_stamp(frame.stamp_ns)
    message.header.frame_id = frame.frame_id
    return message


def main() -> int:
    """Run the node."""
    return run_node(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
