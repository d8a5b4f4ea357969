"""Parts, separate linear maps and the BNNeck."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.heads import (  # noqa: E402
    BNNeck,
    HorizontalPyramidPooling,
    SeparateFC,
)


def test_every_strip_is_pooled_alone() -> None:
    features = torch.zeros(1, 2, 16, 4)
    features[0, 0, 5, 3] = 7.0
    pooled = HorizontalPyramidPooling(16, "max")(features)
    assert pooled.shape == (1, 16, 2)
    assert pooled[0, 5, 0] == 7.0
    assert pooled.sum() == 7.0
    both = HorizontalPyramidPooling(8, "mean+max")(features)
    assert both[0, 2, 0] == pytest.approx(7.0 + 7.0 / 8)


def test_a_map_that_does_not_divide_is_refused_by_its_size() -> None:
    with pytest.raises(ValueError, match="35 cells"):
        HorizontalPyramidPooling(16)(torch.zeros(1, 2, 7, 5))
    with pytest.raises(ValueError, match="median"):
        HorizontalPyramidPooling(16, "median")


def test_parts_do_not_mix() -> None:
    layer = SeparateFC(4, 8, 6)
    features = torch.randn(3, 4, 8)
    changed = features.clone()
    changed[:, 2] += 1.0
    moved = (layer(features) - layer(changed)).abs().sum(dim=(0, 2)) > 0
    assert moved.tolist() == [False, False, True, False]
    assert torch.allclose(layer(features)[:, 1], features[:, 1] @ layer.weight[1], atol=1e-6)


def test_logits_are_cosines_of_the_classes() -> None:
    torch.manual_seed(0)
    neck = BNNeck(4, 8, 10)
    logits = neck(5.0 * torch.randn(32, 4, 8))
    assert logits.shape == (32, 4, 10)
    assert logits.abs().max() <= 1.0 + 1e-6
    neck.eval()
    direction = torch.nn.functional.normalize(neck.weight, dim=1)[:, :, 3]
    neck.norm.running_mean.zero_()
    neck.norm.running_var.fill_(1.0)
    assert torch.allclose(neck(direction[None])[:, :, 3], torch.ones(1, 4), atol=1e-5)
