"""GaitBase: silhouettes, ResNet9, maximum over time, horizontal parts.

Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better Practicality", CVPR 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

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
class GaitBaseConfig:
    """Settings of GaitBase.

    The published network is ``width=64`` on silhouettes of 64x44 pixels; rows times columns of its
    map are a multiple of ``parts``.
    """

    width: int = param(
        16, "Channels of the first stage; later ones have 2, 4 and 8 times it", "", 1
    )
    strides: tuple[int, ...] = param((1, 2, 2, 1), "Strides of the four stages", "", 1, 4)
    parts: int = param(16, "Horizontal strips of the body", "", 1, 64)
    embedding_dim: int = param(256, "Width of a part's embedding", "", 1, 4096)
    columns: int = param(44, "Wider pictures are cut to so many columns", "px", 8)

    def __post_init__(self) -> None:
        validate(self)


class GaitBase(WalkNetwork):
    """Horizontal parts of the maximum over time of ResNet9's maps of silhouettes.

    Args:
        config: Settings.
        num_classes: Identities of the training set; 0 for a network that only embeds.
        channels: Channels of a picture.
    """

    uses = frozenset({"silhouette"})

    def __init__(self, config: GaitBaseConfig, num_classes: int, channels: int = 1) -> None:
        super().__init__()
        self.config = config
        self.parts = config.parts
        self.dim = config.embedding_dim
        widths = stage_widths(config.width)
        self.channels = widths[-1]
        self.backbone = ResNet9(channels, widths, config.strides)
        self.pool = HorizontalPyramidPooling(config.parts, "mean+max")
        self.head = PartHead(config.parts, widths[-1], config.embedding_dim, num_classes)

    def pictures(self, batch: WalkBatch) -> Tensor:
        """Return what `normalised` takes: (B, T, 1, H, W) uint8."""
        return centre_columns(batch.silhouette, self.config.columns)

    def normalised(self, pictures: Tensor) -> Tensor:
        """Return what the backbone takes, (M, channels, H, W), of pictures (M, 1, H, W) uint8."""
        return normalised_pixels(pictures)

    def seen(self, batch: WalkBatch) -> Tensor:
        """Return which frames count: (B, T) bool."""
        return outlined(batch.silhouette, batch.frame_mask)

    def forward(self, batch: WalkBatch) -> WalkOutput:
        """Return the embeddings of a batch of walks."""
        pictures, seen = self.pictures(batch), self.seen(batch)
        shape = map_shape(pictures, self.channels, self.config.strides)
        maps = where_present(
            seen.flatten(),
            lambda frames: self.backbone(self.normalised(frames)),
            shape,
            pictures.flatten(0, 1),
        )
        return self.head(self.pool(max_over_time(maps.unflatten(0, seen.shape), seen)))
