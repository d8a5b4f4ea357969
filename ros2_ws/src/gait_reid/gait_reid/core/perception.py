"""The first half of the chain: sensor frames in; detections, tracks and crops out.

The tracker node and the offline replay both run this, so they see the same people.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core import people_lidar
from gait_reid.core.crops import CropConfig, cut_crops
from gait_reid.core.fusion import FusionConfig, fuse
from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.people_camera import CameraPeopleConfig, CameraPeopleDetector
from gait_reid.core.people_lidar import LidarPeopleConfig, LidarPeopleDetector
from gait_reid.core.tracking import Tracker, TrackerConfig
from gait_reid.core.types import Detections, PersonCrop, SensorFrames, Tracks
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class MountConfig:
    """Where a sensor is mounted, in the fixed frame of the site."""

    translation_m: tuple[float, float, float] = param(
        (0.0, 0.0, 0.0), "Position x forward, y left, z up", "m", minimum=-1000.0, maximum=1000.0
    )
    rotation_rpy_rad: tuple[float, float, float] = param(
        (0.0, 0.0, 0.0), "Fixed-axis roll, pitch, yaw (REP-103)", "rad", minimum=-6.3, maximum=6.3
    )

    def __post_init__(self) -> None:
        validate(self)

    def pose(self) -> Pose:
        """Return the pose that maps the sensor's body frame to the fixed frame."""
        return Pose.from_xyz_rpy(*self.translation_m, *self.rotation_rpy_rad)


@dataclass(frozen=True)
class PerceptionConfig:
    """Parameters of detection, tracking and crops."""

    frame_id: str = param("site", "Fixed frame of the site, in which people are tracked")
    lidar: MountConfig = field(default_factory=MountConfig)
    camera: MountConfig = field(default_factory=MountConfig)
    lidar_people: LidarPeopleConfig = field(default_factory=LidarPeopleConfig)
    camera_people: CameraPeopleConfig = field(default_factory=CameraPeopleConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    crops: CropConfig = field(default_factory=CropConfig)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Percept:
    """What was perceived at one instant.

    Attributes:
        frames: The sensor frames that it was perceived from.
        detections: People seen now.
        tracks: Everybody who is followed.
        crops: What belongs to each confirmed person who is seen now.
        sequence_id: Changes with every reset; track ids of different sequences are unrelated.
    """

    frames: SensorFrames
    detections: Detections
    tracks: Tracks
    crops: tuple[PersonCrop, ...]
    sequence_id: str

    @property
    def stamp_ns(self) -> int:
        """Acquisition time of the instant."""
        return self.frames.stamp_ns


class Perception:
    """Detects, follows and crops the people of one site."""

    def __init__(self, config: PerceptionConfig | None = None) -> None:
        self.config = config or PerceptionConfig()
        self.lidar_pose = self.config.lidar.pose()
        self.camera_pose = optical_pose(self.config.camera.pose())
        self._lidar_people = LidarPeopleDetector(self.config.lidar_people)
        self._camera_people = CameraPeopleDetector(self.config.camera_people)
        self._tracker = Tracker(self.config.tracker)
        self.sequence_id = uuid.uuid4().hex

    def warm_up(self) -> None:
        """Compile what is compiled at the first use, so that the first frame is not late."""
        people_lidar.warm_up()
        tracker = Tracker(self.config.tracker)
        for stamp_ns in (0, 100_000_000):
            someone = Detections(
                stamp_ns,
                "",
                np.zeros((1, 3)),
                np.eye(2)[None],
                np.ones((1, 3)),
                np.ones((1, 4)),
                np.ones(1),
                np.zeros(1, np.uint8),
            )
            tracker.update(someone)

    def reset(self) -> None:
        """Forget everybody and the background, for example after a backward jump of time."""
        self._tracker.reset()
        self._camera_people.reset()
        self.sequence_id = uuid.uuid4().hex

    def process(self, frames: SensorFrames) -> Percept:
        """Perceive one instant; instants must come in order of time.

        Raises:
            ValueError: The instant is older than the last one; call `reset` when time jumped.
        """
        detections = self._detect(frames)
        tracks = self._tracker.update(detections)
        crops = cut_crops(
            tracks, detections, frames, self.lidar_pose, self.config.crops, self.camera_pose
        )
        return Percept(frames, detections, tracks, tuple(crops), self.sequence_id)

    def _detect(self, frames: SensorFrames) -> Detections:
        lidar = camera = None
        if frames.lidar is not None:
            lidar = self._lidar_people.detect(frames.lidar, self.lidar_pose)
        if frames.camera is not None:
            camera = self._camera_people.detect(frames.camera, self.camera_pose, lidar)
        return fuse(
            lidar, camera, frames, self.camera_pose, self.config.frame_id, self.config.fusion
        )
