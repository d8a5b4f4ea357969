"""Which sensors have seen a walk, and when the walker stood still, as the truth tells it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from gait_reid.core.types import Modality, Tracks

STANDING_M_S = 0.15
_NS = 1_000_000_000


class Sightings:
    """What the truth of a scene says about each walk."""

    def __init__(self) -> None:
        self._seen: dict[int, Modality] = {}
        self._standing: dict[int, list[list[int]]] = defaultdict(list)
        self._stands: set[int] = set()

    def add(self, truth: Tracks) -> None:
        """Take who was where; ``modality`` names the sensors that show a person."""
        speed = np.hypot(truth.velocity[:, 0], truth.velocity[:, 1])
        for row, walk in enumerate(truth.track_id.tolist()):
            flags = Modality(int(truth.modality[row]))
            self._seen[walk] = self._seen.get(walk, Modality.NONE) | flags
            if speed[row] >= STANDING_M_S:
                self._stands.discard(walk)
            elif walk in self._stands:
                self._standing[walk][-1][1] = truth.stamp_ns
            else:
                self._stands.add(walk)
                self._standing[walk].append([truth.stamp_ns, truth.stamp_ns])

    def by_alone(self, sensor: Modality) -> frozenset[int]:
        """Return the walks that this sensor has seen and no other one."""
        return frozenset(walk for walk, seen in self._seen.items() if seen == sensor)

    def stands(self, walk: int, stamp_ns: int, settled_s: float) -> bool:
        """Return whether a walker stood at a time, and had stood for so long before."""
        settled_ns = round(settled_s * _NS)
        periods = self._standing.get(walk, ())
        return any(begin + settled_ns <= stamp_ns <= end for begin, end in periods)
