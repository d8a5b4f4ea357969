from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid.core.geometry import (
    BODY_FROM_OPTICAL,
    OPTICAL_FROM_BODY,
    Pose,
    box_to_roi,
    intrinsics_or_default,
    optical_pose,
    project,
    unproject,
    unproject_ground,
    unproject_height,
)
from gait_reid.core.types import CameraFrame, CameraIntrinsics

CAMERA = CameraIntrinsics.from_field_of_view(1280, 720, np.deg2rad(70.0))
DISTORTED = CameraIntrinsics(
    1280, 720, 700.0, 705.0, 640.0, 355.0, np.array([-0.30, 0.08, 0.001, -0.002, 0.0])
)
angles = st.floats(-3.1, 3.1)
lengths = st.floats(-50.0, 50.0)


@given(lengths, lengths, lengths, angles, angles, angles)
def test_inverse_undoes_a_pose(x, y, z, roll, pitch, yaw):
    pose = Pose.from_xyz_rpy(x, y, z, roll, pitch, yaw)
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 0.5, 9.0]])
    np.testing.assert_allclose(pose.inverse().apply(pose.apply(points)), points, atol=1e-9)
    identity = pose.compose(pose.inverse())
    np.testing.assert_allclose(identity.rotation, np.eye(3), atol=1e-12)


def test_yaw_turns_forward_to_left():
    turned = Pose.from_xyz_rpy(0, 0, 0, 0, 0, np.pi / 2).apply([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(turned, [[0.0, 1.0, 0.0]], atol=1e-12)
    down = Pose.from_xyz_rpy(0, 0, 0, 0, np.pi / 2, 0).apply([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(down, [[0.0, 0.0, -1.0]], atol=1e-12)


def test_quaternion_agrees_with_roll_pitch_yaw():
    half = 0.25
    pose = Pose.from_quaternion(1, 2, 3, [0.0, 0.0, np.sin(half), np.cos(half)])
    np.testing.assert_allclose(pose.rotation, Pose.from_xyz_rpy(1, 2, 3, 0, 0, 0.5).rotation)
    with pytest.raises(ValueError, match="quaternion"):
        Pose.from_quaternion(0, 0, 0, [0, 0, 0, 0])


def test_optical_axes_follow_rep_103():
    np.testing.assert_array_equal(OPTICAL_FROM_BODY.apply([[5.0, -1.0, -2.0]]), [[1.0, 2.0, 5.0]])
    np.testing.assert_array_equal(BODY_FROM_OPTICAL.apply([[1.0, 2.0, 5.0]]), [[5.0, -1.0, -2.0]])


def test_matrix_that_is_no_rotation_is_refused():
    with pytest.raises(ValueError, match="orthonormal"):
        Pose(np.diag([1.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match="orthonormal"):
        Pose(np.diag([1.0, 1.0, -1.0]))
    with pytest.raises(ValueError, match="finite"):
        Pose(np.eye(3), np.array([0.0, np.nan, 0.0]))


@pytest.mark.parametrize("camera", [CAMERA, DISTORTED], ids=["pinhole", "plumb_bob"])
def test_unproject_inverts_project(camera):
    pixels = np.array([[640.0, 360.0], [100.0, 50.0], [1200.0, 700.0]])
    rays = unproject(camera, pixels)
    again, visible = project(camera, rays * 12.0)
    assert visible.all()
    np.testing.assert_allclose(again, pixels, atol=0.05)


def test_points_behind_the_camera_are_masked():
    pixels, visible = project(CAMERA, [[0.0, 0.0, 5.0], [0.0, 0.0, -5.0]])
    assert visible.tolist() == [True, False]
    assert np.isnan(pixels[1]).all()


def test_strong_barrel_distortion_does_not_fold_far_points_into_the_picture():
    barrel = CameraIntrinsics(1280, 720, 700.0, 700.0, 640.0, 360.0, np.array([-0.3, 0, 0, 0]))
    _, visible = project(barrel, [[0.2, 0.0, 1.0], [3.0, 0.0, 1.0]])
    assert visible.tolist() == [True, False]


def test_ground_point_is_found_again_and_sky_is_refused():
    pose = optical_pose(Pose.from_xyz_rpy(1.0, -2.0, 3.0, 0.0, 0.2, 0.4))
    feet = pose.compose(OPTICAL_FROM_BODY).apply([[8.0, 1.0, 0.0], [15.0, -4.0, 0.0]])
    feet[:, 2] = 0.0
    pixels, _ = project(CAMERA, pose.inverse().apply(feet))
    ground, hit = unproject_ground(CAMERA, pose, np.vstack([pixels, [[640.0, -400.0]]]))
    assert hit.tolist() == [True, True, False]
    np.testing.assert_allclose(ground[:2], feet, atol=1e-9)


@pytest.mark.parametrize("pitch", [0.0, 0.3])
def test_height_gives_back_the_range(pitch):
    pose = optical_pose(Pose.from_xyz_rpy(0.0, 0.0, 3.0, 0.0, pitch, -0.3))
    feet = np.array([[9.0, -2.0, 0.0], [20.0, -9.0, 0.0]])
    roi = box_to_roi(CAMERA, pose, feet, np.tile([0.0, 0.0, 1.75], (2, 1)))
    found = unproject_height(CAMERA, pose, roi, 1.75)
    np.testing.assert_allclose(found, feet, atol=0.05)


def test_box_in_space_spans_the_expected_pixels():
    pose = optical_pose(Pose.from_xyz_rpy(0, 0, 1.0, 0, 0, 0))
    roi = box_to_roi(CAMERA, pose, [[10.0, 0.0, 0.0], [-10.0, 0.0, 0.0]], [[0.5, 0.5, 1.8]] * 2)
    assert roi[0, 2] == pytest.approx(CAMERA.fx * 0.05)
    assert roi[0, 3] == pytest.approx(CAMERA.fx * 0.18)
    assert roi[0, 0] + roi[0, 2] / 2 == pytest.approx(CAMERA.cx)
    assert np.isnan(roi[1]).all()


def test_uncalibrated_picture_gets_the_default_field_of_view():
    frame = CameraFrame(0, "camera", np.zeros((480, 640, 3), np.uint8))
    assert intrinsics_or_default(frame, np.pi / 2).fx == pytest.approx(320.0)
