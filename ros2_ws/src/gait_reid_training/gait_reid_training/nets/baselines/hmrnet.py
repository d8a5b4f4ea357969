"""HMRNet: the LiDAR's picture of a person and the points themselves, joined at several scales.

After Han et al., "Gait Recognition in Large-scale Free Environment via Single LiDAR", ACM MM
2024. The abstract and the project's page name its parts: motion-aware feature embedding (MAFE),
adaptive cross-representation mapping (ACM) and gait-saliency feature enhancement (GSFE). How they
are built here, and every width, is our reading; the picture's stream follows LidarGait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_common.parameters import param, validate
from gait_reid_training.batch import WalkBatch, WalkNetwork, WalkOutput
from gait_reid_training.nets.baselines.parts import PartHead, max_over_time, stage_widths
from gait_reid_training.nets.heads import HorizontalPyramidPooling
from gait_reid_training.nets.pointgnn import EdgeConv, gather_rows, point_features
from gait_reid_training.nets.present import where_present
from gait_reid_training.nets.resnet9 import ResNet9, normalised_pixels
from gait_reid_training.nets.set_abstraction import PointMLP, nearest_points

MARGIN_M = 0.03
"""What the picture of depth leaves free above and below the person, metres."""


@dataclass(frozen=True)
class HMRNetConfig:
    """Settings of HMRNet; ``width=64`` is the size of the published gait networks."""

    width: int = param(13, "Channels of the picture's first stage and the first graph", "", 1)
    strides: tuple[int, ...] = param((1, 2, 2, 1), "Strides of the four stages", "", 1, 4)
    neighbours: int = param(8, "Neighbours in the points' graph", "", 1, 64)
    parts: int = param(16, "Horizontal strips of the body", "", 1, 64)
    embedding_dim: int = param(256, "Width of a part's embedding", "", 1, 4096)
    reduction: int = param(4, "By how much gates narrow", "", 1)

    def __post_init__(self) -> None:
        validate(self)


def motion_features(points: Tensor, point_mask: Tensor, seen: Tensor) -> Tensor:
    """Return how every point moved since the frame before (our reading of MAFE).

    The point's counterpart is the nearest one of the frame before; both frames are in the person's
    own coordinates, so that what remains is the movement of the limbs.

    Args:
        points: (B, T, N, >=3), metres.
        point_mask: (B, T, N) bool.
        seen: (B, T) bool.

    Returns:
        (B, T, N, 4): offset from the counterpart and its length, metres; zeros in the first frame,
        after a frame that was not seen, and on padding.
    """
    xyz = points[..., :3]
    now, before = xyz[:, 1:].flatten(0, 1), xyz[:, :-1].flatten(0, 1)
    mask = (point_mask & seen[..., None])[:, :-1].flatten(0, 1)
    index = nearest_points(now, before, mask, 1)
    offset = (now - gather_rows(before, index)[:, :, 0]).unflatten(0, (len(points), -1))
    known = (
        point_mask[:, 1:]
        & seen[:, 1:, None]
        & (point_mask[:, :-1] & seen[:, :-1, None]).any(dim=2, keepdim=True)
    )
    offset = offset * known[..., None]
    moved = torch.cat([offset, offset.norm(dim=-1, keepdim=True)], dim=-1)
    return functional.pad(moved, (0, 0, 0, 0, 1, 0))


def picture_cells(points: Tensor, mask: Tensor, state: Tensor, rows: int, columns: int) -> Tensor:
    """Return the cell of the depth picture that each point falls into.

    The picture of depth is orthographic along the line of sight, as high as the person and centred
    on the median of the points.

    Args:
        points: (M, N, >=3); x along the walk, y to its left, z up, metres.
        mask: (M, N) bool.
        state: (M, 4); sine and cosine of the angle from the line towards the sensor to the walk
            come first.
        rows: Rows of the picture.
        columns: Columns of the picture.

    Returns:
        (M, N) int64, row by row; points outside are moved to the nearest cell.
    """
    right = points[..., 0] * state[:, None, 0] + points[..., 1] * state[:, None, 1]
    middle = right.masked_fill(~mask, float("nan")).nanmedian(dim=1, keepdim=True).values
    height = points[..., 2]
    high = height.masked_fill(~mask, -10.0).amax(dim=1, keepdim=True) + MARGIN_M
    low = height.masked_fill(~mask, 10.0).amin(dim=1, keepdim=True) - MARGIN_M
    metres_per_row = ((high - low) / rows).clamp(min=1e-3)
    row = ((high - height) / metres_per_row).clamp(0, rows - 1).long()
    column = (right - middle.nan_to_num()) / metres_per_row * (columns / rows) + columns / 2
    return row * columns + column.clamp(0, columns - 1).long()


class CrossRepresentationMapping(nn.Module):
    """Adds the points' features to the cells that they fall into (our reading of ACM).

    Where several points fall into one cell, the strongest of each channel counts; a gate that sees
    both decides how much is added.

    Args:
        points: Width of the points' features.
        channels: Channels of the map.
    """

    def __init__(self, points: int, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(points, channels)
        self.gate = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, maps: Tensor, features: Tensor, cells: Tensor, mask: Tensor) -> Tensor:
        """Return maps (M, C, H, W) with points (M, N, points) at cells (M, N) added."""
        projected = functional.relu(self.project(features)) * mask[..., None]
        canvas = maps.new_zeros(maps.shape[0], maps.shape[2] * maps.shape[3], maps.shape[1])
        index = cells[..., None].expand_as(projected)
        drawn = canvas.scatter_reduce(1, index, projected, "amax", include_self=True)
        drawn = drawn.transpose(1, 2).reshape(maps.shape)
        gate = torch.sigmoid(self.gate(torch.cat([maps, drawn], dim=1)))
        return maps + gate * drawn


class SaliencyEnhancement(nn.Module):
    """Weighs channels of the body and its parts (our reading of GSFE); weights begin at one.

    Args:
        dim: Channels.
        reduction: By how much the gates narrow inside.
    """

    def __init__(self, dim: int, reduction: int) -> None:
        super().__init__()
        inner = max(dim // reduction, 1)
        self.channels = nn.Sequential(nn.Linear(dim, inner), nn.ReLU(), nn.Linear(inner, dim))
        self.part = nn.Sequential(nn.Linear(dim, inner), nn.ReLU(), nn.Linear(inner, 1))
        for gate in (self.channels, self.part):
            nn.init.zeros_(gate[2].weight)
            nn.init.zeros_(gate[2].bias)

    def forward(self, features: Tensor) -> Tensor:
        """Weigh parts (M, parts, dim)."""
        channels = 2.0 * torch.sigmoid(self.channels(features.mean(dim=1, keepdim=True)))
        return features * channels * (2.0 * torch.sigmoid(self.part(features)))


class HMRNet(WalkNetwork):
    """ResNet9 on the depth picture, graph convolutions on the points, joined at three scales.

    Args:
        config: Settings.
        num_classes: Identities of the training set; 0 for a network that only embeds.
    """

    uses = frozenset({"depth", "lidar"})

    def __init__(self, config: HMRNetConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.parts = config.parts
        self.dim = config.embedding_dim
        widths = stage_widths(config.width)
        self.channels = widths[-1]
        self.backbone = ResNet9(1, widths, config.strides)
        self.embed = PointMLP([9, widths[0]])
        before = [widths[0], *widths[:2]]
        self.graph = nn.ModuleList(
            EdgeConv(i, o, config.neighbours) for i, o in zip(before, widths[:3])
        )
        self.mapping = nn.ModuleList(CrossRepresentationMapping(one, one) for one in widths[:3])
        self.pool = HorizontalPyramidPooling(config.parts, "mean+max")
        self.saliency = SaliencyEnhancement(widths[-1], config.reduction)
        self.head = PartHead(config.parts, widths[-1], config.embedding_dim, num_classes)

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return the embeddings of a batch of walks."""
        seen = batch.frame_mask & batch.has_lidar & batch.point_mask.any(dim=2)
        moved = motion_features(batch.points, batch.point_mask, seen)
        values = (batch.depth, batch.points, batch.point_mask, moved, batch.state)
        parts = where_present(
            seen.flatten(),
            self._frames,
            (self.parts, self.channels),
            *(value.flatten(0, 1) for value in values),
        )
        return self.head(max_over_time(parts.unflatten(0, seen.shape), seen))

    def _frames(
        self, depth: Tensor, points: Tensor, mask: Tensor, moved: Tensor, state: Tensor
    ) -> Tensor:
        """Map frames to parts (M, parts, channels)."""
        features = self.embed(torch.cat([point_features(points, mask), moved], dim=-1), mask)
        net = self.backbone
        maps = functional.relu(net.norm(net.stem(normalised_pixels(depth))))
        for stage, graph, mapping in zip(net.stages, self.graph, self.mapping):
            maps, features = stage(maps), graph(features, mask)
            cells = picture_cells(points, mask, state, *maps.shape[2:])
            maps = mapping(maps, features, cells, mask)
        return cast(Tensor, self.saliency(self.pool(net.stages[3](maps))))
