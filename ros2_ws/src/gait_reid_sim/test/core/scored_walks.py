"""A small scene, and tracks and answers about it, for the tests of the score."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gait_reid.core.types import Candidate, Decision, Match, Modality, Tracks, TrackState
from gait_reid_sim.core.scoring.score import Score

NS = 1_000_000_000
SCENE = """
duration_s: 9
sensors:
  lidar: {type: lidar, beams: vlp16, mount: {z: 2}}
people:
  - id: demo-anna
    walks:
      - {enter_s: 6, path: [[5, 0], [9, 0]], outfit: coat}
      - {enter_s: 0, path: [[5, 0], [9, 0]]}
  - id: demo-ben
    stranger: true
    walks: [{enter_s: 3, path: [[9, 0], [5, 0]]}]
"""
ANNA_RETURNS, ANNA_FIRST, BEN = range(3)


def people(
    stamp_s: float, where: dict[int, tuple[float, float]], state=TrackState.CONFIRMED
) -> Tracks:
    """Return tracks, or the truth, at places on the ground."""
    n = len(where)
    position = np.zeros((n, 3))
    position[:, :2] = np.array(list(where.values())).reshape(n, 2)
    empty = Tracks.empty(round(NS * stamp_s), "site")
    return replace(
        empty,
        track_id=np.array(list(where), np.int64),
        position=position,
        velocity=np.zeros((n, 3)),
        covariance=np.zeros((n, 4, 4)),
        size=np.zeros((n, 3)),
        roi=np.full((n, 4), np.nan),
        state=np.full(n, state, np.uint8),
        modality=np.ones(n, np.uint8),
        detection_index=np.zeros(n, np.int32),
        first_seen_ns=np.zeros(n, np.int64),
        last_seen_ns=np.zeros(n, np.int64),
        hits=np.ones(n, np.int32),
        score=np.ones(n),
    )


def match(stamp_s: float, track_id: int, person: str, decision=Decision.CONFIRMED) -> Match:
    candidates = (Candidate(person, "", 0.2, 0.9),) if person else ()
    return Match(
        track_id, round(NS * stamp_s), decision, candidates, math.inf, 0, round(NS * stamp_s), 20,
        Modality.LIDAR, 1, "m",
    )  # fmt: skip


def play(score: Score, walk: int, track_id: int, times: list[float], offset_m: float = 0.0) -> None:
    """Let a track follow a walk; one more instant of truth settles the last one."""
    for stamp_s in times:
        place = (5.0 + stamp_s, 0.0)
        score.see_truth(people(stamp_s, {walk: place}))
        score.see_tracks(people(stamp_s, {track_id: (place[0] + offset_m, 0.0)}))
