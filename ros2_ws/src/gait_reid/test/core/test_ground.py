from __future__ import annotations

import numpy as np
import pytest

from gait_reid.core.geometry import Pose
from gait_reid.core.ground import GroundConfig, estimate_ground
from gait_reid.core.scan_view import view_scan
from gait_reid.testing.lidar_scene import Box, RotatingLidar, Scene, walker

LIDAR = RotatingLidar.uniform(32, 512)


def slope(degrees: float) -> tuple[float, float, float]:
    return float(np.sin(np.deg2rad(degrees))), 0.0, float(np.cos(np.deg2rad(degrees)))


def surface(cloud, pose=None, previous=None):
    view = view_scan(cloud.xyz, pose or Pose(), 0.5, 50.0)
    return estimate_ground(view, GroundConfig(), previous)


@pytest.mark.parametrize("tilt_deg", [0.0, 4.0, -10.0])
def test_finds_tilted_ground_below_people_and_walls(tilt_deg):
    objects = [walker(4, 1), walker(6, -2), [Box(np.array([12.0, 0, -3]), np.array([0.3, 20, 6]))]]
    cloud, owner = Scene(objects, slope(tilt_deg)).scan(LIDAR, 1.8)
    ground = surface(cloud)
    assert ground.observed
    error = ground.height(cloud.xyz) - cloud.xyz[:, 2]
    assert np.percentile(np.abs(error[(owner == -1) & (np.abs(cloud.xyz[:, 0]) < 15)]), 95) < 0.12


def test_follows_a_step_in_the_ground():
    platform = [Box(np.array([12.0, 0.0, 0.0]), np.array([12.0, 30.0, 0.25]))]
    cloud, _ = Scene([platform]).scan(LIDAR, 1.8)
    ground = surface(cloud)
    heights = ground.height(np.array([[-8.0, 0.0], [10.0, 0.0]])) + 1.8
    assert heights[0] == pytest.approx(0.0, abs=0.06)
    assert heights[1] == pytest.approx(0.25, abs=0.08)


def test_people_over_unseen_ground_do_not_lift_it():
    narrow = RotatingLidar(np.linspace(-12.0, 12.0, 32), 1024)
    cloud, _ = Scene([walker(3.0, 0.0), walker(3.0, 1.0)]).scan(narrow, 1.8)
    assert surface(cloud).height(np.array([[3.0, 0.0]]))[0] == pytest.approx(-1.8, abs=0.1)


def test_without_ground_the_last_one_is_kept_or_a_level_one_assumed():
    seen, _ = Scene([walker(5, 0)]).scan(LIDAR, 1.8)
    blind, _ = Scene([walker(5, 0)], ground_normal=None).scan(LIDAR, 1.8)
    first = surface(blind)
    assert not first.observed
    assert first.height(np.zeros((1, 2)))[0] == 0.0
    kept = surface(blind, previous=surface(seen))
    assert not kept.observed
    assert kept.height(np.array([[5.0, 0.0]]))[0] == pytest.approx(-1.8, abs=0.05)


def test_sensor_in_the_fixed_frame_moves_the_ground():
    cloud, _ = Scene([walker(5, 0)]).scan(LIDAR, 1.8)
    ground = surface(cloud, Pose.from_xyz_rpy(100.0, -50.0, 1.8, 0, 0, 1.0))
    assert ground.height(np.array([[103.0, -48.0]]))[0] == pytest.approx(0.0, abs=0.05)


def test_an_empty_scan_has_no_ground():
    view = view_scan(np.zeros((0, 3), np.float32), Pose(), 0.5, 50.0)
    assert not estimate_ground(view, GroundConfig()).observed
