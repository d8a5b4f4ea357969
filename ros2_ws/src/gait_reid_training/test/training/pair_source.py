"""Pairs of walks of people who differ in height, for tests of the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pairs import people_pairs

from gait_reid_training.batch import CrossModalBatch

POINTS, SIZE = 24, 32


class HeightPairs:
    """People whose heights, evenly from 1.2 m to 2.1 m, show in pictures, points and joints.

    Args:
        people: How many.
        walks: Pairs of walks of each.
        prefix: Of their names.
        shown_to_radar: Whether points tell heights; else everybody is as tall before the radar.
    """

    def __init__(
        self, people: int, walks: int = 4, prefix: str = "p", shown_to_radar: bool = True
    ) -> None:
        self.people = tuple(f"{prefix}{number:02d}" for number in range(people))
        self.labels = np.repeat(np.arange(people), walks)
        self.condition = np.full(len(self.labels), "room")
        self._heights = np.linspace(1.2, 2.1, people)
        self._shown_to_radar = shown_to_radar

    def batch(
        self, rows: Sequence[int], frames: int, rng: np.random.Generator | None
    ) -> CrossModalBatch:
        """Return pairs of walks; see `WalkSource`."""
        seed = 7 * int(rows[0]) if rng is None else int(rng.integers(10**6))
        labels = self.labels[list(rows)]
        heights = self._heights[labels].tolist()
        batch = people_pairs(len(rows), frames, POINTS, seed, SIZE, heights)
        if not self._shown_to_radar:
            alike = people_pairs(len(rows), frames, POINTS, seed, SIZE, [1.6] * len(rows))
            batch = replace(batch, radar=alike.radar)
        return batch.with_labels(batch.labels.new_tensor(labels))
