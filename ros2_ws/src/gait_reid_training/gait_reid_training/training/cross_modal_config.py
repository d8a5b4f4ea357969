"""What is trained on what, and how, for networks that compare walks of cameras and radars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gait_reid.core.radar_input import RadarInputConfig
from gait_reid_common.parameters import param
from gait_reid_training.data.augment import AugmentConfig
from gait_reid_training.data.radar_walks import RadarAugmentConfig
from gait_reid_training.nets.mission.config import MissionConfig
from gait_reid_training.nets.mission.registry import cross_modal_settings
from gait_reid_training.nets.mission.vision import cells_of_map
from gait_reid_training.training.config_groups import (
    BatchConfig,
    Checked,
    CommonConfig,
    FoldersConfig,
    LookConfig,
)

TRACKLETS, MISSION_NPY = "tracklets", "mission_npy"


@dataclass(frozen=True)
class CrossModalDataConfig(FoldersConfig):
    """Data sets with radar (``folders``) and with camera, or the arrays that Mission published."""

    kind: str = param(
        TRACKLETS,
        "Data sets in the project's tracklet format, or one folder of Mission's published arrays",
        choices=(TRACKLETS, MISSION_NPY),
    )
    camera_folders: tuple[str, ...] = param((), "Folders of data sets with camera (tracklets)")
    test_people: int = param(
        0, "Leave the last so many people to the test (mission_npy); 18 in the paper", "", 0
    )
    test_share: float = param(
        0.25, "Share of each one's records left to the test (mission_npy)", "", 0.0, 0.9
    )

    def __post_init__(self) -> None:
        """Check that the values fit together."""
        super().__post_init__()
        if self.kind == MISSION_NPY and self.camera_folders:
            raise ValueError(
                f"data.camera_folders is {list(self.camera_folders)}, allowed: none with data.kind "
                "mission_npy, whose one folder (data.folders) holds pictures and radar"
            )
        if self.kind == MISSION_NPY and len(self.folders) > 1:
            raise ValueError(
                f"data.folders is {list(self.folders)}, allowed: one folder with data.kind "
                "mission_npy"
            )


@dataclass(frozen=True)
class PairBatchConfig(BatchConfig):
    """One batch: people x pairs of walks of each x frames of each walk."""

    walks: int = param(2, "Pairs of each person: a radar's walk and another camera's walk", "", 1)
    frames: int = param(10, "Frames of each walk, which follow each other", "", 1)


@dataclass(frozen=True)
class CrossModalLossConfig(Checked):
    """Equation 7 of Mission."""

    alpha: float = param(1.0, "Weight of poses and root", "", 0.0)
    beta: float = param(2.0, "Weight of identities", "", 0.0)
    unimodal_weight: float = param(
        1.0, "Weight of identities of single walks, beside those of pairs", "", 0.0
    )
    margin: float = param(0.3, "Margin of triplets, in squared distance", "", 1e-6)
    softness: float = param(
        0.0, "Softness of that margin, in squared distance; 0: hard, as published", "", 0.0, 10.0
    )
    contrastive_margin: float = param(1.0, "Margin of the contrastive loss (noTL)", "", 1e-6)


@dataclass(frozen=True)
class PairLookConfig(LookConfig):
    """Radar walks looked for among camera walks, of people who are not learnt from."""

    frames: int = param(10, "Frames of each walk, from its middle", "", 1)
    pairwise_walks: int = param(
        32,
        "Walks of either sensor, evenly chosen, that networks which exchange features compare pair "
        "by pair; 0: all",
        "",
        0,
    )


@dataclass(frozen=True)
class CrossModalConfig(CommonConfig):
    """A training of a network between camera and radar, the network apart.

    Of ``augment`` only what changes pictures matters. Camera walks are never mirrored, because
    radar walks are not, and never lose their pictures.
    """

    data: CrossModalDataConfig = field(default_factory=CrossModalDataConfig)
    batch: PairBatchConfig = field(default_factory=PairBatchConfig)
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(mirror=0.0, drop_camera=0.0, drop_lidar=0.0)
    )
    loss: CrossModalLossConfig = field(default_factory=CrossModalLossConfig)
    validation: PairLookConfig = field(default_factory=PairLookConfig)
    radar_input: RadarInputConfig = field(default_factory=RadarInputConfig)
    radar_augment: RadarAugmentConfig = field(default_factory=RadarAugmentConfig)

    def __post_init__(self) -> None:
        """Check that the values fit together."""
        super().__post_init__()
        for name in ("mirror", "drop_camera", "drop_lidar"):
            if getattr(self.augment, name):
                raise ValueError(
                    f"augment.{name} is {getattr(self.augment, name)}, allowed: 0 with pairs of a "
                    "camera's and a radar's walk"
                )
        look = bool(self.validation.every_iterations)
        if self.data.kind == MISSION_NPY and look and not self.data.held_out:
            raise ValueError(
                "data.held_out is 0, allowed: at least 2 with data.kind mission_npy, which has no "
                "split to watch (or validation.every_iterations: 0)"
            )


def check_network(name: str, settings: Mapping[str, Any], config: CrossModalConfig) -> None:
    """Refuse settings of a network that do not fit its input or its batches.

    Raises:
        ValueError: Names the key, its value, and what is allowed.
    """
    found = cross_modal_settings(name, settings)
    if not isinstance(found, MissionConfig):
        return
    if found.exchange and found.wrong_pairs >= config.batch.people:
        raise ValueError(
            f"network.wrong_pairs is {found.wrong_pairs}, allowed: less than batch.people, which "
            f"is {config.batch.people}"
        )
    cells = cells_of_map(found, config.input.image_size)
    if found.vision == "map" and any(cell % part for cell, part in zip(cells, found.tokens)):
        raise ValueError(
            f"network.tokens is {list(found.tokens)}, allowed: divisors of the {cells[0]} x "
            f"{cells[1]} cells that pictures of {list(config.input.image_size)} (input.image_size) "
            "become"
        )
