"""Settings of EMGaitNet: widths, and the switches that its ablations turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gait_reid_common.parameters import from_mapping, param, to_mapping, validate

SEMANTICS = ("none", "static", "clip", "student")
TOWERS = ("small", "vit_b_16", "vit_b_16_quickgelu")
NO_TOWERS = "none"
_PLAIN: dict[str, Any] = {"outline_channels": ()}
RUNGS: dict[str, dict[str, Any]] = {
    "baseline": {**_PLAIN, "sga": False, "semantics": "none", "temporal": "max"},
    "sga": {**_PLAIN, "sga": True, "semantics": "static", "temporal": "max"},
    "semi": {**_PLAIN, "sga": True, "semantics": "clip", "temporal": "max"},
    "st": {**_PLAIN, "sga": True, "semantics": "clip", "temporal": "st"},
    "outline": {"sga": True, "semantics": "clip", "temporal": "st"},
}
"""The ablation ladder of the paper, each rung of which adds one module to the one before, and what
is ours on top."""


@dataclass(frozen=True)
class EMGaitNetConfig:
    """Settings of EMGaitNet.

    Raises:
        ValueError: A value that is not allowed, or values that contradict each other.
    """

    image_size: tuple[int, int] = param((64, 32), "Height and width of the picture", "px", 8, 512)
    num_points: int = param(64, "Points per frame, padding included", "", 2, 4096)
    channels: tuple[int, ...] = param((16, 32, 64, 128), "Widths of ResNet9's stages", "", 1)
    strides: tuple[int, ...] = param((1, 2, 2, 1), "Strides of ResNet9's stages", "", 1, 4)
    outline_channels: tuple[int, ...] = param(
        (8, 16, 32, 64), "Widths of the stages for silhouettes; empty: none are looked at", "", 1
    )
    map_columns: int = param(4, "Columns that the picture's map is pooled to; 0: as it is", "", 0)
    point_widths: tuple[int, ...] = param((32, 32, 64), "Widths of the graph convolutions", "", 1)
    k: int = param(8, "Neighbours of a point in the graph", "", 1, 64)
    dim: int = param(128, "Width of all tokens", "", 4, 4096)
    heads: int = param(4, "Heads of every attention", "", 1, 64)
    ffn: int = param(256, "Width inside the feed-forward networks", "", 4)
    scaf_layers: int = param(1, "Layers of symmetric cross-attention", "", 1, 12)
    parts: int = param(16, "Horizontal strips of the body", "", 1, 64)
    pooling: str = param("max", "Pooling of a strip", choices=("max", "mean", "mean+max"))
    embedding_dim: int = param(256, "Width of a part's embedding", "", 4, 4096)
    sga: bool = param(True, "Align both modalities by semantic tokens")
    semantics: str = param("student", "Source of the semantic tokens", choices=SEMANTICS)
    temporal: str = param("st", "Joining of frames", choices=("max", "st"))
    gate: bool = param(True, "Weigh each modality by its quality against a learned null token")
    state_code: bool = param(True, "Tell the tokens view, speed and range")
    summary: bool = param(
        True, "Add maximum and mean of the points, of each frame and of the walk, to the embedding"
    )
    branches: bool = param(True, "Teach each sensor by losses of its own, too")
    key_frame: bool = param(False, "Take the semantic tokens of a walk from its best frame alone")
    towers: str = param("small", "Layout of the picture and text towers", choices=TOWERS)
    towers_file: str = param(
        "",
        "Weights of the towers; empty: those that come with the package (small) or with the "
        "checkpoint; none: a student without teacher, static tokens without text",
    )
    num_classes: int = param(0, "People to tell apart in training; 0: no classes", "", 0)

    def __post_init__(self) -> None:
        validate(self)
        if len(self.channels) != len(self.strides):
            raise ValueError(
                f"channels {self.channels} and strides {self.strides} differ in length"
            )
        if len(self.outline_channels) not in (0, len(self.strides)):
            raise ValueError(
                f"outline_channels {self.outline_channels} and strides {self.strides} differ "
                "in length"
            )
        if self.semantics == "clip" and self.towers_file == NO_TOWERS:
            raise ValueError("towers_file is 'none': semantics 'clip' needs towers")
        if self.dim % self.heads:
            raise ValueError(f"heads is {self.heads}: it must divide dim, which is {self.dim}")
        if self.sga == (self.semantics == "none"):
            raise ValueError(
                f"sga is {self.sga} and semantics is {self.semantics!r}: sga needs semantic "
                "tokens, and without sga nothing takes them (semantics: none)"
            )
        self._check_map()

    def _check_map(self) -> None:
        height, width = self.image_size
        step = self.step
        if height % step or width % step:
            raise ValueError(f"image_size {self.image_size} is no multiple of the stride {step}")
        if self.map_columns and (width // step) % self.map_columns:
            raise ValueError(
                f"map_columns is {self.map_columns}: it must divide the map's {width // step}"
            )
        if (self.rows * self.columns) % self.parts:
            raise ValueError(
                f"parts is {self.parts}: it must divide the {self.rows} x {self.columns} cells of "
                "the picture's map"
            )

    @property
    def step(self) -> int:
        """Pixels of the picture per cell of ResNet9's map."""
        step = 1
        for stride in self.strides:
            step *= stride
        return step

    @property
    def rows(self) -> int:
        """Rows of the picture's map."""
        return self.image_size[0] // self.step

    @property
    def columns(self) -> int:
        """Columns of the picture's map."""
        return self.map_columns or self.image_size[1] // self.step

    @classmethod
    def base(cls) -> EMGaitNetConfig:
        """Return the size for a robot with a GPU or several processor cores."""
        return cls()

    @classmethod
    def edge(cls) -> EMGaitNetConfig:
        """Return the size for two processor cores."""
        return cls(
            channels=(8, 16, 32, 64), map_columns=2, point_widths=(16, 32, 48), dim=96, ffn=192
        )

    @classmethod
    def paper(cls) -> EMGaitNetConfig:
        """Return the published widths; sizes that the paper does not give are its group's usual."""
        return cls(
            image_size=(64, 64),
            num_points=256,
            channels=(64, 128, 256, 512),
            outline_channels=(),
            map_columns=0,
            point_widths=(64, 64, 128, 256),
            k=16,
            dim=512,
            heads=8,
            ffn=1024,
            scaf_layers=2,
            semantics="clip",
            towers="vit_b_16",
            summary=False,
            branches=False,
        )

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], num_classes: int | None = None
    ) -> EMGaitNetConfig:
        """Return settings given by name, over a ``preset`` and a ``rung`` of the ladder.

        Args:
            settings: Names of fields, and ``preset`` (base, edge or paper) and ``rung``.
            num_classes: Replaces the number of classes.

        Raises:
            ValueError: An unknown name or a value that is not allowed.
        """
        values = dict(settings)
        presets = {"base": cls.base, "edge": cls.edge, "paper": cls.paper}
        preset, rung = values.pop("preset", "base"), values.pop("rung", None)
        if preset not in presets:
            raise ValueError(f"preset is {preset!r}, allowed: {', '.join(presets)}")
        if rung is not None and rung not in RUNGS:
            raise ValueError(f"rung is {rung!r}, allowed: {', '.join(RUNGS)}")
        if num_classes is not None:
            values["num_classes"] = num_classes
        switches = RUNGS[rung] if rung else {}
        return from_mapping(cls, {**to_mapping(presets[preset]()), **switches, **values})
