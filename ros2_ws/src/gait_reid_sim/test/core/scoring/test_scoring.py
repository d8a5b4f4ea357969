"""Answers about tracks are judged by the truth of the same place and time, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scored_walks import ANNA_FIRST, ANNA_RETURNS, BEN, NS, SCENE, match, people, play

from gait_reid.core.types import Decision, TrackState
from gait_reid_sim.core.scene.scenario import read_scenario
from gait_reid_sim.core.scoring.association import associate
from gait_reid_sim.core.scoring.enrolling import Enrolling, EnrollingRules, Window
from gait_reid_sim.core.scoring.score import Score
from gait_reid_sim.core.scoring.summary import Summary
from gait_reid_sim.core.scoring.visits import Visit, visits_of


def scored() -> Score:
    return Score(visits_of(read_scenario(SCENE)))


# Who is who


def test_walks_are_numbered_by_time_and_strangers_neither_enrol_nor_return():
    visits = visits_of(read_scenario(SCENE))
    assert [visit.number for visit in visits] == [2, 1, 1]
    assert [visit.enrols for visit in visits] == [False, True, False]
    assert [visit.returns for visit in visits] == [True, False, False]
    assert [visit.label for visit in visits] == [
        "Anna (returns, coat)", "Anna (first walk)", "Ben (stranger)",
    ]  # fmt: skip


def test_tracks_are_joined_to_people_by_the_least_sum_of_distances_within_a_metre():
    truth = people(1.0, {7: (0.0, 0.0), 8: (0.8, 0.0), 9: (20.0, 0.0)})
    tracks = people(1.0, {1: (0.7, 0.0), 2: (1.5, 0.0), 3: (21.2, 0.0)})
    # Nearest first would give track 1 to walk 8 and leave track 2 alone.
    assert associate(tracks, truth) == {1: 7, 2: 8}
    assert associate(replace(tracks, state=np.full(3, TrackState.LOST, np.uint8)), truth) == {}
    assert associate(tracks, people(1.0, {})) == {}


def test_the_truth_is_moved_to_the_time_of_the_tracks():
    truth = replace(people(1.0, {7: (0.0, 0.0)}), velocity=np.array([[20.0, 0.0, 0.0]]))
    assert associate(people(1.05, {1: (1.5, 0.0)}), truth) == {1: 7}
    assert associate(people(1.0, {1: (1.5, 0.0)}), truth) == {}


# What is said


def test_answers_are_judged_by_the_walk_that_the_track_follows_at_their_time():
    score = scored()
    score.note_enrolled("demo-anna", 1)
    play(score, ANNA_RETURNS, 4, [6.0, 6.1])
    score.see_match(match(6.0, 4, "demo-anna"))
    score.see_match(match(6.1, 4, "demo-anna", Decision.CANDIDATE))
    play(score, BEN, 4, [6.2])
    score.see_match(match(6.2, 4, "demo-anna"))
    play(score, BEN, 5, [6.3], offset_m=2.0)
    score.see_match(match(6.3, 5, "demo-anna"))
    walks = score.walks
    assert walks[ANNA_RETURNS].outcome == "right"
    assert [answer.named for answer in walks[ANNA_RETURNS].answers] == ["demo-anna", ""]
    assert walks[ANNA_RETURNS].nearest == "demo-anna"
    assert (walks[BEN].misnamed, walks[BEN].outcome) == (1, "wrong")
    assert score.ghosts == 1
    assert walks[ANNA_FIRST].outcome == "unseen"


def test_the_right_name_of_somebody_who_has_just_left_is_no_ghost():
    score = scored()
    play(score, ANNA_RETURNS, 4, [6.0])
    play(score, ANNA_RETURNS, 4, [6.1, 6.2], offset_m=2.0)
    score.see_match(match(6.1, 4, "demo-anna"))
    assert score.ghosts == 0
    score.see_match(match(6.2, 4, "demo-ben"))
    assert score.ghosts == 1


def test_messages_may_overtake_each_other():
    score = scored()
    score.note_enrolled("demo-anna", 1)
    score.see_match(match(6.0, 4, "demo-anna"))
    score.see_tracks(people(6.0, {4: (5.0, 0.0)}))
    assert not score.walks[ANNA_RETURNS].answers
    score.see_truth(people(6.0, {ANNA_RETURNS: (5.0, 0.0)}))
    assert score.walks[ANNA_RETURNS].outcome == "right"
    assert score.visit_of(4) == score.walks[ANNA_RETURNS].visit


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([("demo-anna", Decision.CONFIRMED)] * 2 + [("demo-eve", Decision.CONFIRMED)], "right"),
        ([("demo-anna", Decision.CONFIRMED)] + [("demo-eve", Decision.CONFIRMED)] * 2, "wrong"),
        ([("demo-anna", Decision.CANDIDATE)] * 3, "unknown"),
        ([("", Decision.UNKNOWN)] * 3, "unknown"),
    ],
)
def test_a_walk_is_who_it_was_mostly_confirmed_to_be(answers, outcome):
    score = scored()
    score.note_enrolled("demo-anna", 1)
    times = [6.0 + 0.1 * number for number in range(len(answers))]
    play(score, ANNA_RETURNS, 4, times)
    for stamp_s, (person, decision) in zip(times, answers):
        score.see_match(match(stamp_s, 4, person, decision))
    assert score.walks[ANNA_RETURNS].outcome == outcome


# Whom to enrol


def window(track_id: int, start_s: float, end_s: float) -> Window:
    return Window(track_id, round(NS * start_s), round(NS * end_s))


def steps(start_s: float, end_s: float) -> list[float]:
    return [round(s, 1) for s in np.arange(start_s, end_s + 0.05, 0.1)]


def test_windows_of_a_first_walk_are_enrolled_one_after_another():
    score = scored()
    enrolling = Enrolling(score, EnrollingRules(min_window_s=1.0, max_records=2))
    play(score, ANNA_FIRST, 1, steps(0.0, 4.0))
    enrolling.see_window(window(1, 0.0, 0.9))
    assert enrolling._is_ripe(window(1, 0.0, 0.9), score.walks[ANNA_FIRST].visit)  # silent by now
    enrolling.see_window(window(1, 0.0, 1.2))
    found, visit = enrolling.due() or (None, None)
    assert (found, visit) == (window(1, 0.0, 1.2), score.walks[ANNA_FIRST].visit)
    enrolling.note_enrolled(found, visit)
    assert score.known == {"demo-anna": round(1.2 * NS)}
    enrolling.see_window(window(1, 0.5, 1.9))
    assert enrolling.due() is None  # shares frames with the first
    enrolling.see_window(window(1, 1.3, 2.4))
    found, visit = enrolling.due() or (None, None)
    enrolling.note_enrolled(found, visit)
    enrolling.see_window(window(1, 2.5, 3.9))
    assert enrolling.due() is None  # two are enough


def test_a_short_window_waits_until_its_track_is_silent():
    score = scored()
    enrolling = Enrolling(score, EnrollingRules(min_window_s=2.0, patience_s=0.5))
    play(score, ANNA_FIRST, 1, steps(0.0, 1.0))
    enrolling.see_window(window(1, 0.0, 1.0))
    assert enrolling.due() is None
    play(score, ANNA_FIRST, 2, steps(1.1, 1.6))
    assert (enrolling.due() or [None])[0] == window(1, 0.0, 1.0)
    enrolling.note_refused(window(1, 0.0, 1.0))
    assert enrolling.due() is None


@pytest.mark.parametrize("walk", [ANNA_RETURNS, BEN])
def test_nobody_is_enrolled_on_a_later_walk_and_no_stranger(walk):
    score = scored()
    enrolling = Enrolling(score, EnrollingRules(min_window_s=1.0))
    play(score, walk, 1, steps(3.0, 5.0))
    enrolling.see_window(window(1, 3.0, 5.0))
    assert enrolling.due() is None


def test_a_window_that_shows_two_people_is_nobodys():
    score = scored()
    enrolling = Enrolling(score, EnrollingRules(min_window_s=1.0))
    play(score, ANNA_FIRST, 1, steps(0.0, 1.0))
    play(score, BEN, 1, steps(1.1, 1.5))
    enrolling.see_window(window(1, 0.0, 1.5))
    assert enrolling.due() is None


# Figures


def test_the_summary_counts_what_happened():
    score = scored()
    score.note_enrolled("demo-anna", 1)
    play(score, ANNA_FIRST, 1, [0.0])
    score.see_match(match(0.0, 1, "", Decision.UNKNOWN))
    play(score, BEN, 2, [3.0])
    score.see_match(match(3.0, 2, "demo-anna", Decision.CANDIDATE))
    play(score, ANNA_RETURNS, 3, [6.0])
    score.see_match(match(6.0, 3, "demo-anna"))
    good = Summary.of(score, [10.0, 20.0, 30.0], {"tracker lidar/points stale": 2})
    assert (good.count("right"), good.rank1, good.false_accepts, good.known) == (1, 1.0, 0, 1)
    assert good.problems == []
    play(score, BEN, 2, [6.1])
    score.see_match(match(6.1, 2, "demo-anna"))
    bad = Summary.of(score)
    assert bad.false_accepts == 1
    assert bad.problems == ["1 walks of strangers were given a name"]


def test_a_return_of_somebody_who_was_not_enrolled_is_a_problem():
    score = scored()
    play(score, ANNA_RETURNS, 3, [6.0])
    score.see_match(match(6.0, 3, "", Decision.UNKNOWN))
    summary = Summary.of(score)
    assert summary.returns[0].outcome == "not enrolled"
    assert summary.rank1 == 0.0
    assert summary.problems == [
        "1 of 1 were not enrolled", "0 of 1 who came back were recognised",
    ]  # fmt: skip


def test_names_are_the_last_word_of_an_id():
    assert Visit(0, "demo-anna", 1, 0.0, "own").name == "Anna"
    assert Visit(0, "somebody", 1, 0.0, "own").name == "Somebody"
