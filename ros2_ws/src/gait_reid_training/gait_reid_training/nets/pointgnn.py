"""PointGNN: graph convolutions over the points of a person, for clouds of very few points.

The graph joins every point with the k points whose features have the highest cosine to its own
(EMGaitNet, AAAI 2026); a convolution takes the maximum of a linear map of the edge features
[F_k ; F_u - F_k] (EdgeConv, Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", 2019).
Padding is masked, never filled with copies: copies would be one another's neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import MASKED, additive_mask, masked_mean

POINT_FEATURES = 5
SLOPE = 0.2


class MaskedBatchNorm(nn.Module):
    """Batch normalisation of tokens whose statistics leave out what a mask excludes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Normalise (M, N, C) with a mask (M, N); in training at least two tokens are valid."""
        if not self.training:
            return cast(Tensor, self.norm(tokens.flatten(0, 1)).view_as(tokens))
        out = torch.zeros_like(tokens)
        out[mask] = self.norm(tokens[mask])
        return out


class EdgeConv(nn.Module):
    """max_u W [F_k ; F_u - F_k] over the neighbours u of k, then normalisation and LeakyReLU.

    With one linear map per edge, W [F_k ; F_u - F_k] = (W_a - W_b) F_k + W_b F_u, so that nothing
    needs to be computed per edge but the maximum.

    Args:
        inputs: Width before.
        outputs: Width after.
        k: Neighbours.
    """

    def __init__(self, inputs: int, outputs: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.edge = nn.Linear(2 * inputs, outputs, bias=False)
        nn.init.kaiming_normal_(self.edge.weight, a=SLOPE)
        self.norm = MaskedBatchNorm(outputs)

    def graph(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the neighbours (M, N, k) of every point of features (M, N, inputs)."""
        return neighbours(features, mask, self.k)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (M, N, inputs) with a mask (M, N) to (M, N, outputs)."""
        own, difference = self.edge.weight.chunk(2, dim=1)
        both = features @ torch.cat([own - difference, difference]).T
        centre, message = both.chunk(2, dim=-1)
        near = gather_rows(message, self.graph(features, mask)).amax(dim=2)
        return functional.leaky_relu(self.norm(centre + near, mask), SLOPE)

    def reference(self, features: Tensor, mask: Tensor) -> Tensor:
        """Compute the same with the edge features written out."""
        near = gather_rows(features, self.graph(features, mask))
        centre = features[:, :, None].expand_as(near)
        edges = self.edge(torch.cat([centre, near - centre], dim=-1))
        return functional.leaky_relu(self.norm(edges.amax(dim=2), mask), SLOPE)


@torch.no_grad()
def neighbours(features: Tensor, mask: Tensor, k: int) -> Tensor:
    """Return the k points of highest cosine to each point, itself left out.

    Where fewer are valid, the best one is repeated; a lone point is its own neighbour.

    Args:
        features: (M, N, C).
        mask: (M, N) bool.
        k: Number of neighbours; at most N - 1 are used.

    Returns:
        (M, N, min(k, N - 1)) int64.
    """
    count = features.shape[1]
    direction = functional.normalize(features, dim=-1, eps=1e-6)
    cosine = direction @ direction.transpose(1, 2) + additive_mask(mask)[:, None, :]
    own = torch.eye(count, dtype=torch.bool, device=features.device)
    best, index = torch.where(own, 2.0 * MASKED, cosine).topk(min(k, count - 1), dim=-1)
    numbers = torch.arange(count, device=features.device)[None, :, None]
    valid = best > 0.5 * MASKED
    first = torch.where(valid[..., :1], index[..., :1], numbers)
    return torch.where(valid, index, first)


def gather_rows(tokens: Tensor, index: Tensor) -> Tensor:
    """Return (M, S, k, C): the rows of (M, N, C) that an index (M, S, k) names."""
    batch, count, width = tokens.shape
    offset = torch.arange(batch, device=tokens.device) * count
    flat = (index + offset[:, None, None]).flatten()
    return tokens.reshape(-1, width).index_select(0, flat).view(*index.shape, width)


def point_features(points: Tensor, mask: Tensor) -> Tensor:
    """Return (M, N, 5): x, y, z from the centroid, height above ground in metres, intensity."""
    centroid = masked_mean(points[..., :3], mask)[:, None]
    height = points[..., 2:3] - 0.9
    out = torch.cat([points[..., :3] - centroid, height, points[..., 3:4] - 0.3], dim=-1)
    return out * mask[..., None].to(out.dtype)


class PointGNN(nn.Module):
    """Graph convolutions of growing width whose outputs are joined.

    Args:
        widths: Width of each graph convolution; the embedding before has the first.
        dim: Width of what leaves.
        k: Neighbours.
    """

    def __init__(self, widths: Sequence[int], dim: int, k: int) -> None:
        super().__init__()
        if not widths or k < 1:
            raise ValueError(f"widths {tuple(widths)} and k {k}: at least one layer and neighbour")
        self.embed = nn.Linear(POINT_FEATURES, widths[0], bias=False)
        self.embed_norm = MaskedBatchNorm(widths[0])
        before = [widths[0], *widths[:-1]]
        self.layers = nn.ModuleList(EdgeConv(i, o, k) for i, o in zip(before, widths))
        self.join = nn.Linear(sum(widths), dim, bias=False)
        self.join_norm = MaskedBatchNorm(dim)
        for layer in (self.embed, self.join):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Map points (M, N, 4) with a mask (M, N) to (M, N, dim), zeros on padding."""
        features = self.embed(point_features(points, mask))
        features = functional.leaky_relu(self.embed_norm(features, mask), SLOPE)
        levels = []
        for layer in self.layers:
            features = layer(features, mask)
            levels.append(features)
        joined = self.join_norm(self.join(torch.cat(levels, dim=-1)), mask)
        return functional.leaky_relu(joined, SLOPE) * mask[..., None].to(joined.dtype)
