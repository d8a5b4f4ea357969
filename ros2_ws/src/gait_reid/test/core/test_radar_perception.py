"""People in a room with a radar: followed, told apart, and matched only while they walk."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest

from gait_reid.core.people_radar import RadarPeopleConfig, RadarPeopleDetector, people_of_targets
from gait_reid.core.perception import MountConfig, Percept
from gait_reid.core.radar_perception import (
    RadarPerception,
    RadarPerceptionConfig,
    RadarTargets,
)
from gait_reid.core.types import Modality, PointCloud, SensorFrames, TrackState
from gait_reid.core.walking import WalkingConfig
from gait_reid.testing.radar_room import PERIOD_S, Way, frame, straight
from gait_reid_common.testing import shared_data

CONFIG = RadarPerceptionConfig(radar=MountConfig(translation_m=(0.0, 0.0, 1.0)))
FURNITURE = ((3.0, 1.4), (5.0, -1.6), (6.5, 0.2))


def watch(ways: list[Way], duration_s: float, seed: int = 0, **scene: object) -> list[Percept]:
    perception = RadarPerception(CONFIG)
    rng = np.random.default_rng(seed)
    times = np.arange(0.0, duration_s, PERIOD_S)
    clouds = [frame(float(t), ways, rng, **scene) for t in times]  # type: ignore[arg-type]
    return [perception.process(SensorFrames(c.stamp_ns, radar=c)) for c in clouds]


def confirmed(percepts: list[Percept]) -> set[int]:
    return {
        int(track_id)
        for percept in percepts
        for track_id, state in zip(percept.tracks.track_id, percept.tracks.state)
        if state == TrackState.CONFIRMED
    }


def misses(percepts: list[Percept], way: Way) -> np.ndarray:
    """Return the distance of the nearest confirmed track at every instant."""
    out = []
    for percept in percepts:
        sure = percept.tracks.position[percept.tracks.state == TrackState.CONFIRMED, :2]
        away = np.linalg.norm(sure - way(percept.stamp_ns * 1e-9), axis=1)
        out.append(float(away.min(initial=np.inf)))
    return np.array(out)


@pytest.mark.parametrize("seed", range(4))
def test_one_walker_among_furniture_and_ghosts_is_one_track(seed: int) -> None:
    way = straight((7.0, 0.8), (1.5, -0.5))
    percepts = watch([way], 4.6, seed, furniture=FURNITURE)
    assert len(confirmed(percepts)) == 1
    assert np.median(misses(percepts[6:], way)) < 0.25
    assert all(len(p.crops) <= 1 for p in percepts)
    assert sum(len(p.crops) for p in percepts) > 30


@pytest.mark.parametrize("seed", range(4))
def test_two_who_cross_keep_their_tracks(seed: int) -> None:
    ways = [straight((7.0, 1.6), (1.5, -1.4)), straight((1.6, 1.4), (7.0, -1.6))]
    percepts = watch(ways, 4.8, seed)
    owners: list[set[int]] = []
    for way in ways:
        mine = []
        for percept in (percepts[10], percepts[-1]):
            away = np.linalg.norm(
                percept.tracks.position[:, :2] - way(percept.stamp_ns * 1e-9), axis=1
            )
            mine.append(int(percept.tracks.track_id[away.argmin()]))
        owners.append(set(mine))
    assert [len(ids) for ids in owners] == [1, 1]
    assert owners[0] != owners[1]


def test_who_stops_is_still_tracked_and_no_longer_cropped() -> None:
    way = straight((5.5, 0.4), (2.5, 0.0))
    percepts = watch([way], 6.0)
    stopped_s = 3.0 / 1.2
    late = [p for p in percepts if p.stamp_ns * 1e-9 > stopped_s + 1.0]
    assert all(len(p.tracks) == 1 for p in late)
    assert not any(p.crops for p in late)
    resting = np.linalg.norm(late[-1].tracks.position[0, :2] - way(9.0))
    assert resting < 1.0


def test_nobody_is_found_in_furniture_and_ghosts() -> None:
    percepts = watch([], 20.0, furniture=FURNITURE, ghosts=0.8)
    assert confirmed(percepts) == set()


def test_crops_carry_velocity_and_strength_of_their_own_points() -> None:
    way = straight((6.0, 0.0), (1.5, 0.0))
    crop = watch([way], 3.0, furniture=FURNITURE)[-1].crops[0]
    assert crop.modality == Modality.RADAR
    assert crop.points is not None
    assert crop.point_velocity is not None
    assert crop.intensity is not None
    assert len(crop.points) == len(crop.point_velocity) == len(crop.intensity)
    assert np.median(crop.point_velocity) == pytest.approx(-1.2, abs=0.35)
    assert crop.viewpoint.tolist() == [0.0, 0.0, 1.0]
    assert crop.quality.range_m == pytest.approx(float(np.hypot(*way(2.9))), abs=0.4)


def test_a_copy_behind_a_wall_starts_no_track() -> None:
    rng = np.random.default_rng(3)
    way = straight((4.0, 0.0), (1.5, 0.0))
    detector = RadarPeopleDetector(RadarPeopleConfig(memory_s=0.0))
    for time_s in np.arange(0.0, 1.5, PERIOD_S):
        cloud = frame(float(time_s), [way], rng, ghosts=0.0)
        copy = cloud.xyz[:8] * (1.0 + 1.5 / np.linalg.norm(cloud.xyz[:8], axis=1))[:, None]
        assert cloud.velocity is not None
        both = PointCloud(
            cloud.stamp_ns,
            "radar",
            np.concatenate([cloud.xyz, copy]).astype(np.float32),
            np.concatenate([np.full(len(cloud), 20.0), np.full(8, 13.0)]).astype(np.float32),
            np.concatenate([cloud.velocity, cloud.velocity[:8]]),
        )
        found = detector.detect(both, CONFIG.radar.pose(), "site")
        sure = found.score >= CONFIG.tracker.sure_score
        assert (np.linalg.norm(found.position[sure, :2], axis=1) < 4.3).all()


def test_targets_of_the_firmware_replace_clustering() -> None:
    perception = RadarPerception(CONFIG)
    rng = np.random.default_rng(1)
    ways = [straight((6.0, 0.5), (1.5, 0.5)), straight((6.2, -0.3), (1.7, -0.3))]
    for time_s in np.arange(0.0, 2.0, PERIOD_S):
        cloud = frame(float(time_s), ways, rng)
        at = np.array([[*way(float(time_s)), 0.0] for way in ways])
        targets = RadarTargets(at, np.array([np.nan, 0.9]))
        percept = perception.process(SensorFrames(cloud.stamp_ns, radar=cloud), targets)
    # Too close together for clustering of points, not for the radar's own tracker.
    assert len(percept.tracks) == 2
    assert len(percept.crops) == 2


def test_targets_own_the_points_near_them() -> None:
    cloud = PointCloud(0, "radar", np.array([[2, 0, 0], [2.2, 0.1, 0], [5, 0, 0]], np.float32))
    found = people_of_targets(
        cloud, np.array([[2.0, 0.0, 1.0]]), np.array([0.7]), CONFIG.radar.pose(), "site"
    )
    assert found.point_labels is not None
    assert found.point_labels.tolist() == [0, 0, -1]
    assert found.score.tolist() == [0.7]


def test_a_radar_without_velocities_works() -> None:
    perception = RadarPerception(CONFIG)
    rng = np.random.default_rng(2)
    way = straight((6.0, 0.5), (1.5, 0.5))
    for time_s in np.arange(0.0, 2.0, PERIOD_S):
        cloud = frame(float(time_s), [way], rng)
        bare = PointCloud(cloud.stamp_ns, "radar", cloud.xyz)
        percept = perception.process(SensorFrames(bare.stamp_ns, radar=bare))
    assert len(percept.crops) == 1


def test_without_a_radar_frame_it_says_so() -> None:
    with pytest.raises(ValueError, match=r"SensorFrames\.radar"):
        RadarPerception(CONFIG).process(SensorFrames(0))


def test_hysteresis_must_not_be_upside_down() -> None:
    with pytest.raises(ValueError, match="stop_speed_m_s is 0.9"):
        WalkingConfig(start_speed_m_s=0.5, stop_speed_m_s=0.9)


def recorded_walk() -> Iterator[PointCloud]:
    """Yield the frames of RadHAR's walk sample (30 frames per second, nothing removed)."""
    path = shared_data("radar/pointclouds/radhar_walk_sample.txt.gz")
    text = gzip.decompress(path.read_bytes()).decode()
    number = re.compile(r"(\w+): +(-?[\d.]+(?:e-?\d+)?)\s*$", re.M)
    blocks = (dict(number.findall(block)) for block in text.split("---\n"))
    rows = [{k: float(v) for k, v in block.items()} for block in blocks if "velocity" in block]
    starts = itertools.accumulate(row["point_id"] == 0 for row in rows)
    last_ns = -1
    for _, group in itertools.groupby(zip(starts, rows), key=lambda pair: pair[0]):
        points = [row for _, row in group]
        stamp_ns = round((points[0]["secs"] - rows[0]["secs"] + points[0]["nsecs"] * 1e-9) * 1e9)
        if stamp_ns <= last_ns:
            continue
        last_ns = stamp_ns
        table = np.array(
            [[p[k] for k in ("x", "y", "z", "velocity", "intensity")] for p in points], np.float32
        )
        yield PointCloud(stamp_ns, "radar", table[:, :3].copy(), table[:, 4], table[:, 3])


def test_a_recorded_walk_is_one_track() -> None:
    perception = RadarPerception(CONFIG)
    percepts = [perception.process(SensorFrames(c.stamp_ns, radar=c)) for c in recorded_walk()]
    assert len(percepts) > 500
    assert len(confirmed(percepts)) == 1
    assert sum(len(p.crops) for p in percepts) > 200
