"""LiCAF: silhouettes and LiDAR depth, attending to each other's channels and mixed in time.

After Deng et al., "LiCAF: LiDAR-Camera Asymmetric Fusion for Gait Recognition", ICIP 2024. Its
abstract names two modules, asymmetric cross-modal channel attention (ACCA) and interlaced
cross-modal temporal modelling (ICTM), and no formulas were at hand: how they are built here, and
every width, is our reading. What the streams and the parts are made of follows GaitBase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_common.parameters import param, validate
from gait_reid_training.batch import WalkBatch, WalkNetwork, WalkOutput
from gait_reid_training.nets.baselines.parts import (
    PartHead,
    map_shape,
    max_over_time,
    stage_widths,
)
from gait_reid_training.nets.heads import HorizontalPyramidPooling
from gait_reid_training.nets.outline import outlined
from gait_reid_training.nets.present import where_present
from gait_reid_training.nets.resnet9 import ResNet9, centre_columns, normalised_pixels


@dataclass(frozen=True)
class LiCAFConfig:
    """Settings of LiCAF; ``width=64`` is the size of the published gait networks."""

    width: int = param(11, "Channels of the first stage of either stream", "", 1)
    strides: tuple[int, ...] = param((1, 2, 2, 1), "Strides of the four stages", "", 1, 4)
    parts: int = param(16, "Horizontal strips of the body", "", 1, 64)
    embedding_dim: int = param(256, "Width of a part's embedding", "", 1, 4096)
    columns: int = param(44, "Wider silhouettes are cut to so many columns", "px", 8)
    temporal_layers: int = param(2, "Convolutions over the interlaced frames", "", 1, 8)
    reduction: int = param(4, "By how much gates and convolutions over time narrow", "", 1)

    def __post_init__(self) -> None:
        validate(self)


class CrossModalChannelAttention(nn.Module):
    """Channels of one sensor's map weighed by what the other sensor saw (our reading of ACCA).

    A squeeze-and-excitation gate (Hu et al., CVPR 2018) whose descriptor comes from the other
    stream. It is asymmetric: the LiDAR rules the camera's channels fully, the camera the LiDAR's
    only as far as a learned factor, small at first, lets it. Gates begin at one. Where the sending
    sensor saw nothing, the receiver stays as it is.

    Args:
        dim: Channels of both maps.
        reduction: By how much the gates narrow inside.
    """

    def __init__(self, dim: int, reduction: int) -> None:
        super().__init__()
        self.from_lidar = _gate(dim, reduction)
        self.from_camera = _gate(dim, reduction)
        self.camera_say = nn.Parameter(torch.tensor(0.1))

    def forward(
        self, camera: Tensor, lidar: Tensor, has_camera: Tensor, has_lidar: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Weigh maps (M, dim, H, W) and (M, dim, H', W'); flags are (M,) bool."""
        change_camera = _change(self.from_lidar, lidar, has_lidar)
        change_lidar = self.camera_say * _change(self.from_camera, camera, has_camera)
        return camera * (1.0 + change_camera), lidar * (1.0 + change_lidar)


def _gate(dim: int, reduction: int) -> nn.Sequential:
    inner = max(dim // reduction, 1)
    last = nn.Linear(inner, dim)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(dim, inner), nn.ReLU(), last)


def _change(gate: nn.Sequential, sender: Tensor, seen: Tensor) -> Tensor:
    change = torch.tanh(gate(sender.mean(dim=(2, 3)))) * seen[:, None]
    return cast(Tensor, change[:, :, None, None])


class InterlacedTemporalModel(nn.Module):
    """Convolutions over the frames of both sensors in turn (our reading of ICTM).

    Frames stand as camera 1, LiDAR 1, camera 2, LiDAR 2, ...: a kernel of three that is centred on
    one sensor spans two frames of the other, so that motion and modality mix in one step. Every
    part is treated alike and alone.

    Args:
        dim: Width of a part's features.
        layers: Convolutions.
        reduction: By how much the convolutions narrow inside.
    """

    def __init__(self, dim: int, layers: int, reduction: int) -> None:
        super().__init__()
        inner = max(dim // reduction, 1)
        self.narrow = nn.ModuleList(nn.Conv1d(dim, inner, 3, padding=1) for _ in range(layers))
        self.widen = nn.ModuleList(nn.Conv1d(inner, dim, 1) for _ in range(layers))
        for layer in self.widen:
            nn.init.xavier_uniform_(cast(Tensor, layer.weight), gain=0.1)

    def forward(
        self, camera: Tensor, lidar: Tensor, has_camera: Tensor, has_lidar: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mix parts (B, T, parts, dim) of both; flags are (B, T) bool.

        Returns:
            (B, 2T, parts, dim), and which of the 2T entries were seen.
        """
        seen = torch.stack([has_camera, has_lidar], dim=2).flatten(1)
        tokens = torch.stack([camera, lidar], dim=2).flatten(1, 2)
        batch, time, parts, dim = tokens.shape
        series = tokens.permute(0, 2, 3, 1).reshape(batch * parts, dim, time)
        mask = seen.repeat_interleave(parts, dim=0)[:, None].to(series.dtype)
        for narrow, widen in zip(self.narrow, self.widen):
            series = series + widen(functional.relu(narrow(series * mask)))
        return series.view(batch, parts, dim, time).permute(0, 3, 1, 2), seen


class LiCAF(WalkNetwork):
    """Two ResNet9 streams that gate each other's channels and meet in time.

    Args:
        config: Settings.
        num_classes: Identities of the training set; 0 for a network that only embeds.
    """

    uses = frozenset({"silhouette", "depth"})

    def __init__(self, config: LiCAFConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.parts = config.parts
        self.dim = config.embedding_dim
        widths = stage_widths(config.width)
        self.channels = widths[-1]
        self.camera = ResNet9(1, widths, config.strides)
        self.lidar = ResNet9(1, widths, config.strides)
        self.attention = CrossModalChannelAttention(widths[-1], config.reduction)
        self.pool = HorizontalPyramidPooling(config.parts, "mean+max")
        self.time = InterlacedTemporalModel(widths[-1], config.temporal_layers, config.reduction)
        self.head = PartHead(config.parts, widths[-1], config.embedding_dim, num_classes)

    def _maps(self, stream: nn.Module, pictures: Tensor, seen: Tensor) -> Tensor:
        shape = map_shape(pictures, self.channels, self.config.strides)
        return where_present(
            seen.flatten(),
            lambda frames: stream(normalised_pixels(frames)),
            shape,
            pictures.flatten(0, 1),
        )

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return the embeddings of a batch of walks."""
        has_camera = outlined(batch.silhouette, batch.frame_mask)
        has_lidar = batch.frame_mask & batch.has_lidar
        silhouettes = centre_columns(batch.silhouette, self.config.columns)
        camera, lidar = self.attention(
            self._maps(self.camera, silhouettes, has_camera),
            self._maps(self.lidar, batch.depth, has_lidar),
            has_camera.flatten(),
            has_lidar.flatten(),
        )
        frames = has_camera.shape
        mixed, seen = self.time(
            self.pool(camera).unflatten(0, frames),
            self.pool(lidar).unflatten(0, frames),
            has_camera,
            has_lidar,
        )
        return self.head(max_over_time(mixed, seen))
