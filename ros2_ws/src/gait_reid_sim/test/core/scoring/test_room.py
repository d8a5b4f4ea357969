"""A room with a radar is judged by ranks, by who stands, and by who is a stranger."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scored_walks import ANNA_FIRST, ANNA_RETURNS, BEN, NS, SCENE, people

from gait_reid.core.types import Candidate, Decision, Match, Modality, Reason, Tracks, TrackState
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scoring.room import RoomScore, RoomSummary, RoomWalk
from gait_reid_sim.core.scoring.sightings import Sightings
from gait_reid_sim.core.scoring.visits import visits_of

KNOWN_NS = 5 * NS


def truth(stamp_s: float, walk: int, speed: float, sensor: Modality = Modality.RADAR) -> Tracks:
    made = people(stamp_s, {walk: (5.0, 0.0)})
    return replace(
        made,
        modality=np.array([int(sensor)], np.uint8),
        velocity=np.array([[speed, 0.0, 0.0]]),
    )


def ranking(
    stamp_s: float, track_id: int, names: list[str], decision: Decision = Decision.CANDIDATE
) -> Match:
    candidates = tuple(
        Candidate(f"demo-{name}", "", 0.1 * (rank + 1), 0.5) for rank, name in enumerate(names)
    )
    stamp_ns = round(NS * stamp_s)
    reason = Reason.NONE if candidates else Reason.NOT_WALKING
    return Match(
        track_id, stamp_ns, decision, candidates, math.inf, stamp_ns, stamp_ns, 10,
        Modality.RADAR, 1, "m", reason=reason,
    )  # fmt: skip


class Played:
    """A room in which walks, tracks and answers are played instant by instant."""

    def __init__(self) -> None:
        self.sightings = Sightings()
        visits = visits_of(read_scenario(SCENE))
        self.score = RoomScore(visits, {"demo-anna": KNOWN_NS}, self.sightings)

    def step(
        self, stamp_s: float, walk: int, speed: float, names: list[str] | None = None,
        decision: Decision = Decision.CANDIDATE, state: TrackState = TrackState.CONFIRMED,
    ) -> None:  # fmt: skip
        there = truth(stamp_s, walk, speed)
        self.sightings.add(there)
        self.score.see_truth(there)
        self.score.see_tracks(people(stamp_s, {7 + walk: (5.0, 0.0)}, state))
        if names is not None:
            self.score.see_match(ranking(stamp_s, 7 + walk, names, decision))

    def walk(self, number: int) -> RoomWalk:
        found = {one.visit.walk: one for one in self.score.walks_of_room()}
        return found[number]


def test_walks_of_the_room_are_those_that_the_radar_alone_has_seen():
    room = Played()
    room.step(6.0, ANNA_RETURNS, 1.0)
    room.sightings.add(truth(0.0, ANNA_FIRST, 1.0, Modality.RADAR | Modality.LIDAR))
    room.sightings.add(truth(3.0, BEN, 1.0, Modality.NONE))
    assert [one.visit.walk for one in room.score.walks_of_room()] == [ANNA_RETURNS]


def test_the_rank_of_a_walk_is_the_median_over_answers_since_the_enrolment():
    room = Played()
    room.step(4.0, ANNA_RETURNS, 1.0, ["eve", "ben"])  # before anybody could know her
    for number, names in enumerate([["anna", "eve"], ["eve", "anna"], ["eve", "ben"]]):
        room.step(6.0 + 0.1 * number, ANNA_RETURNS, 1.0, names)
    walk = room.walk(ANNA_RETURNS)
    assert len(walk.ranked) == 4
    assert walk.rank == 2.0  # 1, 2, and 3 where she is not listed
    assert (walk.first, walk.likely, walk.track_ids) == ("demo-eve", 1.0, (7 + ANNA_RETURNS,))


def test_who_stands_keeps_the_track_and_is_not_to_be_ranked():
    room = Played()
    room.step(6.0, ANNA_RETURNS, 1.0, ["anna"])
    for number in range(30):
        lost = TrackState.LOST if number > 5 else TrackState.CONFIRMED
        names: list[str] | None = [] if number == 25 else None
        decision = Decision.UNKNOWN
        room.step(6.1 + 0.1 * number, ANNA_RETURNS, 0.0, names, decision, lost)
    walk = room.walk(ANNA_RETURNS)
    assert walk.standing == walk.kept == 15  # 1.5 s of 3 s count
    assert walk.matched_standing == 0
    room.step(9.1, ANNA_RETURNS, 0.0, ["anna"])
    assert room.walk(ANNA_RETURNS).matched_standing == 1
    problems = RoomSummary(room.score.walks_of_room(), 1).problems
    assert problems == ["1 answers rank people for somebody who stands"]
    room.score.see_tracks(people(9.1, {99: (0.0, 0.0)}))
    assert room.walk(ANNA_RETURNS).standing - room.walk(ANNA_RETURNS).kept == 1


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        (Decision.UNKNOWN, []),
        (
            Decision.CANDIDATE,
            ["3 of 3 answers about strangers in the room call somebody likely"],
        ),
    ],
)
def test_strangers_are_to_stay_unknown(decision: Decision, problem: list[str]):
    room = Played()
    room.step(6.0, ANNA_RETURNS, 1.0, ["anna"])
    for number in range(3):
        room.step(7.0 + 0.1 * number, BEN, 1.0, ["anna"], decision)
    summary = RoomSummary(room.score.walks_of_room(), 1)
    assert summary.problems == problem
    assert summary.likely_strangers == (len(problem) * 3, 3)
    assert summary.firsts == 1


def test_an_empty_room_is_no_success():
    assert RoomSummary((), 4).problems == ["nobody was heard by the radar alone"]
