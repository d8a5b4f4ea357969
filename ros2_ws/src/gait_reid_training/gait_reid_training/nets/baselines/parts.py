"""What the gait baselines share: a maximum over time, and a head for every part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gait_reid_training.batch import WalkOutput
from gait_reid_training.nets.heads import BNNeck, SeparateFC


def max_over_time(features: Tensor, seen: Tensor) -> Tensor:
    """Return the maximum over the frames that were seen, zeros where none was.

    Args:
        features: (B, T, ...).
        seen: (B, T) bool.

    Returns:
        (B, ...).
    """
    shape = seen.shape + (1,) * (features.dim() - 2)
    low = torch.finfo(features.dtype).min
    best = features.masked_fill(~seen.view(shape), low).amax(dim=1)
    return best.masked_fill(~seen.any(dim=1).view(shape[:1] + shape[2:]), 0.0)


def stage_widths(width: int) -> tuple[int, int, int, int]:
    """Return the widths of ResNet9's stages: twice as many channels in each."""
    return width, 2 * width, 4 * width, 8 * width


def map_shape(image: Tensor, channels: int, strides: Sequence[int]) -> tuple[int, int, int]:
    """Return channels, rows and columns of ResNet9's map of pictures (..., H, W)."""
    rows, columns = image.shape[-2:]
    for stride in strides:
        rows, columns = (rows - 1) // stride + 1, (columns - 1) // stride + 1
    return channels, rows, columns


class PartHead(nn.Module):
    """One linear map per part and, for training, the cosines to the classes.

    Args:
        parts: Parts of a walk.
        inputs: Width of a part's features.
        dim: Width of a part's embedding.
        num_classes: Identities of the training set; 0 for a network that only embeds.
    """

    def __init__(self, parts: int, inputs: int, dim: int, num_classes: int) -> None:
        super().__init__()
        self.embed = SeparateFC(parts, inputs, dim)
        self.neck = BNNeck(parts, dim, num_classes) if num_classes else None

    def forward(self, features: Tensor) -> WalkOutput:
        """Embed part features (B, parts, inputs)."""
        embedding = self.embed(features)
        logits = self.neck(embedding) if self.training and self.neck is not None else None
        return WalkOutput(embedding, logits)
