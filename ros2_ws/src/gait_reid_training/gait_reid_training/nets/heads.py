"""What turns a feature map into the parts of an embedding and into classes.

The layout is that of OpenGait (Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better
Practicality", CVPR 2023): horizontal pooling, one linear map per part, and a BNNeck (Luo et al.,
"Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPRW 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

POOLING_MODES = ("max", "mean", "mean+max")


class HorizontalPyramidPooling(nn.Module):
    """Cuts a map into horizontal strips and pools each of them to one vector.

    Args:
        parts: Number of strips, from head to feet.
        mode: ``max``, ``mean`` or ``mean+max`` (the sum of both, as in OpenGait).

    Raises:
        ValueError: When a setting is none of these.
    """

    def __init__(self, parts: int, mode: str = "max") -> None:
        super().__init__()
        if parts < 1:
            raise ValueError(f"parts is {parts}: it must be at least 1")
        if mode not in POOLING_MODES:
            raise ValueError(f"mode is {mode!r}: it must be one of {', '.join(POOLING_MODES)}")
        self.parts = parts
        self.mode = mode

    def forward(self, features: Tensor) -> Tensor:
        """Pool a map (M, C, H, W) to (M, parts, C); H * W must be a multiple of ``parts``."""
        return self.pool_tokens(features.flatten(2).transpose(1, 2))

    def pool_tokens(self, tokens: Tensor) -> Tensor:
        """Pool a map given row by row as tokens (M, P, C) to (M, parts, C).

        Raises:
            ValueError: When the tokens do not divide into equal strips.
        """
        if tokens.shape[1] % self.parts:
            raise ValueError(
                f"a map of {tokens.shape[1]} cells has no {self.parts} equal strips: choose an "
                "image size and strides whose map has a multiple of that"
            )
        strips = tokens.unflatten(1, (self.parts, tokens.shape[1] // self.parts))
        if self.mode == "max":
            return strips.amax(dim=2)
        if self.mode == "mean":
            return strips.mean(dim=2)
        return strips.mean(dim=2) + strips.amax(dim=2)


class SeparateFC(nn.Module):
    """One linear map without bias for every part.

    Args:
        parts: Number of parts.
        d_in: Columns that come in.
        d_out: Columns that leave.
    """

    def __init__(self, parts: int, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, d_in, d_out))
        for one in self.weight.data:
            nn.init.xavier_uniform_(one)

    def forward(self, features: Tensor) -> Tensor:
        """Map (M, parts, d_in) to (M, parts, d_out)."""
        return torch.einsum("mpi,pio->mpo", features, self.weight)


class BNNeck(nn.Module):
    """Cosines between the normalised embedding and one direction per part and class.

    Args:
        parts: Rows of an embedding.
        dim: Columns of an embedding.
        classes: Identities of the training set.
    """

    def __init__(self, parts: int, dim: int, classes: int) -> None:
        super().__init__()
        if classes < 1:
            raise ValueError(f"classes is {classes}: it must be at least 1")
        self.norm = nn.BatchNorm1d(parts * dim)
        self.weight = nn.Parameter(torch.empty(parts, dim, classes))
        for one in self.weight.data:
            nn.init.xavier_uniform_(one)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the cosines (M, parts, classes) in [-1, 1] of embeddings (M, parts, dim).

        The loss scales them (by 16 in OpenGait); they are not scaled here.
        """
        normal = self.norm(embedding.flatten(1)).view_as(embedding)
        directions = functional.normalize(self.weight, dim=1)
        return torch.einsum("mpd,pdc->mpc", functional.normalize(normal, dim=2), directions)
