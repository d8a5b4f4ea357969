"""Walks that radars saw as batches of tensors, with the poses that the simulator knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gait_reid.core.radar_input import RadarFrameInputs, RadarInputConfig
from gait_reid.core.types import Int64
from gait_reid_common.parameters import param, validate
from gait_reid_training.batch import RadarWalkBatch
from gait_reid_training.data.preparations import PoseFrames, PosePreparation, RadarPreparation
from gait_reid_training.data.prepared import Bool, PreparedWalks
from gait_reid_training.data.walks import tensors_of


@dataclass(frozen=True)
class RadarAugmentConfig:
    """How strongly radar walks are changed; one draw for a walk unless said otherwise."""

    drop_points: float = param(0.3, "Greatest share of points that are dropped", "", 0.0, 0.9)
    shift_m: float = param(0.08, "Standard deviation of the track's place", "m", 0.0, 0.5)
    jitter_m: float = param(0.03, "The same, anew in every frame", "m", 0.0, 0.5)
    turn_deg: float = param(10.0, "Most by which the heading is wrong", "deg", 0.0, 90.0)
    point_noise_m: float = param(0.02, "Standard deviation of points", "m", 0.0, 0.3)
    speed_noise_m_s: float = param(0.05, "Standard deviation of velocities", "m/s", 0.0, 1.0)
    walk_speed_m_s: float = param(
        0.05, "Standard deviation of the speed of the walk, as a tracker knows it", "m/s", 0.0, 0.5
    )
    snr_db: float = param(2.0, "Standard deviation of the signal's strength", "dB", 0.0, 20.0)

    def __post_init__(self) -> None:
        validate(self)


class RadarDataset(PreparedWalks):
    """The radar walks of one split of one or more data sets; frames follow each other.

    Args:
        folders: Data sets in the project's tracklet format.
        split: ``train``, ``validation`` or ``test``.
        config: What the network takes.
        cache: Folder of caches; empty: inside of the data sets.
        people: The first so many people only; 0: all.
        augmentation: How batches with a generator are changed; None: not at all.
        workers: Processes that prepare frames where that has not been done.

    Raises:
        DatasetError: No such data set, or it has no such split.
        CacheError: Prepared frames that are of other data or of another configuration.
    """

    def __init__(
        self,
        folders: Sequence[str | Path],
        split: str,
        config: RadarInputConfig | None = None,
        cache: str | Path = "",
        people: int = 0,
        augmentation: RadarAugmentConfig | None = None,
        workers: int = 1,
    ) -> None:
        self.config = config or RadarInputConfig()
        self.augmentation = augmentation
        super().__init__(folders, split, RadarPreparation(self.config), cache, people, workers)
        self._poses = PreparedWalks(folders, split, PosePreparation(), cache, people, workers)
        self.condition = self.walks.condition

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> RadarWalkBatch:
        """Return some walks with so many frames each, from anywhere or from the middle (no rng)."""
        index = np.asarray(rows, np.int64)
        chosen, mask = self.choose(index, frames, rng, in_order=True)
        seen, poses = self.gather(index, chosen), self._poses.gather(index, chosen)
        if rng is not None and self.augmentation is not None:
            seen, poses = augment_radar(seen, poses, mask.shape, self.augmentation, rng)
        return collate_radar(seen, poses, mask, self.labels[index])


def collate_radar(
    frames: RadarFrameInputs, poses: PoseFrames, frame_mask: Bool, labels: Int64
) -> RadarWalkBatch:
    """Return B walks of T frames as tensors; frames that pad are zero.

    Args:
        frames: B * T frames, those of a walk together.
        poses: Their poses.
        frame_mask: (B, T), False on padding.
        labels: (B,) identities by number.
    """
    return RadarWalkBatch(
        **tensors_of(frames, frame_mask),
        **tensors_of(poses, frame_mask),
        frame_mask=torch.from_numpy(frame_mask),
        labels=torch.from_numpy(labels.copy()),
    )


def augment_radar(
    frames: RadarFrameInputs,
    poses: PoseFrames,
    shape: tuple[int, ...],
    config: RadarAugmentConfig,
    rng: np.random.Generator,
) -> tuple[RadarFrameInputs, PoseFrames]:
    """Return changed copies of B * T radar frames, and poses in the changed frames of the walks."""
    walks, length = shape
    points = frames.points.astype(np.float32)
    dropped = np.repeat(config.drop_points * rng.random(walks), length)
    mask = frames.point_mask & (rng.random(frames.point_mask.shape) >= dropped[:, None])
    angle = np.deg2rad(config.turn_deg) * (2.0 * rng.random(walks) - 1.0)
    cosine, sine = (np.repeat(one, length) for one in (np.cos(angle), np.sin(angle)))
    turn = np.stack([cosine, sine, -sine, cosine], axis=-1).reshape(-1, 2, 2).astype(np.float32)
    shift = config.shift_m * rng.standard_normal((walks, 1, 2))
    jitter = config.jitter_m * rng.standard_normal((walks, length, 2))
    moved = (shift + jitter).reshape(-1, 1, 2).astype(np.float32)
    points[..., :2] = points[..., :2] @ turn + moved
    points[..., :3] += config.point_noise_m * rng.standard_normal((*mask.shape, 3), np.float32)
    points[..., 3] += config.speed_noise_m_s * rng.standard_normal(mask.shape, np.float32)
    points[..., 4] += np.repeat(config.snr_db / 30.0 * rng.standard_normal(walks), length)[:, None]
    points *= mask[..., None]
    state = frames.state.copy()
    state[:, :2] = np.einsum("ni,nij->nj", state[:, :2], turn)
    state[:, 2] += np.repeat(config.walk_speed_m_s * rng.standard_normal(walks), length)
    joints = poses.joints.copy()
    joints[..., :2] = joints[..., :2] @ turn
    root = (poses.root[:, None] @ turn + moved)[:, 0] * poses.has_pose[:, None]
    return RadarFrameInputs(points, mask, state), PoseFrames(root, joints, poses.has_pose)
