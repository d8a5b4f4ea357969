"""People in the pictures of one camera, without a network and without weights by default.

What moves (`motion`) is grouped into one box per body (`motion_regions`); OpenCV's people detector
is asked about these boxes alone. Shape, motion and the detector's score add up over time, so that a
swaying branch does not become a person and a person who bends does not cease to be one. Where the
user gives a detector network, the boxes are the network's, and motion makes the silhouettes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gait_reid.core.background import BackgroundPicture
from gait_reid.core.fusion import project_people
from gait_reid.core.geometry import Pose, intrinsics_or_default
from gait_reid.core.motion import Motion, MotionConfig, MotionDetector
from gait_reid.core.motion_regions import MotionRegions, Region
from gait_reid.core.people_onnx import OnnxPeopleConfig, OnnxPeopleDetector
from gait_reid.core.people_range import RangeConfig, locate_people
from gait_reid.core.people_verifier import PeopleVerifier
from gait_reid.core.rois import clip_roi, roi_overlap
from gait_reid.core.types import CameraFrame, Detections, Float64, Modality
from gait_reid_common.parameters import param, validate

__all__ = [
    "CameraPeopleConfig",
    "CameraPeopleDetector",
    "OnnxPeopleConfig",
    "OnnxPeopleDetector",
]

_RISE_S = 0.25
_FALL_S = 0.6
_MIN_MOVING_S = 0.15
_SPARSE_FILL = 0.22
_YOUNG_S = 1.0
_MIN_ASPECT, _MAX_ASPECT = 0.12, 1.6
_AGREED_PERIODS = 3  # of the people detector, where another sensor sees somebody as well


@dataclass(frozen=True)
class CameraPeopleConfig:
    """Parameters of `CameraPeopleDetector`."""

    motion: MotionConfig = field(default_factory=MotionConfig)
    range: RangeConfig = field(default_factory=RangeConfig)
    network: OnnxPeopleConfig = field(default_factory=OnnxPeopleConfig)
    min_height_px: float = param(
        48.0, "Height of the smallest person, in the full picture", "px", minimum=8.0
    )
    min_score: float = param(
        0.5, "Evidence above which a region is reported", minimum=0.05, maximum=0.95
    )
    max_hold_s: float = param(
        10.0, "Time that a person who stands still is kept", "s", minimum=0.0, maximum=600.0
    )
    detector_score: float = param(
        -1.3,
        "Score of the people detector that speaks neither for nor against",
        minimum=-4.0,
        maximum=4.0,
    )
    detector_period_s: float = param(
        0.1, "Time between two questions to the people detector about one region", "s", minimum=0.0
    )
    max_verified: int = param(
        12, "Most regions that the people detector is asked about per picture", minimum=0
    )

    def __post_init__(self) -> None:
        validate(self)


class CameraPeopleDetector:
    """Finds people who move in the pictures of a camera that stands still.

    Raises:
        PeopleModelError: The configured network cannot be used.
    """

    def __init__(self, config: CameraPeopleConfig | None = None) -> None:
        self.config = config or CameraPeopleConfig()
        self._motion = MotionDetector(self.config.motion)
        self._background = BackgroundPicture()
        self._regions: MotionRegions | None = None
        self._verifier = PeopleVerifier()
        self._network: OnnxPeopleDetector | None = None
        if self.config.network.model:
            self._network = OnnxPeopleDetector(self.config.network, self.config.range)
        self._last_ns = 0

    def reset(self) -> None:
        """Forget the background and the people."""
        self._motion.reset()
        self._background.reset()
        self._regions = None
        self._last_ns = 0

    def detect(
        self, frame: CameraFrame, camera_pose: Pose, lidar: Detections | None = None
    ) -> Detections:
        """Return the people of a picture; pictures must come in order of time.

        Args:
            frame: Picture; without calibration the configured field of view is assumed.
            camera_pose: Optical frame in the fixed frame.
            lidar: People whom the LiDAR sees at this instant: what moves there is somebody.

        Returns:
            Detections with ``roi``, ``foreground`` and a position whose covariance is long along
            the line of sight. ``frame_id`` is empty: the caller knows the fixed frame.
        """
        if frame.stamp_ns < self._last_ns:
            self.reset()
        elapsed_s = (frame.stamp_ns - self._last_ns) * 1e-9 if self._last_ns else 0.0
        self._last_ns = frame.stamp_ns
        motion = self._motion.detect(frame.image, frame.stamp_ns)
        scene = self._background.update(frame.image, motion)
        if self._network is not None:
            roi, score = self._network.boxes(frame.image)
        else:
            roi, score = self._moving(frame, camera_pose, lidar, motion, elapsed_s)
        return replace(self._locate(frame, camera_pose, roi, score, motion), scene=scene)

    def _moving(
        self,
        frame: CameraFrame,
        pose: Pose,
        lidar: Detections | None,
        motion: Motion,
        elapsed_s: float,
    ) -> tuple[Float64, Float64]:
        """Return boxes and scores of who moves, or has moved and stands."""
        if self._regions is None or not motion.warm:
            self._regions = MotionRegions(
                self.config.min_height_px * motion.scale, self.config.max_hold_s
            )
        proposed = self._project(lidar, frame, pose)
        moving = self._regions.update(motion, frame.stamp_ns) if motion.warm else []
        self._weigh(frame, motion, moving, proposed, elapsed_s)
        return self._report(moving, motion.scale)

    def _project(self, lidar: Detections | None, frame: CameraFrame, pose: Pose) -> Float64:
        if lidar is None:
            return np.zeros((0, 4))
        roi = project_people(lidar, frame, pose, self.config.range.horizontal_fov_deg)
        return roi[np.isfinite(roi).all(axis=1)]

    def _weigh(
        self,
        frame: CameraFrame,
        motion: Motion,
        regions: list[Region],
        proposed: Float64,
        elapsed_s: float,
    ) -> None:
        """Let the evidence of each region follow what this picture says about it."""
        seen = np.array([region.roi for region in regions]).reshape(-1, 4) / motion.scale
        agreed = roi_overlap(seen, proposed)[0].max(axis=1, initial=0.0) > 0.3
        places = sorted(range(len(regions)), key=lambda place: regions[place].asked_ns)
        for place in places[: self.config.max_verified]:
            age_s = (frame.stamp_ns - regions[place].asked_ns) * 1e-9
            if age_s >= self.config.detector_period_s * (_AGREED_PERIODS if agreed[place] else 1):
                self._ask(regions[place], frame, motion.scale)
        for region, by_other_sensor in zip(regions, agreed):
            still = region.moved_ns != frame.stamp_ns or region.activity < 0.02
            likely = self._likelihood(region, still, bool(by_other_sensor))
            time_s = _RISE_S if likely > region.evidence else _FALL_S
            region.evidence += (1.0 - np.exp(-elapsed_s / time_s)) * (likely - region.evidence)

    def _ask(self, region: Region, frame: CameraFrame, scale: float) -> None:
        sparse = region.fill < _SPARSE_FILL
        verdict = self._verifier.verify(frame.image, region.roi / scale, wide=sparse)
        score, old = max(verdict.score, -5.0), region.support
        region.support = score if np.isnan(old) else old + 0.4 * (score - old)
        region.asked_ns = frame.stamp_ns
        young = region.moving_s < _YOUNG_S
        if sparse and young and score > self.config.detector_score + 0.5:
            # Motion shows little of this person; the detector knows better where the body is.
            blended = region.roi + 0.3 * (verdict.roi * scale - region.roi)
            inside = clip_roi(blended, *(np.array(frame.image.shape[1::-1]) * scale))[0]
            region.roi = inside if np.isfinite(inside).all() else region.roi

    def _likelihood(self, region: Region, still: bool, by_other_sensor: bool) -> float:
        aspect = region.roi[2] / region.roi[3]
        shape = float(np.clip(min((aspect - 0.12) / 0.1, (1.5 - aspect) / 0.5), 0.0, 1.0))
        if not self._verifier.available or not np.isfinite(region.support):
            walked = region.fill > 0.3 and region.travelled > 0.5
            likely = shape * (0.4 if still else 0.8)
            if still and walked and shape > 0.2:
                likely = 0.65  # who walked there and stopped has not become a thing
        else:
            detector = 1.0 / (1.0 + np.exp(-2.0 * (region.support - self.config.detector_score)))
            weight = 1.0 if still else 0.6
            likely = weight * detector + (1.0 - weight) * shape
            likely *= min(1.0, 0.3 + shape)
        if region.fill > 0.3 and region.travelled > 0.5 and not still:
            likely = max(likely, 0.8 * min(1.0, 2.0 * shape))
        return max(likely, 0.7) if by_other_sensor else likely

    def _report(self, regions: list[Region], scale: float) -> tuple[Float64, Float64]:
        sure = [
            region
            for region in regions
            if region.evidence >= self.config.min_score
            and region.moving_s >= _MIN_MOVING_S
            and _MIN_ASPECT < region.roi[2] / region.roi[3] < _MAX_ASPECT
        ]
        roi = np.array([region.roi for region in sure]).reshape(-1, 4) / scale
        return roi, np.array([region.evidence for region in sure], np.float64)

    def _locate(
        self, frame: CameraFrame, pose: Pose, roi: Float64, score: Float64, motion: Motion
    ) -> Detections:
        intrinsics = intrinsics_or_default(frame, np.deg2rad(self.config.range.horizontal_fov_deg))
        roi = clip_roi(roi, *frame.image.shape[1::-1])
        kept = np.isfinite(roi).all(axis=1)
        roi, score = roi[kept], score[kept]
        people = locate_people(intrinsics, pose, roi, self.config.range)
        valid = people.valid
        return Detections(
            stamp_ns=frame.stamp_ns,
            frame_id="",
            position=people.position[valid],
            covariance=people.covariance[valid],
            size=people.size[valid],
            roi=roi[valid],
            score=np.clip(score[valid], 0.0, 1.0),
            modality=np.full(int(valid.sum()), int(Modality.CAMERA), np.uint8),
            foreground=motion.mask,
            foreground_scale=motion.scale,
        )
