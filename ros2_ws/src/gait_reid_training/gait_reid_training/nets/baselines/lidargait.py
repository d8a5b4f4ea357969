"""LidarGait: GaitBase's network on what the LiDAR sees, drawn as a picture.

Shen et al., "LidarGait: Benchmarking 3D Gait Recognition with Point Clouds", CVPR 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gait_reid_common.parameters import param
from gait_reid_training.batch import WalkBatch
from gait_reid_training.nets.baselines.gaitbase import GaitBase, GaitBaseConfig
from gait_reid_training.nets.resnet9 import centre_columns, normalised_pixels

COLOURS = {"grey": 1, "jet": 3}


@dataclass(frozen=True)
class LidarGaitConfig(GaitBaseConfig):
    """Settings of LidarGait.

    The published network is ``width=64, colour="jet"`` on depth pictures of 64x64 pixels. Depth
    here is drawn orthographically and in metres, where the paper draws by angles.
    """

    width: int = param(
        16, "Channels of the first stage; later ones have 2, 4 and 8 times it", "", 1
    )
    columns: int = param(64, "Wider pictures are cut to so many columns", "px", 8)
    colour: str = param("jet", "Colours that code depth", choices=tuple(COLOURS))


class LidarGait(GaitBase):
    """Horizontal parts of the maximum over time of ResNet9's maps of depth pictures."""

    config: LidarGaitConfig
    uses = frozenset({"depth"})

    def __init__(self, config: LidarGaitConfig, num_classes: int) -> None:
        super().__init__(config, num_classes, COLOURS[config.colour])

    def pictures(self, batch: WalkBatch) -> Tensor:
        """Return pictures of depth: (B, T, 1, H, W) uint8."""
        return centre_columns(batch.depth, self.config.columns)

    def normalised(self, pictures: Tensor) -> Tensor:
        """Return coloured depth, (M, channels, H, W), of pictures (M, 1, H, W) uint8."""
        if self.config.colour == "grey":
            return normalised_pixels(pictures)
        return normalised_pixels(255.0 * jet_colours(pictures))

    def seen(self, batch: WalkBatch) -> Tensor:
        """Return which frames count: (B, T) bool."""
        return batch.frame_mask & batch.has_lidar


def jet_colours(depth: Tensor) -> Tensor:
    """Return red, green and blue (..., 3, H, W) in [0, 1] of depth (..., 1, H, W) in 0..255.

    Red, green and blue are trapezoids around 3/4, 1/2 and 1/4; black stays where depth is 0.
    """
    value = depth.to(torch.float32) / 255.0
    centres = value.new_tensor([3.0, 2.0, 1.0]).view(3, 1, 1)
    colour = (1.5 - (4.0 * value - centres).abs()).clamp(0.0, 1.0)
    return colour * (depth > 0)
