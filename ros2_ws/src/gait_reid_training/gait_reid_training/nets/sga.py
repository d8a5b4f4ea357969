"""Semantic-Guided Alignment: both modalities look at the same semantic tokens (EMGaitNet)."""

from __future__ import annotations

from torch import Tensor, nn

from gait_reid_training.nets.attention import CrossBlock


class SemanticGuidedAlignment(nn.Module):
    """Brings picture and points towards each other by attention over shared semantic tokens.

    F~ = F + CA(F, t*), F^ = F~ + FFN(F~), with weights of their own for each modality. The paper
    normalises after each sum; here it is done before each branch (see `CrossBlock`).

    Args:
        dim: Width.
        heads: Heads.
        hidden: Width inside the feed-forward networks.
    """

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.camera = CrossBlock(dim, heads, hidden)
        self.cloud = CrossBlock(dim, heads, hidden)

    def forward(self, image: Tensor, cloud: Tensor, semantics: Tensor) -> tuple[Tensor, Tensor]:
        """Align (M, P, dim) and (M, N, dim) by tokens (M, S, dim)."""
        return self.camera(image, semantics), self.cloud(cloud, semantics)
