"""Which track follows whom: the truth is joined to tracks by place and time alone."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from gait_reid.core.types import Float64, Int64, Tracks, TrackState

MAX_DISTANCE_M = 1.0
MAX_DIFFERENCE_S = 0.06
_KEPT = 300


class Truth(Protocol):
    """Who was where at one instant, as the simulation or its messages tell it.

    Attributes:
        stamp_ns: The instant.
        track_id: (n,) number of the walk in the scenario.
        position: (n, 3) metres, on the ground, fixed frame.
        velocity: (n, 3) m/s.
    """

    @property
    def stamp_ns(self) -> int:
        """The instant."""

    @property
    def track_id(self) -> Int64:
        """Number of the walk."""

    @property
    def position(self) -> Float64:
        """Place on the ground."""

    @property
    def velocity(self) -> Float64:
        """Velocity."""

    def __len__(self) -> int: ...


def associate(
    tracks: Tracks, truth: Truth, max_distance_m: float = MAX_DISTANCE_M
) -> dict[int, int]:
    """Return the walk that each track follows at this instant.

    Confirmed tracks and people are joined one to one: as many as lie within the limit, and among
    these so that the sum of distances on the ground is least (Hungarian method), as in the CLEAR
    MOT metrics (Bernardin and Stiefelhagen, 2008).

    Args:
        tracks: Tracks of the instant.
        truth: Who was where at nearly the same time; moved to the instant by velocity.
        max_distance_m: Limit, metres.

    Returns:
        Walk number by track id; tracks of nobody are absent.
    """
    rows = np.flatnonzero(tracks.state == TrackState.CONFIRMED)
    if not len(rows) or not len(truth):
        return {}
    moved = 1e-9 * (tracks.stamp_ns - truth.stamp_ns) * truth.velocity[:, :2]
    there = truth.position[:, :2] + moved
    distance = np.linalg.norm(tracks.position[rows, None, :2] - there[None], axis=2)
    # A pair beyond the limit costs more than all others together: as many as can be are joined.
    far = max_distance_m * (1 + len(rows))
    pairs = zip(*linear_sum_assignment(np.where(distance < max_distance_m, distance, far)))
    return {
        int(tracks.track_id[rows[i]]): int(truth.track_id[j])
        for i, j in pairs
        if distance[i, j] < max_distance_m
    }


class TruthLog:
    """The truth of the last seconds, by time."""

    def __init__(self) -> None:
        self._truths: deque[Truth] = deque(maxlen=_KEPT)
        self.newest_ns = 0

    def add(self, truth: Truth) -> None:
        """Take the truth of a frame."""
        self._truths.append(truth)
        self.newest_ns = max(self.newest_ns, truth.stamp_ns)

    def at(self, stamp_ns: int) -> Truth | None:
        """Return the truth nearest to a time, None where there is none of nearly that time."""
        nearest = min(self._truths, key=lambda truth: abs(truth.stamp_ns - stamp_ns), default=None)
        if nearest is None or abs(nearest.stamp_ns - stamp_ns) > MAX_DIFFERENCE_S * 1e9:
            return None
        return nearest
