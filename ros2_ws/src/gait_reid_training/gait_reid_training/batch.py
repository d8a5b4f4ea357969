"""What networks take and give: walks of equal length, one tensor per sensor."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class WalkBatch:
    """B walks of T frames; what a sensor did not see is zero and its flag is False.

    The frames are made by `gait_reid.core.network_input`, in training and at run time alike.

    Attributes:
        rgb: (B, T, 3, H, W) uint8, the person in the middle.
        silhouette: (B, T, 1, h, w) uint8, 255 on the person; of its own size (64 x 44 by default).
        depth: (B, T, 1, 64, 64) uint8, the LiDAR's view of the person, 0 where nothing is.
        points: (B, T, N, 4) float32; x along the walk, y to its left, z up from the ground below
            the person, metres; intensity in [0, 1].
        point_mask: (B, T, N) bool, False on padding.
        state: (B, T, 4) float32; sine and cosine of the angle between walk and line of sight, speed
            in m/s, range in units of 10 m.
        quality: (B, T, 6) float32; pixel height / 128, sharpness (log10(1 + variance) / 4) and
            brightness of the framed picture, 1 - truncation, log2(1 + points) / 8, 1 - occlusion.
        has_camera: (B, T) bool.
        has_lidar: (B, T) bool.
        frame_mask: (B, T) bool, False on frames that pad a short walk.
        labels: (B,) int64, identity by number; -1 where unknown.
    """

    rgb: Tensor
    silhouette: Tensor
    depth: Tensor
    points: Tensor
    point_mask: Tensor
    state: Tensor
    quality: Tensor
    has_camera: Tensor
    has_lidar: Tensor
    frame_mask: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> WalkBatch:
        """Return the batch on a device."""
        return WalkBatch(**_moved(self, device))

    def with_labels(self, labels: Tensor) -> WalkBatch:
        """Return the batch with other labels (B,)."""
        return replace(self, labels=labels)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class RadarWalkBatch:
    """B walks of T frames that a radar saw.

    Points, joints and root are in the person's own frame: the origin on the ground below the
    tracked position, x along the walk, y to its left, z up, metres.

    Attributes:
        points: (B, T, N, 5) float32; x, y, z, radial velocity in m/s, signal-to-noise ratio in
            units of 30 dB; 0 on padding.
        point_mask: (B, T, N) bool, False on padding.
        frame_mask: (B, T) bool, False on frames that pad a short walk.
        state: (B, T, 4) float32, as in `WalkBatch`.
        root: (B, T, 2) float32; x and y of the pelvis: where the track should have been. For
            training alone, zeros where unknown.
        joints: (B, T, J, 3) float32; the body, x and y from the pelvis, z from the ground. For
            training alone, zeros where unknown.
        has_pose: (B, T) bool, whether root and joints are known.
        labels: (B,) int64, identity by number; -1 where unknown.
    """

    points: Tensor
    point_mask: Tensor
    frame_mask: Tensor
    state: Tensor
    root: Tensor
    joints: Tensor
    has_pose: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> RadarWalkBatch:
        """Return the batch on a device."""
        return RadarWalkBatch(**_moved(self, device))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class CrossModalBatch:
    """B people, each with a walk before a camera and another one before a radar.

    Attributes:
        vision: Walks that cameras saw.
        radar: Walks that radars saw: other walks, of the same person in the same row.
        vision_joints: (B, T, J, 3) float32, as in `RadarWalkBatch`, of the camera's walks.
        vision_has_pose: (B, T) bool, whether they are known.
    """

    vision: WalkBatch
    radar: RadarWalkBatch
    vision_joints: Tensor
    vision_has_pose: Tensor

    def to(self, device: torch.device | str) -> CrossModalBatch:
        """Return the batch on a device."""
        return CrossModalBatch(**_moved(self, device))

    @property
    def labels(self) -> Tensor:
        """(B,) int64, identity by number; -1 where unknown."""
        return self.radar.labels

    def with_labels(self, labels: Tensor) -> CrossModalBatch:
        """Return the batch with other labels (B,)."""
        return replace(
            self,
            vision=replace(self.vision, labels=labels),
            radar=replace(self.radar, labels=labels),
        )

    def __len__(self) -> int:
        return len(self.vision)


def _moved(batch: Any, device: torch.device | str) -> dict[str, Any]:
    values = {one.name: getattr(batch, one.name) for one in fields(batch)}
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value.to(device)
        for name, value in values.items()
    }


@dataclass(frozen=True)
class WalkOutput:
    """What a network says of B walks.

    Attributes:
        embedding: (B, parts, dim), as trained: what the triplet loss takes; the run time scales
            every part to unit length.
        logits: (B, parts, classes), or None outside training.
        extras: Further terms by name, for example losses of auxiliary branches.
    """

    embedding: Tensor
    logits: Tensor | None = None
    extras: dict[str, Any] = field(default_factory=dict)


class WalkNetwork(nn.Module):
    """A network that makes one embedding of a walk.

    Attributes:
        parts: Rows of an embedding.
        dim: Columns of an embedding.
        uses: Sensors that it takes, of ``camera`` (RGB), ``silhouette``, ``lidar`` (points),
            ``depth``.
    """

    parts: int
    dim: int
    uses: frozenset[str]

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return the embeddings of a batch of walks."""
        raise NotImplementedError
