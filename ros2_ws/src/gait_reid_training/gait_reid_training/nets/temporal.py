"""What becomes of the frames of a walk: the spatio-temporal module of EMGaitNet, and a simpler one.

Both are free of order: frames are drawn at random, and only which shapes occur together counts.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from gait_reid_training.nets.attention import CrossAttention, feed_forward, masked_mean


class SpatioTemporal(nn.Module):
    """Joins the maximum of the pictures over time with the points' mean of every frame.

    F_sp~ = CA(F_sp, F_tp) + F_sp and F_fus = MLP(CA(F_tp, F_sp~) + F_tp), the MLP being added to
    what it takes, with normalisation before each branch.

    Args:
        dim: Width.
        heads: Heads.
        hidden: Width inside the MLP.
    """

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.map_norm = nn.LayerNorm(dim)
        self.cloud_norm = nn.LayerNorm(dim)
        self.known_norm = nn.LayerNorm(dim)
        self.ask_map = CrossAttention(dim, heads)
        self.ask_cloud = CrossAttention(dim, heads)
        self.mlp = feed_forward(dim, hidden)

    def forward(self, pooled: Tensor, cloud: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P, dim).

        Args:
            pooled: (B, P, dim), maximum over the frames.
            cloud: (B, T, dim), one vector per frame.
            mask: (B, T) bool, False on frames that pad the walk.
        """
        known = self.map_norm(pooled)
        cloud = cloud + self.ask_map(self.cloud_norm(cloud), known)
        fused = pooled + self.ask_cloud(known, self.known_norm(cloud), mask)
        return cast(Tensor, fused + self.mlp(fused))


class TemporalMax(nn.Module):
    """Adds the mean of the points over time to the maximum of the pictures: the baseline.

    Args:
        dim: Width.
        hidden: Width inside the MLP.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.mlp = feed_forward(dim, hidden, gain=1.0)

    def forward(self, pooled: Tensor, cloud: Tensor, mask: Tensor) -> Tensor:
        """Return (B, P, dim) of the same arguments as `SpatioTemporal`."""
        return cast(Tensor, pooled + self.mlp(masked_mean(cloud, mask))[:, None])
