"""Published records of Mission as pairs of walks, like those of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare
from gait_reid.core.radar_input import RadarInputConfig
from gait_reid.core.types import Int64, Modality, PersonCrop
from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.data.mission_npy import RATE_HZ, MissionRecords
from gait_reid_training.data.radar_walks import collate_radar
from gait_reid_training.data.walks import collate, tensors_of


class MissionWalks:
    """Radar of one record with pictures of another record of the same person.

    A person with a single record gets that one for both.

    Args:
        records: What was read.
        radar_config: What the network takes of the radar.
        vision_config: What it takes of the camera.

    Attributes:
        people: Names, in order of the labels.
        labels: (n,) int64, person of each record.
        condition: (n,) empty: the files do not tell.
    """

    def __init__(
        self,
        records: MissionRecords,
        radar_config: RadarInputConfig | None = None,
        vision_config: NetworkInputConfig | None = None,
    ) -> None:
        self._records = records
        self._radar_config = radar_config or RadarInputConfig()
        self._vision_config = vision_config or NetworkInputConfig()
        self.people, self.labels = records.people, records.labels
        self.condition = np.array([""] * len(records), dtype=np.str_)

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
        partners = self.partners(rows, rng)
        seen = [self._records.radar_frames(int(row), self._radar_config) for row in rows]
        radar = _joined([one.at(shown) for one, _ in seen])
        poses = _joined([one.at(shown) for _, one in seen])
        vision = _joined([self._pictures(int(row)).at(shown) for row in partners])
        bodies = _joined([
            self._records.radar_frames(int(row), self._radar_config)[1].at(shown)
            for row in partners
        ])  # fmt: skip
        mask = np.ones((len(rows), count), np.bool_)
        labels = self.labels[np.asarray(rows, np.int64)]
        known = tensors_of(bodies, mask)
        return CrossModalBatch(
            collate(vision, mask, labels),
            collate_radar(radar, poses, mask, labels),
            known["joints"],
            torch.ones_like(known["has_pose"]),
        )

    def _pictures(self, row: int) -> FrameInputs:
        """Return the pictures of a record as networks take them."""
        height, width = self._records.picture.shape[-2:]
        pictures = self._records.pictures(row, (height, width)).transpose(0, 2, 3, 1)[..., ::-1]
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
