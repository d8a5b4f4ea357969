"""What LidarGait, LidarGait++ and HMRNet make of points."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gait_reid.core.preprocess import depth_image  # noqa: E402
from gait_reid_training.nets.baselines.hmrnet import (  # noqa: E402
    CrossRepresentationMapping,
    motion_features,
    picture_cells,
)
from gait_reid_training.nets.baselines.lidargait import jet_colours  # noqa: E402
from gait_reid_training.nets.baselines.lidargait_pp import PyramidPointPooling  # noqa: E402


def test_bins_are_of_absolute_height() -> None:
    pool = PyramidPointPooling(3, 2.0)
    features = torch.tensor([[[1.0], [3.0], [5.0], [7.0]]])
    height = torch.tensor([[0.1, 0.2, 1.9, 2.6]])
    mask = torch.tensor([[True, True, True, False]])
    pooled = pool(features, height, mask)[0, :, 0].tolist()
    assert pooled == pytest.approx([5 + 3, 3 + 2, 5 + 5, 3 + 2, 0, 0, 5 + 5])
    assert pool(features, height + 0.5, mask)[0, 4, 0] == 3 + 2


def test_bins_of_all_sizes_agree_with_the_points_in_them() -> None:
    torch.manual_seed(0)
    features, height = torch.rand(2, 20, 3), 2.0 * torch.rand(2, 20)
    mask = torch.rand(2, 20) < 0.8
    pooled = PyramidPointPooling(4, 2.0)(features, height, mask)
    part = 0
    for bins in (1, 2, 4, 8):
        for one in range(bins):
            low, high = 2.0 * one / bins, 2.0 * (one + 1) / bins
            for frame in range(2):
                inside = mask[frame] & (height[frame] >= low) & (height[frame] < high)
                expected = torch.zeros(3)
                if inside.any():
                    mine = features[frame][inside]
                    expected = mine.amax(0) + mine.mean(0)
                assert torch.allclose(pooled[frame, part], expected, atol=1e-5)
            part += 1


def test_jet_runs_from_blue_to_red_and_leaves_black() -> None:
    depth = torch.tensor([0, 32, 128, 230], dtype=torch.uint8).view(1, 1, 4)
    colours = jet_colours(depth)[:, 0].T
    assert colours[0].tolist() == [0.0, 0.0, 0.0]
    assert colours[1].argmax() == 2
    assert colours[2].argmax() == 1
    assert colours[3].argmax() == 0


@pytest.mark.parametrize("view_deg", [0.0, 50.0, 80.0, -100.0])
def test_points_fall_into_the_cells_where_the_picture_shows_them(view_deg: float) -> None:
    rng = np.random.default_rng(1)
    arm = np.column_stack([rng.uniform(-0.1, 0.5, 80), rng.uniform(0.2, 0.5, 80), np.full(80, 1.3)])
    body = rng.uniform([-0.15, -0.2, 0.3], [0.15, 0.2, 1.75], (160, 3))
    points = np.vstack([body, arm])
    angle = math.radians(view_deg)
    sensor = np.array([math.cos(angle), -math.sin(angle), 0.0])
    picture = depth_image(points, sensor, np.zeros(3), (64, 64))
    state = torch.tensor([[math.sin(angle), math.cos(angle), 1.2, 1.0]])
    cloud = torch.as_tensor(points, dtype=torch.float32)[None]
    cells = picture_cells(cloud, torch.ones(1, 240, dtype=torch.bool), state, 64, 64)[0]
    lit = picture.reshape(-1)[cells.numpy()] > 0
    assert lit.mean() > 0.97
    mirrored = picture[:, ::-1].reshape(-1)[cells.numpy()] > 0
    assert mirrored[160:].mean() < 0.8 * lit[160:].mean()


def test_motion_is_the_offset_from_the_frame_before() -> None:
    torch.manual_seed(0)
    points = torch.zeros(1, 4, 5, 4)
    points[0, 0, :, :3] = torch.randn(5, 3)
    points[0, 1:] = points[0, :1]
    points[0, 1, 2, 0] += 0.05
    mask = torch.ones(1, 4, 5, dtype=torch.bool)
    seen = torch.tensor([[True, True, False, True]])
    moved = motion_features(points, mask, seen)
    assert moved.shape == (1, 4, 5, 4)
    assert moved[0, 1, 2].tolist() == pytest.approx([0.05, 0.0, 0.0, 0.05], abs=1e-6)
    assert moved[0, 1, [0, 1, 3, 4]].abs().max() < 1e-6
    assert moved[0, [0, 2, 3]].abs().max() == 0.0


def test_the_strongest_point_of_a_cell_counts() -> None:
    torch.manual_seed(0)
    mapping = CrossRepresentationMapping(2, 2)
    torch.nn.init.eye_(mapping.project.weight)
    torch.nn.init.zeros_(mapping.project.bias)
    torch.nn.init.zeros_(mapping.gate.weight)
    torch.nn.init.zeros_(mapping.gate.bias)
    features = torch.tensor([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
    cells = torch.tensor([[5, 5, 6]])
    mask = torch.tensor([[True, True, False]])
    out = mapping(torch.zeros(1, 2, 3, 4), features, cells, mask)
    assert out[0, :, 1, 1].tolist() == [1.5, 2.0]
    assert out.sum() == 3.5
