"""The first half of the chain where only a radar looks: points in; tracks and crops of walkers out.

The radar tracker node and the offline replay both run this.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.geometry import Pose
from gait_reid.core.people_radar import (
    RadarPeopleConfig,
    RadarPeopleDetector,
    people_of_targets,
)
from gait_reid.core.perception import MountConfig, Percept
from gait_reid.core.tracking import Tracker, TrackerConfig
from gait_reid.core.types import (
    CropQuality,
    Detections,
    Float64,
    Modality,
    PersonCrop,
    PointCloud,
    SensorFrames,
    Tracks,
)
from gait_reid.core.walking import WalkingConfig, WalkingDetector
from gait_reid_common.parameters import param, validate


def _radar_tracker() -> TrackerConfig:
    """Return a tracker that waits longer: who stands still sends few points or none."""
    return TrackerConfig(
        acceleration_std_m_s2=1.5,
        max_distance_m=1.5,
        min_hits=4,
        min_age_s=0.3,
        tentative_max_gap_s=0.45,
        lost_after_s=0.45,
        max_gap_s=6.0,
        coasting_decay_s=0.3,
        spawn_distance_m=0.7,
    )


@dataclass(frozen=True)
class RadarPerceptionConfig:
    """Parameters of detection, tracking and crops where only a radar looks."""

    frame_id: str = param("site", "Fixed frame of the site, in which people are tracked")
    min_crop_points: int = param(3, "Least points of a walker in one frame", minimum=1, maximum=64)
    radar: MountConfig = field(default_factory=MountConfig)
    people: RadarPeopleConfig = field(default_factory=RadarPeopleConfig)
    tracker: TrackerConfig = field(default_factory=_radar_tracker)
    walking: WalkingConfig = field(default_factory=WalkingConfig)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class RadarTargets:
    """What the radar's own tracker says of one frame.

    Attributes:
        position: (n, 3) float64, metres, in the radar's frame.
        confidence: (n,) float64 in [0, 1]; NaN where the firmware does not say.
    """

    position: Float64
    confidence: Float64


class RadarPerception:
    """Detects and follows people, and crops those who walk."""

    def __init__(self, config: RadarPerceptionConfig | None = None) -> None:
        self.config = config or RadarPerceptionConfig()
        self.radar_pose: Pose = self.config.radar.pose()
        self._people = RadarPeopleDetector(self.config.people)
        self._tracker = Tracker(self.config.tracker)
        self._walking = WalkingDetector(self.config.walking)
        self.sequence_id = uuid.uuid4().hex

    def warm_up(self) -> None:
        """Compile what is compiled at the first use, so that the first frame is not late."""
        other = RadarPerception(self.config)
        xyz = np.tile([[3.0, 0.0, 0.0]], (8, 1)).astype(np.float32)
        fast = np.ones(8, np.float32)
        for stamp_ns in (0, 100_000_000):
            cloud = PointCloud(stamp_ns, "", xyz, fast * 20.0, fast)
            other.process(SensorFrames(stamp_ns, radar=cloud))

    def reset(self) -> None:
        """Forget everybody, for example after a backward jump of time."""
        self._people.reset()
        self._tracker.reset()
        self._walking.reset()
        self.sequence_id = uuid.uuid4().hex

    def process(self, frames: SensorFrames, targets: RadarTargets | None = None) -> Percept:
        """Perceive one frame; frames must come in order of time.

        Args:
            frames: The radar's frame.
            targets: The firmware's own targets, used instead of clustering where given.

        Raises:
            ValueError: There is no radar frame, or it is older than the last one; call `reset` when
                time jumped.
        """
        if frames.radar is None:
            raise ValueError("SensorFrames.radar is None, expected a frame of the radar")
        detections = self._detect(frames, targets)
        tracks = self._tracker.update(detections)
        crops = self._crops(frames, detections, tracks)
        return Percept(frames, detections, tracks, tuple(crops), self.sequence_id)

    def _detect(self, frames: SensorFrames, targets: RadarTargets | None) -> Detections:
        assert frames.radar is not None
        frame_id = self.config.frame_id
        if targets is None:
            return self._people.detect(frames.radar, self.radar_pose, frame_id)
        return people_of_targets(
            frames.radar, targets.position, targets.confidence, self.radar_pose, frame_id
        )

    def _crops(
        self, frames: SensorFrames, detections: Detections, tracks: Tracks
    ) -> list[PersonCrop]:
        """Return one crop for each confirmed track that is seen now and walks."""
        cloud, labels = frames.radar, detections.point_labels
        assert cloud is not None
        assert labels is not None
        walks = self._walking.update(tracks)
        eye = self.radar_pose.translation
        crops = []
        for index in np.flatnonzero(walks & (tracks.detection_index >= 0)).tolist():
            mine = np.flatnonzero(labels == tracks.detection_index[index])
            if len(mine) < self.config.min_crop_points:
                continue
            points = cloud.select(mine)
            position = tracks.position[index].copy()
            crops.append(
                PersonCrop(
                    track_id=int(tracks.track_id[index]),
                    stamp_ns=tracks.stamp_ns,
                    frame_id=tracks.frame_id,
                    modality=Modality.RADAR,
                    position=position,
                    velocity=tracks.velocity[index].copy(),
                    roi=np.full(4, np.nan),
                    points=self.radar_pose.apply(points.xyz).astype(np.float32),
                    intensity=points.intensity if points.snr is None else points.snr,
                    viewpoint=eye.copy(),
                    quality=CropQuality(
                        range_m=float(np.linalg.norm((position - eye)[:2])), num_points=len(mine)
                    ),
                    point_velocity=points.velocity,
                )
            )
        return crops
