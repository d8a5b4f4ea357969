"""The pairs of walks that a configuration of a cross-modal training names."""

from __future__ import annotations

import os
from pathlib import Path

from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.data.cross_modal import CrossModalDataset
from gait_reid_training.data.mission_npy import MissionRecords, read_mission
from gait_reid_training.data.mission_splits import split_records
from gait_reid_training.data.mission_walks import MissionWalks
from gait_reid_training.nets.mission.registry import cross_modal_settings
from gait_reid_training.training.batches import TrainingData, WalkSource
from gait_reid_training.training.config import Experiment
from gait_reid_training.training.cross_modal_config import MISSION_NPY, CrossModalConfig
from gait_reid_training.training.subsets import learnt_and_watched


def load_pairs(experiment: Experiment, train: CrossModalConfig) -> TrainingData:
    """Open what a training learns from and looks at; prepare frames where that is missing.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    for key in ("folders",) if train.data.kind == MISSION_NPY else ("folders", "camera_folders"):
        if not getattr(train.data, key):
            kind = {"folders": "with radar", "camera_folders": "with camera"}[key]
            raise ValueError(f"data.{key} is empty: name the folder of the data {kind}")
    if train.data.kind == MISSION_NPY:
        learnt, watched = _published(experiment, train)
    else:
        learnt, watched = _tracklets(train)
    return TrainingData(experiment, learnt, watched, in_turns=True)


_Pairs = WalkSource[CrossModalBatch]


def _tracklets(train: CrossModalConfig) -> tuple[_Pairs, _Pairs | None]:
    def open_split(split: str, people: int, learnt: bool) -> CrossModalDataset:
        augment = learnt and train.data.augment
        return CrossModalDataset(
            train.data.folders, train.data.camera_folders, split, train.radar_input, train.input,
            train.data.cache, people, train.radar_augment if augment else None,
            train.augment if augment else None,
            max(train.run.threads or (os.cpu_count() or 1), 1),
        )  # fmt: skip

    return learnt_and_watched(train.data, train.validation.every_iterations > 0, open_split)


def _published(experiment: Experiment, train: CrossModalConfig) -> tuple[_Pairs, _Pairs | None]:
    data = train.data
    records = read_mission(Path(data.folders[0]))
    _check_joints(experiment, records)

    def some(split: str, augment: bool) -> MissionWalks:
        rows = split_records(
            records.labels, split, data.test_people, data.held_out, data.test_share
        )
        return MissionWalks(
            records, train.radar_input, train.input, rows,
            train.radar_augment if augment else None, train.augment if augment else None,
        )  # fmt: skip

    learnt = some("train", data.augment)
    return learnt, some("validation", False) if data.held_out else None


def _check_joints(experiment: Experiment, records: MissionRecords) -> None:
    wanted = cross_modal_settings(experiment.network, experiment.settings).joints
    found = records.pose.shape[2]
    if wanted != found:
        raise ValueError(
            f"network.joints is {wanted}, allowed: {found}, the joints of the published poses"
        )
