"""The demonstration enrols the walker of the first half, once, and knows who was recognised."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from gait_reid.cli import demo, recorded_demo, site
from gait_reid.cli.console import CommandError
from gait_reid.cli.listening import Walk
from gait_reid.cli.video import StampedVideo
from gait_reid.cli.watching import Watch
from gait_reid.core.types import Candidate, Decision, Match, Modality, Tracks, TrackState


def tracks(stamp_s: float, *track_ids: int) -> Tracks:
    n = len(track_ids)
    empty = Tracks.empty(round(1e9 * stamp_s), "site")
    return dataclasses.replace(
        empty,
        track_id=np.array(track_ids, np.int64),
        position=np.zeros((n, 3)),
        velocity=np.tile([3.0, 4.0, 0.0], (n, 1)),
        covariance=np.zeros((n, 4, 4)),
        size=np.zeros((n, 3)),
        roi=np.zeros((n, 4)),
        state=np.full(n, TrackState.CONFIRMED, np.uint8),
        modality=np.ones(n, np.uint8),
        detection_index=np.zeros(n, np.int32),
        first_seen_ns=np.zeros(n, np.int64),
        last_seen_ns=np.zeros(n, np.int64),
        hits=np.ones(n, np.int32),
        score=np.ones(n),
    )


def match(track_id: int, decision: Decision, stamp_ns: int = 5) -> Match:
    candidate = Candidate("walker", "walker", 0.2, 0.9)
    return Match(
        track_id, stamp_ns, decision, (candidate,), 0.1, 1, stamp_ns, 20, Modality.CAMERA, 1, "m"
    )


def watched(seconds: float, *track_ids: int) -> Watch:
    watch = Watch(duration_s=10.0)
    for number in range(round(10 * seconds) + 1):
        present = [t for t in track_ids if t != 2 or number > 10]
        watch.see_tracks(tracks(100.0 + 0.1 * number, *present))
    return watch


def test_nobody_is_enrolled_before_the_first_half_is_over():
    watch = watched(4.9, 1)
    watch.see_walk(Walk(1, 30, 1, 2))
    assert watch.walk_to_enroll() is None


def test_the_one_who_was_seen_longest_and_has_a_walk_is_enrolled_once():
    watch = watched(5.0, 1, 2, 3)
    assert watch.position_s == pytest.approx(5.0)
    assert watch.walk_to_enroll() is None
    watch.see_walk(Walk(2, 30, 1, 2))
    assert watch.walk_to_enroll() == Walk(2, 30, 1, 2)
    watch.see_walk(Walk(3, 30, 1, 2))
    assert watch.walk_to_enroll() == Walk(3, 30, 1, 2)
    watch.note_enrolled(3, "walker")
    assert watch.walk_to_enroll() is None
    assert watch.enrolled_ns == 105_000_000_000


def test_a_confirmed_answer_is_remembered_and_the_verdict_says_who_is_unknown():
    watch = watched(9.0, 1, 2)
    assert "nobody was enrolled" in recorded_demo.verdict(watch)
    watch.note_enrolled(1, "walker")
    watch.see_match(match(1, Decision.CANDIDATE))
    watch.see_match(match(2, Decision.UNKNOWN))
    assert watch.recognised == []
    assert "nobody was recognised" in recorded_demo.verdict(watch)
    watch.see_match(match(1, Decision.CONFIRMED, 7))
    watch.see_match(match(99, Decision.CONFIRMED))
    assert watch.recognised == [1]
    assert watch.tracks[1].confirmed_ns == 7
    assert watch.tracks[1].speed_m_s == 5.0
    assert "recognised as track 1; unknown stayed 2" in recorded_demo.verdict(watch)


def test_without_simulator_and_recording_the_demonstration_says_what_it_needs(
    gait_reid, monkeypatch, tmp_path
):
    monkeypatch.setattr(demo, "SCENES", "gait_reid.nothing")
    done = gait_reid("demo")
    assert done.exit_code == 1
    assert "gait_reid_sim" in done.stderr
    assert "--video FILE" in done.stderr
    assert "--bag DIR" in done.stderr
    assert gait_reid("demo", "--video", tmp_path / "a", "--bag", tmp_path / "b").exit_code == 1
    missing = gait_reid("demo", "--video", tmp_path / "none.mp4", "--output", tmp_path)
    assert missing.exit_code == 1
    assert "none.mp4" in missing.stderr


def test_the_users_parameters_reach_the_nodes_of_the_demonstration(site_params, tmp_path):
    target = recorded_demo.demo_parameters(site_params, 0.5, tmp_path / "params.yaml")
    content = yaml.safe_load(target.read_text())
    tracker = content["/**/tracker"]["ros__parameters"]
    assert tracker["perception"]["lidar"]["translation_m"] == [0.0, 0.0, 1.6]
    assert tracker["max_age_s"] == 0.0
    assert content["/**/camera"]["ros__parameters"]["run"]["speed"] == 0.5


def test_the_extent_of_recordings_is_known_before_they_are_played(short_bag):
    extent = recorded_demo.extent_of(short_bag)
    assert extent.sensors == ("lidar", "camera")
    assert extent.duration_s == pytest.approx(1.94, abs=0.1)


# Processes


def script(monkeypatch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "launcher.py"
    path.write_text(text)
    monkeypatch.setattr(site, "launch_command", lambda: [sys.executable, str(path)])


def test_a_process_that_dies_is_reported_with_the_end_of_its_output(monkeypatch, tmp_path):
    script(monkeypatch, tmp_path, "import sys; print(sys.argv[2:]); sys.exit('no such camera')")
    with site.Site(tmp_path / "log" / "site.log") as running:
        running.launch("camera.launch.xml", camera="7", empty="")
        running._processes[0][1].wait(30)
        with pytest.raises(CommandError, match=r"camera.launch.xml ended with status 1") as caught:
            running.check(may_end=["camera.launch.xml"])
    assert "no such camera" in str(caught.value)
    assert "['camera.launch.xml', 'camera:=7']" in str(caught.value)


def test_everything_is_stopped_in_the_end_and_may_end_early_where_allowed(monkeypatch, tmp_path):
    script(monkeypatch, tmp_path, "import signal\nsignal.pause()")
    with site.Site(tmp_path / "site.log") as running:
        running.launch("bringup.launch.xml")
        process = running._processes[0][1]
        running.check()
        assert not running.has_ended("bringup.launch.xml")
    assert process.poll() is not None


# Video


def test_a_video_keeps_its_time_when_pictures_are_missing(tmp_path):
    path = tmp_path / "folder" / "video.mp4"
    video = StampedVideo(path, 10.0)
    for stamp_s in (5.0, 5.1, 5.6, 5.6, 5.7):
        video.add(round(1e9 * stamp_s), np.full((48, 64, 3), 90, np.uint8))
    video.close()
    video.close()
    assert video.num_pictures == 8
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 8
