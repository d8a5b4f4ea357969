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
from gait_reid_training.training.subsets import SomeSensors, learnt_and_watched


def load_data(experiment: Experiment) -> TrainingData:
    """Open what a training learns from and looks at; prepare frames where that is missing.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    train = experiment.train
    if isinstance(train, CrossModalConfig):
        return load_pairs(experiment, train)
    augmentation = augmentation_of(experiment, train) if train.data.augment else None

    def open_split(split: str, people: int, learnt: bool) -> WalkSource[WalkBatch]:
        walks = WalkDataset(
            train.data.folders, split, train.input, train.data.cache, people,
            augmentation if learnt else None,
            workers=max(train.run.threads or (os.cpu_count() or 1), 1),
        )  # fmt: skip
        return SomeSensors(walks, train.data.sensors)

    look = train.validation.every_iterations > 0
    return TrainingData(experiment, *learnt_and_watched(train.data, look, open_split))


def augmentation_of(experiment: Experiment, train: TrainConfig) -> AugmentConfig:
    """Return the augmentation; nothing is taken of the only sensor that a network has."""
    uses = build_network(experiment.network, experiment.settings, 0).uses
    left = [one for one in train.data.sensors if uses & SENSOR_INPUTS[one]]
    if len(left) > 1:
        return train.augment
    return replace(train.augment, drop_camera=0.0, drop_lidar=0.0, camera_frames=0)
