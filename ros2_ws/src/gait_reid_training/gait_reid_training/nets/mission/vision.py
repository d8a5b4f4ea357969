"""What Mission sees in pictures: tokens of every frame that know of the frames around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid.core.network_input import STATE_SIZE
from gait_reid_training.batch import WalkBatch
from gait_reid_training.nets.mission.config import MissionConfig
from gait_reid_training.nets.mission.resnet50 import ResNet50
from gait_reid_training.nets.pointgnn import MaskedBatchNorm
from gait_reid_training.nets.resnet9 import ResNet9, normalised_pixels

STATE_WIDTH = 32


class VisionBranch(nn.Module):
    """Pictures to tokens.

    ``vec`` is the paper's reading: one vector of a ResNet, narrowed by a shared layer, then a
    bidirectional GRU whose output is the feature. ``map`` is the released code's: the cells of the
    ResNet's map, narrowed one by one, where the code has no GRU at all; here the GRU over the mean
    of the cells is added to each of them, unless it is switched off.

    Args:
        config: Settings.
    """

    def __init__(self, config: MissionConfig) -> None:
        super().__init__()
        self.as_vector = config.vision == "vec"
        self.tokens = 1 if self.as_vector else config.tokens[0] * config.tokens[1]
        self.grid = (1, 1) if self.as_vector else (config.tokens[0], config.tokens[1])
        self.dim = config.dim
        if config.backbone == "resnet50":
            self.backbone: nn.Module = ResNet50(4 if self.as_vector else 3)
            channels = self.backbone.channels
        else:
            widths = [config.width * factor for factor in (1, 2, 4, 8)]
            self.backbone = nn.Sequential(_Normalised(), ResNet9(3, widths))
            channels = widths[-1]
        self.reduce = nn.Linear(channels, config.dim, bias=False)
        self.reduce_norm = MaskedBatchNorm(config.dim)
        nn.init.kaiming_normal_(self.reduce.weight, nonlinearity="relu")
        self.state_code = state_code(STATE_SIZE + 1, config.dim) if config.state else None
        self.recurrent = (
            nn.GRU(config.dim, config.dim // 2, 2, batch_first=True, bidirectional=True)
            if config.vision_recurrent
            else None
        )

    def frames(
        self, rgb: Tensor, state: Tensor | None = None, quality: Tensor | None = None
    ) -> Tensor:
        """Return the tokens of single pictures, before normalisation: (M, 3, H, W) to (M, P, d).

        Args:
            rgb: (M, 3, H, W) uint8.
            state: (M, 4), as in `WalkBatch`; of a network that is told.
            quality: (M, 6), as well.

        Raises:
            ValueError: When the map has fewer cells than there are to be tokens; or the network is
                told state and quality, and one of them is missing.
        """
        maps = self.backbone(rgb)
        rows, columns = maps.shape[2:]
        if rows % self.grid[0] or columns % self.grid[1]:
            raise ValueError(
                f"a map of {rows} x {columns} cells is not pooled to {self.grid[0]} x "
                f"{self.grid[1]} tokens: choose tokens that divide it"
            )
        pooled = functional.avg_pool2d(maps, (rows // self.grid[0], columns // self.grid[1]))
        tokens = cast(Tensor, self.reduce(pooled.flatten(2).transpose(1, 2)))
        if self.state_code is None:
            return tokens
        state, quality = known("state", state), known("quality", quality)
        # Pixels times range is a height in metres times the focal length.
        height = (quality[:, :1] * state[:, 3:]).clamp(min=1e-3).log()
        told = self.state_code(torch.cat([state, height], dim=1))
        return tokens + told[:, None]

    def sequence(self, tokens: Tensor, frame_mask: Tensor) -> Tensor:
        """Return tokens that know of other frames: (B, T, P, d) with a mask (B, T), as many."""
        mask = frame_mask.flatten()[:, None].expand(-1, self.tokens)
        seen = functional.relu(self.reduce_norm(tokens.flatten(0, 1), mask)).view_as(tokens)
        seen = seen * frame_mask[..., None, None]
        if self.recurrent is None:
            return seen
        context = self.recurrent(seen.mean(dim=2))[0][:, :, None]
        fused = context if self.as_vector else seen + context
        return cast(Tensor, fused * frame_mask[..., None, None])

    def forward(self, walks: WalkBatch, frame_mask: Tensor) -> Tensor:
        """Map pictures of B walks to tokens (B, T, P, d), zeros on padding."""
        inputs = (one.flatten(0, 1) for one in (walks.rgb, walks.state, walks.quality))
        frames = self.frames(*inputs).unflatten(0, frame_mask.shape)
        return self.sequence(frames, frame_mask)


def state_code(inputs: int, dim: int) -> nn.Sequential:
    """Return what tells a branch of a frame's state: (M, inputs) to (M, dim)."""
    return nn.Sequential(
        nn.BatchNorm1d(inputs), nn.Linear(inputs, STATE_WIDTH), nn.ReLU(),
        nn.Linear(STATE_WIDTH, dim),
    )  # fmt: skip


def known(name: str, value: Tensor | None) -> Tensor:
    """Return what a network is told.

    Raises:
        ValueError: It is missing.
    """
    if value is None:
        raise ValueError(f"{name} is missing: give it, or build the network with state: false")
    return value


def cells_of_map(config: MissionConfig, image_size: Sequence[int]) -> tuple[int, int]:
    """Return rows and columns of the map that pictures of a size (rows, columns) become."""
    shrinks = {"resnet9": 4, "resnet50": 32 if config.vision == "vec" else 16}[config.backbone]
    rows, columns = (-(-int(one) // shrinks) for one in image_size)
    return rows, columns


class _Normalised(nn.Module):
    def forward(self, rgb: Tensor) -> Tensor:
        return normalised_pixels(rgb)
