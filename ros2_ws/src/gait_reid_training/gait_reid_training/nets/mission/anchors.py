"""Anchor points of mmMesh: a grid around the person that gathers the radar points nearby.

Xue et al., "mmMesh: Towards 3D Real-Time Dynamic Human Mesh Construction Using Millimeter-Wave",
MobiSys 2021, as Mission's released code has it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.mission.pooling import AttentionPooling
from gait_reid_training.nets.pointgnn import gather_rows
from gait_reid_training.nets.set_abstraction import PointMLP, nearest_points

LEVELS, ACROSS = 9, 3
STEP_M = 0.3
MIDDLE_M = 0.9
NEIGHBOURS = 8


class AnchorBranch(nn.Module):
    """Features of the points near each anchor, joined by 3D convolutions and an LSTM.

    Args:
        point_width: Width of the points' features.
        lstm_width: Width of either direction of the LSTM.
        lstm_layers: Layers of the LSTM.
    """

    grid: Tensor

    def __init__(self, point_width: int, lstm_width: int, lstm_layers: int) -> None:
        super().__init__()
        level = (torch.arange(LEVELS) - LEVELS // 2) * STEP_M + MIDDLE_M
        across = (torch.arange(ACROSS) - ACROSS // 2) * STEP_M
        z, x, y = torch.meshgrid(level, across, across, indexing="ij")
        self.register_buffer("grid", torch.stack([x, y, z], dim=-1).view(-1, 3))
        self.mlp = PointMLP([3 + point_width, 32, 48, 64])
        self.pool = AttentionPooling(64)
        self.volume = nn.Sequential(
            nn.Conv3d(64, 96, (3, 3, 3)), nn.BatchNorm3d(96), nn.ReLU(),
            nn.Conv3d(96, 128, (5, 1, 1)), nn.BatchNorm3d(128), nn.ReLU(),
            nn.Conv3d(128, 64, (3, 1, 1)), nn.BatchNorm3d(64), nn.ReLU(),
        )  # fmt: skip
        self.recurrent = nn.LSTM(64, lstm_width, lstm_layers, batch_first=True, bidirectional=True)

    def forward(self, points: Tensor, features: Tensor, mask: Tensor, root: Tensor) -> Tensor:
        """Return local features (B, T, 2 lstm_width).

        Args:
            points: (B T, N, >=3), metres.
            features: (B T, N, point_width).
            mask: (B T, N) bool.
            root: (B, T, 2), where the grid is centred, metres.
        """
        centre = functional.pad(root.flatten(0, 1), (0, 1))
        anchors = self.grid + centre[:, None]
        index = nearest_points(anchors, points[..., :3], mask, NEIGHBOURS)
        near = gather_rows(torch.cat([points[..., :3], features], dim=-1), index)
        offset = near[..., :3] - anchors[:, :, None]
        grouped = torch.cat([offset, near[..., 3:]], dim=-1)
        shape = grouped.shape
        known = mask.any(dim=1)[:, None].expand(-1, shape[1] * shape[2])
        local = self.mlp(grouped.flatten(1, 2), known).unflatten(1, shape[1:3])
        pooled = self.pool(local, known.unflatten(1, shape[1:3]))
        volume = pooled.transpose(1, 2).unflatten(2, (LEVELS, ACROSS, ACROSS))
        frames = self.volume(volume).flatten(1).unflatten(0, root.shape[:2])
        return cast(Tensor, self.recurrent(frames)[0])
