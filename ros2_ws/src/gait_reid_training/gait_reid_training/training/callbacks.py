"""What happens between batches: checkpoints, wall-clock slices, moving average, JSON log."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging

from gait_reid_training.training import checkpoint
from gait_reid_training.training.config import Experiment
from gait_reid_training.training.gait_module import Monitored


class PausedError(Exception):
    """The time of this slice is over and the state is saved."""


class MovingAverage(WeightAveraging):
    """Exponential moving average of the weights, faster at the beginning.

    The decay of update n is ``min(decay, (1 + n) / (10 + n))``, so that the first weights are
    forgotten in short trainings too.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=lambda old, new, n: _averaged(old, new, n, decay))


def _averaged(
    old: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int, decay: float
) -> torch.Tensor:
    if not old.is_floating_point():
        return new
    n = float(count)
    return torch.lerp(new, old, min(decay, (1.0 + n) / (10.0 + n)))


class Checkpoints(Callback):
    """Keeps ``last.ckpt`` and ``best.ckpt``, ends a slice of wall-clock time, stops early.

    Args:
        folder: Where they go.
        experiment: Written into them.
        people: Written into them.
        monitored: What tells which weights are the best.
        max_minutes: Time after which the training pauses; None: never.
    """

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        people: tuple[str, ...],
        monitored: Monitored,
        max_minutes: float | None = None,
    ) -> None:
        self._folder = folder
        self._experiment = experiment
        self._people = people
        self.monitored = monitored
        self._end_s = math.inf if max_minutes is None else time.monotonic() + 60.0 * max_minutes
        self.best = monitored.worst
        self.best_precision = monitored.worst
        self.best_iteration = 0
        self.looks_without = 0
        self.stopped_early = False
        self._due = False

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training has to know."""
        return {
            "best": self.best,
            "best_precision": self.best_precision,
            "best_iteration": self.best_iteration,
            "looks_without": self.looks_without,
            "stopped_early": self.stopped_early,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""
        self.best = float(state_dict["best"])
        self.best_precision = float(state_dict["best_precision"])
        self.best_iteration = int(state_dict["best_iteration"])
        self.looks_without = int(state_dict["looks_without"])
        self.stopped_early = bool(state_dict["stopped_early"])

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint_: dict[str, Any]
    ) -> None:
        """Write what the checkpoint is of."""
        checkpoint_[checkpoint.KEY] = checkpoint.entry(
            self._experiment, self._people, trainer.global_step
        )

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the best, and stop when it stays the best for long."""
        figures, monitored = trainer.callback_metrics, self.monitored
        if trainer.sanity_checking or monitored.name not in figures:
            return
        value = float(figures[monitored.name])
        precision = float(figures[monitored.tie_breaker])
        better = monitored.better((value,), (self.best,))
        self.looks_without = 0 if better else self.looks_without + 1
        if monitored.better((value, precision), (self.best, self.best_precision)):
            self.best, self.best_precision = value, precision
            self.best_iteration = trainer.global_step
            self._save(trainer, "best.ckpt")
        patience = self._experiment.train.validation.patience
        self.stopped_early = bool(patience and self.looks_without >= patience)
        if self.stopped_early:
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Keep the newest, and pause when the time is over.

        Raises:
            PausedError: Ends the training at once; a mere request to stop would first look at the
                validation split, which a training in one piece does not do here.
        """
        train, step = self._experiment.train, trainer.global_step
        self._due = self._due or step % train.run.checkpoint_every_iterations == 0
        out_of_time = trainer.strategy.broadcast(time.monotonic() >= self._end_s)
        look = train.validation.every_iterations
        # A checkpoint between a batch and the look that follows it would lose the look.
        if (look and step % look == 0) or step >= train.schedule.iterations:
            return
        if self._due or out_of_time:
            self._save(trainer, "last.ckpt")
            self._due = False
        if out_of_time:
            raise PausedError

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the last."""
        self._save(trainer, "last.ckpt")

    def _save(self, trainer: pl.Trainer, name: str) -> None:
        """Write a checkpoint; it appears once it is complete."""
        partial = self._folder / f"{name}.partial"
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            os.replace(partial, self._folder / name)


class History(Callback):
    """Appends one JSON line per look at the validation split to ``history.jsonl``.

    Args:
        folder: Where it goes.
        monitored: What tells which weights are the best, named in every line.
    """

    def __init__(self, folder: Path, monitored: Monitored) -> None:
        self._path = folder / "history.jsonl"
        self._monitored = monitored.name

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Append a line."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        known = trainer.callback_metrics.items()
        figures = {name: float(value) for name, value in known if "/" in name}
        about = {"iteration": trainer.global_step, "monitored": self._monitored}
        line = json.dumps({**about, **figures}, sort_keys=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
