from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gait_reid.core.fusion import FusionConfig, fuse
from gait_reid.core.geometry import Pose, box_to_roi, optical_pose
from gait_reid.core.people_range import RangeConfig, locate_people
from gait_reid.core.types import (
    CameraFrame,
    CameraIntrinsics,
    Detections,
    Modality,
    PointCloud,
    SensorFrames,
)

CAMERA = CameraIntrinsics.from_field_of_view(640, 360, 1.2)
POSE = optical_pose(Pose.from_xyz_rpy(0.0, 0.1, 1.4, 0.0, 0.05, 0.0))
SIZE = np.array([0.5, 0.5, 1.7])
PICTURE = np.zeros((360, 640, 3), np.uint8)
LIDAR, BOTH = int(Modality.LIDAR), int(Modality.LIDAR | Modality.CAMERA)


def frames(calibrated: bool = True, lidar: bool = True) -> SensorFrames:
    camera = CameraFrame(7, "camera", PICTURE, CAMERA if calibrated else None)
    return SensorFrames(7, camera, PointCloud.empty(7) if lidar else None)


def by_lidar(*places: tuple[float, float]) -> Detections:
    n = len(places)
    return Detections(
        7, "site", np.array([[x, y, 0.0] for x, y in places]).reshape(n, 3),
        np.tile(0.02 * np.eye(2), (n, 1, 1)), np.tile(SIZE, (n, 1)), np.full((n, 4), np.nan),
        np.full(n, 0.8), np.full(n, LIDAR, np.uint8), np.arange(n, dtype=np.int32),
    )  # fmt: skip


def by_camera(*places: tuple[float, float]) -> Detections:
    n = len(places)
    feet = np.array([[x, y, 0.0] for x, y in places]).reshape(n, 3)
    roi = box_to_roi(CAMERA, POSE, feet, np.tile(SIZE, (n, 1)))
    people = locate_people(CAMERA, POSE, roi, RangeConfig())
    return Detections(
        7, "site", people.position, people.covariance, people.size, roi, np.full(n, 0.6),
        np.full(n, int(Modality.CAMERA), np.uint8), None, np.zeros((90, 160), np.uint8), 0.25,
    )  # fmt: skip


def test_pairs_take_the_place_of_the_lidar_and_the_box_of_the_camera():
    lidar, camera = by_lidar((8, 1), (8, -1), (15, 2)), by_camera((15, 2), (8, -1), (8, 1))
    fused = fuse(lidar, camera, frames(), POSE, "site")
    assert len(fused) == 3
    np.testing.assert_array_equal(fused.position, lidar.position)
    np.testing.assert_array_equal(fused.roi, camera.roi[[2, 1, 0]])
    assert fused.modality.tolist() == [BOTH] * 3
    assert fused.score == pytest.approx([0.92] * 3)
    assert fused.point_labels is lidar.point_labels
    assert fused.foreground is camera.foreground


def test_whom_one_sensor_sees_stays():
    fused = fuse(by_lidar((8, 1), (5, -6)), by_camera((8, 1), (20, -4)), frames(), POSE, "site")
    assert fused.modality.tolist() == [BOTH, LIDAR, int(Modality.CAMERA)]
    assert np.isnan(fused.roi[1]).all()
    assert fused.position[2, :2] == pytest.approx([20, -4], abs=1.5)


def test_a_lidar_person_the_camera_missed_gets_a_box_from_its_calibration_alone():
    known = fuse(by_lidar((8, 1)), by_camera(), frames(), POSE, "site")
    guessed = fuse(by_lidar((8, 1)), by_camera(), frames(calibrated=False), POSE, "site")
    assert np.isfinite(known.roi).all()
    assert np.isnan(guessed.roi).all()
    assert known.modality.tolist() == guessed.modality.tolist() == [LIDAR]


def test_same_bearing_at_another_range_is_another_person():
    fused = fuse(by_lidar((25, 0.3)), by_camera((6, 0.1)), frames(), POSE, "site")
    assert fused.modality.tolist() == [LIDAR, int(Modality.CAMERA)]


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_box_that_shows_the_upper_half_is_of_the_person_who_stands_there(calibrated):
    lidar, camera = by_lidar((8, 1), (8, -1)), by_camera((8, 1), (8, -1))
    camera.roi[0, 3] *= 0.5  # its lower edge is where the feet of somebody at 20 m would be
    people = locate_people(CAMERA, POSE, camera.roi, RangeConfig())
    halved = replace(camera, position=people.position, covariance=people.covariance)
    assert np.linalg.norm(halved.position[0, :2]) > 12.0
    fused = fuse(lidar, halved, frames(calibrated), POSE, "site")
    assert fused.modality.tolist() == [BOTH, BOTH]
    np.testing.assert_array_equal(fused.position, lidar.position)
    assert fused.roi[0, 3] == pytest.approx(camera.roi[0, 3] * (2.0 if calibrated else 1.0))


def test_who_is_seen_whole_besides_a_part_of_somebody_nearer_stays_apart():
    camera = by_camera((6, 0), (6, 0), (20, 0.3))
    fused = fuse(by_lidar((6, 0), (20, 0.3)), camera, frames(), POSE, "site")
    assert fused.modality.tolist() == [BOTH, BOTH, int(Modality.CAMERA)]
    np.testing.assert_allclose(fused.roi[:2], camera.roi[[0, 2]])


@pytest.mark.parametrize("which", ["lidar", "camera", "neither"])
def test_missing_sensors(which):
    lidar = by_lidar((8, 1)) if which == "lidar" else None
    camera = by_camera((8, 1)) if which == "camera" else None
    have = SensorFrames(7, frames().camera if camera else None)
    fused = fuse(lidar, camera, have, POSE, "site")
    assert len(fused) == (which != "neither")
    assert fused.frame_id == "site"
    assert fused.stamp_ns == 7


def test_side_by_side_are_assigned_as_a_whole():
    rng = np.random.default_rng(3)
    places = [(10.0, y) for y in np.arange(-3, 4, 0.8)]
    jittered = [(x + rng.normal(0, 0.05), y + rng.normal(0, 0.05)) for x, y in places]
    fused = fuse(by_lidar(*places), by_camera(*jittered[::-1]), frames(), POSE, "site")
    assert fused.modality.tolist() == [BOTH] * len(places)


def test_wrong_parameter_names_itself():
    with pytest.raises(ValueError, match="min_overlap"):
        FusionConfig(min_overlap=-1.0)
