"""The data sets that a configuration names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from gait_reid_training.batch import WalkBatch
from gait_reid_training.data.augment import AugmentConfig
from gait_reid_training.data.walks import WalkDataset
from gait_reid_training.nets.registry import build_network
from gait_reid_training.training.batches import SENSOR_INPUTS, TrainingData
from gait_reid_training.training.config import Experiment


class SomePeople:
    """The last people of a split, for data sets that have no split to watch.

    Args:
        source: The split.
        count: How many people.
    """

    def __init__(self, source: WalkDataset, count: int) -> None:
        first = len(source.people) - count
        self._source = source
        self._rows = np.flatnonzero(source.labels >= first)
        self.people = source.people[first:]
        self.labels = source.labels[self._rows] - first
        self.condition = source.condition[self._rows]

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return some of their walks; the labels are those of this object."""
        batch = self._source.batch(self._rows[list(rows)].tolist(), frames, rng)
        return replace(batch, labels=torch.from_numpy(self.labels[list(rows)].copy()))


def load_data(experiment: Experiment) -> TrainingData:
    """Open what a training learns from and looks at; prepare frames where that is missing.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    train = experiment.train
    held = train.data.held_out
    watched: SomePeople | WalkDataset | None = None
    people = train.data.people
    if held:
        everybody = _open(experiment, train.data.train_split, 0)
        if held >= len(everybody.people):
            raise ValueError(
                f"data.held_out is {held}, allowed: less than the {len(everybody.people)} people "
                f"of split {train.data.train_split!r}"
            )
        left = len(everybody.people) - held
        watched, people = SomePeople(everybody, held), min(people or left, left)
    elif train.validation.every_iterations:
        watched = _open(experiment, train.data.validation_split, 0)
    return TrainingData(
        experiment, _open(experiment, train.data.train_split, people, True), watched
    )


def _open(experiment: Experiment, split: str, people: int, learnt: bool = False) -> WalkDataset:
    train = experiment.train
    change = learnt and train.data.augment
    return WalkDataset(
        train.data.folders,
        split,
        train.input,
        train.data.cache,
        people,
        augmentation_of(experiment) if change else None,
        workers=max(train.run.threads or (os.cpu_count() or 1), 1),
    )


def augmentation_of(experiment: Experiment) -> AugmentConfig:
    """Return the augmentation; the only sensor that a network has is never taken from it."""
    uses = build_network(experiment.network, experiment.settings, 0).uses
    left = [one for one in experiment.train.data.sensors if uses & SENSOR_INPUTS[one]]
    if len(left) > 1:
        return experiment.train.augment
    return replace(experiment.train.augment, drop_camera=0.0, drop_lidar=0.0)
