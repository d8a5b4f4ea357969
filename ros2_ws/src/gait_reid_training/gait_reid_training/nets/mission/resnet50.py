"""ResNet-50, whole or without its last stage.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with the stride in the 3x3
convolution. Parameters have the names that torchvision gave them, so that weights which follow
those names (ImageNet's, SPIN's backbone) can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
EXPANSION = 4
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width, blocks and stride of each stage."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map (M, inputs, H, W) to (M, 4 width, H / stride, W / stride)."""
        hidden = functional.relu(self.bn1(self.conv1(features)))
        hidden = functional.relu(self.bn2(self.conv2(hidden)))
        return functional.relu(self.bn3(self.conv3(hidden)) + self.downsample(features))


class ResNet50(nn.Module):
    """The stem and three or four stages.

    Args:
        stages: 4 for maps of 2,048 channels at a 32nd of the picture's size, 3 for 1,024 channels
            at a 16th.
    """

    def __init__(self, stages: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (width, blocks, stride) in enumerate(STAGES[:stages], start=1):
            layers = [Bottleneck(inputs, width, stride)]
            inputs = EXPANSION * width
            layers += [Bottleneck(inputs, width, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*layers))
        self.stages = stages
        self.channels = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (M, 3, H, W) of 0 to 255 to (M, channels, H / s, W / s)."""
        value = pixels.to(torch.float32) / 255.0
        mean, sd = value.new_tensor(IMAGENET_MEAN), value.new_tensor(IMAGENET_SD)
        value = (value - mean[:, None, None]) / sd[:, None, None]
        features = functional.relu(self.bn1(self.conv1(value)))
        features = functional.max_pool2d(features, 3, 2, 1)
        for number in range(1, self.stages + 1):
            features = getattr(self, f"layer{number}")(features)
        return features

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Take weights with torchvision's names; a classifier and further stages are left out.

        Raises:
            ValueError: When weights are missing or of another shape, naming the first.
        """
        own = self.state_dict()
        for name, value in own.items():
            if name.endswith("num_batches_tracked"):
                continue
            if name not in state:
                raise ValueError(f"the weights of ResNet-50 lack {name!r}")
            if state[name].shape != value.shape:
                raise ValueError(
                    f"{name!r} of the weights of ResNet-50 is {tuple(state[name].shape)}, "
                    f"wanted {tuple(value.shape)}"
                )
        kept = {name: state[name] for name in own if name in state}
        self.load_state_dict(cast("dict[str, Tensor]", kept), strict=False)
