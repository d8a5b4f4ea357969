"""Groups of values that the trainings of all networks have."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid.core.network_input import NetworkInputConfig
from gait_reid_common.parameters import param, validate
from gait_reid_training.data.augment import AugmentConfig


class Checked:
    """A group whose values are checked when it is made."""

    def __post_init__(self) -> None:
        """Refuse values that are not allowed."""
        validate(self)


@dataclass(frozen=True)
class FoldersConfig(Checked):
    """Where walks are, and whose are learnt from."""

    folders: tuple[str, ...] = param((), "Folders of data sets")
    cache: str = param("", "Folder of prepared frames; empty: inside each data set")
    train_split: str = param("train", "Split that is learnt from")
    validation_split: str = param("validation", "Split that is watched and calibrated on")
    augment: bool = param(True, "Change what is learnt from at random, see the group augment")
    held_out: int = param(
        0, "Watch so many people of the training split instead of a split of their own", "", 0
    )
    people: int = param(0, "Learn from the first so many people only; 0: all", "", 0)
    workers: int = param(0, "Processes that make batches; 0: the training process", "", 0, 64)


@dataclass(frozen=True)
class BatchConfig(Checked):
    """One batch: people x walks of each x frames of each."""

    people: int = param(8, "People per batch", "", 2)
    walks: int = param(4, "Walks of each person", "", 2)
    frames: int = param(5, "Frames of each walk, drawn at random", "", 1)


@dataclass(frozen=True)
class OptimiserConfig(Checked):
    """How weights are changed."""

    name: str = param("adam", "Optimiser", choices=("adam", "adamw", "sgd"))
    learning_rate: float = param(3e-4, "Greatest learning rate", "", 0.0)
    weight_decay: float = param(5e-4, "Weight decay", "", 0.0)
    momentum: float = param(0.9, "Momentum of sgd", "", 0.0, 1.0)
    clip_norm: float = param(5.0, "Greatest norm of the gradient; 0: as it is", "", 0.0)


@dataclass(frozen=True)
class ScheduleConfig(Checked):
    """How long, and how the learning rate goes."""

    name: str = param(
        "cosine",
        "Course of the learning rate",
        choices=("cosine", "one_cycle", "steps", "constant"),
    )
    iterations: int = param(1000, "Batches to learn from", "", 1)
    warm_up_iterations: int = param(50, "Batches over which the rate rises from 0", "", 0)
    final_share: float = param(0.01, "Share of the rate that cosine ends with", "", 0.0, 1.0)
    milestones: tuple[int, ...] = param((), "Batches after which the rate falls (steps)", "", 1)
    gamma: float = param(0.1, "Factor of each fall (steps)", "", 0.0, 1.0)


@dataclass(frozen=True)
class LookConfig(Checked):
    """How often and how closely people are watched who are not learnt from."""

    every_iterations: int = param(100, "Batches between looks; 0: never", "", 0)
    people: int = param(0, "Look at the first so many people only; 0: all", "", 0)
    walks: int = param(0, "Look at so many walks of each, evenly chosen; 0: all", "", 0)
    frames: int = param(0, "Frames of each walk, evenly chosen; 0: all", "", 0)
    batch_walks: int = param(16, "Walks per batch", "", 1)
    patience: int = param(
        0, "Looks without a better monitored value that end the training; 0: off", "", 0
    )


@dataclass(frozen=True)
class RunConfig(Checked):
    """Machine and bookkeeping; no value but `seed` changes what is learnt on one device."""

    seed: int = param(1, "Everything random follows from it", "", 0, 2**31 - 1)
    threads: int = param(0, "Threads of torch; 0: as torch chooses", "", 0, 256)
    accelerator: str = param("auto", "Device", choices=("auto", "cpu", "gpu"))
    precision: str = param(
        "32", "Arithmetic; bf16 needs a GPU that has it", choices=("32", "bf16", "16")
    )
    ema_decay: float = param(0.0, "Keep a moving average of the weights; 0: off", "", 0.0, 0.99999)
    checkpoint_every_iterations: int = param(100, "Batches between checkpoints", "", 1)
    log_every_iterations: int = param(10, "Batches between entries of the log", "", 1)
    sync_batchnorm: bool = param(True, "Share batch statistics among GPUs")


@dataclass(frozen=True)
class StartConfig(Checked):
    """What a training begins with."""

    checkpoint: str = param(
        "", "Checkpoint whose weights it begins with, where they fit; empty: random weights"
    )
    learn: tuple[str, ...] = param(
        (), "Parts of the network that learn, for example [outline, neck]; empty: all"
    )


@dataclass(frozen=True)
class CommonConfig:
    """A training, apart from the network and from what kinds of networks differ in."""

    data: FoldersConfig = field(default_factory=FoldersConfig)
    input: NetworkInputConfig = field(default_factory=NetworkInputConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    validation: LookConfig = field(default_factory=LookConfig)
    run: RunConfig = field(default_factory=RunConfig)
    start: StartConfig = field(default_factory=StartConfig)

    def __post_init__(self) -> None:
        """Check that the values fit together."""
        if self.schedule.warm_up_iterations >= self.schedule.iterations:
            raise ValueError(
                f"schedule.warm_up_iterations is {self.schedule.warm_up_iterations}, allowed: less "
                f"than schedule.iterations, which is {self.schedule.iterations}"
            )
        look = self.validation.every_iterations
        if look and self.schedule.iterations % look:
            raise ValueError(
                f"schedule.iterations is {self.schedule.iterations}, allowed: a multiple of "
                f"validation.every_iterations, which is {look}, so that the last look is at the end"
            )
