"""Checkpoints: what is in them, and which are refused.

A checkpoint is Lightning's, with the entry ``gait_reid``: the configuration, the names of the
people that were learnt from, and how far the training came. Nothing in it is executed when it is
read (``weights_only=True``).
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gait_reid_training.batch import WalkNetwork
from gait_reid_training.nets.emgaitnet_config import NO_TOWERS
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork
from gait_reid_training.nets.mission.registry import (
    CROSS_MODAL_NETWORKS,
    build_cross_modal_network,
)
from gait_reid_training.nets.registry import build_network
from gait_reid_training.training.config import Experiment, make_experiment

KEY = "gait_reid"
FORMAT = 1
NEUTRAL = (
    "data.folders", "data.camera_folders", "data.cache", "data.workers", "run.threads",
    "run.accelerator", "run.checkpoint_every_iterations", "run.log_every_iterations",
    "validation.batch_walks",
)  # fmt: skip
"""What may differ when a training is resumed: it does not change what is learnt."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        path: Its file.
        experiment: Configuration it was made with.
        people: Names of the people that were learnt from, in order of the classes.
        iteration: Number of batches learnt from.
        state: Weights by name; the moving average where there is one.
    """

    path: Path
    experiment: Experiment
    people: tuple[str, ...]
    iteration: int
    state: dict[str, Tensor]

    def network(self) -> WalkNetwork:
        """Return the network with its weights, ready to evaluate.

        Raises:
            CheckpointError: The weights do not fit the network, or it compares two sensors.
        """
        name = self.experiment.network
        if name in CROSS_MODAL_NETWORKS:
            raise CheckpointError(
                f"{self.path} is of {name}, which compares a camera's walk with a radar's; wanted "
                "is a network that makes one embedding of a walk, for example emgaitnet"
            )
        settings = dict(self.experiment.settings)
        if settings.get("towers_file") not in (None, NO_TOWERS):
            settings["towers_file"] = ""  # the towers are among the weights
        network = build_network(name, settings, max(len(self.people), 1))
        self._load(network)
        return network.eval()

    def cross_modal_network(self) -> CrossModalNetwork:
        """Return the network between camera and radar with its weights, ready to evaluate.

        Raises:
            CheckpointError: The weights do not fit the network, or it does not compare sensors.
        """
        name = self.experiment.network
        if name not in CROSS_MODAL_NETWORKS:
            raise CheckpointError(
                f"{self.path} is of {name}, which makes one embedding of a walk; wanted is a "
                f"network between camera and radar: {', '.join(CROSS_MODAL_NETWORKS)}"
            )
        network = build_cross_modal_network(name, self.experiment.settings)
        self._load(network)
        return network.eval()

    @property
    def weights(self) -> dict[str, Tensor]:
        """Weights of the network alone, by its own names."""
        return {
            name.removeprefix("network."): value
            for name, value in self.state.items()
            if name.startswith("network.")
        }

    def _load(self, network: nn.Module) -> None:
        try:
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"{self.path}: the weights do not fit {self.experiment.network}: {error}"
            ) from error


def entry(experiment: Experiment, people: tuple[str, ...], iteration: int) -> dict[str, Any]:
    """Return what a checkpoint says of itself."""
    return {
        "format": FORMAT,
        "experiment": experiment.as_mapping(),
        "people": list(people),
        "iteration": iteration,
    }


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of a training.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: Not a checkpoint, a damaged one, or one of something else.
    """
    if path.is_dir():
        path = path / ("best.ckpt" if (path / "best.ckpt").is_file() else "last.ckpt")
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged: {error}") from error
    about = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise CheckpointError(f"{path} was not written by gait-reid train of this version")
    return Checkpoint(
        path,
        make_experiment(about["experiment"]),
        tuple(about["people"]),
        int(about["iteration"]),
        content["state_dict"],
    )


def check_resumable(found: Checkpoint, experiment: Experiment, people: tuple[str, ...]) -> None:
    """Refuse a checkpoint that another configuration or other people made.

    Raises:
        CheckpointError: Names what differs, with both values.
    """
    old, new = found.experiment.as_mapping(), experiment.as_mapping()
    differing = [
        f"{key} is {old.get(key)!r} there and {new.get(key)!r} here"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and key not in NEUTRAL
    ]
    if differing:
        raise CheckpointError(
            f"{found.path} was made with another configuration: {'; '.join(differing)}. Take that "
            "configuration (--set), or another --output"
        )
    if found.people != people:
        raise CheckpointError(
            f"{found.path} learnt from {len(found.people)} people, the data now hold "
            f"{len(people)}, or others; take the same data, or another --output"
        )
