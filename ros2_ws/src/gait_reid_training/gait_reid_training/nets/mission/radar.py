"""What Mission sees in radar points: a feature of every point that knows of its frame and walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid.core.network_input import STATE_SIZE
from gait_reid_training.batch import RadarWalkBatch
from gait_reid_training.nets.mission.anchors import AnchorBranch
from gait_reid_training.nets.mission.config import MissionConfig
from gait_reid_training.nets.mission.pooling import AttentionPooling
from gait_reid_training.nets.mission.vision import known, state_code
from gait_reid_training.nets.pointgnn import MaskedBatchNorm
from gait_reid_training.nets.set_abstraction import PointMLP

HEIGHT_M = 0.9
"""Taken from every height, so that points are about zero."""


@dataclass(frozen=True)
class RadarFeatures:
    """What the radar branch says of B walks.

    Attributes:
        points: (B, T, N, d), zeros on padding.
        mask: (B, T, N) bool.
        root: (B, T, 2), where the pelvis is, metres in the person's own frame; zeros where neither
            pose nor anchors need it.
    """

    points: Tensor
    mask: Tensor
    root: Tensor


class PointEncoder(nn.Module):
    """Points to point features and, by attention, to a feature of the frame (equation 1).

    The base module sees one point at a time; its output stands beside the point's own position. The
    global module narrows that, and pools it with weights instead of a maximum.

    Args:
        channels: 3 or 5 of a point's channels.
        base_widths: Layers of the base module.
        global_widths: Layers of the global module.
    """

    def __init__(
        self, channels: int, base_widths: tuple[int, ...], global_widths: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.channels = channels
        self.base = PointMLP([channels, *base_widths])
        self.point_width = 3 + base_widths[-1]
        self.globally = PointMLP([self.point_width, *global_widths])
        self.pool = AttentionPooling(global_widths[-1])
        self.frame_width = global_widths[-1]

    def forward(self, points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map points (M, N, 5) and a mask (M, N) to (M, N, point_width) and (M, frame_width)."""
        offset = points.new_tensor([0.0, 0.0, HEIGHT_M, 0.0, 0.0])
        own = (points - offset) * mask[..., None]
        features = torch.cat([own[..., :3], self.base(own[..., : self.channels], mask)], dim=-1)
        return features, self.pool(self.globally(features, mask), mask)


class RadarBranch(nn.Module):
    """Base and global module, a bidirectional LSTM over the frames, and optionally anchors.

    Args:
        config: Settings.
    """

    def __init__(self, config: MissionConfig) -> None:
        super().__init__()
        self.encoder = PointEncoder(config.radar_channels, config.base_widths, config.global_widths)
        self.state_code = state_code(STATE_SIZE, self.encoder.frame_width) if config.state else None
        self.recurrent = nn.LSTM(
            self.encoder.frame_width,
            config.lstm_width,
            config.lstm_layers,
            batch_first=True,
            bidirectional=True,
        )
        width = 2 * config.lstm_width
        self.root = (
            nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 2))
            if config.pose or config.anchors
            else None
        )
        self.anchors = (
            AnchorBranch(self.encoder.point_width, config.lstm_width, config.lstm_layers)
            if config.anchors
            else None
        )
        inputs = self.encoder.point_width + width * (2 if config.anchors else 1)
        self.join = nn.Linear(inputs, config.dim, bias=False)
        self.join_norm = MaskedBatchNorm(config.dim)
        nn.init.kaiming_normal_(self.join.weight, nonlinearity="relu")

    def forward(self, walks: RadarWalkBatch) -> RadarFeatures:
        """Return the features of the points of B walks."""
        mask = walks.point_mask & walks.frame_mask[..., None]
        own, frames = self.frames(*(one.flatten(0, 1) for one in (walks.points, mask, walks.state)))
        shape = mask.shape[:2]
        return self.sequence(own.unflatten(0, shape), frames.unflatten(0, shape), mask)

    def frames(
        self, points: Tensor, point_mask: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what `PointEncoder` says of single frames, told their state (M, 4).

        Raises:
            ValueError: The network is told the state, and there is none.
        """
        own, frames = self.encoder(points, point_mask)
        if self.state_code is None:
            return own, frames
        return own, frames + self.state_code(known("state", state))

    def sequence(self, own: Tensor, frames: Tensor, mask: Tensor) -> RadarFeatures:
        """Return the features of frames that were encoded one by one.

        Args:
            own: (B, T, N, point_width), as `frames` gives them.
            frames: (B, T, frame_width), as well.
            mask: (B, T, N) bool.
        """
        shape = mask.shape
        walk = self.recurrent(frames * mask.any(dim=2)[..., None])[0]
        root = walk.new_zeros(*shape[:2], 2) if self.root is None else self.root(walk)
        parts = [own, walk[:, :, None].expand(-1, -1, shape[2], -1)]
        if self.anchors is not None:
            points = own[..., :3] + own.new_tensor([0.0, 0.0, HEIGHT_M])
            flat = (one.flatten(0, 1) for one in (points, own, mask))
            local = self.anchors(*flat, root)
            parts.append(local[:, :, None].expand(-1, -1, shape[2], -1))
        joined = self.join(torch.cat(parts, dim=-1)).flatten(0, 1)
        tokens = functional.relu(self.join_norm(joined, mask.flatten(0, 1)))
        tokens = tokens.unflatten(0, shape[:2]) * mask[..., None]
        return RadarFeatures(tokens, mask, cast(Tensor, root))
