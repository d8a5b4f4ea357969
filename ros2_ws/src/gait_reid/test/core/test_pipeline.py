"""The whole chain without ROS: two people who come twice are enrolled, then recognised."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gait_reid.core.perception import MountConfig, PerceptionConfig
from gait_reid.core.pipeline import Pipeline, PipelineConfig, PipelineResult
from gait_reid.core.reidentification_config import ENERGY_IMAGE, ReidentificationConfig
from gait_reid.core.types import CameraFrame, Decision, PointCloud, TrackState
from gait_reid.testing import walk_recording as recording

CONFIG = PipelineConfig(
    perception=PerceptionConfig(
        lidar=MountConfig((0.0, 0.0, recording.LIDAR_HEIGHT_M)),
        camera=MountConfig((0.0, 0.0, recording.CAMERA_HEIGHT_M)),
    ),
    # The people of this recording are drawn with a few strokes: nothing that a network learnt from.
    reidentification=ReidentificationConfig(encoder=ENERGY_IMAGE),
)


class Run:
    """Plays the recording and enrols chosen people while they walk for the first time."""

    def __init__(self, sensors: tuple[str, ...], enrolled: tuple[str, ...]) -> None:
        self.pipeline = Pipeline(CONFIG)
        self.results: list[PipelineResult] = []
        self.records = []
        self.waiting = set(enrolled)
        for _, frame in recording.frames(sensors):
            add = self.pipeline.add_camera if isinstance(frame, CameraFrame) else None
            add = add or self.pipeline.add_lidar
            for result in add(frame):
                self.results.append(result)
                self.enrol(result)
        self.results += self.pipeline.flush()

    def enrol(self, result: PipelineResult) -> None:
        """Enrol each person towards the end of the first walk."""
        time_s = seconds(result)
        for walk in recording.TIMETABLE[:2]:
            if walk.person not in self.waiting or not walk.end_s - 2.2 < time_s < walk.end_s:
                continue
            for track_id in self.tracks_of(result, walk.person):
                if self.pipeline.reidentification.embedding(track_id) is None:
                    continue
                record = self.pipeline.record(
                    track_id, f"id-{walk.person}", walk.person, consent=True, source="test"
                )
                self.records.append(record)
                self.pipeline.set_gallery(self.records, len(self.records))
                self.waiting.discard(walk.person)

    @staticmethod
    def tracks_of(result: PipelineResult, person: str) -> list[int]:
        """Return the confirmed tracks nearest to where a person truly is."""
        tracks, time_s = result.percept.tracks, seconds(result)
        for walk in recording.present(time_s):
            if walk.person == person:
                offset = tracks.position[:, :2] - walk.position(time_s)
                near = (offset**2).sum(axis=1) < 0.8**2
                return tracks.track_id[near & (tracks.state == TrackState.CONFIRMED)].tolist()
        return []

    def answers(self, person: str) -> list[tuple[Decision, str]]:
        """Return decision and best candidate for a person during the second walk."""
        found = []
        for result in self.results:
            if seconds(result) < 7.5:
                continue
            mine = self.tracks_of(result, person)
            found += [
                (m.decision, m.best.person_id if m.best else "")
                for m in result.matches
                if m.track_id in mine
            ]
        return found


def seconds(result: PipelineResult) -> float:
    return (result.stamp_ns - recording.START_NS) / 1e9


@pytest.fixture(scope="module", params=[("lidar", "camera"), ("camera",)], ids="+".join)
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.param, ("ada", "ben"))


def test_everybody_is_one_track_per_walk(run: Run) -> None:
    for walk in recording.TIMETABLE:
        seen: Counter[int] = Counter()
        instants = 0
        for result in run.results:
            if walk.start_s + 1.0 < seconds(result) < walk.end_s - 0.5:
                instants += 1
                seen.update(run.tracks_of(result, walk.person))
        (_, longest), *_ = seen.most_common(1)
        assert longest >= 0.9 * instants, seen


def test_both_are_enrolled_and_recognised_when_they_return(run: Run) -> None:
    assert run.waiting == set()
    for person in ("ada", "ben"):
        answers = run.answers(person)
        confirmed = {who for decision, who in answers if decision is Decision.CONFIRMED}
        assert confirmed == {f"id-{person}"}, answers


@pytest.fixture(scope="module")
def ada_only() -> Run:
    return Run(("camera",), ("ada",))


def test_a_stranger_is_never_confirmed(ada_only: Run) -> None:
    answers = ada_only.answers("ben")
    assert answers
    assert Decision.CONFIRMED not in {decision for decision, _ in answers}


def test_lidar_alone_tracks_and_says_what_it_is() -> None:
    run = Run(("lidar",), ())
    walk = recording.TIMETABLE[0]
    seen = [
        result
        for result in run.results
        if walk.start_s + 1.0 < seconds(result) < walk.end_s - 0.5
        and run.tracks_of(result, walk.person)
    ]
    assert len(seen) >= 30
    assert all(crop.image is None for result in seen for crop in result.percept.crops)


def test_an_enrolled_walk_does_not_vouch_for_itself(ada_only: Run) -> None:
    """The first answer after enrolment rests on frames after the enrolment alone."""
    (record,) = ada_only.records
    first_walk = recording.TIMETABLE[0]
    later = [
        match
        for result in ada_only.results
        for match in result.matches
        if match.gallery_version
        and seconds(result) < first_walk.end_s
        and match.track_id in ada_only.tracks_of(result, "ada")
    ]
    assert later
    assert all(match.window_start_ns > record.embedding.window_end_ns for match in later)


def test_a_loop_of_the_recording_starts_a_new_sequence_once() -> None:
    pipeline = Pipeline(CONFIG)
    clip = list(recording.frames(("lidar",), 2.0)) * 3
    sequences = [r.percept.sequence_id for _, f in clip for r in pipeline.add_lidar(f)]
    assert len(set(sequences)) == 3
    assert sequences == sorted(sequences, key=sequences.index)


def test_a_sensor_that_is_not_configured_is_ignored() -> None:
    config = replace(CONFIG, sync=replace(CONFIG.sync, sensors=("camera",)))
    pipeline = Pipeline(config)
    assert list(pipeline.add_lidar(PointCloud.empty(1))) == []


def test_enrolling_an_unknown_track_says_what_to_do() -> None:
    with pytest.raises(LookupError, match="track 7 has no embedding yet; let the person walk on"):
        Pipeline(CONFIG).record(7, "id", consent=True, source="test")
