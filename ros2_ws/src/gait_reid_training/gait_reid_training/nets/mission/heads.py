"""What becomes of fused features: a pose of every frame and one embedding of the walk."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.mission.pooling import AttentionPooling


class PoseHead(nn.Module):
    """Joints of the body.

    Args:
        dim: Width of a frame's feature.
        joints: Joints.
        adds: Whether it adds to another head's joints, and so begins with nothing.
    """

    def __init__(self, dim: int, joints: int, adds: bool = False) -> None:
        super().__init__()
        self.joints = joints
        self.layers = nn.Sequential(
            nn.Linear(dim, max(dim // 2, 32)), nn.ReLU(), nn.Linear(max(dim // 2, 32), 3 * joints)
        )
        if adds:
            for weight in self.layers[-1].parameters():
                nn.init.zeros_(weight)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (B, T, dim) to joints (B, T, joints, 3) in metres."""
        return cast(Tensor, self.layers(frames).unflatten(-1, (self.joints, 3)))


class MetricHead(nn.Module):
    """Sum of the frames, weighed by attention, of unit length.

    Args:
        dim: Width of a frame's feature and of the embedding.
        project: Whether a linear map follows.
    """

    def __init__(self, dim: int, project: bool = False) -> None:
        super().__init__()
        self.pool = AttentionPooling(dim)
        self.project: nn.Module = nn.Linear(dim, dim) if project else nn.Identity()

    def forward(self, frames: Tensor, mask: Tensor, base: Tensor | None = None) -> Tensor:
        """Map (B, T, dim) with a mask (B, T) to (B, dim).

        A base (B, dim) is added before the length is made 1, where there is any frame.
        """
        walk = self.project(self.pool(frames, mask))
        if base is not None:
            walk = walk + base * mask.any(dim=1, keepdim=True)
        return functional.normalize(walk, dim=-1, eps=1e-6)
