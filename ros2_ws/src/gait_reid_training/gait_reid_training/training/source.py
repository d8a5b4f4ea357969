"""The data sets that a configuration names."""

from __future__ import annotations

import os
from dataclasses import replace

from gait_reid_training.batch import WalkBatch
from gait_reid_training.data.augment import AugmentConfig
from gait_reid_training.data.walks import WalkDataset
from gait_reid_training.nets.registry import build_network
from gait_reid_training.training.batches import SENSOR_INPUTS, TrainingData, WalkSource
from gait_reid_training.training.config import Experiment, TrainConfig
from gait_reid_training.training.cross_modal_config import CrossModalConfig
from gait_reid_training.training.cross_modal_source import load_pairs
from gait_reid_training.training.subsets import SomePeople, SomeSensors, people_left


def load_data(experiment: Experiment) -> TrainingData:
    """Open what a training learns from and looks at; prepare frames where that is missing.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    train = experiment.train
    if isinstance(train, CrossModalConfig):
        return load_pairs(experiment, train)
    augmentation = augmentation_of(experiment, train) if train.data.augment else None
    people, split = train.data.people, train.data.train_split
    watched: WalkSource[WalkBatch] | None = None
    if train.data.held_out:
        everybody = _open(train, split, 0)
        people = people_left(len(everybody.people), train.data.held_out, people, split)
        watched = SomePeople(everybody, train.data.held_out)
    elif train.validation.every_iterations:
        watched = _open(train, train.data.validation_split, 0)
    sensors = train.data.sensors
    return TrainingData(
        experiment,
        SomeSensors(_open(train, split, people, augmentation), sensors),
        None if watched is None else SomeSensors(watched, sensors),
    )


def _open(
    train: TrainConfig, split: str, people: int, augmentation: AugmentConfig | None = None
) -> WalkDataset:
    return WalkDataset(
        train.data.folders,
        split,
        train.input,
        train.data.cache,
        people,
        augmentation,
        workers=max(train.run.threads or (os.cpu_count() or 1), 1),
    )


def augmentation_of(experiment: Experiment, train: TrainConfig) -> AugmentConfig:
    """Return the augmentation; nothing is taken of the only sensor that a network has."""
    uses = build_network(experiment.network, experiment.settings, 0).uses
    left = [one for one in train.data.sensors if uses & SENSOR_INPUTS[one]]
    if len(left) > 1:
        return train.augment
    return replace(train.augment, drop_camera=0.0, drop_lidar=0.0, camera_frames=0)
