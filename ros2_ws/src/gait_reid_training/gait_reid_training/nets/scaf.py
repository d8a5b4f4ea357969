"""Symmetric Cross-Attention Fusion: picture asks points while points ask picture (EMGaitNet)."""

from __future__ import annotations

from torch import Tensor, nn

from gait_reid_training.nets.attention import CrossBlock


class SymmetricCrossAttentionFusion(nn.Module):
    """Stacked layers in each of which both modalities attend to the other's input of that layer.

    The paper gives the attention alone; residual, normalisation and feed-forward network are the
    usual ones of a transformer (see `CrossBlock`).

    Args:
        dim: Width.
        heads: Heads.
        hidden: Width inside the feed-forward networks.
        layers: Number of layers.
    """

    def __init__(self, dim: int, heads: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.camera = nn.ModuleList(CrossBlock(dim, heads, hidden) for _ in range(layers))
        self.cloud = nn.ModuleList(CrossBlock(dim, heads, hidden) for _ in range(layers))
        self.camera_norm = nn.LayerNorm(dim)
        self.cloud_norm = nn.LayerNorm(dim)

    def forward(self, image: Tensor, cloud: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse (M, P, dim) and (M, N, dim); a mask (M, N) is False on padded points."""
        for ask_cloud, ask_image in zip(self.camera, self.cloud):
            image, cloud = ask_cloud(image, cloud, mask), ask_image(cloud, image)
        return self.camera_norm(image), self.cloud_norm(cloud)
