"""Settings that Mission's rivals share."""

from __future__ import annotations

from dataclasses import dataclass

from gait_reid_common.parameters import param, validate
from gait_reid_training.nets.mission.config import BACKBONES, MissionConfig


@dataclass(frozen=True)
class RivalConfig:
    """Settings of PTL, PGL, VCGL, DGL, HRD and mmMesh; each takes those that concern it.

    The published sizes are ``backbone="resnet50"``, ``dim=256``, ``gaitpart_width=32``,
    ``voxel_width=16`` and ``graph_widths=(64, 64, 128, 256)``.
    """

    backbone: str = param("resnet9", "Network that looks at a picture", choices=BACKBONES)
    width: int = param(16, "Channels of ResNet9's first stage", "", 1, 256)
    dim: int = param(128, "Width of an embedding", "", 4, 2048)
    lstm_width: int = param(64, "Width of the LSTM over frames, in each direction", "", 1)
    lstm_layers: int = param(2, "Layers of the LSTM over frames", "", 1, 6)
    base_widths: tuple[int, ...] = param((12, 24, 48, 64), "Layers that see one point", "", 1)
    global_widths: tuple[int, ...] = param((64, 64), "Layers before points are pooled", "", 1)
    gaitpart_width: int = param(16, "Channels of GaitPart's first block", "", 1)
    parts: int = param(16, "Horizontal strips of GaitPart", "", 1, 64)
    voxel_width: int = param(8, "Channels of the first convolution over voxels", "", 1)
    graph_widths: tuple[int, ...] = param((32, 32, 64, 128), "Graph convolutions", "", 1)
    neighbours: int = param(12, "Neighbours in the points' graph", "", 1, 64)
    joints: int = param(21, "Joints of the body", "", 1, 64)

    def __post_init__(self) -> None:
        validate(self)

    def of_mission(self, vision: str = "vec", anchors: bool = False) -> MissionConfig:
        """Return the settings of the branches that Mission has as well."""
        return MissionConfig(
            backbone=self.backbone,
            width=self.width,
            vision=vision,
            dim=self.dim,
            joints=self.joints,
            state=False,
            base_widths=self.base_widths,
            global_widths=self.global_widths,
            lstm_width=self.lstm_width,
            lstm_layers=self.lstm_layers,
            anchors=anchors,
        )
