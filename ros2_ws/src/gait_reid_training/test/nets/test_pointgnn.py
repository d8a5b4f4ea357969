"""Graph convolutions over few points."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.pointgnn import EdgeConv, PointGNN, neighbours  # noqa: E402


def clouds() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(4, 20, 4, generator=generator)
    valid = torch.tensor([20, 12, 3, 1])
    return points, torch.arange(20)[None] < valid[:, None]


@pytest.mark.parametrize("training", [False, True])
def test_the_rewritten_edge_convolution_is_the_one_with_edges(training: bool) -> None:
    torch.manual_seed(0)
    layer = EdgeConv(4, 6, 5).train(training)
    layer.norm.norm.weight.data.uniform_(-1.0, 1.0)
    points, mask = clouds()
    fast, slow = layer(points, mask), layer.reference(points, mask)
    assert (fast - slow)[mask].abs().max() < 1e-5


def test_neighbours_are_valid_others_of_highest_cosine() -> None:
    points, mask = clouds()
    index = neighbours(points, mask, 5)
    assert index.shape == (4, 20, 5)
    for cloud in range(3):
        valid = int(mask[cloud].sum())
        direction = torch.nn.functional.normalize(points[cloud, :valid], dim=-1)
        cosine = (direction @ direction.T).fill_diagonal_(-2.0)
        for one in range(valid):
            want = cosine[one].argsort(descending=True)[: min(5, valid - 1)].tolist()
            assert index[cloud, one].tolist() == want + want[:1] * (5 - len(want))
    assert index[3, 0].tolist() == [0] * 5


def test_duplicates_are_neighbours_but_never_a_point_of_its_own() -> None:
    points = torch.ones(1, 6, 3)
    index = neighbours(points, torch.ones(1, 6, dtype=torch.bool), 5)
    for one in range(6):
        assert sorted(index[0, one].tolist()) == [other for other in range(6) if other != one]


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    network = PointGNN((8, 8, 16), 12, 4)
    points, mask = clouds()
    for training in (True, False):
        network.train(training)
        state = {name: value.clone() for name, value in network.state_dict().items()}
        before = network(points, mask)
        network.load_state_dict(state)
        after = network(torch.where(mask[..., None], points, 99.0), mask)
        assert torch.allclose(before, after, atol=1e-5)
        assert not before[~mask].any()


def test_order_of_points_does_not_matter_and_size_does() -> None:
    torch.manual_seed(0)
    network = PointGNN((8, 8), 12, 4).eval()
    points, mask = torch.randn(2, 15, 4), torch.ones(2, 15, dtype=torch.bool)
    order = torch.randperm(15)
    assert torch.allclose(
        network(points, mask)[:, order], network(points[:, order], mask), atol=1e-5
    )
    larger = points * torch.tensor([1.1, 1.1, 1.1, 1.0])
    assert not torch.allclose(network(points, mask), network(larger, mask), atol=1e-3)
