"""A real walk: a woman comes from behind a tree and passes beneath a man on a roof."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gait_reid.core.encoders.energy_image import EnergyImageEncoder
from gait_reid.core.perception import Percept, Perception, PerceptionConfig
from gait_reid.core.types import CameraFrame, Embedding, SensorFrames
from gait_reid_common.testing import shared_data

# Column of her middle in some pictures, by eye; she is some 420 pixels tall on the lawn.
MIDDLE = {50: 1500, 70: 1347, 90: 1125, 110: 927, 130: 723, 150: 504, 170: 303, 185: 155}
HALF = 116


@pytest.fixture(scope="module")
def percepts() -> list[Percept]:
    video = cv2.VideoCapture(str(shared_data("video/demo.mp4")))
    perception, found = Perception(PerceptionConfig()), []
    while True:
        good, image = video.read()
        if not good:
            return found
        frame = CameraFrame(10**9 + round(len(found) * 1e9 / 30), "camera", image)
        found.append(perception.process(SensorFrames(frame.stamp_ns, camera=frame)))


def walker_row(roi: np.ndarray, index: int) -> int:
    """Return the row of the tight box around her, or -1."""
    middle = np.interp(index, list(MIDDLE), list(MIDDLE.values()))
    for row, (x, y, width, height) in enumerate(roi):
        on_her = abs(x + width / 2 - middle) < 70 and 880 < y + height < 994
        if on_her and 340 < height < 500 and width < 330:
            return row
    return -1


def is_on_roof(roi: np.ndarray) -> bool:
    x, y, width, height = roi
    return 380 < x + width / 2 < 1000 and y + height < 520


def test_she_gets_a_tight_box_nearly_always(percepts):
    seen = [walker_row(percepts[i].detections.roi, i) >= 0 for i in range(48, 186)]
    assert np.mean(seen) > 0.9


def test_the_man_gets_a_box_when_he_moves_and_others_are_few(percepts):
    man, false = [], 0
    for i in range(40, 160):
        roi = percepts[i].detections.roi
        walker = walker_row(roi, i)
        on_roof = [is_on_roof(box) for box in roi]
        man.append(any(on_roof))
        false += len(roi) - sum(on_roof) - (walker >= 0) if i >= 48 else 0
    assert np.mean(man) > 0.8
    assert false < 12


def her_tracks(percepts: list[Percept]) -> list[int]:
    ids = []
    for i in range(48, 186):
        row = walker_row(percepts[i].detections.roi, i)
        tracks = percepts[i].tracks
        ids += tracks.track_id[tracks.detection_index == row].tolist() if row >= 0 else []
    return ids


def test_she_is_one_track_all_along(percepts):
    ids = her_tracks(percepts)
    assert max(np.bincount(ids)) > 0.97 * len(ids)


def embeddings(percepts: list[Percept], indices: range) -> dict[int, Embedding]:
    """Return the last embedding of each track from these pictures alone."""
    encoder, found = EnergyImageEncoder(), {}
    for i in indices:
        encoder.update(percepts[i].crops)
        found |= encoder.embed([crop.track_id for crop in percepts[i].crops])
    return found


def test_the_second_half_of_her_walk_is_nearest_to_the_first(percepts):
    her = int(np.bincount(her_tracks(percepts)).argmax())
    first = embeddings(percepts, range(HALF))
    second = embeddings(percepts, range(HALF, len(percepts)))
    assert her in first
    assert len(second) > 1

    def distance(other: Embedding) -> float:
        return float(np.linalg.norm(first[her].values - other.values, axis=1).mean())

    others = [distance(e) for track_id, e in second.items() if track_id != her]
    assert distance(second[her]) < 0.55
    assert min(others) > 2 * distance(second[her])
