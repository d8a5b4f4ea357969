"""What silhouettes say alone: parts of the embedding beside those of EMGaitNet.

Ours, not the paper's. A picture shows clothes before it shows a body, and where both sensors are
learnt through what fuses them, the network leans on the points alone. Silhouettes have parts of
their own, as in GaitBase (Fan et al., "OpenGait", CVPR 2023), and losses of their own with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import MASKED
from gait_reid_training.nets.heads import HorizontalPyramidPooling, SeparateFC
from gait_reid_training.nets.present import where_present
from gait_reid_training.nets.resnet9 import ResNet9, centre_columns, normalised_pixels

_BLACK = 0.5  # grey levels; a silhouette without anything brighter is not there


def shown(silhouette: Tensor) -> Tensor:
    """Return which silhouettes (M, 1, H, W) uint8 show anybody: (M,) bool."""
    return silhouette.to(torch.float32).amax(dim=(1, 2, 3)) > _BLACK


def outlined(silhouette: Tensor, frame_mask: Tensor) -> Tensor:
    """Return which frames (B, T) of walks count that have silhouettes (B, T, 1, H, W)."""
    return frame_mask & shown(silhouette.flatten(0, 1)).view_as(frame_mask)


class OutlineBranch(nn.Module):
    """ResNet9's map of silhouettes as tokens, and their part of the embedding.

    Args:
        channels: Widths of ResNet9's stages.
        strides: Strides of ResNet9's stages.
        size: Rows and columns; silhouettes' columns beyond them are cut off on both sides.
        columns: Columns of the map.
        dim: Width of a token.
        parts: Horizontal strips.
        embedding_dim: Width of a part's embedding.
    """

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], size: tuple[int, int],
        columns: int, dim: int, parts: int, embedding_dim: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size, self.columns = size, columns
        self.resnet = ResNet9(1, channels, strides)
        self.project = nn.Linear(channels[-1], dim)
        self.pooling = HorizontalPyramidPooling(parts, "mean+max")
        self.head = SeparateFC(parts, dim, embedding_dim)
        self.guess = SeparateFC(parts, embedding_dim, embedding_dim)

    def tokens(self, silhouette: Tensor) -> Tensor:
        """Return (M, P, dim) of silhouettes (M, 1, H, W) uint8, row by row.

        Raises:
            ValueError: The silhouettes have another number of rows than pictures.
        """
        if silhouette.shape[2] != self.size[0]:
            raise ValueError(
                f"silhouettes have {silhouette.shape[2]} rows, the network was made for "
                f"{self.size[0]}: set input.silhouette_size and input.image_size to as many"
            )
        # TensorRT does nothing with bytes but convert them.
        features = self.resnet(centre_columns(normalised_pixels(silhouette), self.size[1]))
        group = features.shape[3] // self.columns
        if group > 1:
            features = functional.avg_pool2d(features, (1, group))
        return cast(Tensor, self.project(features.flatten(2).transpose(1, 2)))

    def frame(self, silhouette: Tensor) -> Tensor:
        """Return `tokens`, far below zero where a silhouette shows nobody."""
        return torch.where(shown(silhouette)[:, None, None], self.tokens(silhouette), MASKED)

    def frames(self, silhouette: Tensor, seen: Tensor, cells: int) -> Tensor:
        """Return the maximum (B, cells, dim) of `frame` over the frames of walks.

        Args:
            silhouette: (B, T, 1, H, W) uint8.
            seen: (B, T) bool, False on frames that do not count.
            cells: P.
        """
        present = outlined(silhouette, seen).flatten()
        shape = (cells, self.project.out_features)
        found = where_present(present, self.tokens, shape, silhouette.flatten(0, 1))
        found = torch.where(present[:, None, None], found, MASKED)
        return found.unflatten(0, seen.shape).amax(dim=1)

    def embed(self, pooled: Tensor, fused: Tensor) -> Tensor:
        """Return the parts (B, parts, embedding_dim) of walks.

        Where no frame had a silhouette, they are guessed from the other parts, so that walks with
        and without can be compared.

        Args:
            pooled: (B, P, dim), maxima over the frames.
            fused: (B, parts, embedding_dim), what picture and points say together.
        """
        seen = (pooled.amax(dim=(1, 2)) > 0.5 * MASKED)[:, None, None]
        known = self.head(self.pooling.pool_tokens(torch.where(seen, pooled, 0.0)))
        return torch.where(seen, known, self.guess(fused))
