"""PTL, PGL, VCGL and DGL: a network per modality that meet in metric learning alone.

Baselines of Liu et al. (SenSys 2024, section 5.1.4), described there in a sentence each. Our
reading: each branch makes a feature of every frame, an LSTM of its own follows, then the mean over
time and a linear map to a vector of unit length. PTL: PointNet and TCMR's picture branch (ResNet,
narrowed, bidirectional GRU); PGL: PointNet and GaitPart; VCGL: voxels, 3D convolutions and
GaitPart; DGL: DGCNN and GaitPart.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.batch import RadarWalkBatch, WalkBatch
from gait_reid_training.nets.mission.baselines.config import RivalConfig
from gait_reid_training.nets.mission.baselines.gaitpart import GaitPart
from gait_reid_training.nets.mission.baselines.point_encoders import (
    GraphFrames,
    PointNetFrames,
    VoxelFrames,
)
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, masked_frame_mean
from gait_reid_training.nets.mission.vision import VisionBranch


class SequenceHead(nn.Module):
    """LSTM over frames, mean over time, linear map, unit length.

    Args:
        inputs: Width of a frame's feature.
        width: Width of either direction of the LSTM.
        layers: Layers of the LSTM.
        dim: Width of an embedding.
    """

    def __init__(self, inputs: int, width: int, layers: int, dim: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(inputs, width, layers, batch_first=True, bidirectional=True)
        self.project = nn.Linear(2 * width, dim)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Map (B, T, inputs) with a mask (B, T) to (B, dim)."""
        walk = self.recurrent(frames * mask[..., None])[0]
        pooled = self.project(masked_frame_mean(walk, mask))
        return functional.normalize(cast(Tensor, pooled), dim=-1, eps=1e-6)


class TwoBranchNetwork(CrossModalNetwork):
    """A picture branch and a radar branch, each with an LSTM.

    Args:
        config: Settings.
        radar: Maps points (M, N, 5) and a mask (M, N) to (M, ``radar.dim``).
    """

    def __init__(self, config: RivalConfig, radar: nn.Module, vision_width: int) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.radar = radar
        sizes = (config.lstm_width, config.lstm_layers, config.dim)
        self.radar_head = SequenceHead(cast(int, radar.dim), *sizes)
        self.vision_head = SequenceHead(vision_width, *sizes)

    def vision_frames(self, walks: WalkBatch, mask: Tensor) -> Tensor:
        """Return a feature of every frame, (B, T, width)."""
        raise NotImplementedError

    def vision_embedding(self, walks: WalkBatch) -> Tensor:
        """Return embeddings (B, dim) of unit length."""
        mask = walks.frame_mask & walks.has_camera
        embedding: Tensor = self.vision_head(self.vision_frames(walks, mask), mask)
        return embedding

    def radar_embedding(self, walks: RadarWalkBatch) -> Tensor:
        """Return embeddings (B, dim) of unit length."""
        mask = walks.point_mask & walks.frame_mask[..., None]
        frames = self.radar(walks.points.flatten(0, 1), mask.flatten(0, 1))
        seen = walks.frame_mask
        embedding: Tensor = self.radar_head(frames.unflatten(0, seen.shape), seen)
        return embedding


class PTL(TwoBranchNetwork):
    """PointNet, TCMR's picture branch and LSTMs."""

    def __init__(self, config: RivalConfig) -> None:
        radar = PointNetFrames(config.base_widths, config.global_widths)
        super().__init__(config, radar, config.dim)
        self.vision = VisionBranch(config.of_mission())

    def vision_frames(self, walks: WalkBatch, mask: Tensor) -> Tensor:
        """Return the GRU's output, (B, T, dim)."""
        frames: Tensor = self.vision(walks, mask)[:, :, 0]
        return frames


class _WithGaitPart(TwoBranchNetwork):
    def __init__(self, config: RivalConfig, radar: nn.Module) -> None:
        super().__init__(config, radar, config.dim)
        self.vision = GaitPart(config.gaitpart_width, config.parts, config.dim)

    def vision_frames(self, walks: WalkBatch, mask: Tensor) -> Tensor:
        """Return GaitPart's frames, (B, T, dim)."""
        frames: Tensor = self.vision(walks.silhouette, mask)
        return frames


class PGL(_WithGaitPart):
    """PointNet, GaitPart and LSTMs."""

    def __init__(self, config: RivalConfig) -> None:
        super().__init__(config, PointNetFrames(config.base_widths, config.global_widths))


class VCGL(_WithGaitPart):
    """Voxels with 3D convolutions, GaitPart and LSTMs."""

    def __init__(self, config: RivalConfig) -> None:
        super().__init__(config, VoxelFrames(config.voxel_width))


class DGL(_WithGaitPart):
    """DGCNN, GaitPart and LSTMs."""

    def __init__(self, config: RivalConfig) -> None:
        super().__init__(config, GraphFrames(config.graph_widths, config.neighbours))
