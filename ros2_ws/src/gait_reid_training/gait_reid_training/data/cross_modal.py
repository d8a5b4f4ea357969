"""Pairs of walks of one person: one before a radar, another one before a camera elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from gait_reid.core.network_input import NetworkInputConfig
from gait_reid.core.radar_input import RadarInputConfig
from gait_reid.core.types import Int64
from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.data.augment import AugmentConfig
from gait_reid_training.data.index import DatasetError
from gait_reid_training.data.preparations import PosePreparation
from gait_reid_training.data.prepared import PreparedWalks
from gait_reid_training.data.radar_walks import RadarAugmentConfig, RadarDataset
from gait_reid_training.data.walks import WalkDataset, collate, tensors_of


class CrossModalDataset:
    """Radar walks, each with camera walks of the same person.

    A radar walk and a camera walk are never the same walk: they come from different data sets. The
    rows are radar walks; identities that only one of the two has are left out.

    Args:
        radar: Data sets with radar.
        vision: Data sets with camera.
        split: ``train``, ``validation`` or ``test``.
        radar_config: What the network takes of the radar.
        vision_config: What it takes of the camera.
        cache: Folder of caches; empty: inside of the data sets.
        people: The first so many people only; 0: all.
        radar_augmentation: How radar walks are changed; None: not at all.
        vision_augmentation: How camera walks are changed. They are never mirrored, because the
            radar's are not.
        workers: Processes that prepare frames where that has not been done.

    Attributes:
        people: Names, in order of the labels.
        labels: (n,) int64, person of each radar walk.
        condition: (n,) name of the condition of each radar walk.
        vision: All camera walks.
        radar: All radar walks.

    Raises:
        DatasetError: No such data sets, or nobody is in both.
        CacheError: Prepared frames that are of other data or of another configuration.
    """

    def __init__(
        self,
        radar: Sequence[str | Path],
        vision: Sequence[str | Path],
        split: str,
        radar_config: RadarInputConfig | None = None,
        vision_config: NetworkInputConfig | None = None,
        cache: str | Path = "",
        people: int = 0,
        radar_augmentation: RadarAugmentConfig | None = None,
        vision_augmentation: AugmentConfig | None = None,
        workers: int = 1,
    ) -> None:
        if vision_augmentation is not None:
            vision_augmentation = replace(vision_augmentation, mirror=0.0)
        self.radar = RadarDataset(radar, split, radar_config, cache, 0, radar_augmentation, workers)
        self.vision = WalkDataset(
            vision, split, vision_config, cache, 0, vision_augmentation, workers, in_order=True
        )
        self._poses = PreparedWalks(vision, split, PosePreparation(), cache, 0, workers)
        both = sorted(set(self.radar.people) & set(self.vision.people))
        if not both:
            raise DatasetError(
                f"nobody of {', '.join(map(str, radar))} is in {', '.join(map(str, vision))}"
            )
        self.people = tuple(both[: people or None])
        number = {name: label for label, name in enumerate(self.people)}
        of_radar = np.array([number.get(name, -1) for name in self.radar.people])
        of_vision = np.array([number.get(name, -1) for name in self.vision.people])
        self.rows: Int64 = np.flatnonzero(of_radar[self.radar.labels] >= 0)
        self.labels: Int64 = of_radar[self.radar.labels[self.rows]].astype(np.int64)
        self.condition = self.radar.condition[self.rows]
        self._vision_rows = [
            np.flatnonzero(of_vision[self.vision.labels] == label)
            for label in range(len(self.people))
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def partners(self, rows: Sequence[int], rng: np.random.Generator | None) -> Int64:
        """Return a camera walk for each radar walk, each once as long as they last.

        Without random numbers the first radar walk of a person gets the first camera walk, and so
        on in turns.
        """
        index = np.asarray(rows, np.int64)
        out = np.zeros(len(index), np.int64)
        for label in np.unique(self.labels[index]):
            places = np.flatnonzero(self.labels[index] == label)
            own = self._vision_rows[label]
            if rng is None:
                turn = index[places] - np.flatnonzero(self.labels == label)[0]
                out[places] = own[turn % len(own)]
            else:
                rounds = [rng.permutation(own) for _ in range(-(-len(places) // len(own)))]
                out[places] = np.concatenate(rounds)[: len(places)]
        return out

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> CrossModalBatch:
        """Return radar walks with camera walks of the same people, so many frames each."""
        index = np.asarray(rows, np.int64)
        labels = self.labels[index]
        radar = self.radar.batch(self.rows[index].tolist(), frames, rng)
        partners = self.partners(rows, rng)
        chosen, mask = self.vision.choose(partners, frames, rng, in_order=True)
        values = self.vision.frames_of(partners, chosen, rng)
        poses = tensors_of(self._poses.gather(partners, chosen), mask)
        return CrossModalBatch(
            collate(values, mask, labels),
            replace(radar, labels=torch.from_numpy(labels.copy())),
            poses["joints"],
            poses["has_pose"],
        )
