"""The whole chain without ROS: sensor frames in, identity matches out.

::

    pipeline = Pipeline(PipelineConfig())
    pipeline.set_gallery(store.records(), store.version)
    for result in pipeline.add_camera(frame):
        print(result.matches)

A pipeline is of one site: one with a LiDAR, a camera, or both, or a room with a radar.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gait_reid.core.gallery.records import make_records
from gait_reid.core.perception import Percept, Perception, PerceptionConfig
from gait_reid.core.radar_perception import RadarPerception, RadarPerceptionConfig
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.reidentification_config import ReidentificationConfig
from gait_reid.core.sync import Instant, SensorCollector, SensorTiming
from gait_reid.core.types import CameraFrame, GalleryRecord, Match, PointCloud, SensorFrames
from gait_reid_common.parameters import ParameterError, param, validate

RADAR = "radar"
SensorFrame = CameraFrame | PointCloud


@dataclass(frozen=True)
class SyncConfig:
    """Parameters of collecting frames of several sensors."""

    sensors: tuple[str, ...] = param(
        ("lidar", "camera"),
        "Sensors of the site; the first one that delivers sets the pace; radar: alone",
        choices=("lidar", "camera", "radar"),
    )
    tolerance_s: float = param(
        0.06, "Largest time between frames of one instant", "s", minimum=0.001, maximum=10.0
    )
    timeout_s: float = param(
        0.1, "How long an instant waits for a sensor", "s", minimum=0.001, maximum=10.0
    )
    camera_offset_s: float = param(
        0.0, "Added to the camera's stamps", "s", minimum=-10.0, maximum=10.0
    )
    lidar_offset_s: float = param(
        0.0, "Added to the LiDAR's stamps", "s", minimum=-10.0, maximum=10.0
    )
    radar_offset_s: float = param(
        0.0, "Added to the radar's stamps", "s", minimum=-10.0, maximum=10.0
    )

    def __post_init__(self) -> None:
        validate(self)
        if RADAR in self.sensors and len(self.sensors) > 1:
            raise ParameterError(
                "sync.sensors", self.sensors,
                "radar alone, or others without it: a room with a radar is a site of its own",
            )  # fmt: skip

    def collector(self) -> SensorCollector[SensorFrame]:
        """Return a collector with these parameters."""
        return SensorCollector(
            {
                sensor: SensorTiming(
                    getattr(self, f"{sensor}_offset_s"), self.tolerance_s, self.timeout_s
                )
                for sensor in self.sensors
            }
        )


@dataclass(frozen=True)
class PipelineConfig:
    """Parameters of the whole chain."""

    sync: SyncConfig = field(default_factory=SyncConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    radar_perception: RadarPerceptionConfig = field(default_factory=RadarPerceptionConfig)
    reidentification: ReidentificationConfig = field(default_factory=ReidentificationConfig)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PipelineResult:
    """Everything that is known about one instant.

    Attributes:
        percept: Detections, tracks and crops.
        matches: Answers about the tracks that were due, with the computing time as latency.
    """

    percept: Percept
    matches: tuple[Match, ...]

    @property
    def stamp_ns(self) -> int:
        """Acquisition time of the instant."""
        return self.percept.stamp_ns


def frames_of(instant: Instant[SensorFrame]) -> SensorFrames:
    """Return the collected frames by sensor."""
    return SensorFrames(instant.stamp_ns, **instant.items)  # type: ignore[arg-type]


class Pipeline:
    """Runs collector, perception and re-identification in the caller's thread."""

    def __init__(self, config: PipelineConfig | None = None) -> None:
        self.config = config or PipelineConfig()
        self.collector = self.config.sync.collector()
        self.perception: Perception | RadarPerception = (
            RadarPerception(self.config.radar_perception)
            if self.config.sync.sensors == (RADAR,)
            else Perception(self.config.perception)
        )
        self.reidentification = Reidentification(self.config.reidentification)
        self._sequence = self.collector.sequence

    def add(self, sensor: str, frame: SensorFrame) -> Iterator[PipelineResult]:
        """Take a frame and yield the results that it completes; other sensors' are left out."""
        if sensor not in self.config.sync.sensors:
            return
        for instant in self.collector.add(sensor, frame.stamp_ns, frame):
            yield self._process(instant)

    def add_camera(self, frame: CameraFrame) -> Iterator[PipelineResult]:
        """Take a picture and yield the results that it completes."""
        return self.add("camera", frame)

    def add_lidar(self, cloud: PointCloud) -> Iterator[PipelineResult]:
        """Take a LiDAR scan and yield the results that it completes."""
        return self.add("lidar", cloud)

    def add_radar(self, cloud: PointCloud) -> Iterator[PipelineResult]:
        """Take a frame of a radar and yield the results that it completes."""
        return self.add(RADAR, cloud)

    def flush(self) -> Iterator[PipelineResult]:
        """Yield the results of frames that still wait for another sensor, at the end of input."""
        for instant in self.collector.poll(2**62):
            yield self._process(instant)

    def process(self, frames: SensorFrames) -> PipelineResult:
        """Run one instant through the chain; instants must come in order of time."""
        started_s = time.perf_counter()
        percept = self.perception.process(frames)
        matches = self.reidentification.process(
            percept.stamp_ns, percept.crops, percept.tracks.track_id.tolist(), percept.sequence_id
        )
        latency_ms = 1e3 * (time.perf_counter() - started_s)
        timed = tuple(dataclasses.replace(match, latency_ms=latency_ms) for match in matches)
        return PipelineResult(percept, timed)

    def set_gallery(self, records: Sequence[GalleryRecord], version: int) -> None:
        """Search these records from now on."""
        self.reidentification.set_gallery(records, version)

    def record(
        self, track_id: int, person_id: str, display_name: str = "", *, consent: bool, source: str
    ) -> GalleryRecord:
        """Return the walk of a living track as a record to be stored in a gallery.

        Raises:
            LookupError: As `records`.
        """
        return self.records(track_id, person_id, display_name, consent=consent, source=source)[0]

    def records(
        self, track_id: int, person_id: str, display_name: str = "", *, consent: bool, source: str
    ) -> list[GalleryRecord]:
        """Return the walk of a living track as records, one for each model that makes them.

        Raises:
            LookupError: The track does not live, has too few frames yet, or is one of a radar,
                whose walks are looked for and not enrolled.
        """
        walks = self.reidentification.walks(track_id)
        if not walks:
            raise LookupError(
                f"track {track_id} has no embedding yet; let the person walk on, "
                "or check that the track still lives, and that a camera or LiDAR sees it"
            )
        return make_records(
            walks, person_id=person_id, display_name=display_name, consent=consent, source=source
        )

    def _process(self, instant: Instant[SensorFrame]) -> PipelineResult:
        if instant.sequence != self._sequence:
            self._sequence = instant.sequence
            self.perception.reset()
        return self.process(frames_of(instant))
