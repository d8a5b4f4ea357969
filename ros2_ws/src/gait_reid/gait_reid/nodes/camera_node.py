"""Publishes pictures and their calibration, from a camera or from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from sensor_msgs.msg import CameraInfo, Image

from gait_reid.adapters import image
from gait_reid.core.types import CameraFrame
from gait_reid.nodes.source_node import SourceNode
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.camera import CameraSource
from gait_reid.sensors.capture import CameraConfig, CaptureFactory, open_capture
from gait_reid.sensors.runner import RunnerConfig
from gait_reid_common.lifecycle import run_node
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


class CameraNode(SourceNode[CameraParameters, CameraFrame]):
    """Reads one camera; a live one that is lost is opened again."""

    node_name = "camera"
    parameter_type = CameraParameters
    publishes = (CAMERA_IMAGE, CAMERA_INFO)
    data_topic = CAMERA_IMAGE
    frame_name = "picture"
    open_capture: CaptureFactory = staticmethod(open_capture)

    def do_configure(self, parameters: CameraParameters) -> None:
        """Open the source once, so that a wrong one is reported here and not later."""
        super().do_configure(parameters)
        self._infos_out = self.publisher(CAMERA_INFO)

    def make_source(
        self, parameters: CameraParameters, clock: Callable[[], int] | None
    ) -> CameraSource:
        """Return the camera or file."""
        self._camera = CameraSource(parameters.camera, self.open_capture, clock)
        return self._camera

    def may_come_later(self, error: SourceError) -> bool:
        """Return whether the device or stream is what is missing."""
        return error.thing == f"camera {self._camera.kind}"

    def to_message(self, frame: CameraFrame) -> Image:
        """Return the message of a picture."""
        return image.to_message(frame)

    def publish_beside(self, frame: CameraFrame) -> None:
        """Publish the calibration."""
        if self.wanted(self._infos_out):
            self._infos_out.publish(_camera_info(frame))

    def source_name(self) -> str:
        """Return the source as the user has given it."""
        return f"'{self.parameters.camera.source}'"

    def status_name(self) -> str:
        """Return the source as the user has given it."""
        return self.parameters.camera.source

    def values(self) -> dict[str, str]:
        """Return how many pictures newer ones have replaced before they were read."""
        return {"overwritten": str(self._camera.overwritten)}


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
