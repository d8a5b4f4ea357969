"""Settings of Mission: sizes, readings of the paper, and the switches that its ablations turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gait_reid_common.parameters import from_mapping, param, to_mapping, validate

BACKBONES = ("resnet50", "resnet9")
ABLATIONS: dict[str, dict[str, Any]] = {
    "full": {},
    "noFU": {"exchange": False},
    "noAT": {"pose": False},
    "noTL": {"loss": "contrastive"},
}
"""The ablations of the paper: without feature exchange, auxiliary task or triplet loss."""


@dataclass(frozen=True)
class MissionConfig:
    """Settings of Mission.

    The paper and the code that its authors released differ; both readings are settings here
    (`paper` and `released`). Sizes of `base` and `edge` are ours.
    """

    backbone: str = param("resnet9", "Network that looks at a picture", choices=BACKBONES)
    width: int = param(16, "Channels of ResNet9's first stage", "", 1, 256)
    vision: str = param("map", "One vector per picture, or a map", choices=("vec", "map"))
    tokens: tuple[int, ...] = param((8, 4), "Rows and columns that the map is pooled to", "", 1, 64)
    vision_recurrent: bool = param(True, "Bidirectional GRU over the pictures")
    radar_channels: int = param(5, "x, y, z, or with velocity and signal to noise", "", 3, 5)
    base_widths: tuple[int, ...] = param((12, 24, 48, 64), "Layers that see one point", "", 1)
    global_widths: tuple[int, ...] = param((64, 64), "Layers before points are pooled", "", 1)
    lstm_width: int = param(64, "Width of either direction of the radar's LSTM", "", 1)
    lstm_layers: int = param(2, "Layers of the radar's LSTM", "", 1, 6)
    anchors: bool = param(False, "Whether mmMesh's anchor points add local features")
    scope: str = param("frame", "What attention spans", choices=("frame", "sequence"))
    dim: int = param(128, "Width of pixels, points and embeddings", "", 4, 2048)
    inner: int = param(64, "Width inside attention", "", 2, 1024)
    joints: int = param(21, "Joints of the body", "", 1, 64)
    state: bool = param(
        True, "Tell both branches view, speed and range, and the camera's how large the picture is"
    )
    exchange: bool = param(True, "Whether features are exchanged; False: noFU")
    residual: float = param(
        256.0,
        "Length of a single walk's embedding beside what pairs add to it, and to its poses; "
        "0: pairs add nothing, they replace",
        "", 0.0, 1e3,
    )  # fmt: skip
    detached: bool = param(
        True, "Whether pairs learn from features as they are, and do not change them"
    )
    exchange_dropout: float = param(
        0.3, "Share of what is exchanged that is left out", "", 0.0, 0.9
    )
    pose: bool = param(True, "Whether poses are learned as well; False: noAT")
    loss: str = param("triplet", "contrastive: noTL", choices=("triplet", "contrastive"))
    wrong_pairs: int = param(2, "Wrong pairs in training for every right one", "", 1, 16)

    def __post_init__(self) -> None:
        validate(self)
        if self.radar_channels == 4:
            raise ValueError("radar_channels is 4: it must be 3 or 5")
        if len(self.tokens) != 2:
            raise ValueError(f"tokens is {self.tokens}: it must be rows and columns")
        if self.dim % 2:
            raise ValueError(f"dim is {self.dim}: it must be even")

    @classmethod
    def base(cls) -> MissionConfig:
        """Return the size for a robot with a GPU or several processor cores."""
        return cls()

    @classmethod
    def edge(cls) -> MissionConfig:
        """Return the size for two processor cores."""
        return cls(width=8, tokens=(8, 2), dim=96, inner=48, lstm_layers=1)

    @classmethod
    def paper(cls) -> MissionConfig:
        """Return what the paper describes; pictures are 224x224 pixels."""
        return cls(
            backbone="resnet50",
            vision="vec",
            state=False,
            residual=0.0,
            detached=False,
            exchange_dropout=0.0,
            lstm_layers=3,
            scope="sequence",
            dim=256,
            inner=128,
        )

    @classmethod
    def released(cls) -> MissionConfig:
        """Return what the released code does; pictures are 224x224 pixels."""
        return cls(
            backbone="resnet50",
            vision="map",
            state=False,
            residual=0.0,
            detached=False,
            exchange_dropout=0.0,
            tokens=(14, 14),
            vision_recurrent=False,
            radar_channels=3,
            base_widths=(8, 16, 24),
            global_widths=(32, 48, 64),
            lstm_layers=3,
            anchors=True,
            dim=256,
            inner=128,
        )

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> MissionConfig:
        """Return settings given by name, over a ``preset`` and an ``ablation``.

        Raises:
            ValueError: An unknown name or a value that is not allowed.
        """
        values = dict(settings)
        presets = {"base": cls.base, "edge": cls.edge, "paper": cls.paper, "released": cls.released}
        preset, ablation = values.pop("preset", "base"), values.pop("ablation", "full")
        if preset not in presets:
            raise ValueError(f"preset is {preset!r}, allowed: {', '.join(presets)}")
        if ablation not in ABLATIONS:
            raise ValueError(f"ablation is {ablation!r}, allowed: {', '.join(ABLATIONS)}")
        return from_mapping(cls, {**to_mapping(presets[preset]()), **ABLATIONS[ablation], **values})
