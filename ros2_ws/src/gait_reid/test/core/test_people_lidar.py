from __future__ import annotations

import json

import numpy as np
import pytest

from gait_reid.core.geometry import Pose
from gait_reid.core.people_lidar import LidarPeopleConfig, LidarPeopleDetector, warm_up
from gait_reid.core.scan_view import view_scan
from gait_reid.core.types import PointCloud
from gait_reid.sensors.lidar import LidarConfig, LidarSource
from gait_reid.testing.lidar_scene import Box, RotatingLidar, Scene, pole, walker
from gait_reid_common.parameters import ParameterError
from gait_reid_common.testing import shared_data

LIDAR = RotatingLidar.uniform(64, 1024)
SPARSE = RotatingLidar.uniform(32, 1024)


def detect(objects, lidar=LIDAR, config=None, pose=None, **scene):
    cloud, owner = Scene(objects, **scene).scan(lidar, 1.8)
    pose = pose or Pose.from_xyz_rpy(0, 0, 1.8, 0, 0, 0)
    return LidarPeopleDetector(config).detect(cloud, pose), owner


def found(detections, x, y, radius=0.35):
    return int((np.hypot(*(detections.position[:, :2] - (x, y)).T) < radius).sum())


@pytest.mark.parametrize("distance", [3.0, 8.0, 15.0])
@pytest.mark.parametrize("heading", [0.0, 0.8, np.pi / 2])
def test_one_walker_is_one_person(distance, heading):
    detections, owner = detect([walker(distance, 1.0, heading)])
    assert len(detections) == 1
    assert np.hypot(*(detections.position[0, :2] - (distance, 1.0))) < 0.2
    assert detections.position[0, 2] == pytest.approx(0.0, abs=0.08)
    assert detections.size[0, 2] == pytest.approx(1.75, abs=0.12)
    assert detections.score[0] > 0.8
    mine = detections.point_labels == 0
    assert (owner[mine] == 0).mean() > 0.97
    assert (detections.point_labels[owner == 0] == 0).mean() > 0.85


@pytest.mark.parametrize("lateral", [0.55, 0.65, 0.8])
@pytest.mark.parametrize("distance", [4.0, 8.0])
def test_side_by_side_walkers_are_two(distance, lateral):
    people = [walker(distance, 0.0, 0.0, 1.7, 0.2), walker(distance, lateral, 0.0, 1.85, 0.7)]
    detections, _ = detect(people)
    assert len(detections) == 2
    assert found(detections, distance, 0.0) == found(detections, distance, lateral) == 1


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("pole", pole(5, 1, 4.0)),
        ("bollard", pole(5, 1, 1.0, 0.1)),
        ("wall", [Box(np.array([6.0, 0, 0]), np.array([0.2, 8.0, 3.0]))]),
        ("low wall", [Box(np.array([6.0, 0, 0]), np.array([0.3, 6.0, 1.5]))]),
        ("table", [Box(np.array([5.0, 1, 0]), np.array([1.2, 0.7, 0.75]))]),
        ("car", [Box(np.array([6.0, 1, 0]), np.array([4.2, 1.8, 1.5]), 0.4)]),
        ("cupboard", [Box(np.array([5.0, 1, 0]), np.array([0.6, 1.1, 1.9]))]),
        ("panel", [Box(np.array([5.0, 1, 0]), np.array([0.03, 0.7, 1.7]), 0.2)]),
    ],
)
def test_things_are_not_people(name, thing):
    detections, _ = detect([thing])
    assert len(detections) == 0, f"{name}: {detections.score} {detections.position}"


def test_people_beside_a_wall_and_below_a_ceiling_are_found():
    wall = [Box(np.array([5.9, 0, 0]), np.array([0.2, 8.0, 2.6]))]
    ceiling = [Box(np.array([6.0, 0, 2.6]), np.array([12.0, 12.0, 0.2]))]
    detections, _ = detect([walker(5.2, 1.0, np.pi / 2), wall, ceiling])
    assert found(detections, 5.2, 1.0) == 1
    assert len(detections) == 1


def test_legs_hidden_by_a_low_wall():
    wall = [Box(np.array([3.0, 0, 0]), np.array([0.15, 6.0, 0.9]))]
    detections, _ = detect([walker(6.0, 0.5, 1.0), wall])
    assert found(detections, 6.0, 0.5) == 1
    assert len(detections) == 1


def test_sparser_sensors_see_less_far_and_say_so():
    near, _ = detect([walker(6.0, 0.0, 0.5)], SPARSE)
    far, _ = detect([walker(18.0, 0.0, 0.5)], SPARSE, LidarPeopleConfig(min_score=0.05))
    assert near.score[0] > 0.8
    assert far.score[0] < near.score[0]
    assert np.trace(far.covariance[0]) > np.trace(near.covariance[0])


def test_covariance_covers_the_error():
    rng, ratios = np.random.default_rng(3), []
    for _ in range(12):
        places = [
            (r * np.cos(a), r * np.sin(a))
            for r, a in zip(rng.uniform(4, 14, 5), np.arange(5) * 1.2, strict=True)
        ]
        detections, _ = detect(
            [
                walker(x, y, rng.uniform(0, 6), rng.uniform(1.6, 1.9), rng.random())
                for x, y in places
            ]
        )
        for x, y in places:
            gap = detections.position[:, :2] - (x, y)
            i = int(np.argmin(np.hypot(*gap.T)))
            if np.hypot(*gap[i]) < 0.6:
                ratios.append(gap[i] @ np.linalg.inv(detections.covariance[i]) @ gap[i])
    assert len(ratios) > 55
    # Chi-square of two axes has mean 2; walkers without bags do not use the margin up.
    assert np.mean(ratios) < 2.0
    assert np.mean(np.array(ratios) < 9.21) > 0.97


def test_a_half_hidden_person_is_less_certain():
    post = [Box(np.array([2.9, 0.52, 0]), np.array([0.2, 0.5, 2.6]))]
    whole, _ = detect([walker(6.0, 0.5, 0.0)])
    half, _ = detect([walker(6.0, 0.5, 0.0), post], config=LidarPeopleConfig(min_score=0.1))
    assert len(half) == 1
    assert half.score[0] <= whole.score[0]
    assert np.trace(half.covariance[0]) > 1.2 * np.trace(whole.covariance[0])


def test_a_region_leaves_out_what_is_outside():
    people = [walker(5.0, 0.0), walker(-5.0, 0.0)]
    config = LidarPeopleConfig(region_m=(0.0, -10.0, 10.0, -10.0, 10.0, 10.0, 0.0, 10.0))
    detections, _ = detect(people, config=config)
    assert found(detections, 5.0, 0.0) == 1
    assert len(detections) == 1


def test_the_fixed_frame_may_be_turned_and_far_away():
    pose = Pose.from_xyz_rpy(200.0, -300.0, 1.8, 0.0, 0.0, 2.0)
    detections, _ = detect([walker(5.0, 1.0)], pose=pose)
    expected = pose.apply(np.array([5.0, 1.0, 0.0]))
    assert np.hypot(*(detections.position[0, :2] - expected[:2])) < 0.2


def test_a_tilted_sensor_gives_the_same_people():
    tilt = Pose.from_xyz_rpy(0.0, 0.0, 1.8, 0.12, -0.2, 0.0)
    cloud, _ = Scene([walker(5.0, 1.0), walker(7.0, -2.0)]).scan(LIDAR, 1.8)
    turned = PointCloud(0, "lidar", (cloud.xyz @ tilt.rotation).astype(np.float32))
    detections = LidarPeopleDetector().detect(turned, tilt)
    assert found(detections, 5.0, 1.0) == found(detections, 7.0, -2.0) == len(detections) - 1 == 1


def test_with_and_without_numba_the_people_are_the_same():
    objects = [
        walker(5, 0),
        walker(5, 0.6),
        walker(9, -4, 1.0),
        [Box(np.array([12.0, 0, 0]), np.array([0.2, 20, 3]))],
    ]
    cloud, _ = Scene(objects).scan(SPARSE, 1.8)
    pose = Pose.from_xyz_rpy(0, 0, 1.8, 0, 0, 0)
    fast = LidarPeopleDetector(use_numba=True).detect(cloud, pose)
    plain = LidarPeopleDetector(use_numba=False).detect(cloud, pose)
    np.testing.assert_allclose(fast.position, plain.position, atol=1e-3)
    np.testing.assert_allclose(fast.score, plain.score, atol=0.02)
    np.testing.assert_array_equal(fast.point_labels, plain.point_labels)
    views = [view_scan(cloud.xyz, pose, 0.5, 50.0, use_numba=flag) for flag in (True, False)]
    assert (views[0].count != views[1].count).mean() < 0.01
    np.testing.assert_allclose(views[0].lowest, views[1].lowest, atol=1e-5)


@pytest.mark.parametrize(
    "xyz", [np.zeros((0, 3)), np.full((50, 3), np.nan), np.zeros((50, 3)), np.full((9, 3), 1e30)]
)
def test_useless_scans_hold_nobody(xyz):
    detections = LidarPeopleDetector().detect(
        PointCloud(7, "lidar", xyz.astype(np.float32)), Pose()
    )
    assert len(detections) == 0
    assert detections.stamp_ns == 7
    assert (detections.point_labels == -1).all()
    assert len(detections.point_labels) == len(xyz)


@pytest.mark.parametrize("points", [1, 2, 5, 40])
def test_few_points_anywhere_do_no_harm(points):
    xyz = np.random.default_rng(points).normal(0, 3, (points, 3)).astype(np.float32)
    assert len(LidarPeopleDetector().detect(PointCloud(0, "lidar", xyz), Pose())) == 0


def test_wrong_configuration_is_named():
    with pytest.raises(ValueError, match="region_m has 4 numbers"):
        LidarPeopleConfig(region_m=(0.0, 0.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="min_range_m is 9.0"):
        LidarPeopleConfig(min_range_m=9.0, max_range_m=5.0)
    with pytest.raises(ParameterError, match="cell_m"):
        LidarPeopleConfig(cell_m=5.0)


def test_warm_up_runs():
    warm_up()


def read_ouster_cloud(stem: str) -> PointCloud:
    pcap, metadata = shared_data(f"{stem}.pcap"), shared_data(f"{stem}.json")
    source = LidarSource(LidarConfig(pcap=str(pcap), metadata=str(metadata)))
    source.open()
    cloud = source.read(5.0)
    source.close()
    assert cloud is not None
    return cloud


def test_street_scan_with_seven_pedestrians():
    by_eye = json.loads(shared_data("lidar/ouster/people_by_eye_OS-1-32-G.json").read_text())
    known = [tuple(person["center"][:2]) for person in by_eye["people"][:-1]]
    # The fifth entry is a couple side by side; one more couple is named in words only.
    couples = [(6.88, -4.91), (7.15, -4.59), (10.58, 9.03), (10.53, 9.79)]
    # Two more show head, shoulders and legs when the points are drawn as the sensor sees them.
    unlisted = [(1.99, -5.93), (2.86, 16.44)]
    detections = LidarPeopleDetector().detect(
        read_ouster_cloud("lidar/ouster/OS-1-32-G_v2.1.1_1024x10"), Pose()
    )
    hits = [found(detections, *place) for place in known + couples]
    assert sum(hit >= 1 for hit in hits) >= 7
    assert sum(hits[4:6]) >= 2
    explained = [
        min(np.hypot(*(p - q)) for q in np.array(known + couples + unlisted)) < 0.4
        for p in detections.position[:, :2]
    ]
    assert explained.count(False) <= 2
    assert all(found(detections, *thing["center"][:2]) == 0 for thing in by_eye["not_people"])
