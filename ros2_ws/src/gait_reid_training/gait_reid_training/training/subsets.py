"""Some people of a split, and walks as only some sensors saw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch

from gait_reid_training.batch import CrossModalBatch, WalkBatch
from gait_reid_training.training.batches import WalkSource, without_sensors
from gait_reid_training.training.config_groups import FoldersConfig

BatchT = TypeVar("BatchT", WalkBatch, CrossModalBatch)


class SomePeople(Generic[BatchT]):
    """The last people of a split, for data sets that have no split to watch.

    Args:
        source: The split.
        count: How many people.
    """

    def __init__(self, source: WalkSource[BatchT], count: int) -> None:
        first = len(source.people) - count
        self._source: WalkSource[BatchT] = source
        self._rows = np.flatnonzero(source.labels >= first)
        self.people = source.people[first:]
        self.labels = source.labels[self._rows] - first
        self.condition = source.condition[self._rows]

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> BatchT:
        """Return some of their walks; the labels are those of this object."""
        batch = self._source.batch(self._rows[list(rows)].tolist(), frames, rng)
        return batch.with_labels(torch.from_numpy(self.labels[list(rows)].copy()))


class SomeSensors:
    """The walks of a split as if only some sensors had been there.

    Args:
        source: The split.
        sensors: Of ``camera`` and ``lidar``.
    """

    def __init__(self, source: WalkSource[WalkBatch], sensors: Sequence[str]) -> None:
        self._source, self._sensors = source, sensors
        self.people, self.labels, self.condition = source.people, source.labels, source.condition

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return some walks."""
        return without_sensors(self._source.batch(rows, frames, rng), self._sensors)


def learnt_and_watched(
    data: FoldersConfig, look: bool, open_split: Callable[[str, int, bool], WalkSource[BatchT]]
) -> tuple[WalkSource[BatchT], WalkSource[BatchT] | None]:
    """Return the people that a training learns from and those that it looks at.

    Args:
        data: Names splits, and who is held out.
        look: Whether a training looks at anybody when nobody is held out.
        open_split: Opens so many people of a split (0: all), to learn from or not.

    Raises:
        ValueError: Nobody would be left to learn from.
    """
    people, split = data.people, data.train_split
    watched: WalkSource[BatchT] | None = None
    if data.held_out:
        everybody = open_split(split, 0, False)
        left = len(everybody.people) - data.held_out
        if left <= 0:
            raise ValueError(
                f"data.held_out is {data.held_out}, allowed: less than the "
                f"{len(everybody.people)} people of split {split!r}"
            )
        people, watched = min(people or left, left), SomePeople(everybody, data.held_out)
    elif look:
        watched = open_split(data.validation_split, 0, False)
    return open_split(split, people, True), watched
