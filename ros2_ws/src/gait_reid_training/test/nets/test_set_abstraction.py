"""Sampling and neighbourhoods of masked points."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.set_abstraction import (  # noqa: E402
    SetAbstraction,
    farthest_points,
    nearest_points,
)


def test_farthest_points_are_the_extremes_and_never_padding() -> None:
    xyz = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [0, 0, 1.8], [0.4, 0, 0.9], [9.0, 9, 9]]])
    mask = torch.tensor([[True, True, True, True, False]])
    picks = farthest_points(xyz, mask, 6)[0]
    assert picks[0] == 2
    assert picks[1] in (0, 1)
    assert set(picks[:4].tolist()) == {0, 1, 2, 3}
    assert 4 not in picks


def test_nearest_points_repeat_the_nearest_where_few_are_valid() -> None:
    xyz = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0], [0.1, 0, 0]]])
    mask = torch.tensor([[True, True, False]])
    near = nearest_points(torch.tensor([[[0.2, 0, 0], [0.9, 0, 0]]]), xyz, mask, 3)
    assert near[0].tolist() == [[0, 1, 0], [1, 0, 1]]


def test_padding_and_order_change_nothing() -> None:
    torch.manual_seed(0)
    layer = SetAbstraction(2, (8, 8), samples=6, k=4, radius_m=0.2).eval()
    xyz, features = torch.randn(1, 10, 3), torch.randn(1, 10, 2)
    mask = torch.ones(1, 10, dtype=torch.bool)
    _, plain, _ = layer(xyz, features, mask)
    order = torch.randperm(10)
    pad = torch.full((1, 5, 3), 3.0)
    _, padded, kept = layer(
        torch.cat([xyz[:, order], pad], 1),
        torch.cat([features[:, order], torch.ones(1, 5, 2)], 1),
        torch.cat([mask, torch.zeros(1, 5, dtype=torch.bool)], 1),
    )
    assert torch.allclose(plain, padded, atol=1e-6)
    assert bool(kept.all())
    few = mask.clone()
    few[:, 3:] = False
    _, short, kept = layer(xyz, features, few)
    assert kept.sum() == 3
    assert short[0, 3:].abs().max() == 0.0
