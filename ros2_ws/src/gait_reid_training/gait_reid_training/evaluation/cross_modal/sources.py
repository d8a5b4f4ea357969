"""The walks that a checkpoint of a network between radar and camera is evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from gait_reid.core.types import Int64
from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch
from gait_reid_training.data.cross_modal import CrossModalDataset
from gait_reid_training.data.index import WalkTable
from gait_reid_training.data.mission_npy import read_mission
from gait_reid_training.data.mission_splits import split_records
from gait_reid_training.data.mission_walks import MissionWalks
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks
from gait_reid_training.training.checkpoint import Checkpoint, CheckpointError
from gait_reid_training.training.cross_modal_config import MISSION_NPY, CrossModalConfig


class RecordedPairs:
    """Mission's published records, as data of both sensors at once.

    Args:
        records: Records of a split; each was before radar and camera at the same time.

    Attributes:
        radar: Walks before the radar, one of each record.
        vision: Walks before the camera, one of each record.
        rows: (n,) all rows.
    """

    def __init__(self, records: MissionWalks, frames: int) -> None:
        self._records = records
        self.rows: Int64 = np.arange(len(records))
        table = _table(records, frames)
        self.radar = SimpleNamespace(walks=table, batch=self._heard)
        self.vision = SimpleNamespace(walks=table, batch=self._seen)
        shown = records.partners(self.rows.tolist(), None)
        self._shown_with = np.argsort(shown, kind="stable")

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> CrossModalBatch:
        """Return records with the pictures of another record of the same person."""
        return self._records.batch(rows, frames, rng)

    def _heard(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> RadarWalkBatch:
        return self._records.batch(rows, frames, rng).radar

    def _seen(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return the pictures of records: those that another record is shown with."""
        return self._records.batch(self._shown_with[list(rows)].tolist(), frames, rng).vision


def _table(records: MissionWalks, frames: int) -> WalkTable:
    rows = [
        {"person_id": records.people[label], "name": str(number), "first": 0, "frames": frames}
        for number, label in enumerate(records.labels.tolist())
    ]
    return replace(WalkTable.of(rows), condition=records.condition)


def own_data(read: Checkpoint) -> tuple[list[str], list[str]]:
    """Return the data sets with radar and those with camera that a training learnt from."""
    data = _config(read).data
    return list(data.folders), list(data.camera_folders or data.folders)


def open_walks(
    read: Checkpoint,
    radar: Sequence[str],
    vision: Sequence[str],
    split: str,
    cache: str = "",
    queries: int = 0,
    records: int = 0,
) -> CrossModalWalks:
    """Return the walks of a split, prepared as a network takes them.

    Args:
        read: The network's checkpoint.
        radar: Data sets with radar, or the folder of published arrays that it learnt from.
        vision: Data sets with camera.
        split: Split.
        cache: Folder of prepared frames; empty: the training's.
        queries: Radar walks of each person; 0: all.
        records: Camera walks of each person; 0: all.

    Raises:
        ValueError: Data that are missing, damaged or do not fit.
    """
    train = _config(read)
    if train.data.kind == MISSION_NPY:
        return CrossModalWalks(_published(train, radar[0], split), queries, records, True)
    data = CrossModalDataset(
        radar, vision, split, train.radar_input, train.input, cache or train.data.cache
    )
    shared = {Path(one).resolve() for one in radar} & {Path(one).resolve() for one in vision}
    return CrossModalWalks(data, queries, records, bool(shared))


def _published(train: CrossModalConfig, folder: str, split: str) -> RecordedPairs:
    records = read_mission(Path(folder))
    data = train.data
    rows = split_records(records.labels, split, data.test_people, data.held_out, data.test_share)
    walks = MissionWalks(records, train.radar_input, train.input, rows)
    return RecordedPairs(walks, int(records.radar.shape[1]))


def _config(read: Checkpoint) -> CrossModalConfig:
    train = read.experiment.train
    if not isinstance(train, CrossModalConfig):
        raise CheckpointError(
            f"{read.path} is of {read.experiment.network}, which is not between radar and camera: "
            "it has other modes, see --help"
        )
    return train
