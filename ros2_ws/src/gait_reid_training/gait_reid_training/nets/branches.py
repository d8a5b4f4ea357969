"""What each sensor contributes on its own: summaries of points, and losses on single sensors.

Ours, not the paper's. Where few iterations can be afforded, a sensor that has to be understood
through all that fuses it is learnt slowly; a loss of its own (deep supervision, Lee et al., AISTATS
2015) teaches it from the first batch on.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from gait_reid_training.nets.attention import MASKED, masked_mean
from gait_reid_training.nets.heads import BNNeck, HorizontalPyramidPooling, SeparateFC

CLOUD_PARTS = 4
WIDTH = 128


class Branch(NamedTuple):
    """What one sensor alone says of B walks.

    Attributes:
        embedding: (B, parts, width).
        logits: (B, parts, classes).
        present: (B,) bool, whether the sensor saw the walk at all.
    """

    embedding: Tensor
    logits: Tensor
    present: Tensor


def masked_max(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum (M, d) of tokens (M, N, d) under a mask (M, N); zero where it is empty."""
    best = torch.where(mask[..., None], tokens, MASKED).amax(dim=1)
    return best * mask.any(dim=1, keepdim=True).to(best.dtype)


def max_and_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return maximum and mean (M, 2 d) of tokens (M, N, d) under a mask (M, N)."""
    return torch.cat([masked_max(tokens, mask), masked_mean(tokens, mask)], dim=-1)


class CloudSummary(nn.Module):
    """Maximum and mean of a cloud's points as one vector.

    Args:
        dim: Width.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.join = nn.Linear(2 * dim, dim)

    def forward(self, cloud: Tensor, mask: Tensor) -> Tensor:
        """Return (M, dim) of points (M, N, dim) and their mask (M, N)."""
        return cast(Tensor, self.join(max_and_mean(cloud, mask)))


class WalkSummary(nn.Module):
    """Adds what the frames' vectors say together to every part of the embedding.

    Args:
        dim: Width of the frames' vectors.
        parts: Rows of the embedding.
        width: Columns of the embedding.
    """

    def __init__(self, dim: int, parts: int, width: int) -> None:
        super().__init__()
        self.parts = parts
        self.mlp = nn.Sequential(
            nn.Linear(2 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, parts * width)
        )

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Return (B, parts, width) of vectors (B, T, dim) and the frames' mask (B, T)."""
        return cast(Tensor, self.mlp(max_and_mean(frames, mask))).unflatten(1, (self.parts, -1))


class BranchSupervision(nn.Module):
    """Heads on either sensor alone, for training only.

    Args:
        dim: Width of all tokens.
        parts: Horizontal strips of the picture's map.
        classes: People to tell apart.
    """

    def __init__(self, dim: int, parts: int, classes: int) -> None:
        super().__init__()
        self.cloud_head = nn.Linear(2 * dim, CLOUD_PARTS * WIDTH)
        self.cloud_neck = BNNeck(CLOUD_PARTS, WIDTH, classes)
        self.pooling = HorizontalPyramidPooling(parts)
        self.camera_head = SeparateFC(parts, dim, WIDTH // 2)
        self.camera_neck = BNNeck(parts, WIDTH // 2, classes)

    def forward(
        self, image: Tensor, summary: Tensor, has_camera: Tensor, has_lidar: Tensor
    ) -> dict[str, Branch]:
        """Return what camera and LiDAR say alone.

        Args:
            image: (B, T, P, dim), maps.
            summary: (B, T, dim), of `CloudSummary`.
            has_camera: (B, T) bool.
            has_lidar: (B, T) bool.
        """
        best = torch.where(has_camera[..., None, None], image, MASKED).amax(dim=1)
        saw = has_camera.any(dim=1)
        best = best * saw[:, None, None].to(best.dtype)
        camera = self.camera_head(self.pooling.pool_tokens(best))
        cloud = self.cloud_head(max_and_mean(summary, has_lidar)).unflatten(1, (CLOUD_PARTS, WIDTH))
        return {
            "camera": Branch(camera, self.camera_neck(camera), saw),
            "lidar": Branch(cloud, self.cloud_neck(cloud), has_lidar.any(dim=1)),
        }
