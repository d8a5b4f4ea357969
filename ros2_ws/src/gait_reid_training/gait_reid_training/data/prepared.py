"""Prepared walks of several data sets as one table, and frames drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Int64
from gait_reid_training.data.cache import Progress, open_cache
from gait_reid_training.data.index import DatasetError, WalkTable
from gait_reid_training.data.preparations import Preparation

Bool = npt.NDArray[np.bool_]


class PreparedWalks:
    """The walks of one split of one or more data sets.

    A name stands for one person in all data sets.

    Args:
        folders: Data sets in the project's tracklet format.
        split: ``train``, ``validation`` or ``test``.
        preparation: How frames are prepared.
        cache: Folder of caches; empty: inside of the data sets.
        people: The first so many people only; 0: all.
        workers: Processes that prepare frames where that has not been done.
        progress: Called with finished and total numbers of identities while frames are prepared.

    Attributes:
        people: Names, in order of the labels.
        walks: What is known of each walk.
        labels: (n,) int64, person of each walk.

    Raises:
        DatasetError: No such data set, or it has no such split.
        CacheError: Prepared frames that are of other data or of another configuration.
    """

    def __init__(
        self,
        folders: Sequence[str | Path],
        split: str,
        preparation: Preparation,
        cache: str | Path = "",
        people: int = 0,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> None:
        if not folders:
            raise DatasetError("no data set is named (data.folders is empty)")
        caches = [open_cache(Path(f), preparation, cache, workers, progress) for f in folders]
        self._frames = [one.frames for one in caches]
        own = [np.flatnonzero(one.walks.split == split) for one in caches]
        names = np.unique(np.concatenate([c.walks.person_id[r] for c, r in zip(caches, own)]))
        if not len(names):
            raise DatasetError(f"{', '.join(map(str, folders))}: no walks of split {split!r}")
        self.people = tuple(names[: people or None].tolist())
        own = [r[np.isin(c.walks.person_id[r], self.people)] for c, r in zip(caches, own)]
        self._source = np.repeat(np.arange(len(caches)), [len(rows) for rows in own])
        self.walks = _joined([one.walks.at(rows) for one, rows in zip(caches, own)])
        self.labels: Int64 = np.searchsorted(names, self.walks.person_id).astype(np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def choose(
        self, rows: Int64, frames: int, rng: np.random.Generator | None, in_order: bool = False
    ) -> tuple[Int64, Bool]:
        """Draw frames of some walks.

        Args:
            rows: (B,) walks.
            frames: T, frames of each; 0: all.
            rng: Random numbers; without them the same frames are chosen each time.
            in_order: Frames that follow each other, from anywhere in the walk (without random
                numbers: from its middle); else any frames, without repetition as long as they last
                (without random numbers: evenly spaced).

        Returns:
            (B, T) rows of frames, and (B, T) bool, False where a walk is too short.
        """
        lengths = self.walks.frames[rows]
        count = frames or int(lengths.max(initial=1))
        chosen = np.zeros((len(rows), count), np.int64)
        mask = np.ones((len(rows), count), np.bool_)
        for number, length in enumerate(lengths.tolist()):
            taken = min(count, length)
            if in_order:
                slack = length - taken
                start = slack // 2 if rng is None else int(rng.integers(slack + 1))
                chosen[number, :taken] = start + np.arange(taken)
            elif rng is not None:
                # Every frame comes once before one comes twice.
                rounds = [rng.permutation(length) for _ in range(-(-count // length))]
                chosen[number], taken = np.concatenate(rounds)[:count], count
            else:
                chosen[number, :taken] = (2 * np.arange(taken) + 1) * length // (2 * taken)
            mask[number, taken:] = False
        return chosen + self.walks.first[rows][:, None], mask

    def gather(self, rows: Int64, chosen: Int64) -> Any:
        """Copy B * T frames out of the mapped files, those of each data set at once."""
        source = np.repeat(self._source[rows], chosen.shape[1])
        flat = chosen.ravel()
        if len(self._frames) == 1:
            return self._frames[0].at(flat)
        parts = [(number, np.flatnonzero(source == number)) for number in np.unique(source)]
        arrays = {}
        for one in fields(self._frames[0]):
            like = getattr(self._frames[0], one.name)
            joined = np.empty((len(flat), *like.shape[1:]), like.dtype)
            for number, places in parts:
                joined[places] = getattr(self._frames[number], one.name)[flat[places]]
            arrays[one.name] = joined
        return type(self._frames[0])(**arrays)


def _joined(tables: Sequence[WalkTable]) -> WalkTable:
    return WalkTable(
        **{
            one.name: np.concatenate([getattr(table, one.name) for table in tables])
            for one in fields(WalkTable)
        }
    )
