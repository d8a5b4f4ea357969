from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gait_reid.core.radar_input import RadarInputConfig, prepare_radar
from gait_reid.core.types import Modality, PersonCrop

CONFIG = RadarInputConfig(num_points=8)


def walker(points: np.ndarray, velocity: np.ndarray | None = None) -> PersonCrop:
    """Somebody at (3, 1) who walks along -y."""
    return PersonCrop(
        1, 0, "site", Modality.RADAR, np.array([3.0, 1.0, 0.0]), np.array([0.0, -1.2, 0.0]),
        np.full(4, np.nan), points=points.astype(np.float32),
        intensity=np.full(len(points), 15.0, np.float32), viewpoint=np.array([0.0, 0.0, 1.2]),
        point_velocity=velocity,
    )  # fmt: skip


def test_every_point_keeps_its_speed_and_strength():
    points = np.array([[3.0, 0.8, 1.5], [3.1, 1.0, 0.5], [9.0, 9.0, 1.0], [3.0, 1.2, 1.0]])
    speeds = np.float32([0.1, 0.2, 9.0, 0.3])
    out = prepare_radar([walker(points, speeds)], CONFIG)
    # By height; along the walk is -y, to its left is +x; the point of somebody else is left out.
    expected = [
        [0.0, 0.1, 0.5, 0.2, 0.5], [-0.2, 0.0, 1.0, 0.3, 0.5], [0.2, 0.0, 1.5, 0.1, 0.5],
    ]  # fmt: skip
    np.testing.assert_allclose(out.points[0, :3], expected, atol=1e-6)
    assert out.point_mask[0].tolist() == [True] * 3 + [False] * 5
    assert not out.points[0, 3:].any()


def test_order_does_not_matter_and_people_do_not_mix():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.2, (40, 3)) + (3.0, 1.0, 1.0)
    speeds = rng.normal(0, 1, 40).astype(np.float32)
    order = rng.permutation(40)
    crops = [walker(points, speeds), walker(points[:3]), walker(points[order], speeds[order])]
    out = prepare_radar(crops, CONFIG)
    np.testing.assert_array_equal(out.points[0], out.points[2])
    alone = prepare_radar(crops[1:2], CONFIG)
    np.testing.assert_array_equal(out.points[1], alone.points[0])
    assert out.point_mask.sum(axis=1).tolist() == [8, 3, 8]
    assert not out.points[1, :, 3].any()


@pytest.mark.parametrize("speed", [np.nan, np.inf])
def test_speeds_that_are_not_finite_do_not_reach_the_network(speed):
    crop = walker(np.array([[3.0, 1.0, 1.0]]), np.float32([speed]))
    assert prepare_radar([crop], CONFIG).points[0, 0, 3] == 0.0


def test_nobody_and_nothing_are_fine():
    assert len(prepare_radar([], CONFIG)) == 0
    bare = replace(walker(np.zeros((0, 3))), points=None, intensity=None)
    assert not prepare_radar([bare], CONFIG).point_mask.any()
