"""Published records of Mission as pairs of walks, like those of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare
from gait_reid.core.radar_input import RadarFrameInputs, RadarInputConfig
from gait_reid.core.types import Int64, Modality, PersonCrop
from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.data.augment import AugmentConfig, augment
from gait_reid_training.data.mission_npy import RATE_HZ, MissionRecords
from gait_reid_training.data.preparations import PoseFrames
from gait_reid_training.data.radar_walks import RadarAugmentConfig, augment_radar, collate_radar
from gait_reid_training.data.walks import collate, tensors_of


class MissionWalks:
    """Radar of one record with pictures of another record of the same person.

    A person with a single record gets that one for both.

    Args:
        records: What was read.
        radar_config: What the network takes of the radar.
        vision_config: What it takes of the camera.
        rows: Records that there are (`mission_splits`); None: all.
        radar_augmentation: How radar walks are changed; None: not at all.
        vision_augmentation: How camera walks are changed; they are never mirrored.

    Attributes:
        people: Names of those who have records, in order of the labels.
        labels: (n,) int64, person of each record.
        condition: (n,) empty: the files do not tell.
    """

    def __init__(
        self,
        records: MissionRecords,
        radar_config: RadarInputConfig | None = None,
        vision_config: NetworkInputConfig | None = None,
        rows: Int64 | None = None,
        radar_augmentation: RadarAugmentConfig | None = None,
        vision_augmentation: AugmentConfig | None = None,
    ) -> None:
        self._records = records
        self._radar_config = radar_config or RadarInputConfig()
        self._vision_config = vision_config or NetworkInputConfig()
        self._radar_augmentation = radar_augmentation
        self._vision_augmentation = (
            None if vision_augmentation is None else replace(vision_augmentation, mirror=0.0)
        )
        self._rows = np.arange(len(records)) if rows is None else rows
        present, labels = np.unique(records.labels[self._rows], return_inverse=True)
        self.people = tuple(records.people[one] for one in present)
        self.labels: Int64 = labels.reshape(-1).astype(np.int64)
        self.condition = np.array([""] * len(self.labels), dtype=np.str_)

    def __len__(self) -> int:
        return len(self.labels)

    def partners(self, rows: Sequence[int], rng: np.random.Generator | None) -> Int64:
        """Return the record whose pictures go with each record: the person's next, or any other."""
        out = []
        for row in rows:
            own = np.flatnonzero(self.labels == self.labels[row])
            others = own[own != row]
            if not len(others):
                out.append(row)
            elif rng is not None:
                out.append(int(rng.choice(others)))
            else:
                out.append(int(own[(np.flatnonzero(own == row)[0] + 1) % len(own)]))
        return np.array(out, np.int64)

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> CrossModalBatch:
        """Return records with so many frames that follow each other (0: all)."""
        length = self._records.radar.shape[1]
        count = min(frames, length) or length
        start = (length - count) // 2 if rng is None else int(rng.integers(length - count + 1))
        shown = start + np.arange(count)
        heard = [self._radar(int(row), shown) for row in rows]
        partners = self.partners(rows, rng)
        radar, poses = (_joined(part) for part in zip(*heard))
        vision = _joined([self._pictures(int(row)).at(shown) for row in partners])
        bodies = _joined([self._radar(int(row), shown)[1] for row in partners])
        mask = np.ones((len(rows), count), np.bool_)
        if rng is not None and self._radar_augmentation is not None:
            radar, poses = augment_radar(radar, poses, mask.shape, self._radar_augmentation, rng)
        if rng is not None and self._vision_augmentation is not None:
            vision = augment(vision, mask.shape, self._vision_augmentation, rng)
        labels = self.labels[np.asarray(rows, np.int64)]
        known = tensors_of(bodies, mask)
        return CrossModalBatch(
            collate(vision, mask, labels),
            collate_radar(radar, poses, mask, labels),
            known["joints"],
            torch.ones_like(known["has_pose"]),
        )

    def _radar(self, row: int, shown: Int64) -> tuple[RadarFrameInputs, PoseFrames]:
        radar, poses = self._records.radar_frames(int(self._rows[row]), self._radar_config)
        return radar.at(shown), poses.at(shown)

    def _pictures(self, row: int) -> FrameInputs:
        """Return the pictures of a record as networks take them."""
        height, width = self._records.picture.shape[-2:]
        stored = self._records.pictures(int(self._rows[row]), (height, width))
        pictures = stored.transpose(0, 2, 3, 1)[..., ::-1]
        crops = [
            PersonCrop(
                row, round(number * 1e9 / RATE_HZ), "camera", Modality.CAMERA,
                np.array([4.0, 0.0, 0.0]), np.zeros(3), np.array([0.0, 0.0, width, height]),
                image=np.ascontiguousarray(image),
            )
            for number, image in enumerate(pictures)
        ]  # fmt: skip
        return prepare(crops, self._vision_config)


def _joined(parts: Sequence[Any]) -> Any:
    """Return frames of several walks, one walk after the other."""
    names = list(vars(parts[0]))
    return type(parts[0])(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )
