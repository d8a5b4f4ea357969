"""Walks of several data sets as batches of tensors, for encoders of LiDAR and camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig
from gait_reid.core.types import Int64
from gait_reid_training.batch import WalkBatch
from gait_reid_training.data.augment import AugmentConfig, augment
from gait_reid_training.data.augment_silhouette import change_silhouettes
from gait_reid_training.data.cache import Progress
from gait_reid_training.data.preparations import FramePreparation
from gait_reid_training.data.prepared import PreparedWalks


class WalkDataset(PreparedWalks):
    """The walks of one split of one or more data sets, as prepared frames.

    Args:
        folders: Data sets in the project's tracklet format.
        split: ``train``, ``validation`` or ``test``.
        config: What the network takes.
        cache: Folder of caches; empty: inside of the data sets.
        people: The first so many people only; 0: all.
        augmentation: How batches with a generator are changed; None: not at all.
        workers: Processes that prepare frames where that has not been done.
        progress: Called with finished and total numbers of identities while frames are prepared.
        in_order: Whether frames follow each other, as networks need that look at movement.
        coarse: Whether silhouettes are made as coarse as motion gives them; with an augmentation,
            which does that itself, it counts for batches without a generator alone.

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
        in_order: bool = False,
        coarse: bool = False,
    ) -> None:
        self.coarse = coarse
        self.config = config or NetworkInputConfig()
        self.augmentation = augmentation
        self.in_order = in_order
        preparation = FramePreparation(self.config)
        super().__init__(folders, split, preparation, cache, people, workers, progress)
        self.condition = self.walks.condition

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return some walks with so many frames each (0: all; shorter walks are padded).

        With a generator the frames are drawn at random, with repetition where a walk is shorter,
        and augmented; without, they are evenly spaced and as recorded.
        """
        index = np.asarray(rows, np.int64)
        chosen, mask = self.choose(index, frames, rng, self.in_order)
        return collate(self.frames_of(index, chosen, rng), mask, self.labels[index])

    def frames_of(self, rows: Int64, chosen: Int64, rng: np.random.Generator | None) -> FrameInputs:
        """Return B * T frames with as many points as the network takes, augmented with `rng`."""
        values = _thinned(self.gather(rows, chosen), self.config.num_points, rng)
        if rng is not None and self.augmentation is not None:
            values = augment(values, chosen.shape, self.augmentation, rng)
        elif self.coarse:
            self._coarsen(values, rows, chosen.shape[1])
        return values

    @staticmethod
    def _coarsen(values: FrameInputs, rows: Int64, length: int) -> None:
        """Change silhouettes in place; each walk has random numbers of its own."""
        for number, row in enumerate(rows.tolist()):
            part = slice(number * length, (number + 1) * length)
            one = FrameInputs(**{f.name: getattr(values, f.name)[part] for f in fields(values)})
            change_silhouettes(one, (1, length), np.ones(1), 1.0, np.random.default_rng([2, row]))


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


def tensors_of(frames: object, frame_mask: npt.NDArray[np.bool_]) -> dict[str, Tensor]:
    """Return the arrays of B * T frames as tensors (B, T, ...), zero on frames that pad.

    Args:
        frames: Dataclass of parallel arrays, the frames of a walk together.
        frame_mask: (B, T), False on padding.
    """
    padding = ~frame_mask.ravel()
    tensors = {}
    for one in fields(frames):  # type: ignore[arg-type]
        values = np.ascontiguousarray(getattr(frames, one.name))
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        if padding.any():
            values = values.copy()
            values[padding] = 0
        tensors[one.name] = torch.from_numpy(values.reshape(*frame_mask.shape, *values.shape[1:]))
    return tensors


def collate(
    frames: FrameInputs, frame_mask: npt.NDArray[np.bool_], labels: npt.ArrayLike
) -> WalkBatch:
    """Return B walks of T frames as tensors; frames that pad are zero and seen by nothing.

    Args:
        frames: B * T frames, those of a walk together.
        frame_mask: (B, T), False on padding.
        labels: (B,) identities by number.
    """
    return WalkBatch(
        **tensors_of(frames, frame_mask),
        frame_mask=torch.from_numpy(frame_mask),
        labels=torch.from_numpy(np.asarray(labels, np.int64).copy()),
    )
