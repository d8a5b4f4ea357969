from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid.core.gallery.decision import Decider, DecisionConfig
from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.types import Candidate, Decision, Embedding, Match, Modality

SECOND = 1_000_000_000
CONFIG = DecisionConfig(
    max_distance=0.5,
    min_margin=0.1,
    min_frames=20,
    num_votes=4,
    min_agreeing=2,
    vote_interval_s=1.0,
    keep_tolerance=0.1,
    hold_s=2.0,
    logistic_midpoint=0.5,
    logistic_slope=10.0,
)
UNKNOWN, CANDIDATE, CONFIRMED = Decision.UNKNOWN, Decision.CANDIDATE, Decision.CONFIRMED


def embedding(end_s: float, frames: int = 30, model_id: str = "m") -> Embedding:
    values = np.ones((1, 1), np.float32)
    end_ns = round(end_s * SECOND)
    return Embedding(values, model_id, Modality.LIDAR, end_ns - SECOND, end_ns, frames)


def candidates(**distances: float) -> tuple[Candidate, ...]:
    ranked = sorted(distances.items(), key=lambda item: item[1])
    return tuple(Candidate(one, one.upper(), value, 0.0) for one, value in ranked)


class Site:
    """Feeds a decider with distances by track."""

    def __init__(self, config: DecisionConfig = CONFIG) -> None:
        self.decider = Decider(config)

    def see(self, at_s: float, frames: int = 30, **tracks: dict[str, float]) -> dict[str, Match]:
        sightings = [
            (int(name[1:]), embedding(at_s, frames), candidates(**distances))
            for name, distances in tracks.items()
        ]
        matches = self.decider.update(round(at_s * SECOND), sightings, gallery_version=7)
        return {f"t{match.track_id}": match for match in matches}

    def one(self, at_s: float, frames: int = 30, **distances: float) -> Match:
        return self.see(at_s, frames, t1=distances)["t1"]


def test_one_look_is_a_candidate_and_agreeing_looks_confirm() -> None:
    site = Site()
    first = site.one(1.0, ada=0.2, bob=0.8)
    assert (first.decision, first.person_id) == (CANDIDATE, "")
    assert site.one(1.5, ada=0.2, bob=0.8).decision is CANDIDATE  # the same vote, renewed
    second = site.one(2.0, ada=0.3, bob=0.8)
    assert (second.decision, second.person_id) == (CONFIRMED, "ada")
    best = second.candidates[0]
    assert best.distance == pytest.approx(0.25)
    assert best.probability == pytest.approx(1 / (1 + math.exp(-10 * 0.25)))
    assert second.margin == pytest.approx(0.55)
    assert (second.gallery_version, second.num_frames, second.model_id) == (7, 30, "m")
    assert second.window_end_ns == second.stamp_ns == 2 * SECOND


def test_strangers_stay_unknown() -> None:
    site = Site()
    for second in range(1, 8):
        match = site.one(second, ada=0.6, bob=0.9)
        assert (match.decision, match.person_id) == (UNKNOWN, "")
    assert match.best is not None
    assert match.best.probability < 0.5


def test_an_empty_gallery_answers_unknown_with_nobody() -> None:
    match = Site().one(1.0)
    assert (match.decision, match.candidates, match.margin) == (UNKNOWN, (), math.inf)


def test_a_single_enrolled_person_has_an_infinite_margin() -> None:
    site = Site()
    site.one(1.0, ada=0.2)
    match = site.one(2.0, ada=0.2)
    assert (match.decision, match.margin) == (CONFIRMED, math.inf)


def test_two_who_look_alike_are_not_told_apart() -> None:
    site = Site()
    decisions = [site.one(second, ada=0.20, bob=0.25).decision for second in range(1, 9)]
    assert set(decisions) == {CANDIDATE}


def test_a_window_with_too_few_frames_is_no_evidence() -> None:
    site = Site()
    for second in range(1, 5):
        match = site.one(second, frames=19, ada=0.1, bob=0.9)
        assert match.decision is UNKNOWN
    assert match.candidates[0].distance == pytest.approx(0.1)


def test_votes_that_disagree_confirm_nobody() -> None:
    site = Site(DecisionConfig(**{**vars(CONFIG), "min_agreeing": 3, "min_margin": 0.0}))
    looks = [{"ada": 0.10, "bob": 0.3}, {"ada": 0.3, "bob": 0.2}] * 4
    decisions = [site.one(second, **look).decision for second, look in enumerate(looks, 1)]
    assert CONFIRMED not in decisions


def test_one_bad_look_is_forgiven_and_many_withdraw() -> None:
    site = Site()
    for second in (1, 2, 3):
        match = site.one(second, ada=0.2, bob=0.9)
    assert match.person_id == "ada"
    assert site.one(4, ada=0.9, bob=0.95).person_id == "ada"
    assert site.one(5, ada=0.9, bob=0.95).person_id == "ada"  # mean 0.55, within the tolerance
    match = site.one(6, ada=0.9, bob=0.95)
    assert (match.decision, match.person_id) == (UNKNOWN, "")
    site.one(7, ada=0.2, bob=0.95)
    assert site.one(8, ada=0.55, bob=0.95).decision is UNKNOWN  # the tolerance only keeps


def test_a_confirmed_person_stays_first_until_another_is_clearly_nearer() -> None:
    site = Site()
    for second in (1, 2):
        site.one(second, ada=0.3, bob=0.6)
    match = site.one(3, ada=0.4, bob=0.1)
    assert match.person_id == "ada"
    match = site.one(4, ada=0.4, bob=0.25)
    assert match.person_id == "ada"
    assert [one.person_id for one in match.candidates] == ["ada", "bob"]
    assert -0.1 < match.margin < 0.05
    for second in (5, 6):
        match = site.one(second, ada=0.4, bob=0.1)
    assert match.person_id == "bob"


def test_a_forgotten_person_is_withdrawn_at_once() -> None:
    site = Site()
    for second in (1, 2):
        site.one(second, ada=0.2, bob=0.4)
    assert site.one(3, bob=0.4).person_id == ""
    site.decider.set_people({"bob"})
    assert "ada" not in repr(site.decider._tracks)
    assert "bob" in repr(site.decider._tracks)


def test_one_person_is_not_at_two_places() -> None:
    site = Site()
    for second in (1, 2):
        got = site.see(second, t1={"ada": 0.3, "bob": 0.9}, t2={"ada": 0.2, "bob": 0.9})
    assert (got["t1"].person_id, got["t2"].person_id) == ("", "ada")
    assert got["t1"].decision is CANDIDATE
    got = site.see(3, t1={"ada": 0.3, "bob": 0.9}, t2={"ada": 0.45, "bob": 0.9})
    assert (got["t1"].person_id, got["t2"].person_id) == ("", "ada")  # means 0.30 and 0.283
    got = site.see(4, t1={"ada": 0.1, "bob": 0.9}, t2={"ada": 0.45, "bob": 0.9})
    assert (got["t1"].person_id, got["t2"].person_id) == ("ada", "")  # means 0.25 and 0.325


def test_with_equal_evidence_who_had_the_person_keeps_it() -> None:
    site = Site()
    for second in (1, 2):
        site.see(second, t5={"ada": 0.25})
    for second in (3, 4, 5, 6, 7):
        got = site.see(second, t1={"ada": 0.25}, t5={"ada": 0.25})
    assert (got["t1"].person_id, got["t5"].person_id) == ("", "ada")


def test_a_person_is_held_while_the_other_track_lives() -> None:
    site = Site()
    for second in (1, 2):
        site.see(second, t1={"ada": 0.2})
    site.see(2.5, t2={"ada": 0.3})
    assert site.see(3.5, t2={"ada": 0.3})["t2"].decision is CANDIDATE
    assert site.see(4.5, t2={"ada": 0.3})["t2"].person_id == "ada"  # no news of t1 for over 2 s
    other = Site()
    for second in (1, 2):
        other.see(second, t1={"ada": 0.2})
    other.see(2.2, t2={"ada": 0.3})
    other.decider.retain({2})
    assert other.see(3.2, t2={"ada": 0.3})["t2"].person_id == "ada"
    other.decider.forget({2})
    assert other.see(4.2, t2={"ada": 0.3})["t2"].decision is CANDIDATE


def test_a_stronger_track_takes_the_person_from_one_that_has_no_news() -> None:
    site = Site()
    for second in (1, 2):
        site.see(second, t1={"ada": 0.3})
    site.see(2.1, t2={"ada": 0.1})
    assert site.see(3.1, t2={"ada": 0.1})["t2"].person_id == "ada"
    assert site.see(3.2, t1={"ada": 0.3})["t1"].decision is CANDIDATE


def test_another_model_or_a_jump_back_in_time_starts_anew() -> None:
    site = Site()
    for second in (11, 12):
        site.one(second, ada=0.2)
    other = [(1, embedding(13, model_id="n"), candidates(ada=0.2))]
    assert site.decider.update(13 * SECOND, other)[0].decision is CANDIDATE
    site.one(14, ada=0.2)
    assert site.one(15, ada=0.2).person_id == "ada"
    assert site.one(2, ada=0.2).decision is CANDIDATE
    site.one(3, ada=0.2)
    site.decider.reset()
    assert site.one(4, ada=0.2).decision is CANDIDATE


PEOPLE = st.sampled_from(["ada", "bob", "cleo"])
LOOKS = st.dictionaries(PEOPLE, st.floats(0.0, 2.0), max_size=3)
INSTANTS = st.lists(st.dictionaries(st.integers(0, 3), LOOKS, max_size=4), max_size=15)


@given(INSTANTS)
def test_what_always_holds(instants: list[dict[int, dict[str, float]]]) -> None:
    site = Site()
    for number, tracks in enumerate(instants):
        named = {f"t{track}": distances for track, distances in tracks.items()}
        matches = site.see(number * 0.6, **named)
        confirmed = [one.person_id for one in matches.values() if one.decision is CONFIRMED]
        assert len(set(confirmed)) == len(confirmed)
        assert "" not in confirmed
        for name, match in matches.items():
            assert {one.person_id for one in match.candidates} == set(named[name])
            assert all(0.0 <= one.probability <= 1.0 for one in match.candidates)
            if match.decision is CONFIRMED:
                first = match.candidates[0]
                assert first.distance <= CONFIG.max_distance + CONFIG.keep_tolerance
                assert match.margin > -CONFIG.min_margin
            elif match.candidates:
                distances = [one.distance for one in match.candidates]
                assert match.decision is CANDIDATE or min(distances) > CONFIG.max_distance
                assert distances == sorted(distances) or match.decision is CANDIDATE


def test_contradicting_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="min_agreeing is 6, allowed: at most num_votes"):
        DecisionConfig(min_agreeing=6)
    with pytest.raises(ValueError, match="max_distance"):
        DecisionConfig(max_distance=-2.0)
    for name, value in (("max_distance", -0.5), ("min_frames", 0), ("logistic_slope", -0.1)):
        with pytest.raises(ValueError, match=f"{name}' is .* -1 for the model's own"):
            DecisionConfig(**{name: value})


def test_thresholds_are_the_models_unless_they_are_set() -> None:
    measured = Calibration(max_distance=0.9, min_margin=0.02, min_frames=8, logistic_slope=33.0)
    own = DecisionConfig().calibrated(measured)
    assert (own.max_distance, own.min_margin, own.min_frames) == (0.9, 0.02, 8)
    assert (own.logistic_slope, own.num_votes) == (33.0, 5)
    chosen = DecisionConfig(max_distance=0.4, min_margin=0.0).calibrated(measured)
    assert (chosen.max_distance, chosen.min_margin, chosen.min_frames) == (0.4, 0.0, 8)
    assert Decider(DecisionConfig(), measured).config == own
    assert Decider(DecisionConfig()).config.max_distance == Calibration().max_distance
