"""Markers and overlay, through DDS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rclpy.node import Node
from visualization_msgs.msg import Marker

from gait_reid.adapters import image, matches
from gait_reid.adapters import tracks as tracks_adapter
from gait_reid.core.overlay import person_rgb
from gait_reid.core.types import (
    CameraFrame,
    Candidate,
    Decision,
    Match,
    Modality,
    Tracks,
    TrackState,
)
from gait_reid.nodes.topics import CAMERA_IMAGE, MARKERS, MATCHES, OVERLAY, TRACKS
from gait_reid.nodes.visualizer_node import VisualizerNode
from gait_reid_common.testing import NodeBench

Make = Callable[..., Any]
FRAME_NS = 33_000_000


def tracks_at(number: int, *track_ids: int) -> Tracks:
    n = len(track_ids)
    stamp_ns = number * FRAME_NS
    return dataclasses.replace(
        Tracks.empty(stamp_ns, "site"),
        track_id=np.array(track_ids, np.int64),
        position=np.arange(3.0 * n).reshape(n, 3),
        velocity=np.tile([1.0, 0.0, 0.0], (n, 1)),
        covariance=np.zeros((n, 4, 4)),
        size=np.full((n, 3), np.nan),
        roi=np.tile([20.0, 30.0, 40.0, 60.0], (n, 1)),
        state=np.full(n, TrackState.CONFIRMED, np.uint8),
        modality=np.full(n, Modality.CAMERA, np.uint8),
        detection_index=np.zeros(n, np.int32),
        first_seen_ns=np.zeros(n, np.int64),
        last_seen_ns=np.full(n, stamp_ns, np.int64),
        hits=np.full(n, 9, np.int32),
        score=np.ones(n),
    )


def match_of(track_id: int, decision: Decision = Decision.CONFIRMED) -> Match:
    candidates = (Candidate("p-ada", "Ada", 0.2, 0.97),)
    return Match(
        track_id, 0, decision, candidates, 0.3, 0, 0, 20, Modality.CAMERA, 1, "energy_image:test"
    )


def show(screen: NodeBench, tracks: Tracks) -> Any:
    heard = screen.heard[MARKERS.name]
    shown = len(heard)
    screen.send(TRACKS, tracks_adapter.to_message(tracks))
    assert screen.spin(lambda: len(heard) > shown)
    return heard[-1].markers


@pytest.fixture
def screen(make: Make, peer: Node) -> NodeBench:
    return NodeBench(make(VisualizerNode, max_age_s=0.0), peer)


def keys_of(markers: Any, action: int) -> set[tuple[str, int]]:
    return {(m.ns, m.id) for m in markers if m.action == action}


def test_markers_change_in_place_and_vanish_by_name(screen: NodeBench) -> None:
    first = keys_of(show(screen, tracks_at(1, 7, 8)), Marker.ADD)
    assert len(first) == 6
    assert keys_of(show(screen, tracks_at(2, 7, 8)), Marker.ADD) == first
    third = show(screen, tracks_at(3, 8))
    assert keys_of(third, Marker.DELETE) == {key for key in first if key[1] == 7}
    assert keys_of(show(screen, tracks_at(4, 8)), Marker.DELETE) == set()


def test_identity_colours_the_person_and_a_time_jump_forgets_it(screen: NodeBench) -> None:
    grey = {m.ns: m for m in show(screen, tracks_at(100, 7))}
    assert grey["identities"].text == "#7"
    screen.send(MATCHES, matches.to_message([match_of(7)], 100 * FRAME_NS, "site", "s"))
    named = {m.ns: m for m in show(screen, tracks_at(101, 7))}
    assert named["identities"].text == "Ada 0.97  #7"
    colour = named["bodies"].color
    assert (colour.r, colour.g, colour.b) == pytest.approx(person_rgb("p-ada"))
    assert grey["bodies"].color.r == pytest.approx(0.6)
    after_jump = {m.ns: m for m in show(screen, tracks_at(1, 7))}
    assert after_jump["identities"].text == "#7"


def test_overlay_is_drawn_into_the_picture_of_the_same_instant(screen: NodeBench) -> None:
    for number in range(1, 6):
        picture = np.full((120, 160, 3), 10 * number, np.uint8)
        frame = CameraFrame(number * FRAME_NS, "camera", picture)
        screen.send(CAMERA_IMAGE, image.to_message(frame))
    show(screen, tracks_at(3, 7))
    assert screen.spin(lambda: screen.heard[OVERLAY.name])
    overlay = image.from_message(screen.heard[OVERLAY.name][-1])
    assert overlay.stamp_ns == 3 * FRAME_NS
    assert overlay.image[0, 159].tolist() == [30, 30, 30]
    assert (overlay.image[30:90, 19:22] != 30).any()
    assert screen.counts(CAMERA_IMAGE).drops == {"no_tracks": 2}
    screen.node.trigger_deactivate()
    counts = screen.counts(CAMERA_IMAGE)
    assert (counts.received, counts.published, counts.pending) == (5, 1, 0)
