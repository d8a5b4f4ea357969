"""LidarGait++: set abstraction on the points themselves and a pyramid of absolute heights.

Shen et al., "LidarGait++: Learning Local Features and Size Awareness from LiDAR Point Clouds for 3D
Gait Recognition", CVPR 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from gait_reid_common.parameters import param, validate
from gait_reid_training.batch import WalkBatch, WalkNetwork, WalkOutput
from gait_reid_training.nets.attention import masked_mean
from gait_reid_training.nets.baselines.parts import PartHead, max_over_time
from gait_reid_training.nets.present import where_present
from gait_reid_training.nets.set_abstraction import PointMLP, SetAbstraction


@dataclass(frozen=True)
class LidarGaitPlusPlusConfig:
    """Settings of LidarGait++.

    The published network has ``width=16`` or ``32``, 1,024 points a frame,
    ``samples=(512, 256, 128)`` and ``neighbours=32``; on FreeGait 256 points,
    ``samples=(256, 192, 128)`` and ``neighbours=16``.
    """

    width: int = param(24, "The three levels end with 4, 8 and 16 times so many channels", "", 1)
    samples: tuple[int, int, int] = param((48, 32, 24), "Points left after each level", "", 1, 4096)
    neighbours: int = param(12, "Neighbours of a point", "", 1, 128)
    radii_m: tuple[float, float, float] = param(
        (0.1, 0.2, 0.4), "What the offsets of each level are divided by", "m", 0.01, 10.0
    )
    features: int = param(256, "Width of the points that are pooled", "", 1, 4096)
    pyramid_levels: int = param(
        5, "Heights are cut into 1, 2, 4, ... bins, so many times", "", 1, 8
    )
    top_m: float = param(2.0, "Upper edge of the highest bins, which hold all above", "m", 0.1, 5.0)
    embedding_dim: int = param(256, "Width of a part's embedding", "", 1, 4096)

    def __post_init__(self) -> None:
        validate(self)


class PyramidPointPooling(nn.Module):
    """Maximum plus mean of the points in bins of absolute height, bins of several sizes.

    Heights stay metric, so that a child's head and an adult's are in different bins.

    Args:
        levels: Bins are 1, 2, 4, ... of them.
        top_m: Upper edge of the highest bins.
    """

    def __init__(self, levels: int, top_m: float) -> None:
        super().__init__()
        self.levels = levels
        self.top_m = top_m
        self.parts = 2**levels - 1

    def forward(self, features: Tensor, height: Tensor, mask: Tensor) -> Tensor:
        """Pool features (M, S, C), not negative, at heights (M, S) in metres.

        Returns:
            (M, parts, C), whole body first, low bins before high ones; zeros where a bin is empty.
        """
        finest = 2 ** (self.levels - 1)
        bins = (height / self.top_m * finest).long().clamp(0, finest - 1)
        valid = features * mask[..., None]
        index = bins[..., None].expand_as(valid)
        empty = valid.new_zeros(valid.shape[0], finest, valid.shape[2])
        total = empty.scatter_add(1, index, valid)
        count = empty[..., :1].scatter_add(1, bins[..., None], mask[..., None].to(valid.dtype))
        highest = empty.scatter_reduce(1, index, valid, "amax", include_self=True)
        pooled = []
        for _ in range(self.levels):
            pooled.append(highest + total / count.clamp(min=1.0))
            if highest.shape[1] > 1:
                pairs = (highest.shape[1] // 2, 2)
                highest = highest.unflatten(1, pairs).amax(dim=2)
                total = total.unflatten(1, pairs).sum(dim=2)
                count = count.unflatten(1, pairs).sum(dim=2)
        return torch.cat(pooled[::-1], dim=1)


class LidarGaitPlusPlus(WalkNetwork):
    """Parts by height of the maximum over time of points that know their neighbourhood.

    Points enter with their offset from the cloud's centroid and their height above the ground.

    Args:
        config: Settings.
        num_classes: Identities of the training set; 0 for a network that only embeds.
    """

    uses = frozenset({"lidar"})

    def __init__(self, config: LidarGaitPlusPlusConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        width, inputs, levels = config.width, 4, []
        for level, (samples, radius_m) in enumerate(zip(config.samples, config.radii_m)):
            base = 2 * width * 2**level
            levels.append(
                SetAbstraction(inputs, (base, base, 2 * base), samples, config.neighbours, radius_m)
            )
            inputs = 2 * base
        self.levels = nn.ModuleList(levels)
        self.join = PointMLP([3 + inputs, config.features])
        self.pool = PyramidPointPooling(config.pyramid_levels, config.top_m)
        self.parts = self.pool.parts
        self.dim = config.embedding_dim
        self.head = PartHead(self.parts, config.features, config.embedding_dim, num_classes)

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return the embeddings of a batch of walks."""
        mask = batch.point_mask
        seen = batch.frame_mask & batch.has_lidar & mask.any(dim=2)
        pooled = where_present(
            seen.flatten(),
            self._frames,
            (self.parts, self.config.features),
            batch.points[..., :3].flatten(0, 1),
            mask.flatten(0, 1),
        )
        return self.head(max_over_time(pooled.unflatten(0, seen.shape), seen))

    def _frames(self, points: Tensor, mask: Tensor) -> Tensor:
        """Map points (M, N, 3) to (M, parts, features)."""
        centroid = masked_mean(points, mask)[:, None]
        xyz = (points - centroid) * mask[..., None]
        features = torch.cat([xyz, points[..., 2:]], dim=-1)
        for level in self.levels:
            xyz, features, mask = level(xyz, features, mask)
        features = self.join(torch.cat([xyz, features], dim=-1), mask)
        height = xyz[..., 2] + centroid[..., 2]
        return cast(Tensor, self.pool(features, height, mask))
