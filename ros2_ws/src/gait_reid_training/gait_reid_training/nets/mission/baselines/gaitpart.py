"""GaitPart: horizontal parts that are looked at alone, and their short movements.

Fan et al., "GaitPart: Temporal Part-based Model for Gait Recognition", CVPR 2020, sized as in
Mission's released baselines. Our reading: the temporal weights are shared by all parts, there are
16 parts where the released baselines have 12, and the frames are kept for an LSTM instead of being
pooled to their maximum.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.heads import HorizontalPyramidPooling
from gait_reid_training.nets.resnet9 import normalised_pixels


class FocalConv(nn.Module):
    """A 3x3 convolution that does not look beyond its horizontal strip.

    Args:
        inputs: Channels before.
        outputs: Channels after.
        strips: Strips of the map; its rows are a multiple of them.
    """

    def __init__(self, inputs: int, outputs: int, strips: int) -> None:
        super().__init__()
        self.strips = strips
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight, a=0.01)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (M, inputs, H, W) to (M, outputs, H, W)."""
        strips = maps.unflatten(2, (self.strips, -1)).transpose(1, 2)
        found = self.conv(strips.flatten(0, 1)).unflatten(0, (len(maps), self.strips))
        return functional.leaky_relu(self.norm(found.transpose(1, 2).flatten(2, 3)), 0.01)


class MicroMotion(nn.Module):
    """Means and maxima over a few frames, weighed by a gate that sees the same frames.

    Args:
        dim: Width of a part.
        window: Frames of the means and maxima, odd.
    """

    def __init__(self, dim: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.gate = nn.Sequential(
            nn.Conv1d(dim, max(dim // 4, 1), 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(max(dim // 4, 1), dim, window, padding=window // 2),
        )

    def forward(self, series: Tensor) -> Tensor:
        """Map (M, dim, T) to as much."""
        pad = self.window // 2
        mean = functional.avg_pool1d(series, self.window, 1, pad, count_include_pad=False)
        peak = functional.max_pool1d(series, self.window, 1, pad)
        return cast(Tensor, (mean + peak) * torch.sigmoid(self.gate(series)))


class GaitPart(nn.Module):
    """Silhouettes to one feature per frame.

    Args:
        width: Channels of the first block.
        parts: Horizontal strips.
        dim: Width of a frame's feature.
    """

    def __init__(self, width: int, parts: int, dim: int) -> None:
        super().__init__()
        self.parts = parts
        self.backbone = nn.Sequential(
            FocalConv(1, width, 1), FocalConv(width, width, 1), nn.MaxPool2d(2),
            FocalConv(width, 2 * width, 4), FocalConv(2 * width, 2 * width, 4), nn.MaxPool2d(2),
            FocalConv(2 * width, 4 * width, 8), FocalConv(4 * width, 4 * width, 8),
        )  # fmt: skip
        self.pool = HorizontalPyramidPooling(parts, "mean+max")
        self.motions = nn.ModuleList(MicroMotion(4 * width, window) for window in (3, 5))
        self.join = nn.Linear(parts * 4 * width, dim)

    def forward(self, silhouettes: Tensor, mask: Tensor) -> Tensor:
        """Map silhouettes (B, T, 1, H, W) with a mask (B, T) to (B, T, dim)."""
        maps = self.backbone(normalised_pixels(silhouettes.flatten(0, 1)))
        pooled = self.pool(maps).unflatten(0, mask.shape) * mask[..., None, None]
        series = pooled.permute(0, 2, 3, 1).flatten(0, 1)
        moved = torch.stack([motion(series) for motion in self.motions]).sum(dim=0)
        frames = moved.unflatten(0, (-1, self.parts)).permute(0, 3, 1, 2).flatten(2)
        return cast(Tensor, self.join(frames) * mask[..., None])
