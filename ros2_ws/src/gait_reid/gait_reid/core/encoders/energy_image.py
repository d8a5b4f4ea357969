"""The gait energy image: no weights, the floor that learned encoders must beat.

Han & Bhanu, "Individual recognition using gait energy image", TPAMI 2006: the mean of normalised
silhouettes over a walk. Here over camera silhouettes or over LiDAR depth images, accumulated frame
by frame. The embedding is not the mean itself but its spatial gradient in horizontal parts, each of
unit length: the mean of any two people is nearly the same body-shaped blob, its contours are not.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gait_reid.core.encoders.walk_state import Frame, WalkState
from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.preprocess import crop_depth, crop_silhouette, project_points
from gait_reid.core.types import Embedding, Float32, Modality, PersonCrop
from gait_reid_common.parameters import param, validate

_VERSION = 1  # of the arithmetic; raise it whenever the values change
_SIZE = (64, 44)
_STATURE_M = 1.7
_MEANING = ("parts", "smoothing_px", "power", "facing")
_SOURCES = {"camera": Modality.CAMERA, "lidar": Modality.LIDAR}


@dataclass(frozen=True)
class EnergyImageConfig:
    """Parameters of `EnergyImageEncoder`."""

    source: str = param(
        "auto",
        "Sensor to use; auto: the camera where it has enough frames, else the LiDAR",
        choices=("auto", "camera", "lidar"),
    )
    parts: int = param(8, "Horizontal parts of the body", choices=(1, 2, 4, 8, 16))
    smoothing_px: float = param(1.0, "Blur of the energy image before its gradient", "px", 0.0, 4.0)
    power: float = param(
        0.7, "Exponent of the energy; below 1, moving limbs weigh more", "", 0.2, 2.0
    )
    facing: str = param(
        "left",
        "left: walks to the right are mirrored, so that both directions compare; as_seen: not",
        choices=("left", "as_seen"),
    )
    min_frames: int = param(15, "Usable frames that make a walk", "frames", 2)
    min_duration_s: float = param(
        0.8, "Time that these frames must span, about a gait cycle", "s", 0.0, 10.0
    )
    max_frames: int = param(90, "Newest usable frames that are kept", "frames", 10, 1000)
    min_pixel_height: float = param(48.0, "Least height of a silhouette's person", "px", 16.0)
    max_truncation: float = param(0.1, "Largest part beyond the picture's edge", "", 0.0, 1.0)
    max_occlusion: float = param(0.3, "Largest part hidden by nearer people", "", 0.0, 1.0)
    min_points: int = param(20, "Least LiDAR points of a depth image", "", 8)
    min_likeness: float = param(
        0.6, "Cosine to the walk so far, below which a frame is left out", "", 0.0, 1.0
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.min_frames > self.max_frames:
            raise ValueError(
                f"min_frames is {self.min_frames}, allowed: at most max_frames, {self.max_frames}"
            )


class EnergyImageEncoder:
    """Accumulates one gait energy image per track and sensor.

    Attributes:
        rejected: Frames that were left out, by reason.
        calibration: Thresholds of this encoder.
        description: Its sensors.
    """

    def __init__(self, config: EnergyImageConfig | None = None) -> None:
        self.config = config or EnergyImageConfig()
        self.sources = (
            ("camera", "lidar") if self.config.source == "auto" else (self.config.source,)
        )
        self.modality = Modality.NONE
        for source in self.sources:
            self.modality |= _SOURCES[source]
        self.enrolls = self.compares = self.modality
        self.model_id = self._id(self.sources[0])
        self.model_ids = frozenset(self._id(source) for source in self.sources)
        self.parts = self.config.parts
        self.dim = 2 * _SIZE[0] * _SIZE[1] // self.config.parts
        self.max_frames = self.config.max_frames
        self.calibration = Calibration()
        self.description = f"energy image of {self.modality.describe()}"
        self.rejected: Counter[str] = Counter()
        self._walks: dict[tuple[int, str], WalkState] = {}

    def reset(self) -> None:
        """Drop the state of all tracks."""
        self._walks.clear()

    def forget(self, track_ids: Collection[int]) -> None:
        """Drop the state of these tracks."""
        gone = set(track_ids)
        self._walks = {key: walk for key, walk in self._walks.items() if key[0] not in gone}

    def retain(self, track_ids: Collection[int]) -> None:
        """Drop the state of all other tracks."""
        alive = set(track_ids)
        self._walks = {key: walk for key, walk in self._walks.items() if key[0] in alive}

    def update(self, crops: Sequence[PersonCrop]) -> None:
        """Take the crops of one instant; crops of one track must come in order of time."""
        for crop in crops:
            for source in self.sources:
                if not crop.modality & _SOURCES[source]:
                    continue
                frame, reason = self._prepare(crop, source)
                if frame is None:
                    self.rejected[reason] += 1
                    continue
                walk = self._walks.setdefault(
                    (crop.track_id, source),
                    WalkState(self.config.max_frames, self.config.min_likeness),
                )
                if not walk.add(frame):
                    self.rejected["unlike the walk so far"] += 1

    def counts(self) -> dict[str, int]:
        """Return how many frames were left out, by reason."""
        return dict(self.rejected)

    def energy_image(self, track_id: int, source: str = "camera") -> Float32 | None:
        """Return the (64, 44) energy image of a track as the encoder sees it, or None."""
        walk = self._walks.get((track_id, source))
        if walk is None or not len(walk):
            return None
        mean = walk.mean()
        mirror = self.config.facing == "left" and walk.faces_right()
        return np.ascontiguousarray(mean[:, ::-1]) if mirror else mean

    def embed(self, track_ids: Sequence[int]) -> dict[int, Embedding]:
        """Return the walks of these tracks; tracks with too few usable frames are absent."""
        embeddings = {}
        for track_id in track_ids:
            for source in self.sources:
                walk = self._walks.get((track_id, source))
                if walk is None or len(walk) < self.config.min_frames:
                    continue
                if walk.duration_s < self.config.min_duration_s:
                    continue
                embeddings[track_id] = self._embedding(track_id, source, walk)
                break
        return embeddings

    def _embedding(self, track_id: int, source: str, walk: WalkState) -> Embedding:
        image = self.energy_image(track_id, source)
        assert image is not None  # the walk has frames
        return Embedding(
            values=self.describe(image),
            model_id=self._id(source),
            modality=_SOURCES[source],
            window_start_ns=walk.start_ns,
            window_end_ns=walk.end_ns,
            num_frames=len(walk),
        )

    def describe(self, image: Float32) -> Float32:
        """Return the (parts, dim) unit vectors of an energy image (64, 44) in [0, 1]."""
        smooth = image
        if self.config.smoothing_px > 0.0:
            smooth = cv2.GaussianBlur(image, (0, 0), self.config.smoothing_px)
        energy = np.power(np.clip(smooth, 0.0, 1.0), np.float32(self.config.power))
        down, right = np.gradient(energy)
        features = np.hstack([right, down]).reshape(self.parts, self.dim)
        norm = np.linalg.norm(features, axis=1, keepdims=True)
        empty = norm[:, 0] < 1e-6
        features[empty], norm[empty] = 1.0, np.sqrt(self.dim)
        return (features / norm).astype(np.float32)

    def _id(self, source: str) -> str:
        # What decides which frames are usable does not change what the numbers mean.
        values = {name: getattr(self.config, name) for name in _MEANING}
        content = json.dumps([_VERSION, _SIZE, source, values], sort_keys=True)
        return f"energy_image-{source}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def _prepare(self, crop: PersonCrop, source: str) -> tuple[Frame | None, str]:
        """Return the frame of a crop, or None and the reason."""
        config, quality = self.config, crop.quality
        if source == "lidar":
            if quality.num_points < config.min_points:
                return None, "too few points"
            depth = crop_depth(crop, _SIZE)
            if depth is None:
                return None, "no upright body in the points"
            ahead = (crop.position + crop.velocity)[None]
            across_m, _ = project_points(ahead, crop.viewpoint, crop.position)
            return Frame(crop.stamp_ns, depth, speed=float(across_m[0, 0]) / _STATURE_M), ""
        for reason, bad in (
            ("too small", quality.pixel_height < config.min_pixel_height),
            ("cut by the picture's edge", quality.truncation > config.max_truncation),
            ("hidden by others", quality.occlusion > config.max_occlusion),
            ("no silhouette", crop.silhouette is None),
        ):
            if bad:
                return None, reason
        image = crop_silhouette(crop, _SIZE)
        if image is None or not 0.12 < float(image.mean()) < 0.75:
            return None, "silhouette is broken"
        middle_px = float(crop.roi[0] + 0.5 * crop.roi[2])
        return Frame(crop.stamp_ns, image, middle_px, float(crop.roi[3])), ""
