"""Mission and its rivals by name: all learn from the same batches."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from pairs import people_pairs  # noqa: E402

from gait_reid_training.nets.mission.baselines.gaitpart import FocalConv  # noqa: E402
from gait_reid_training.nets.mission.baselines.hrd import reflections  # noqa: E402
from gait_reid_training.nets.mission.baselines.point_encoders import VoxelFrames  # noqa: E402
from gait_reid_training.nets.mission.losses import CrossModalLoss, joint_error  # noqa: E402
from gait_reid_training.nets.mission.mission import VisionFeatures  # noqa: E402
from gait_reid_training.nets.mission.registry import (  # noqa: E402
    CROSS_MODAL_NETWORKS,
    RIVALS,
    build_cross_modal_network,
)

SMALL = {"width": 4, "dim": 16, "lstm_width": 8, "lstm_layers": 1}
RIVAL = {"gaitpart_width": 4, "parts": 8, "voxel_width": 2, "graph_widths": [8, 8]}

torch.set_num_threads(1)


def _small(name: str):
    torch.manual_seed(0)
    extra = RIVAL if name in RIVALS else {"tokens": [4, 2], "inner": 8}
    return build_cross_modal_network(name, {**SMALL, **extra})


@pytest.mark.parametrize("name", CROSS_MODAL_NETWORKS)
def test_every_weight_learns_and_missing_sensors_are_finite(name: str) -> None:
    network = _small(name).train()
    batch = people_pairs(4, 3, 12)
    loss = CrossModalLoss(loss="contrastive" if name == "mission_no_tl" else "triplet")
    loss(network(batch), batch).total.backward()
    idle = [key for key, one in network.named_parameters() if one.grad is None]
    assert idle == []
    assert all(torch.isfinite(one.grad).all() for one in network.parameters())
    batch.radar.point_mask[0] = False
    batch.vision.has_camera[1] = False
    if network.dim:
        with torch.no_grad():
            network.eval()
            for found in (
                network.vision_embedding(batch.vision),
                network.radar_embedding(batch.radar),
            ):
                assert found.shape == (4, 16)
                assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", ["mission", "pgl"])
def test_people_of_other_heights_are_told_apart(name: str) -> None:
    network = _small(name).train()
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    loss = CrossModalLoss()
    for step in range(40):
        batch = people_pairs(2, 2, 16, seed=step)
        adam.zero_grad()
        loss(network(batch), batch).total.backward()
        adam.step()
    network.eval()
    alone, paired = [], []
    with torch.no_grad():
        for seed in range(100, 106):
            heard, seen = people_pairs(2, 2, 16, seed).radar, people_pairs(2, 2, 16, -seed).vision
            near = network.radar_embedding(heard) @ network.vision_embedding(seen).T
            alone += (near.argmax(dim=1) == torch.arange(2)).tolist()
            if network.compares_pairs:
                vision, radar = network.vision_features(seen), network.radar_features(heard)
                swapped = VisionFeatures(vision.tokens.flip(0), vision.mask)
                right, wrong = network.pair(vision, radar), network.pair(swapped, radar)
                paired += (_distance(right) < _distance(wrong)).tolist()
    assert sum(alone) >= 10
    assert not paired or sum(paired) >= 10


def _distance(pair) -> torch.Tensor:
    return (pair.vision - pair.radar).norm(dim=1)


def test_mmmesh_learns_poses() -> None:
    network = _small("mmmesh").train()
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    batch = people_pairs(4, 3, 12)
    errors = []
    for _ in range(20):
        output = network(batch)
        adam.zero_grad()
        CrossModalLoss()(output, batch).total.backward()
        adam.step()
        pose = output.radar_poses[0].detach()
        errors.append(joint_error(pose, batch.radar.joints, batch.radar.has_pose).item())
    assert errors[-1] < 0.5 * errors[0]


def test_strips_of_a_focal_convolution_do_not_mix() -> None:
    layer = FocalConv(1, 2, 4).eval()
    maps = torch.zeros(1, 1, 16, 8)
    maps[0, 0, 7] = 5.0
    changed = (layer(maps) - layer(torch.zeros_like(maps))).abs().sum(dim=(0, 1, 3))
    assert torch.nonzero(changed)[:, 0].tolist() == [6, 7]


def test_voxels_count_the_points_inside_the_box() -> None:
    points = torch.tensor([[[0.0, 0.0, 0.1], [0.01, 0.01, 0.15], [-0.99, 0.99, 1.99], [1.5, 0, 1]]])
    mask = torch.tensor([[True, True, True, True]])
    grid = VoxelFrames(2).occupancy(points, mask)
    assert grid.shape == (1, 1, 10, 32, 32)
    assert grid.sum() == 3.0
    assert grid[0, 0, 0, 16, 16] == 2.0
    assert grid[0, 0, 9, 0, 31] == 1.0


def test_reflections_lie_in_front_and_move_towards_the_radar() -> None:
    joints = torch.zeros(1, 3, 21, 3)
    joints[..., 2] = torch.linspace(0.1, 1.7, 21)
    points, reflects = reflections(joints, torch.full((1, 3), 1.2), 10.0)
    assert points.shape == (1, 3, 80, 5)
    assert reflects.float().mean() > 0.9
    seen = points[reflects]
    assert seen[:, 0].min() > 0.0
    assert seen[:, 0].max() < 0.15
    assert seen[:, 3].mean().item() == pytest.approx(-1.2, abs=0.05)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="no network 'misson', did you mean 'mission'"):
        build_cross_modal_network("misson", {})
    with pytest.raises(ValueError, match="'ptl'.*'dimm'.*did you mean 'dim'"):
        build_cross_modal_network("ptl", {"dimm": 8})
