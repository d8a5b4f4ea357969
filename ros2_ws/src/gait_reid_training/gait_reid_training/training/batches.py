"""Batches as a function of the iteration alone, so that a training can go on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gait_reid.core.types import Int64
from gait_reid_training.batch import CrossModalBatch, WalkBatch
from gait_reid_training.training.config import Experiment, ValidationConfig
from gait_reid_training.training.config_groups import BatchConfig

Bool = npt.NDArray[np.bool_]
Batch = WalkBatch | CrossModalBatch
BatchT_co = TypeVar("BatchT_co", bound=Batch, covariant=True)

SENSOR_INPUTS = {
    "camera": frozenset({"camera", "silhouette"}),
    "lidar": frozenset({"lidar", "depth"}),
}
"""Sensor -> what networks may take of it (`WalkNetwork.uses`)."""

_TENSORS_OF = {
    "camera": ("rgb", "silhouette", "has_camera"),
    "lidar": ("depth", "points", "point_mask", "has_lidar"),
}
_QUALITY_OF = {"camera": [0, 1, 2], "lidar": [4]}  # columns of `WalkBatch.quality`


class WalkSource(Protocol[BatchT_co]):
    """Walks of a split, or pairs of walks.

    Attributes:
        people: Names, in order of the labels.
        labels: (n,) int64, person of each walk.
        condition: (n,) name of the condition of each walk.
    """

    people: tuple[str, ...]
    labels: Int64
    condition: npt.NDArray[np.str_]

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> BatchT_co:
        """Return walks with so many frames each (0: all, shorter walks padded).

        With a generator the frames are drawn at random and augmented; without, they are evenly
        spaced and as recorded.
        """


def draw_rows(
    labels: Int64, config: BatchConfig, step: int, seed: int, rank: int = 0, processes: int = 1
) -> Int64:
    """Return the walks of one batch: people x walks rows, walks of a person together.

    In every pass over the people each comes once, in an order of that pass; the processes of one
    step have different people. The walks of a person are drawn without repetition where there are
    enough.

    Args:
        labels: (n,) person of each walk.
        config: Size of the batch.
        step: Number of the batch.
        seed: Seed.
        rank: Number of the process.
        processes: Number of processes.
    """
    people = np.unique(labels)
    at_once = config.people * processes
    rng = np.random.default_rng([seed, 1, step, rank])
    per_pass = len(people) // at_once
    if per_pass:
        order = np.random.default_rng([seed, 0, step // per_pass]).permutation(people)
        first = (step % per_pass) * at_once + rank * config.people
        chosen = order[first : first + config.people]
    else:
        chosen = rng.permutation(people)[: config.people]
    rows = []
    for person in chosen:
        own = np.flatnonzero(labels == person)
        rows.append(rng.choice(own, config.walks, replace=len(own) < config.walks))
    return np.concatenate(rows).astype(np.int64)


class _Steps(Dataset[Batch]):
    """Item i is batch i."""

    def __init__(
        self,
        source: WalkSource[Batch],
        experiment: Experiment,
        rank: int,
        processes: int,
        in_turns: bool,
    ) -> None:
        self._source, self._experiment = source, experiment
        self._rank, self._processes, self._in_turns = rank, processes, in_turns

    def __getitem__(self, step: int) -> Batch:
        train = self._experiment.train
        seed = train.run.seed
        rows = draw_rows(self._source.labels, train.batch, step, seed, self._rank, self._processes)
        if self._in_turns:
            rows = rows.reshape(-1, train.batch.walks).T.ravel()
        rng = np.random.default_rng([seed, 2, step, self._rank])
        return self._source.batch(rows.tolist(), train.batch.frames, rng)


class _StepSampler(Sampler[int]):
    """Counts from a step on; its length is that of the whole training, as Lightning wants it."""

    def __init__(self, start: int, steps: int) -> None:
        self._start, self._steps = start, steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._start, self._steps))

    def __len__(self) -> int:
        return self._steps


class _StepLoader(DataLoader[Batch]):
    """A loader whose place follows from the step, so that there is no state to keep."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing, which tells Lightning that the loader can be resumed."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""


class _Looks(Dataset[Batch]):
    """Item i is the i-th batch of the walks that validation looks at."""

    def __init__(self, source: WalkSource[Batch], rows: Int64, frames: int, size: int) -> None:
        self._source, self._frames = source, frames
        self._rows = [rows[i : i + size].tolist() for i in range(0, len(rows), size)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Batch:
        return self._source.batch(self._rows[index], self._frames, None)


def looked_at(
    source: WalkSource[Batch], people: int, walks: int, gallery: tuple[str, ...] = ()
) -> Int64:
    """Return the rows that validation looks at: the first people, walks of each evenly chosen.

    Walks of the gallery's conditions are all kept, so that everybody is enrolled.
    """
    chosen: list[Int64] = []
    for person in np.unique(source.labels)[: people or None]:
        own = np.flatnonzero(source.labels == person)
        enrolled = own[np.isin(source.condition[own], gallery)]
        others = np.setdiff1d(own, enrolled)
        if walks and len(others) > walks:
            others = others[np.linspace(0, len(others) - 1, walks).astype(int)]
        chosen.append(np.sort(np.concatenate([enrolled, others])))
    return np.concatenate(chosen).astype(np.int64)


class TrainingData:
    """What a training learns from and looks at.

    Args:
        experiment: The training.
        train: Walks to learn from.
        validation: Walks to look at; None: none.
        in_turns: Whether neighbours in a batch are of different people, as networks take it that
            pair a walk with its neighbour's; else walks of a person are together.

    Attributes:
        people: Names of the people to learn from.
        rows: Walks of `validation` that are looked at.
        gallery: Which of them are enrolled; None: no conditions are named.

    Raises:
        ValueError: Fewer people than a batch needs, or somebody is in both splits.
    """

    def __init__(
        self,
        experiment: Experiment,
        train: WalkSource[Batch],
        validation: WalkSource[Batch] | None,
        in_turns: bool = False,
    ) -> None:
        self._experiment, self._train, self._validation = experiment, train, validation
        self._in_turns = in_turns
        config = experiment.train
        if len(train.people) < config.batch.people:
            raise ValueError(
                f"the data hold {len(train.people)} people to learn from, batch.people is "
                f"{config.batch.people}: lower it, or add data"
            )
        both = sorted(set(train.people) & set(validation.people if validation else ()))
        if both:
            raise ValueError(f"{both[0]!r} is in the training and in the validation split")
        self.people = train.people
        self.gallery: Bool | None = None
        self.rows: Int64 = np.zeros(0, np.int64)
        if validation is not None:
            look = config.validation
            enrolled = look.gallery if isinstance(look, ValidationConfig) else ()
            self.rows = looked_at(validation, look.people, look.walks, enrolled)
            if enrolled:
                self.gallery = np.isin(validation.condition[self.rows], enrolled)

    def train_loader(self, start: int, rank: int, processes: int) -> DataLoader[Batch]:
        """Return the batches from a step on."""
        config = self._experiment.train
        steps = _Steps(self._train, self._experiment, rank, processes, self._in_turns)
        sampler = _StepSampler(start, config.schedule.iterations)
        workers = config.data.workers
        return _StepLoader(
            steps, batch_size=None, sampler=sampler, num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
        )  # fmt: skip

    def validation_loader(self) -> DataLoader[Batch] | None:
        """Return the walks that validation looks at; every process looks at all of them."""
        look = self._experiment.train.validation
        if self._validation is None or not look.every_iterations:
            return None
        looks = _Looks(self._validation, self.rows, look.frames, look.batch_walks)
        return DataLoader(looks, batch_size=None)


def without_sensors(batch: WalkBatch, sensors: Sequence[str]) -> WalkBatch:
    """Return the batch as if only some sensors (``camera``, ``lidar``) had been there."""
    lost = [name for name in SENSOR_INPUTS if name not in sensors]
    if not lost:
        return batch
    quality = batch.quality.clone()
    for name in lost:
        quality[..., _QUALITY_OF[name]] = 0.0
    empty = {
        key: torch.zeros_like(getattr(batch, key)) for name in lost for key in _TENSORS_OF[name]
    }
    return replace(batch, quality=quality, **empty)
