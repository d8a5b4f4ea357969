"""What a training begins with: weights of another one, and parts that stay as they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gait_reid_training.training.checkpoint import CheckpointError, read_checkpoint
from gait_reid_training.training.config_groups import StartConfig

_LOG = logging.getLogger(__name__)


def begin(network: nn.Module, config: StartConfig) -> None:
    """Give a network the weights that it begins with, and freeze what shall not learn.

    Raises:
        CheckpointError: The checkpoint is damaged, or none of its weights fits.
        ValueError: The network has no part of that name.
    """
    if config.checkpoint:
        path = Path(config.checkpoint)
        taken, left = take_over(network, read_checkpoint(path).weights)
        if not taken:
            raise CheckpointError(
                f"{path} has no weight that fits: start.checkpoint must be of a network of the "
                "same kind and size"
            )
        _LOG.info("%d weights begin as in %s, %d anew", taken, path, left)
    freeze(network, config.learn)


@torch.no_grad()
def take_over(network: nn.Module, state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Copy weights by name; return how many fitted and how many did not.

    A weight that has more rows than the given one takes what is there as its first rows: parts of
    an embedding that are new come last.
    """
    taken, own = 0, network.state_dict()
    for name, weight in own.items():
        given = state.get(name)
        if given is None or given.shape[1:] != weight.shape[1:]:
            continue
        if weight.dim() and len(given) > len(weight):
            continue
        if weight.dim():
            weight[: len(given)] = given
        else:
            weight.copy_(given)
        taken += 1
    return taken, len(own) - taken


def freeze(network: nn.Module, learn: Sequence[str]) -> None:
    """Let some parts of a network learn, and no others; all where none is named.

    Raises:
        ValueError: There is no such part.
    """
    if not learn:
        return
    known = {name.partition(".")[0] for name, _ in network.named_parameters()}
    for name in learn:
        if name not in known:
            raise ValueError(
                f"start.learn names {name!r}, the network has {', '.join(sorted(known))}"
            )
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.partition(".")[0] in learn)


def rest(network: nn.Module) -> None:
    """Keep the statistics of what is frozen as they are: to be called once training mode is on."""
    for child in network.children():
        weights = list(child.parameters())
        if weights and not any(one.requires_grad for one in weights):
            child.eval()
