"""What is trained on what, and how."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gait_reid.core.network_input import NetworkInputConfig
from gait_reid_common.parameters import flatten, from_mapping, param, to_mapping
from gait_reid_training.nets.mission.registry import CROSS_MODAL_NETWORKS
from gait_reid_training.nets.registry import LADDER, NETWORKS
from gait_reid_training.training.config_groups import (
    Checked,
    CommonConfig,
    FoldersConfig,
    LookConfig,
)
from gait_reid_training.training.cross_modal_config import CrossModalConfig, check_network


@dataclass(frozen=True)
class DataConfig(FoldersConfig):
    """Data sets in the project's tracklet format."""

    sensors: tuple[str, ...] = param(
        ("camera", "lidar"), "Sensors that are shown to the network", choices=("camera", "lidar")
    )


@dataclass(frozen=True)
class LossConfig(Checked):
    """Batch-all triplet loss and cross entropy, both per part."""

    triplet_weight: float = param(1.0, "Weight of the triplet loss", "", 0.0)
    margin: float = param(0.2, "Margin of the triplet loss", "", 1e-6)
    cross_entropy_weight: float = param(2.0, "Weight of the cross entropy", "", 0.0)
    scale: float = param(16.0, "Scale of the cosines in the cross entropy", "", 1e-6)
    label_smoothing: float = param(0.1, "Smoothing of the labels", "", 0.0, 0.9)
    branch_weight: float = param(
        0.5, "Weight of the losses on single sensors, where a network has them", "", 0.0
    )
    unit_parts: bool = param(
        False, "Triplets of parts of unit length, as the gallery compares them"
    )


@dataclass(frozen=True)
class ValidationConfig(LookConfig):
    """Rank-1 on people who are not learnt from."""

    gallery: tuple[str, ...] = param(
        (), "Conditions that are enrolled; empty: every walk is compared with all others"
    )


@dataclass(frozen=True)
class TrainConfig(CommonConfig):
    """A training of a network that makes one embedding of a walk, the network apart."""

    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        """Check that the values fit together."""
        super().__post_init__()
        if not self.data.sensors:
            raise ValueError("data.sensors is empty, allowed: camera, lidar or both")


@dataclass(frozen=True)
class Experiment:
    """A training with its network.

    Attributes:
        network: Name of the network in the registry.
        settings: The network's own settings.
        train: All other values.
    """

    network: str
    settings: dict[str, Any]
    train: TrainConfig | CrossModalConfig

    def as_mapping(self) -> dict[str, Any]:
        """Return everything under dotted names."""
        settings = {f"network.{key}": _plain(value) for key, value in self.settings.items()}
        return {"network.name": self.network, **settings, **to_mapping(self.train)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def make_experiment(mapping: Mapping[str, Any]) -> Experiment:
    """Make an experiment from nested or dotted names.

    Raises:
        ValueError: An unknown key or a value that is not allowed.
    """
    flat = flatten(mapping)
    settings = {
        key.removeprefix("network."): flat.pop(key)
        for key in list(flat)
        if key.startswith("network.")
    }
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"network.name is {name!r}, expected the name of a network")
    if name in CROSS_MODAL_NETWORKS:
        pairs = from_mapping(CrossModalConfig, flat)
        check_network(name, settings, pairs)
        return Experiment(name, settings, pairs)
    if name not in NETWORKS:
        known = (*NETWORKS, *CROSS_MODAL_NETWORKS)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise ValueError(f"network.name is {name!r}: there is no such network, {hint}")
    train = from_mapping(TrainConfig, flat)
    return Experiment(name, _with_input(name, settings, train.input), train)


def _with_input(name: str, settings: dict[str, Any], given: NetworkInputConfig) -> dict[str, Any]:
    """Return the settings of a network with the sizes of its input, where it has to know them."""
    if name not in LADDER:
        return settings
    sizes = {"image_size": list(given.image_size), "num_points": given.num_points}
    for key, value in sizes.items():
        own = _plain(settings.get(key, value))
        if own != value:
            raise ValueError(
                f"network.{key} is {own!r}, allowed: that of the input, {value!r} (input.{key})"
            )
    return {**settings, **sizes}
