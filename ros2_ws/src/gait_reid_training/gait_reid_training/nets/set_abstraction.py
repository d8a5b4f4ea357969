"""Sets of points made smaller and richer, layer by layer, with padding masked.

Set abstraction is that of PointNet++ (Qi et al., NeurIPS 2017) with the nearest neighbours in place
of a ball, as LidarGait++ (Shen et al., CVPR 2025) has it. Sampling needs a loop, which neither ONNX
nor TensorRT likes; these layers are for training and evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import masked_mean
from gait_reid_training.nets.pointgnn import MaskedBatchNorm, gather_rows

FAR = 1e4
"""Distance of what is masked, metres."""


@torch.no_grad()
def farthest_points(xyz: Tensor, mask: Tensor, count: int) -> Tensor:
    """Pick points that are far from each other, the one farthest from the centroid first.

    Args:
        xyz: (M, N, 3).
        mask: (M, N) bool.
        count: How many; where fewer are valid, valid ones are picked again.

    Returns:
        (M, count) int64.
    """
    reach = (xyz - masked_mean(xyz, mask)[:, None]).square().sum(dim=-1)
    reach = reach.masked_fill(~mask, -1.0)
    distance = torch.full_like(reach, FAR**2).masked_fill(~mask, -1.0)
    picks = [reach.argmax(dim=1)]
    for _ in range(count - 1):
        last = xyz.gather(1, picks[-1][:, None, None].expand(-1, 1, 3))
        distance = torch.minimum(distance, (xyz - last).square().sum(dim=-1))
        picks.append(distance.argmax(dim=1))
    return torch.stack(picks, dim=1)


@torch.no_grad()
def nearest_points(queries: Tensor, xyz: Tensor, mask: Tensor, k: int) -> Tensor:
    """Return the nearest valid points; where fewer than k are valid, the nearest is repeated.

    Args:
        queries: (M, S, 3).
        xyz: (M, N, 3).
        mask: (M, N) bool.
        k: Neighbours; at most N are used.

    Returns:
        (M, S, min(k, N)) int64.
    """
    distance = torch.cdist(queries, xyz).masked_fill(~mask[:, None], FAR)
    best, index = distance.topk(min(k, xyz.shape[1]), dim=-1, largest=False)
    return torch.where(best < FAR, index, index[..., :1])


class PointMLP(nn.Module):
    """Linear maps, each with normalisation over the valid points and ReLU.

    Args:
        widths: Width of the input and of every layer.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=False) for i, o in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(MaskedBatchNorm(o) for o in widths[1:])
        for layer in self.layers:
            nn.init.kaiming_normal_(cast(Tensor, layer.weight), nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (M, N, widths[0]) to (M, N, widths[-1]); padding gives what must not be used."""
        for layer, norm in zip(self.layers, self.norms):
            features = functional.relu(norm(layer(features), mask))
        return features


class SetAbstraction(nn.Module):
    """A sample of points, each with the maximum over its neighbourhood.

    Args:
        inputs: Width of the points' features.
        widths: Widths of the layers that look at a neighbour and its offset.
        samples: Points that remain.
        k: Neighbours.
        radius_m: What offsets are divided by, metres.
    """

    def __init__(
        self, inputs: int, widths: Sequence[int], samples: int, k: int, radius_m: float
    ) -> None:
        super().__init__()
        self.samples = samples
        self.k = k
        self.radius_m = radius_m
        self.mlp = PointMLP([3 + inputs, *widths])

    def forward(self, xyz: Tensor, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return positions (M, S, 3), features (M, S, widths[-1]) and mask (M, S) of the sample."""
        index = farthest_points(xyz, mask, self.samples)
        centres = xyz.gather(1, index[..., None].expand(-1, -1, 3))
        order = torch.arange(self.samples, device=mask.device)
        kept = order < mask.sum(dim=1, keepdim=True)
        near = nearest_points(centres, xyz, mask, self.k)
        both = gather_rows(torch.cat([xyz, features], dim=-1), near)
        offsets = (both[..., :3] - centres[:, :, None]) / self.radius_m
        grouped = torch.cat([offsets, both[..., 3:]], dim=-1).flatten(1, 2)
        members = kept.repeat_interleave(near.shape[2], dim=1)
        mapped = self.mlp(grouped, members).unflatten(1, (self.samples, -1))
        return centres, mapped.amax(dim=2) * kept[..., None], kept
