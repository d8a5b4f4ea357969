"""People before a radar and before cameras, in tensors, and a network that shows what leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch
from gait_reid_training.data.index import WalkTable
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, PairEmbeddings

FRAMES, POINTS, JOINTS = 3, 12, 21
SIZE = (32, 16)
DIM = 16


def table_of(people: Sequence[str], conditions: Sequence[str]) -> WalkTable:
    """Return a table with one walk of each person in each condition."""
    rows = [
        {
            "split": "test", "person_id": person, "name": f"{condition}-{place}",
            "condition": condition, "light": "day", "outfit": "ordinary", "range_m": 4.0,
            "view_deg": 30.0 * place, "first": 0, "frames": FRAMES,
        }
        for person in people
        for place, condition in enumerate(conditions)
    ]  # fmt: skip
    return WalkTable.of(rows)


def colour_of(person: str) -> np.ndarray:
    """Return the colours (32, 16, 3) that tell a person before a camera."""
    patches = np.random.default_rng([*person.encode()]).integers(0, 256, (4, 4, 3))
    return patches.repeat(8, 0).repeat(4, 1)


class People:
    """Stands for a data set of both sensors; the radar sees noise, cameras see who it is.

    Args:
        radar: People before the radar.
        vision: People before cameras.
        queries: Conditions before the radar.
        records: Conditions before cameras.
    """

    def __init__(
        self,
        radar: Sequence[str],
        vision: Sequence[str],
        queries: Sequence[str] = ("approach", "leave"),
        records: Sequence[str] = ("indoor", "outdoor"),
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        heard, seen = table_of(radar, queries), table_of(vision, records)
        self._points = rng.normal(size=(len(heard), FRAMES, POINTS, 5)).astype(np.float32)
        self._joints = rng.normal(size=(len(heard), FRAMES, JOINTS, 3)).astype(np.float32)
        pictures = np.stack([colour_of(person) for person in seen.person_id.tolist()])
        noise = rng.integers(-8, 9, (len(seen), FRAMES, *SIZE, 3))
        self._pictures = np.clip(pictures[:, None] + noise, 0, 255).astype(np.uint8)
        self.radar = SimpleNamespace(walks=heard, batch=self._radar)
        self.vision = SimpleNamespace(walks=seen, batch=self._vision)
        self.rows = np.flatnonzero(np.isin(heard.person_id, seen.person_id))

    def walks(self, **limits: object) -> CrossModalWalks:
        """Return queries and records."""
        return CrossModalWalks(self, **limits)

    def _radar(self, rows: Sequence[int], frames: int, rng: object) -> RadarWalkBatch:
        shape = (len(rows), frames)
        return RadarWalkBatch(
            torch.from_numpy(self._points[rows][:, :frames]),
            torch.ones(*shape, POINTS, dtype=torch.bool),
            torch.ones(shape, dtype=torch.bool),
            torch.zeros(*shape, 4),
            torch.zeros(*shape, 2),
            torch.from_numpy(self._joints[rows][:, :frames]),
            torch.ones(shape, dtype=torch.bool),
            torch.zeros(len(rows), dtype=torch.int64),
        )

    def _vision(self, rows: Sequence[int], frames: int, rng: object) -> WalkBatch:
        shape = (len(rows), frames)
        there = torch.ones(shape, dtype=torch.bool)
        rgb = torch.from_numpy(self._pictures[rows][:, :frames]).permute(0, 1, 4, 2, 3)
        return WalkBatch(
            rgb.contiguous(), rgb[:, :, :1], torch.zeros(*shape, 1, 8, 8, dtype=torch.uint8),
            torch.zeros(*shape, 4, 4), torch.zeros(*shape, 4, dtype=torch.bool),
            torch.zeros(*shape, 4), torch.ones(*shape, 6), there, ~there, there,
            torch.zeros(len(rows), dtype=torch.int64),
        )  # fmt: skip

    def batch(self, rows: Sequence[int], frames: int, rng: object) -> CrossModalBatch:
        """Return queries with the first record of the same person."""
        own = self.rows[list(rows)]
        names = self.vision.walks.person_id
        records = [int(np.flatnonzero(names == one)[0]) for one in self.radar.walks.person_id[own]]
        radar = self._radar(own.tolist(), frames, None)
        return CrossModalBatch(
            self._vision(records, frames, None), radar, radar.joints, radar.has_pose
        )


@dataclass(frozen=True)
class Features:
    """One vector (B, DIM) of each walk."""

    values: Tensor


class CopiesPictures(CrossModalNetwork):
    """Takes the person from the pictures and lends that to the radar; of the radar it uses noise.

    A network that has learnt to find people by pictures alone does this.
    """

    dim = DIM
    compares_pairs = True

    def vision_features(self, walks: WalkBatch) -> Features:
        """Return the colours."""
        pixels = walks.rgb.float().mean(dim=1) - 128.0
        return Features(functional.adaptive_avg_pool2d(pixels, (4, 4)).flatten(1)[:, :DIM] / 64.0)

    def radar_features(self, walks: RadarWalkBatch) -> Features:
        """Return noise of the radar."""
        return Features(walks.points.flatten(1)[:, :DIM])

    def unimodal_vision(self, features: Features) -> Tensor:
        """Return embeddings that know the pictures."""
        return functional.normalize(features.values, dim=-1)

    unimodal_radar = unimodal_vision

    def pair(self, vision: Features, radar: Features) -> PairEmbeddings:
        """Return embeddings of both: the pictures, and a little of the radar."""
        lent = functional.normalize(vision.values + 0.1 * radar.values, dim=-1)
        return PairEmbeddings(functional.normalize(vision.values, dim=-1).expand_as(lent), lent)

    def vision_cache(self, features: Features) -> Features:
        """Return the features."""
        return features

    radar_cache = vision_cache
    pair_cached = pair


def names(count: int, first: int = 0) -> list[str]:
    """Return names of people."""
    return [f"p{number:03d}" for number in range(first, first + count)]
