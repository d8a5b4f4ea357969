"""Who is looked for before a radar and who is enrolled before cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Int64
from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch
from gait_reid_training.data.index import WalkTable
from gait_reid_training.evaluation.metrics import Bool
from gait_reid_training.evaluation.walks import Text


class SensorWalks(Protocol):
    """Walks before one sensor."""

    @property
    def walks(self) -> WalkTable:
        """What is known of each walk."""

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> Any:
        """Return some walks with so many frames."""


class PairData(Protocol):
    """Walks of both sensors, as `gait_reid_training.data.cross_modal.CrossModalDataset`.

    Attributes:
        rows: Radar walks of people who walked before both, in the order that `batch` counts.
    """

    rows: Int64

    @property
    def radar(self) -> SensorWalks:
        """Walks before the radar."""

    @property
    def vision(self) -> SensorWalks:
        """Walks before cameras."""

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> CrossModalBatch:
        """Return radar walks, each with a camera walk of the same person."""


class CrossModalWalks:
    """Radar walks (queries) and camera walks (records of the gallery) of a split.

    People whom only the radar saw are strangers, people whom only cameras saw are further enrolled
    people. Somebody with a single walk, before both sensors at once, is left out: there is no
    other walk to be found by.

    Args:
        data: Walks of both sensors.
        queries: Radar walks of each person, evenly chosen; 0: all.
        records: Camera walks of each person, evenly chosen; 0: all.
        same_recordings: Whether walks of equal person and name are one walk before both sensors,
            which is never compared with itself.

    Attributes:
        radar: (n) what is known of the queries.
        vision: (m) what is known of the records.
        allowed: (n, m) bool, False where both are of the same walk.
        radar_partner: (n,) column of a record of the same person, another one for each query in
            turns; -1 without one.
        vision_partner: (m,) row of a query of the same person; -1 without one.
        excluded: Names of people with a single walk.
        frames: Frames of the longest walk.
    """

    def __init__(
        self,
        data: PairData,
        queries: int = 0,
        records: int = 0,
        same_recordings: bool = False,
    ) -> None:
        self._data = data
        rows = some_of_each(data.radar.walks.person_id, queries)
        columns = some_of_each(data.vision.walks.person_id, records)
        known = [
            table.walks.at(some) for table, some in ((data.radar, rows), (data.vision, columns))
        ]
        alike = np.zeros((len(rows), len(columns)), np.bool_)
        if same_recordings:
            names = [np.char.add(np.char.add(one.person_id, "/"), one.name) for one in known]
            alike = names[0][:, None] == names[1][None]
        self.excluded = single_recorded(known[0].person_id, known[1].person_id, alike)
        kept_rows = ~np.isin(known[0].person_id, self.excluded)
        kept_columns = ~np.isin(known[1].person_id, self.excluded)
        self._rows, self._columns = rows[kept_rows], columns[kept_columns]
        self.radar, self.vision = known[0].at(kept_rows), known[1].at(kept_columns)
        self.allowed = ~alike[np.ix_(kept_rows, kept_columns)]
        self.radar_partner = partners(self.radar.person_id, self.vision.person_id)
        self.vision_partner = partners(self.vision.person_id, self.radar.person_id)
        if not (self.radar_partner >= 0).any():
            raise ValueError("nobody is left who walked before the radar and before a camera")
        self.frames = int(max(self.radar.frames.max(), self.vision.frames.max()))

    def radar_batch(self, rows: Sequence[int], frames: int) -> RadarWalkBatch:
        """Return some queries with so many frames from their middle."""
        batch: RadarWalkBatch = self._data.radar.batch(
            self._rows[list(rows)].tolist(), frames, None
        )
        return batch

    def vision_batch(self, columns: Sequence[int], frames: int) -> WalkBatch:
        """Return some records with so many frames from their middle."""
        batch: WalkBatch = self._data.vision.batch(
            self._columns[list(columns)].tolist(), frames, None
        )
        return batch

    def pairs(self, rows: Sequence[int], frames: int) -> CrossModalBatch:
        """Return some queries that have a record, each with a record of the same person."""
        places = np.searchsorted(self._data.rows, self._rows[list(rows)])
        return self._data.batch(places.tolist(), frames, None)


def some_of_each(person_id: Text, count: int) -> Int64:
    """Return the rows of so many walks of each person, evenly chosen; 0: all, in their order."""
    if not count:
        return np.arange(len(person_id))
    chosen = []
    for person in np.unique(person_id):
        own = np.flatnonzero(person_id == person)
        taken = min(count, len(own))
        chosen.append(own[(2 * np.arange(taken) + 1) * len(own) // (2 * taken)])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def single_recorded(radar: Text, vision: Text, alike: Bool) -> list[str]:
    """Return the people whom both sensors saw, but never on two walks.

    Args:
        radar: (n,) people of the queries.
        vision: (m,) people of the records.
        alike: (n, m), whether both are of one walk.
    """
    both = np.intersect1d(radar, vision)
    right = (radar[:, None] == vision[None]) & ~alike
    return [str(one) for one in np.setdiff1d(both, radar[right.any(axis=1)])]


def partners(own: Text, other: Text) -> Int64:
    """Return for each walk a walk of the same person among the others, in turns; -1 without one."""
    out = np.full(len(own), -1, np.int64)
    for person in np.intersect1d(own, other):
        mine, theirs = np.flatnonzero(own == person), np.flatnonzero(other == person)
        out[mine] = theirs[np.arange(len(mine)) % len(theirs)]
    return out


def folded_views(view_deg: npt.NDArray[np.float64]) -> Text:
    """Return directions of walking as names of 0 to 180 degrees, left and right alike."""
    whole = np.abs((np.nan_to_num(view_deg, nan=0.0) + 180.0) % 360.0 - 180.0)
    names = [f"{angle:.0f}" for angle in np.round(whole)]
    return np.where(np.isfinite(view_deg), names, "unknown")
