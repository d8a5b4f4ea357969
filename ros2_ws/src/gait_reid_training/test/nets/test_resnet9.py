"""The picture network."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.resnet9 import ResNet9  # noqa: E402


def test_published_widths_have_the_published_size() -> None:
    network = ResNet9()
    assert sum(value.numel() for value in network.parameters()) == 4_898_112
    assert network(torch.zeros(1, 3, 64, 44)).shape == (1, 512, 16, 11)


def test_stages_without_strides_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        ResNet9(3, (8, 16), (1,))
