"""Sums of tokens whose weights are learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gait_reid_training.nets.attention import MASKED


def masked_softmax(score: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax over the last axis; zeros where a whole row is masked.

    Args:
        score: (..., N).
        mask: Broadcast to ``score``; False on what does not count.
    """
    weight = torch.where(mask, score, MASKED).softmax(dim=-1)
    return weight * mask.any(dim=-1, keepdim=True).to(weight.dtype)


class AttentionPooling(nn.Module):
    """Sum of tokens, weighed by the softmax of a linear score (equation 1 of Mission).

    Args:
        dim: Width of a token.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def weights(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the weights (..., N) of tokens (..., N, dim); they sum to 1 or are all 0."""
        return masked_softmax(self.score(tokens)[..., 0], mask)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Pool tokens (..., N, dim) with a mask (..., N) to (..., dim)."""
        return torch.einsum("...n,...nd->...d", self.weights(tokens, mask), tokens)
