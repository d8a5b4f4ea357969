"""The data sets that a configuration names."""

from __future__ import annotations

import os
from dataclasses import replace

from gait_reid_training.data.augment import AugmentConfig
from gait_reid_training.data.walks import WalkDataset
from gait_reid_training.nets.registry import build_network
from gait_reid_training.training.batches import SENSOR_INPUTS, TrainingData
from gait_reid_training.training.config import Experiment


def load_data(experiment: Experiment) -> TrainingData:
    """Open what a training learns from and looks at; prepare frames where that is missing.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    train = experiment.train
    augmentation = augmentation_of(experiment) if train.data.augment else None
    learnt = WalkDataset(
        train.data.folders,
        train.data.train_split,
        train.input,
        train.data.cache,
        train.data.people,
        augmentation,
        workers=_workers(experiment),
    )
    seen = None
    if train.validation.every_iterations:
        seen = WalkDataset(
            train.data.folders, train.data.validation_split, train.input, train.data.cache
        )
    return TrainingData(experiment, learnt, seen)


def augmentation_of(experiment: Experiment) -> AugmentConfig:
    """Return the augmentation; the only sensor that a network has is never taken from it."""
    uses = build_network(experiment.network, experiment.settings, 0).uses
    left = [one for one in experiment.train.data.sensors if uses & SENSOR_INPUTS[one]]
    if len(left) > 1:
        return experiment.train.augment
    return replace(experiment.train.augment, drop_camera=0.0, drop_lidar=0.0)


def _workers(experiment: Experiment) -> int:
    """Return how many processes may prepare frames."""
    return max(experiment.train.run.threads or (os.cpu_count() or 1), 1)
