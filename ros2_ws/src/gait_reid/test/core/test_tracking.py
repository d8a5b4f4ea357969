"""The tracker: one id per person through crossings, gaps and dropped frames; honest states."""

from __future__ import annotations

import numpy as np
import pytest

from gait_reid.core.tracking import Tracker, TrackerConfig
from gait_reid.core.types import Detections, Modality, Tracks, TrackState

MS = 1_000_000


def see(
    stamp_ms: float,
    positions: np.ndarray | list[list[float]],
    std_m: float = 0.1,
    score: float | list[float] = 0.9,
    rois: np.ndarray | None = None,
) -> Detections:
    xy = np.asarray(positions, float).reshape(-1, 2)
    n = len(xy)
    return Detections(
        stamp_ns=round(stamp_ms * MS),
        frame_id="site",
        position=np.column_stack((xy, np.zeros(n))),
        covariance=np.tile(np.eye(2) * std_m**2, (n, 1, 1)),
        size=np.tile([0.6, 0.6, 1.75], (n, 1)),
        roi=np.full((n, 4), np.nan) if rois is None else rois,
        score=np.broadcast_to(np.asarray(score, float), (n,)).copy(),
        modality=np.full(n, Modality.LIDAR, np.uint8),
    )


def confirmed(tracks: Tracks) -> set[int]:
    return set(tracks.track_id[tracks.state == TrackState.CONFIRMED].tolist())


def test_two_crossing_walkers_keep_their_ids() -> None:
    rng = np.random.default_rng(3)
    tracker = Tracker()
    for k in range(80):
        t = 0.1 * k
        truth = np.array([[1.3 * t - 5.0, 0.4], [5.0 - 1.3 * t, -0.4]])
        tracks = tracker.update(see(100 * k, truth + rng.normal(0, 0.05, (2, 2))))
        if k == 10:
            first = {int(i): np.sign(v[0]) for i, v in zip(tracks.track_id, tracks.velocity)}
    assert len(first) == 2
    assert {int(i): np.sign(v[0]) for i, v in zip(tracks.track_id, tracks.velocity)} == first
    assert confirmed(tracks) == set(first)
    assert np.allclose(np.abs(tracks.velocity[:, 0]), 1.3, atol=0.15)


@pytest.mark.parametrize("drop", [0.0, 0.3, 0.6])
def test_dropped_frames_are_longer_steps_and_no_more(drop: float) -> None:
    rng = np.random.default_rng(5)
    tracker = Tracker()
    ids: set[int] = set()
    for k in range(300):
        if rng.random() < drop:
            continue
        t = k / 30.0
        tracks = tracker.update(
            see(1000 * t, [[1.2 * t, 0.3 * np.sin(t)]] + rng.normal(0, 0.08, (1, 2)), 0.08)
        )
        ids |= confirmed(tracks)
    assert ids == {1}
    assert abs(tracks.position[0, 0] - 1.2 * t) < 0.15


def test_an_occluded_walker_is_lost_then_found_under_the_same_id() -> None:
    tracker = Tracker()
    states = []
    for k in range(60):
        hidden = 25 <= k < 40
        tracks = tracker.update(see(100 * k, [] if hidden else [[0.12 * k, 2.0]]))
        states.append(TrackState(int(tracks.state[0])))
        if hidden and k > 30:
            assert (tracks.modality[0], tracks.detection_index[0]) == (0, -1)
            assert abs(tracks.position[0, 0] - 0.12 * k) < 0.4
    assert tracks.track_id.tolist() == [1]
    assert [states[k].name for k in (24, 35, -1)] == ["CONFIRMED", "LOST", "CONFIRMED"]


def test_a_person_who_left_is_dropped_and_the_id_is_not_reused() -> None:
    tracker = Tracker()
    for k in range(10):
        tracker.update(see(100 * k, [[1.0, 1.0]]))
    assert len(tracker.update(see(1000 + 1000 * TrackerConfig().max_gap_s, []))) == 0
    tracker.reset()
    assert tracker.update(see(0, [[1.0, 1.0]])).track_id.tolist() == [2]


def test_flicker_is_never_confirmed() -> None:
    rng = np.random.default_rng(1)
    tracker = Tracker()
    for k in range(200):
        tracks = tracker.update(see(100 * k, rng.uniform(-20, 20, (1, 2)), 0.1))
        assert not confirmed(tracks)
    assert len(tracks) <= 5


def test_doubtful_detections_continue_a_track_but_never_start_one() -> None:
    tracker = Tracker()
    for k in range(30):
        score = 0.9 if k < 10 else 0.2
        tracks = tracker.update(see(100 * k, [[0.1 * k, 0.0], [9.0, 9.0]], score=[score, 0.2]))
    assert tracks.track_id.tolist() == [1]
    assert tracks.hits.tolist() == [30]


def test_boxes_in_the_picture_tell_neighbours_in_range_apart() -> None:
    """Camera ranges are vague: position alone would swap people who walk one behind the other."""
    rng = np.random.default_rng(7)
    tracker = Tracker()
    pairs: set[tuple[int, int]] = set()
    for k in range(90):
        rois = np.array([[600.0 - 4 * k, 300, 80, 200], [500.0 - 4 * k, 310, 70, 180]])
        vague = np.array([[8.0, 0.1 - 0.03 * k], [9.0, 1.2 - 0.03 * k]]) + rng.normal(
            0, [1.0, 0.03], (2, 2)
        )
        order = rng.permutation(2)
        tracks = tracker.update(see(33.3 * k, vague[order], 1.0, rois=rois[order]))
        for track_id, row in zip(tracks.track_id, tracks.detection_index):
            if row >= 0 and k > 10:
                pairs.add((int(track_id), int(order[row])))
    assert len(pairs) == 2


def test_time_that_goes_back_is_refused_until_reset() -> None:
    tracker = Tracker()
    tracker.update(see(1000, [[0.0, 0.0]]))
    with pytest.raises(ValueError, match="older than the tracker's"):
        tracker.update(see(900, [[0.0, 0.0]]))
    tracker.reset()
    assert len(tracker.update(see(900, [[0.0, 0.0]]))) == 1


def test_covariance_stays_symmetric_and_positive() -> None:
    rng = np.random.default_rng(2)
    tracker = Tracker()
    for k in range(200):
        tracks = tracker.update(see(37 * k, rng.normal(0, 0.2, (1, 2)) + [[0.03 * k, 0.0]]))
    eigenvalues = np.linalg.eigvalsh(tracks.covariance)
    assert np.allclose(tracks.covariance, np.swapaxes(tracks.covariance, 1, 2))
    assert eigenvalues.min() > 0
