"""Walks of random people for tests of the trainer: small, deterministic, told apart by points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gait_reid_training.batch import WalkBatch

HEIGHT, WIDTH, POINTS = 16, 8, 8


class RandomWalks:
    """People whose clouds have centres of their own; pictures are noise.

    Args:
        people: How many.
        walks: Walks of each.
        seed: Who they are.
        conditions: Conditions in turn.
        prefix: Of their names.
    """

    def __init__(
        self,
        people: int,
        walks: int = 6,
        seed: int = 0,
        conditions: Sequence[str] = ("near", "far"),
        prefix: str = "p",
    ) -> None:
        self.people = tuple(f"{prefix}{number:02d}" for number in range(people))
        self.labels = np.repeat(np.arange(people), walks)
        turns = len(self.labels) // len(conditions) + 1
        self.condition = np.array((list(conditions) * turns)[: len(self.labels)])
        self._centres = np.random.default_rng(seed).normal(size=(people, 4)).astype(np.float32)

    def batch(self, rows: Sequence[int], frames: int, rng: np.random.Generator | None) -> WalkBatch:
        """Return walks; see `WalkSource`."""
        rng = rng or np.random.default_rng(list(rows))
        shape = (len(rows), frames or 4)
        centre = self._centres[self.labels[list(rows)]][:, None, None]
        points = centre + 0.3 * rng.normal(size=(*shape, POINTS, 4))
        ones = torch.ones(shape, dtype=torch.bool)
        return WalkBatch(
            rgb=torch.from_numpy(rng.integers(1, 255, (*shape, 3, HEIGHT, WIDTH), np.uint8)),
            silhouette=torch.full((*shape, 1, HEIGHT, WIDTH), 255, dtype=torch.uint8),
            depth=torch.full((*shape, 1, HEIGHT, HEIGHT), 9, dtype=torch.uint8),
            points=torch.from_numpy(points.astype(np.float32)),
            point_mask=torch.ones((*shape, POINTS), dtype=torch.bool),
            state=torch.zeros((*shape, 4)),
            quality=torch.full((*shape, 6), 0.5),
            has_camera=ones,
            has_lidar=ones.clone(),
            frame_mask=ones.clone(),
            labels=torch.from_numpy(self.labels[list(rows)].copy()),
        )
