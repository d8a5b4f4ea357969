"""ResNet9: the small residual network that gait models take pictures with.

The layout is OpenGait's (Fan et al., CVPR 2023): a 3x3 convolution without pooling, then four
stages of one basic block each (He et al., "Deep Residual Learning for Image Recognition", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PIXEL_MEAN = 114.75
PIXEL_SD = 57.4


def normalised_pixels(image: Tensor) -> Tensor:
    """Return pixels of 0 to 255 as float32 of about zero mean and unit deviation."""
    return (image.to(torch.float32) - PIXEL_MEAN) / PIXEL_SD


def centre_columns(image: Tensor, columns: int) -> Tensor:
    """Return at most so many columns of the pictures (..., W), those in the middle."""
    surplus = image.shape[-1] - columns
    return image if surplus <= 0 else image[..., surplus // 2 : surplus // 2 + columns]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map (M, inputs, H, W) to (M, outputs, H / stride, W / stride)."""
        hidden = functional.relu(self.norm1(self.conv1(features)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(features))


class ResNet9(nn.Module):
    """Stem and four stages.

    Args:
        inputs: Channels of the picture.
        channels: Width of each stage; the stem has the first.
        strides: Stride of each stage.
    """

    def __init__(
        self,
        inputs: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512),
        strides: Sequence[int] = (1, 2, 2, 1),
    ) -> None:
        super().__init__()
        if len(channels) != len(strides):
            raise ValueError(
                f"channels {tuple(channels)} and strides {tuple(strides)} differ in length"
            )
        self.stem = nn.Conv2d(inputs, channels[0], 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        before = [channels[0], *channels[:-1]]
        self.stages = nn.ModuleList(
            BasicBlock(i, o, s) for i, o, s in zip(before, channels, strides)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Map normalised pictures (M, inputs, H, W) to (M, channels[-1], H / s, W / s)."""
        features = functional.relu(self.norm(self.stem(image)))
        for stage in self.stages:
            features = stage(features)
        return cast(Tensor, features)
