from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gait_reid.core.overlay import draw_overlay, identity_text, person_rgb, ranked_text
from gait_reid.core.types import (
    Candidate,
    Decision,
    Match,
    Modality,
    Reason,
    Tracks,
    TrackState,
)


def match(decision: Decision, name: str = "Ada") -> Match:
    candidates = (Candidate("0123456789abcdef", name, 0.1, 0.876),)
    return Match(3, 0, decision, candidates, 0.1, 0, 0, 9, Modality.CAMERA, 1, "m")


def tracks(roi: list[float]) -> Tracks:
    empty = Tracks.empty()
    one = {
        field.name: np.zeros((1, *getattr(empty, field.name).shape[1:]))
        for field in dataclasses.fields(empty)
        if isinstance(getattr(empty, field.name), np.ndarray)
    }
    one["roi"] = np.array([roi])
    one["track_id"] = np.array([3])
    one["state"], one["modality"] = np.array([TrackState.CONFIRMED]), np.array([1])
    return dataclasses.replace(empty, **one)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "#3"),
        (match(Decision.UNKNOWN), "unknown  #3"),
        (match(Decision.CANDIDATE), "Ada? 0.88  #3"),
        (match(Decision.CONFIRMED), "Ada 0.88  #3"),
        (match(Decision.CONFIRMED, ""), "01234567 0.88  #3"),
    ],
)
def test_text_tells_certainty(answer: Match | None, text: str) -> None:
    assert identity_text(3, answer) == text


def test_a_radars_candidates_are_ranked_and_the_unknown_have_a_reason() -> None:
    people = tuple(
        Candidate(name.lower(), name, 0.1 * (rank + 1), probability)
        for rank, (name, probability) in enumerate(
            [("Ada", 0.61), ("Ben", 0.4), ("Eve", 0.18), ("Kim", 0.05)]
        )
    )
    heard = dataclasses.replace(
        match(Decision.CANDIDATE), candidates=people, modality=Modality.RADAR
    )
    assert ranked_text(3, heard) == "Ada? 0.61  #3\nBen? 0.40\nEve? 0.18"
    seen = dataclasses.replace(heard, modality=Modality.CAMERA)
    assert ranked_text(3, seen) == "Ada? 0.61  #3"
    named = dataclasses.replace(heard, decision=Decision.CONFIRMED)
    assert ranked_text(3, named) == "Ada 0.61  #3"
    stands = dataclasses.replace(
        heard, decision=Decision.UNKNOWN, candidates=(), reason=Reason.NOT_WALKING
    )
    assert ranked_text(3, stands) == "unknown, does not walk  #3"
    assert ranked_text(3, match(Decision.UNKNOWN)) == "unknown  #3"
    assert ranked_text(3, None) == "#3"


def test_colours_are_stable_and_differ() -> None:
    assert person_rgb("") == (0.6, 0.6, 0.6)
    assert person_rgb("ada") == person_rgb("ada") != person_rgb("ben")


def test_box_has_the_colour_of_the_person_and_the_input_stays() -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    drawn = draw_overlay(picture, tracks([100, 80, 60, 120]), {3: match(Decision.CONFIRMED)})
    assert not picture.any()
    expected = [round(255 * value) for value in reversed(person_rgb("0123456789abcdef"))]
    assert drawn[140, 100].tolist() == expected
    unknown = draw_overlay(picture, tracks([100, 80, 60, 120]), {3: match(Decision.UNKNOWN)})
    assert unknown[140, 100].tolist() == [153, 153, 153]
    assert not drawn[140, 130].any()


@pytest.mark.parametrize("roi", [[np.nan] * 4, [-50, -60, 40, 50], [310, 230, 90, 90]])
def test_boxes_at_and_beyond_the_edge(roi: list[float]) -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    drawn = draw_overlay(picture, tracks(roi), {})
    assert drawn.shape == picture.shape
    assert drawn.any() == np.isfinite(roi).all()
