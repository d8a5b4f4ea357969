"""Sensor frames from the messages of a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from gait_reid.adapters import image, pointcloud
from gait_reid.adapters.bags.errors import BagError
from gait_reid.adapters.bags.reader import BagReader
from gait_reid.adapters.bags.storage import BagMessage
from gait_reid.adapters.bags.topics import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    POINT_CLOUD,
    VELODYNE_SCAN,
    SensorTopics,
)
from gait_reid.core.types import CameraFrame, CameraIntrinsics, PointCloud
from gait_reid_common.stamps import to_ns

if TYPE_CHECKING:
    import velodyne_decoder


class BagFrames:
    """The frames of the chosen topics, in order of recording.

    Attributes:
        dropped: Messages that could not be used, by (topic, reason).
    """

    def __init__(self, reader: BagReader, topics: SensorTopics) -> None:
        self._reader = reader
        self._topics = topics
        self._sensors = {getattr(topics, sensor): sensor for sensor in topics.sensors}
        self._intrinsics: CameraIntrinsics | None = None
        self._velodyne: velodyne_decoder.ScanDecoder | None = None
        self.dropped: Counter[tuple[str, str]] = Counter()

    def __iter__(self) -> Iterator[tuple[str, CameraFrame | PointCloud]]:
        """Yield sensor name and frame.

        Raises:
            BagDamagedError: After every readable frame was yielded, if some could not be read.
        """
        self._intrinsics = self._first_intrinsics()
        for message in self._reader.messages(self._topics.names):
            try:
                if message.type_name == CAMERA_INFO:
                    self._intrinsics = image.intrinsics_of(self._reader.decode(message))
                    continue
                frame = self._frame(message)
            except ValueError as error:
                self.dropped[message.topic, str(error)] += 1
                continue
            yield self._sensors[message.topic], frame

    def _first_intrinsics(self) -> CameraIntrinsics | None:
        """Return the first calibration; it may come after the first picture."""
        if not self._topics.camera_info:
            return None
        try:
            first = next(self._reader.messages([self._topics.camera_info]), None)
            return None if first is None else image.intrinsics_of(self._reader.decode(first))
        except ValueError:
            return None  # reported where it happens again, in order

    def _frame(self, message: BagMessage) -> CameraFrame | PointCloud:
        content = self._reader.decode(message)
        if message.type_name == POINT_CLOUD:
            return pointcloud.from_message(content)
        if message.type_name == IMAGE:
            return image.from_message(content, self._intrinsics)
        if message.type_name == COMPRESSED_IMAGE:
            return self._uncompressed(message, content)
        if message.type_name == VELODYNE_SCAN:
            return self._scan(message, content)
        raise BagError(message.topic, f"carries {message.type_name}", "choose another topic")

    def _uncompressed(self, message: BagMessage, content: Any) -> CameraFrame:
        pixels = cv2.imdecode(np.asarray(content.data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            problem = f"a picture of format '{content.format}' cannot be decoded"
            raise BagError(message.topic, problem, "record JPEG or PNG")
        stamp_ns = to_ns(content.header.stamp)
        return CameraFrame(stamp_ns, content.header.frame_id, pixels, self._intrinsics)

    def _scan(self, message: BagMessage, content: Any) -> PointCloud:
        """Return the points of the packets of one turn, at the time of the last packet."""
        try:
            import velodyne_decoder
        except ImportError as error:
            raise BagError(
                message.topic, "holds Velodyne packets", "pip install velodyne-decoder"
            ) from error
        if self._velodyne is None:
            self._velodyne = velodyne_decoder.ScanDecoder(velodyne_decoder.Config())
        if not content.packets:
            raise BagError(message.topic, "a scan has no packets", "check the Velodyne driver")
        packets = velodyne_decoder.PacketVector(
            [
                velodyne_decoder.VelodynePacket(1e-9 * to_ns(packet.stamp), packet.data)
                for packet in content.packets
            ]
        )
        _, points = self._velodyne.decode(packets, as_pcl_structs=True)
        xyz = np.stack([points[axis] for axis in "xyz"], axis=1)
        stamp_ns = to_ns(content.packets[-1].stamp)
        return PointCloud(stamp_ns, content.header.frame_id, xyz, points["intensity"].copy())
