"""How much each sensor counts: weights by quality, and learned stand-ins for what is not seen."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

QUALITY_SIZE = 6
OPEN = 2.0
"""Bias of a gate before training: about 0.88 open."""


class ModalityGate(nn.Module):
    """A weight in [0, 1] for camera and LiDAR, and the null tokens that take the rest.

    Args:
        dim: Width of the tokens.
        cells: Cells of the picture's map.
        learned: Whether quality counts; otherwise a sensor that sees the person has weight 1.
    """

    def __init__(self, dim: int, cells: int, learned: bool = True) -> None:
        super().__init__()
        self.null_map = nn.Parameter(0.02 * torch.randn(cells, dim))
        self.null_point = nn.Parameter(0.02 * torch.randn(1, dim))
        self.mlp: nn.Module | None = None
        if learned:
            last = nn.Linear(32, 2)
            nn.init.normal_(last.weight, std=0.01)
            nn.init.constant_(last.bias, OPEN)
            self.norm = nn.LayerNorm(2 * dim)
            self.mlp = nn.Sequential(nn.Linear(2 * dim + QUALITY_SIZE, 32), nn.GELU(), last)

    def forward(self, pooled: Tensor, quality: Tensor, present: Tensor) -> Tensor:
        """Return weights (M, 2).

        Args:
            pooled: (M, 2, dim), mean of the map and of the points.
            quality: (M, 6).
            present: (M, 2) bool; the weight of a sensor that sees nothing is 0.
        """
        weight = present.to(pooled.dtype)
        if self.mlp is None:
            return weight
        seen = (pooled * weight[..., None]).flatten(1)
        given = torch.cat([self.norm(seen), quality], dim=1)
        return cast(Tensor, torch.sigmoid(self.mlp(given)) * weight)


def mixed(weight: Tensor, tokens: Tensor, null: Tensor) -> Tensor:
    """Return weight tokens + (1 - weight) null for weights (M,) and tokens (M, K, d)."""
    share = weight[:, None, None]
    return share * tokens + (1.0 - share) * null
