from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from gait_reid.core.geometry import Pose
from gait_reid.core.people_camera import CameraPeopleConfig, CameraPeopleDetector
from gait_reid.core.people_verifier import PeopleVerifier
from gait_reid.core.rois import roi_overlap
from gait_reid.core.types import CameraFrame, Detections, Modality
from gait_reid.testing.walkers import Walk

_spec = importlib.util.spec_from_file_location("scenes", Path(__file__).with_name("scenes.py"))
scenes = importlib.util.module_from_spec(_spec)
sys.modules["scenes"] = scenes
_spec.loader.exec_module(scenes)

CROSSING = Walk("one", 1.0, 6.0, (7.0, 2.4), (0.0, -1.1))


def follow(walks, frames: int, detector: CameraPeopleDetector | None = None) -> list[Detections]:
    detector = detector or CameraPeopleDetector()
    return [detector.detect(scenes.show(walks, i), scenes.CAMERA_POSE) for i in range(frames)]


@pytest.fixture(scope="module")
def crossing() -> list[Detections]:
    return follow([(scenes.BODY, CROSSING)], 110)


def seen_of(results: list[Detections], indices: range, body, walk) -> np.ndarray:
    """Return the best intersection over union with the true box for each picture."""
    best = []
    for i in indices:
        truth = scenes.true_roi(body, walk, i)
        best.append(roi_overlap(truth[None], results[i].roi)[0].max(initial=0.0))
    return np.array(best)


def test_a_walker_gets_a_tight_box_and_nothing_else_does(crossing):
    overlap = seen_of(crossing, range(30, 105), scenes.BODY, CROSSING)
    assert (overlap > 0.6).mean() > 0.95
    assert np.median(overlap) > 0.75
    assert sum(len(d) for d in crossing[:18]) == 0
    assert max(len(d) for d in crossing) == 1


def test_the_position_is_sharp_in_bearing_and_honest_in_range(crossing):
    errors, surprises, ratio = [], [], []
    for i in range(40, 100):
        truth = CROSSING.position(i * scenes.PERIOD_S)
        detections = crossing[i]
        assert detections.modality.tolist() == [Modality.CAMERA]
        offset = detections.position[0, :2] - truth
        bearing = np.arctan2(*detections.position[0, 1::-1]) - np.arctan2(truth[1], truth[0])
        errors.append(abs(np.rad2deg(bearing)))
        covariance = detections.covariance[0]
        surprises.append(offset @ np.linalg.inv(covariance) @ offset)
        ratio.append(np.sqrt(np.divide(*np.linalg.eigvalsh(covariance)[::-1])))
        assert detections.position[0, 2] == 0.0
    assert np.median(errors) < 0.5
    assert np.percentile(surprises, 95) < 11.8
    assert np.median(ratio) > 2.0


def test_the_foreground_is_the_walker(crossing):
    detections = crossing[60]
    x, y, width, height = (detections.roi[0] * detections.foreground_scale).astype(int)
    inside = np.count_nonzero(detections.foreground[y : y + height, x : x + width])
    assert inside > 0.9 * np.count_nonzero(detections.foreground)


def test_people_who_pass_each_other_stay_two():
    other = Walk("two", 1.0, 6.0, (8.5, -2.6), (0.0, 1.1))
    results = follow([(scenes.BODY, CROSSING), (scenes.OTHER_BODY, other)], 105)
    near = seen_of(results, range(30, 100), scenes.BODY, CROSSING)
    far = seen_of(results, range(30, 100), scenes.OTHER_BODY, other)
    assert (near > 0.5).mean() > 0.9
    assert (far > 0.5).mean() > 0.75  # hidden behind the nearer one for half a second
    assert max(len(d) for d in results) == 2


def test_a_person_who_stops_is_kept(crossing):
    detector = CameraPeopleDetector()
    follow([(scenes.BODY, CROSSING)], 60, detector)
    still = scenes.show([(scenes.BODY, CROSSING)], 59).image
    counts = []
    for i in range(60, 100):
        frame = CameraFrame(scenes.stamp(i), "camera", still, scenes.CAMERA)
        counts.append(len(detector.detect(frame, scenes.CAMERA_POSE)))
    assert np.mean(counts[:30]) > 0.9


def test_nobody_in_an_empty_room():
    assert sum(len(d) for d in follow([], 60)) == 0


def test_without_the_people_detector_shape_and_motion_decide(monkeypatch):
    monkeypatch.setattr(PeopleVerifier, "available", property(lambda self: False))
    monkeypatch.setattr(PeopleVerifier, "__init__", lambda self: setattr(self, "_detector", None))
    results = follow([(scenes.BODY, CROSSING)], 100)
    assert (seen_of(results, range(40, 100), scenes.BODY, CROSSING) > 0.6).mean() > 0.9


def test_an_uncalibrated_camera_works():
    detector, found = CameraPeopleDetector(), 0
    for i in range(70):
        frame = scenes.show([(scenes.BODY, CROSSING)], i)
        bare = CameraFrame(frame.stamp_ns, "camera", frame.image)
        found = len(detector.detect(bare, Pose()))
    assert found == 1


def test_a_backward_jump_of_time_starts_anew():
    detector = CameraPeopleDetector()
    follow([(scenes.BODY, CROSSING)], 60, detector)
    assert len(detector.detect(scenes.show([(scenes.BODY, CROSSING)], 0), scenes.CAMERA_POSE)) == 0


def by_lidar(index: int) -> Detections:
    """Return where a LiDAR sees who crosses, and a post beside the way."""
    xy = np.vstack([CROSSING.position(index * scenes.PERIOD_S), [9.0, 3.0]])
    return Detections(
        scenes.stamp(index), "site", np.column_stack([xy, np.zeros(2)]),
        np.tile(np.eye(2) * 0.01, (2, 1, 1)), np.tile([0.5, 0.5, 1.75], (2, 1)),
        np.full((2, 4), np.nan), np.ones(2), np.full(2, int(Modality.LIDAR), np.uint8),
    )  # fmt: skip


@pytest.mark.parametrize("agrees", [False, True])
def test_where_a_lidar_agrees_the_people_detector_is_rarely_asked(monkeypatch, agrees):
    asked = []

    def verify(self, image, roi, wide=False):
        asked.append(np.asarray(roi))
        return type("Verdict", (), {"score": -4.0, "roi": np.asarray(roi)})()

    monkeypatch.setattr(PeopleVerifier, "verify", verify)
    detector = CameraPeopleDetector()
    results = [
        detector.detect(
            scenes.show([(scenes.BODY, CROSSING)], i),
            scenes.CAMERA_POSE,
            by_lidar(i) if agrees else None,
        )
        for i in range(100)
    ]
    assert (len(asked) < 20) if agrees else (len(asked) > 30)
    assert max(len(found) for found in results) == 1  # what stands still is not somebody
    seen = (seen_of(results, range(40, 100), scenes.BODY, CROSSING) > 0.6).mean()
    assert seen > 0.9


def test_wrong_parameters_name_the_field():
    with pytest.raises(ValueError, match="min_score"):
        CameraPeopleConfig(min_score=2.0)


def test_a_black_picture_and_a_tiny_one_are_no_trouble():
    detector = CameraPeopleDetector()
    for i, size in enumerate([(360, 640), (360, 640), (48, 64), (1, 1)]):
        frame = CameraFrame(i * 10**8, "camera", np.zeros((*size, 3), np.uint8))
        assert len(detector.detect(frame, scenes.CAMERA_POSE)) == 0
