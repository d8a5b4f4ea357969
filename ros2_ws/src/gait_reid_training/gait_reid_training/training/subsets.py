"""Some people of a split, and walks as only some sensors saw them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import torch

from gait_reid_training.batch import CrossModalBatch, WalkBatch
from gait_reid_training.training.batches import WalkSource, without_sensors

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


def people_left(everybody: int, held_out: int, wanted: int, split: str) -> int:
    """Return how many people of a split are learnt from when some are held out.

    Raises:
        ValueError: Nobody would be left.
    """
    if held_out >= everybody:
        raise ValueError(
            f"data.held_out is {held_out}, allowed: less than the {everybody} people of split "
            f"{split!r}"
        )
    left = everybody - held_out
    return min(wanted or left, left)
