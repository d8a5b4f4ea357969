from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("visualization_msgs.msg")

from visualization_msgs.msg import Marker

from gait_reid.adapters import markers
from gait_reid.core.types import Candidate, Decision, Match, Modality, Tracks, TrackState


def one_track(**changes: object) -> Tracks:
    values: dict[str, object] = {
        "track_id": np.array([2**31 + 5]),
        "position": np.array([[4.0, 1.0, 0.2]]),
        "velocity": np.array([[1.0, 0.5, 0.0]]),
        "covariance": np.zeros((1, 4, 4)),
        "size": np.array([[0.4, np.nan, 1.8]]),
        "roi": np.full((1, 4), np.nan),
        "state": np.array([TrackState.LOST], np.uint8),
        "modality": np.zeros(1, np.uint8),
        "detection_index": np.full(1, -1, np.int32),
        "first_seen_ns": np.zeros(1, np.int64),
        "last_seen_ns": np.zeros(1, np.int64),
        "hits": np.ones(1, np.int32),
        "score": np.ones(1),
    }
    return dataclasses.replace(Tracks.empty(5, "site"), **{**values, **changes})


def by_namespace(message: object) -> dict[str, Marker]:
    return {marker.ns: marker for marker in message.markers}  # type: ignore[attr-defined]


def test_body_stands_on_the_ground_with_its_own_size_where_known() -> None:
    body = by_namespace(markers.to_message(one_track(), {}, ()))["bodies"]
    assert (body.scale.x, body.scale.y, body.scale.z) == (0.4, 0.5, 1.8)
    assert body.pose.position.z == pytest.approx(0.2 + 0.9)
    assert body.id == 5
    assert body.header.frame_id == "site"
    assert body.lifetime.sec > 0


def test_arrow_shows_the_velocity_and_goes_away_when_the_person_stands() -> None:
    arrow = by_namespace(markers.to_message(one_track(), {}, ()))["velocities"]
    start, end = arrow.points
    assert (end.x - start.x, end.y - start.y) == pytest.approx((1.0, 0.5))
    still = one_track(velocity=np.zeros((1, 3)))
    assert by_namespace(markers.to_message(still, {}, ()))["velocities"].action == Marker.DELETE


def test_text_of_a_radars_candidates_stays_above_the_head() -> None:
    people = (Candidate("ada", "Ada", 0.1, 0.6), Candidate("ben", "Ben", 0.2, 0.3))
    track_id = 2**31 + 5
    answers = [
        Match(
            track_id, 5, Decision.CANDIDATE, people[:number], 0.1, 0, 5, 9, Modality.RADAR, 1, "m"
        )
        for number in (1, 2)
    ]
    one, two = (
        by_namespace(markers.to_message(one_track(), {track_id: answer}, ()))["identities"]
        for answer in answers
    )
    assert two.text == f"Ada? 0.60  #{track_id}\nBen? 0.30"
    top, line = 0.2 + 1.8, one.scale.z
    assert one.pose.position.z - 0.5 * line > top
    assert two.pose.position.z - line == pytest.approx(one.pose.position.z - 0.5 * line)
