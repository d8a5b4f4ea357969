"""What all networks have in common under Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from gait_reid_training.training.batches import Batch
from gait_reid_training.training.config_groups import CommonConfig
from gait_reid_training.training.schedule import make_optimiser, make_scheduler
from gait_reid_training.training.start import rest


@dataclass(frozen=True)
class Monitored:
    """The figure of a look that tells which weights are the best.

    Attributes:
        name: Its name in the history.
        tie_breaker: Name of the figure that decides between equal ones.
        less_is_better: Whether both are errors.
    """

    name: str
    tie_breaker: str
    less_is_better: bool = False

    @property
    def worst(self) -> float:
        """What is worse than any value."""
        return float("inf") if self.less_is_better else float("-inf")

    def better(self, one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        """Return whether values are better than others, the first unequal ones deciding."""
        return one < other if self.less_is_better else one > other


class GaitModule(pl.LightningModule):
    """Trains a network; what differs between kinds of networks is in classes derived from it.

    Args:
        network: The network.
        config: The training.
        monitored: What tells which weights are the best.
    """

    config: CommonConfig

    def __init__(self, network: nn.Module, config: CommonConfig, monitored: Monitored) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.monitored = monitored

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed by the number of the step, so that a resumed training is the same training."""
        rest(self.network)
        torch.manual_seed(
            self.config.run.seed * 1_000_003 + self.global_step * 1009 + self.global_rank
        )

    def log_losses(self, values: Mapping[str, Tensor], size: int) -> None:
        """Log what a batch of `size` walks costs; ``loss`` is shown beside the progress."""
        for name, value in values.items():
            self.log(f"train/{name}", value.detach(), batch_size=size, prog_bar=name == "loss")

    def log_figures(self, values: Mapping[str, float]) -> None:
        """Log what a look at the validation split found."""
        for name, value in values.items():
            key = f"validation/{name}"
            self.log(key, value, prog_bar=key == self.monitored.name, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule."""
        optimiser = make_optimiser(self.parameters(), self.config.optimiser)
        scheduler = make_scheduler(optimiser, self.config.schedule)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step", "name": "learning_rate"},
        }
