"""Walks of several data sets as batches of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig
from gait_reid.core.types import Int64
from gait_reid_training.batch import WalkBatch
from gait_reid_training.data.augment import AugmentConfig, augment
from gait_reid_training.data.cache import Progress, open_cache
from gait_reid_training.data.index import DatasetError, WalkTable


class WalkDataset:
    """The walks of one split of one or more data sets, as prepared frames.

    A name stands for one person in all data sets.

    Args:
        folders: Data sets in the project's tracklet format.
        split: ``train``, ``validation`` or ``test``.
        config: What the network takes.
        cache: Folder of caches; empty: inside of the data sets.
        people: The first so many people only; 0: all.
        augmentation: How batches with a generator are changed; None: not at all.
        workers: Processes that prepare frames where that has not been done.
        progress: Called with finished and total numbers of identities while frames are prepared.

    Attributes:
        people: Names, in order of the labels.
        walks: What is known of each walk.
        labels: (n,) int64, person of each walk.
        condition: (n,) name of the condition of each walk.

    Raises:
        DatasetError: No such data set, or it has no such split.
        CacheError: Prepared frames that are of other data or of another configuration.
    """

    def __init__(
        self,
        folders: Sequence[str | Path],
        split: str,
        config: NetworkInputConfig | None = None,
        cache: str | Path = "",
        people: int = 0,
        augmentation: AugmentConfig | None = None,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> None:
        if not folders:
            raise DatasetError("no data set is named (data.folders is empty)")
        self.config = config or NetworkInputConfig()
        self.augmentation = augmentation
        caches = [open_cache(Path(f), self.config, cache, workers, progress) for f in folders]
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
        self.condition = self.walks.condition

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return some walks with so many frames each (0: all; shorter walks are padded).

        With a generator the frames are drawn at random, with repetition where a walk is shorter,
        and augmented; without, they are evenly spaced and as recorded.
        """
        index = np.asarray(rows, np.int64)
        chosen, mask = self._choose(index, frames, rng)
        values = self._gather(index, chosen)
        shape = mask.shape
        points = _thinned(values, self.config.num_points, rng)
        if rng is not None and self.augmentation is not None:
            points = augment(points, shape, self.augmentation, rng)
        return collate(points, mask, self.labels[index])

    def _choose(
        self, rows: Int64, frames: int, rng: np.random.Generator | None
    ) -> tuple[Int64, npt.NDArray[np.bool_]]:
        """Return (B, T) frame of each walk, and which are not padding."""
        lengths = self.walks.frames[rows]
        count = frames or int(lengths.max(initial=1))
        chosen = np.zeros((len(rows), count), np.int64)
        mask = np.ones((len(rows), count), np.bool_)
        for number, length in enumerate(lengths.tolist()):
            if rng is not None:
                # Every frame comes once before one comes twice.
                rounds = [rng.permutation(length) for _ in range(-(-count // length))]
                chosen[number] = np.concatenate(rounds)[:count]
            elif length >= count:
                chosen[number] = (2 * np.arange(count) + 1) * length // (2 * count)
            else:
                chosen[number, :length] = np.arange(length)
                mask[number, length:] = False
        return chosen + self.walks.first[rows][:, None], mask

    def _gather(self, rows: Int64, chosen: Int64) -> FrameInputs:
        """Copy frames out of the mapped files, those of each data set at once."""
        source = np.repeat(self._source[rows], chosen.shape[1])
        flat = chosen.ravel()
        if len(self._frames) == 1:
            return self._frames[0].at(flat)
        parts = [(number, np.flatnonzero(source == number)) for number in np.unique(source)]
        arrays = {}
        for one in fields(FrameInputs):
            like = getattr(self._frames[0], one.name)
            joined = np.empty((len(flat), *like.shape[1:]), like.dtype)
            for number, places in parts:
                joined[places] = getattr(self._frames[number], one.name)[flat[places]]
            arrays[one.name] = joined
        return FrameInputs(**arrays)


def _joined(tables: Sequence[WalkTable]) -> WalkTable:
    return WalkTable(
        **{
            one.name: np.concatenate([getattr(table, one.name) for table in tables])
            for one in fields(WalkTable)
        }
    )


def _thinned(frames: FrameInputs, number: int, rng: np.random.Generator | None) -> FrameInputs:
    """Return frames with so many points: any with a generator, else every so-and-so-manieth."""
    points = frames.points.astype(np.float32)
    mask = frames.point_mask
    many = np.flatnonzero(mask.sum(axis=1) > number)
    kept = mask[:, :number].copy()
    out = points[:, :number].copy()
    if len(many):
        count = mask[many].sum(axis=1)
        if rng is None:
            order = (2 * np.arange(number) + 1) * count[:, None] // (2 * number)
        else:
            keys = rng.random((len(many), mask.shape[1]), np.float32)
            keys[~mask[many]] = 2.0
            order = np.argpartition(keys, number - 1, axis=1)[:, :number]
        out[many] = np.take_along_axis(points[many], order[..., None], axis=1)
        kept[many] = True
    values = {one.name: getattr(frames, one.name) for one in fields(frames)}
    return FrameInputs(**{**values, "points": out, "point_mask": kept})


def collate(
    frames: FrameInputs, frame_mask: npt.NDArray[np.bool_], labels: npt.ArrayLike
) -> WalkBatch:
    """Return B walks of T frames as tensors; frames that pad are zero and seen by nothing.

    Args:
        frames: B * T frames, those of a walk together.
        frame_mask: (B, T), False on padding.
        labels: (B,) identities by number.
    """
    shape = frame_mask.shape
    padding = ~frame_mask.ravel()
    tensors = {}
    for one in fields(frames):
        values = np.ascontiguousarray(getattr(frames, one.name))
        if padding.any():
            values = values.copy()
            values[padding] = 0
        if one.name == "points":
            values = values.astype(np.float32, copy=False)
        tensors[one.name] = torch.from_numpy(values.reshape(*shape, *values.shape[1:]))
    return WalkBatch(
        **tensors,
        frame_mask=torch.from_numpy(frame_mask),
        labels=torch.from_numpy(np.asarray(labels, np.int64).copy()),
    )
