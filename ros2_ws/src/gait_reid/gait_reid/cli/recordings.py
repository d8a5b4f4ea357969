"""Anything that can be replayed, as a stream of sensor frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2

from gait_reid.adapters.bags import BagError, BagReader
from gait_reid.adapters.bags.frames import BagFrames
from gait_reid.adapters.bags.topics import SensorTopics, select_site_topics
from gait_reid.cli.console import CommandError
from gait_reid.core.types import CameraFrame, PointCloud
from gait_reid.sensors.base import Source

Frame = CameraFrame | PointCloud
_BAG_SUFFIXES = {".mcap", ".db3", ".zstd"}
_CAPTURE_SUFFIXES = {".pcap", ".pcapng"}


@dataclass(frozen=True)
class RecordingOptions:
    """What a user may say about a recording.

    Attributes:
        topics: Topics of a bag.
        calibration: Calibration file of a video's camera, ROS camera_calibration format.
        lidar_metadata: Metadata JSON of an Ouster capture.
        rate_hz: Rate of a folder of pictures.
    """

    topics: SensorTopics = field(default_factory=SensorTopics)
    calibration: str = ""
    lidar_metadata: str = ""
    rate_hz: float = 0.0


class Recording(Protocol):
    """A stream of frames.

    Attributes:
        sensors: Sensors that it has.
        total: Number of frames, or None when it is not known before the end.
        dropped: Frames that could not be used, by (origin, reason).
    """

    sensors: tuple[str, ...]
    total: int | None
    dropped: Counter[tuple[str, str]]

    def __iter__(self) -> Iterator[tuple[str, Frame]]:
        """Yield sensor name and frame in order of recording."""

    def close(self) -> None:
        """Release the files."""


class BagRecording:
    """A rosbag2."""

    def __init__(self, path: Path, options: RecordingOptions) -> None:
        self._reader = BagReader(path)
        try:
            chosen = select_site_topics(self._reader.topics, options.topics, str(path))
        except BagError:
            self._reader.close()
            raise
        self._frames = BagFrames(self._reader, chosen)
        self.sensors = chosen.sensors
        self.dropped = self._frames.dropped
        counts = [self._reader.topics[getattr(chosen, sensor)].count for sensor in self.sensors]
        known = None not in counts
        self.total: int | None = sum(count or 0 for count in counts) if known else None

    @property
    def duration_s(self) -> float:
        """Time from the first to the last message, seconds."""
        span_ns = self._reader.span_ns
        return 0.0 if span_ns is None else (span_ns[1] - span_ns[0]) * 1e-9

    def __iter__(self) -> Iterator[tuple[str, Frame]]:
        """Yield sensor name and frame; raises BagDamagedError after the last readable one."""
        return iter(self._frames)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


class SourceRecording:
    """A file that a driver of this suite reads: a video, pictures, a LiDAR capture."""

    def __init__(self, sensor: str, source: Source[Frame], total: int | None = None) -> None:
        self.sensors: tuple[str, ...] = (sensor,)
        self.total: int | None = total
        self.dropped: Counter[tuple[str, str]] = Counter()
        self._source = source
        source.open()

    def __iter__(self) -> Iterator[tuple[str, Frame]]:
        """Yield sensor name and frame."""
        while not self._source.ended:
            frame = self._source.read(1.0)
            if frame is not None:
                yield self.sensors[0], frame

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def open_recording(path: Path, options: RecordingOptions | None = None) -> Recording:
    """Open a rosbag2 (folder, mcap, db3), a LiDAR capture (pcap), a video or a folder of pictures.

    Raises:
        CommandError: The path does not exist.
        BagError: The recording cannot be read, or its topics are ambiguous.
        SourceError: The video or capture cannot be read.
    """
    options = options or RecordingOptions()
    if not path.exists():
        raise CommandError(
            f"{path}: does not exist; give a rosbag2 (folder, .mcap, .db3), a .pcap or a video"
        )
    if path.suffix.lower() in _CAPTURE_SUFFIXES:
        return _open_capture(path, options)
    if path.suffix.lower() in _BAG_SUFFIXES or (path.is_dir() and _is_bag_folder(path)):
        return BagRecording(path, options)
    return _open_video(path, options)


def _is_bag_folder(path: Path) -> bool:
    inside = [file for file in path.iterdir() if file.is_file()]
    return any(
        file.name == "metadata.yaml" or file.suffix in _BAG_SUFFIXES for file in inside
    ) or not any(file.suffix for file in inside)


def _open_video(path: Path, options: RecordingOptions) -> Recording:
    from gait_reid.sensors.camera import CameraConfig, CameraSource

    source = CameraSource(
        CameraConfig(source=str(path), calibration=options.calibration, rate_hz=options.rate_hz)
    )
    return SourceRecording("camera", source, _number_of_pictures(path))


def _number_of_pictures(path: Path) -> int | None:
    if path.is_dir():
        return None
    capture = cv2.VideoCapture(str(path))
    try:
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
    return count if count > 0 else None


def _open_capture(path: Path, options: RecordingOptions) -> Recording:
    from gait_reid.sensors.lidar import LidarConfig, LidarSource

    metadata = options.lidar_metadata
    if not metadata and path.with_suffix(".json").is_file():
        metadata = str(path.with_suffix(".json"))
    return SourceRecording("lidar", LidarSource(LidarConfig(pcap=str(path), metadata=metadata)))
