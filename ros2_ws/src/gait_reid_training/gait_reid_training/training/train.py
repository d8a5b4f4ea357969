"""Trains one network as a configuration says, in one piece or in slices of time."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import yaml
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger

from gait_reid_training.batch import WalkNetwork
from gait_reid_training.nets.mission.registry import build_cross_modal_network
from gait_reid_training.nets.registry import build_network
from gait_reid_training.training.batches import SENSOR_INPUTS, TrainingData
from gait_reid_training.training.callbacks import Checkpoints, History, MovingAverage, PausedError
from gait_reid_training.training.checkpoint import CheckpointError, check_resumable, read_checkpoint
from gait_reid_training.training.config import Experiment
from gait_reid_training.training.cross_modal_config import CrossModalConfig
from gait_reid_training.training.cross_modal_module import CrossModalModule
from gait_reid_training.training.gait_module import GaitModule
from gait_reid_training.training.module import MONITORED, WalkModule
from gait_reid_training.training.source import load_data
from gait_reid_training.training.start import begin

_LOG = logging.getLogger(__name__)
_PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


@dataclass(frozen=True)
class TrainingResult:
    """How a training, or a slice of it, ended.

    Attributes:
        finished: Whether all is learnt; False after a slice.
        stopped_early: Whether validation stopped getting better.
        iteration: Batches learnt from.
        best: Best value of what is monitored, infinitely bad without a look.
        best_iteration: When that was.
        seconds: Wall-clock time of this slice.
        ms_per_iteration: Mean over this slice, looks at the validation split included.
        parameters: Number of weights that learn.
        monitored: Name of what was monitored on the validation split.
    """

    finished: bool
    stopped_early: bool
    iteration: int
    best: float
    best_iteration: int
    seconds: float
    ms_per_iteration: float
    parameters: int
    monitored: str = MONITORED.name


def train(
    experiment: Experiment,
    output: Path,
    max_minutes: float | None = None,
    resume: bool = False,
) -> TrainingResult:
    """Train, or go on with a training.

    Args:
        experiment: What to train.
        output: Folder of checkpoints, log and result; made when absent.
        max_minutes: Pause after this time, at a batch's end; None: never.
        resume: Go on where ``last.ckpt`` in `output` ended, if it is there.

    Raises:
        ValueError: `output` holds a training already and `resume` is False.
        CheckpointError: The checkpoint is of another configuration, or damaged.
    """
    config = experiment.train
    last = output / "last.ckpt"
    if last.exists() and not resume:
        raise ValueError(
            f"{output} holds a training: go on with --resume, or choose another --output"
        )
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    data = load_data(experiment)
    start = 0
    if last.exists():
        found = read_checkpoint(last)
        check_resumable(found, experiment, data.people)
        start = found.iteration
        done = finished_result(output)
        if done is not None:
            return done
    pl.seed_everything(config.run.seed, verbose=False)
    # Every new tensor would be filled first, which costs a twentieth and finds bugs only.
    torch.utils.deterministic.fill_uninitialized_memory = False
    module = make_module(experiment, data)
    output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(experiment.as_mapping(), sort_keys=False)
    (output / "config.yaml").write_text(text, encoding="utf-8")
    keeper = Checkpoints(output, experiment, data.people, module.monitored, max_minutes)
    result = _fit(experiment, module, data, keeper, output, start)
    if int(os.environ.get("RANK", "0")) == 0:
        _write_result(output, result)
    return result


def make_module(experiment: Experiment, data: TrainingData) -> GaitModule:
    """Return a new network under Lightning's module for networks of its kind.

    Raises:
        ValueError: Settings that are not allowed, or sensors that the network does not use.
        CheckpointError: The checkpoint that it shall begin with does not fit.
    """
    train = experiment.train
    if isinstance(train, CrossModalConfig):
        pairs = build_cross_modal_network(experiment.network, experiment.settings)
        begin(pairs, train.start)
        return CrossModalModule(pairs, train, len(data.rows))
    network = build_network(experiment.network, experiment.settings, len(data.people))
    check_sensors(network, train.data.sensors)
    begin(network, train.start)
    return WalkModule(network, train, data.gallery)


def check_sensors(network: WalkNetwork, sensors: tuple[str, ...]) -> None:
    """Refuse sensors of which the network uses none.

    Raises:
        ValueError: Names both.
    """
    if not any(network.uses & SENSOR_INPUTS[one] for one in sensors):
        raise ValueError(
            f"the network uses {', '.join(sorted(network.uses))} and is shown only "
            f"{', '.join(sensors)}: choose other sensors"
        )


def finished_result(output: Path) -> TrainingResult | None:
    """Return how a finished training ended, or None when it is not finished."""
    path = output / "result.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if "best_rank1" in values:  # as results were written when all networks had one
            values["best"] = values.pop("best_rank1")
        result = TrainingResult(**values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; delete it to go on") from error
    return result if result.finished else None


def _write_result(output: Path, result: TrainingResult) -> None:
    path = output / "result.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _fit(
    experiment: Experiment,
    module: GaitModule,
    data: TrainingData,
    keeper: Checkpoints,
    output: Path,
    start: int,
) -> TrainingResult:
    """Run Lightning's trainer from an iteration on."""
    trainer = _trainer(experiment, keeper, output)
    began_s = time.monotonic()
    finished = True
    try:
        trainer.fit(
            module,
            data.train_loader(start, trainer.global_rank, trainer.world_size),
            data.validation_loader(),
            ckpt_path=str(output / "last.ckpt") if start else None,
            weights_only=True,
        )
    except PausedError:
        finished = False
    seconds = time.monotonic() - began_s
    iteration = trainer.global_step
    return TrainingResult(
        finished, keeper.stopped_early, iteration, keeper.best, keeper.best_iteration, seconds,
        1e3 * seconds / max(iteration - start, 1),
        sum(one.numel() for one in module.parameters() if one.requires_grad),
        keeper.monitored.name,
    )  # fmt: skip


def _trainer(experiment: Experiment, keeper: Checkpoints, output: Path) -> pl.Trainer:
    config = experiment.train
    callbacks: list[Callback] = [LearningRateMonitor("step"), History(output, keeper.monitored)]
    if config.run.ema_decay > 0.0:
        callbacks.append(MovingAverage(config.run.ema_decay))
    look = config.validation.every_iterations
    return pl.Trainer(
        accelerator=config.run.accelerator,
        precision=_PRECISIONS[config.run.precision],  # type: ignore[arg-type]
        max_steps=config.schedule.iterations,
        max_epochs=-1,
        gradient_clip_val=config.optimiser.clip_norm or None,
        val_check_interval=min(look, config.schedule.iterations) if look else 1.0,
        limit_val_batches=1.0 if look else 0,
        num_sanity_val_steps=0,
        callbacks=[*callbacks, keeper],
        logger=TensorBoardLogger(str(output), name="tensorboard", version=""),
        log_every_n_steps=config.run.log_every_iterations,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        deterministic="warn",
        sync_batchnorm=config.run.sync_batchnorm and _on_several_gpus(config.run.accelerator),
        enable_progress_bar=os.isatty(2),
        **_devices(config.run.accelerator),
    )


def _on_several_gpus(accelerator: str) -> bool:
    """Return whether batch statistics can be shared: torch does so between GPUs only."""
    return _processes()[1] > 1 and accelerator != "cpu" and torch.cuda.is_available()


def _processes() -> tuple[int, int]:
    """Return processes on this machine and in all, as torchrun says; 1 without it."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return local, int(os.environ.get("WORLD_SIZE", str(local)))


def _devices(accelerator: str) -> dict[str, Any]:
    """Return the number of devices and nodes: one device, or what torchrun started."""
    local, everywhere = _processes()
    settings: dict[str, Any] = {"devices": local, "num_nodes": max(everywhere // local, 1)}
    if everywhere > 1:
        # Null tokens of a sensor that no walk of a batch lacks get no gradient.
        settings["strategy"] = "ddp_find_unused_parameters_true"
    return settings
