from __future__ import annotations

import numpy as np
import pytest

from gait_reid.core.geometry import Pose, box_to_roi, optical_pose
from gait_reid.core.people_range import RangeConfig, locate_people
from gait_reid.core.types import CameraIntrinsics

CAMERA = CameraIntrinsics.from_field_of_view(1280, 720, 1.0)
POSE = optical_pose(Pose.from_xyz_rpy(1.0, 2.0, 2.5, 0.0, 0.1, 0.5))
AHEAD = np.array([np.cos(0.5), np.sin(0.5)])


def people_at(*ranges: float, stature: float = 1.69) -> tuple[np.ndarray, np.ndarray]:
    feet = np.array([[*(POSE.translation[:2] + r * AHEAD), 0.0] for r in ranges])
    roi = box_to_roi(CAMERA, POSE, feet, np.tile([0.3, 0.3, stature], (len(feet), 1)))
    return feet, roi


def test_people_of_usual_stature_are_found_where_they_stand():
    feet, roi = people_at(8.0, 15.0, 25.0)
    people = locate_people(CAMERA, POSE, roi, RangeConfig())
    assert people.valid.all()
    np.testing.assert_allclose(people.position, feet, atol=0.3)
    np.testing.assert_allclose(people.size[:, 2], 1.69, atol=0.05)
    assert np.isnan(people.size[:, 0]).all()


def test_the_ground_corrects_a_tall_person():
    feet, roi = people_at(10.0, stature=1.9)
    near_ground = locate_people(CAMERA, POSE, roi, RangeConfig())
    blind = RangeConfig(min_camera_height_m=100.0)
    by_height = locate_people(CAMERA, POSE, roi, blind)
    errors = [np.linalg.norm(p.position - feet) for p in (near_ground, by_height)]
    assert errors[0] < 0.75 * errors[1]
    assert np.linalg.det(near_ground.covariance[0]) < np.linalg.det(by_height.covariance[0])


def test_on_a_roof_the_ground_is_not_believed():
    feet = np.array([[*(POSE.translation[:2] + 10.0 * AHEAD), 2.0]])
    roi = box_to_roi(CAMERA, POSE, feet, np.array([[0.3, 0.3, 1.69]]))
    people = locate_people(CAMERA, POSE, roi, RangeConfig())
    assert np.linalg.norm(people.position[0, :2] - feet[0, :2]) < 0.8
    assert people.position[0, 2] == 0.0


def test_uncertainty_lies_along_the_line_of_sight():
    _, roi = people_at(20.0)
    covariance = locate_people(CAMERA, POSE, roi, RangeConfig()).covariance[0]
    along = AHEAD @ covariance @ AHEAD
    aside = np.array([-AHEAD[1], AHEAD[0]])
    assert along > 20 * (aside @ covariance @ aside)


def test_who_bends_or_is_cut_off_is_less_certain():
    def spread(roi: list[float]) -> float:
        people = locate_people(CAMERA, POSE, np.array([roi]), RangeConfig(min_camera_height_m=99.0))
        return float(np.sqrt(np.linalg.eigvalsh(people.covariance[0])[-1]))

    upright = spread([600, 300, 60, 180])
    assert spread([600, 300, 180, 180]) > 2 * upright
    assert spread([600, 540, 60, 180]) > 2 * upright


def test_boxes_without_a_range_are_marked_and_nothing_is_empty_trouble():
    people = locate_people(CAMERA, POSE, np.array([[10.0, 10.0, 5.0, 0.0]]), RangeConfig())
    assert not people.valid.any()
    assert len(locate_people(CAMERA, POSE, np.zeros((0, 4)), RangeConfig()).position) == 0


def test_wrong_parameter():
    with pytest.raises(ValueError, match="stature_m"):
        RangeConfig(stature_m=5.0)
