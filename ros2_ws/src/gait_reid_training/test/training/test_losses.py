"""Losses against their definitions, written out as loops."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.batch import WalkOutput  # noqa: E402
from gait_reid_training.training.losses import (  # noqa: E402
    GaitLoss,
    batch_all_triplet,
    contrastive,
    part_cross_entropy,
)


def _triplets_one_by_one(embedding, labels, margin: float) -> tuple[float, float]:
    people = labels.tolist()
    losses, active, all_terms = [], 0, 0
    for part in range(embedding.shape[1]):
        terms = []
        for a, who in enumerate(people):
            for p, other in enumerate(people):
                for n, stranger in enumerate(people):
                    if a != p and who == other and stranger != who:
                        near = torch.dist(embedding[a, part], embedding[p, part]).item()
                        far = torch.dist(embedding[a, part], embedding[n, part]).item()
                        terms.append(max(near - far + margin, 0.0))
        taught = [term for term in terms if term > 0]
        losses.append(sum(taught) / max(len(taught), 1))
        active, all_terms = active + len(taught), all_terms + len(terms)
    return sum(losses) / len(losses), active / all_terms


def test_triplets_agree_with_the_loop() -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 3, 3])
    embedding = 0.1 * torch.randn(8, 3, 5)
    embedding[:, 1] += labels[:, None]
    loss, active = batch_all_triplet(embedding, labels, 0.2)
    expected, share = _triplets_one_by_one(embedding, labels, 0.2)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert active.item() == pytest.approx(share, abs=1e-6)
    assert 0.0 < share < 1.0


def test_triplets_agree_with_pytorch_metric_learning() -> None:
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.losses import TripletMarginLoss

    torch.manual_seed(1)
    labels = torch.arange(8).repeat_interleave(4)
    embedding = torch.randn(32, 2, 16)
    library = TripletMarginLoss(margin=0.2, distance=LpDistance(normalize_embeddings=False))
    expected = sum(library(embedding[:, part], labels) for part in range(2)) / 2
    assert batch_all_triplet(embedding, labels, 0.2)[0].item() == pytest.approx(
        expected.item(), abs=1e-5
    )


def test_people_far_apart_cost_nothing_and_two_equal_walks_have_a_finite_gradient() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    embedding = labels[:, None, None] * torch.ones(4, 2, 3)
    embedding.requires_grad_()
    loss, active = batch_all_triplet(embedding, labels, 0.2)
    assert loss.item() == 0.0
    assert active.item() == 0.0
    loss, _ = batch_all_triplet(embedding, labels, 5.0)
    loss.backward()
    assert loss.item() == pytest.approx(5.0 - math.sqrt(3.0), abs=1e-6)
    assert torch.isfinite(embedding.grad).all()


def test_unknown_people_take_no_part() -> None:
    torch.manual_seed(2)
    labels = torch.tensor([0, 0, 1, 1, -1, -1])
    embedding = torch.randn(6, 2, 4)
    assert torch.equal(
        batch_all_triplet(embedding, labels)[0], batch_all_triplet(embedding[:4], labels[:4])[0]
    )
    logits = torch.rand(6, 2, 3)
    assert torch.equal(
        part_cross_entropy(logits, labels), part_cross_entropy(logits[:4], labels[:4])
    )
    nobody = torch.full((6,), -1)
    assert batch_all_triplet(embedding, nobody)[0].item() == 0.0
    assert part_cross_entropy(logits, nobody).item() == 0.0


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[[1.0, 0.0, -0.5]]])
    exponents = [math.exp(16.0), math.exp(0.0), math.exp(-8.0)]
    log_p = [math.log(one / sum(exponents)) for one in exponents]
    expected = -(0.9 * log_p[0] + 0.1 * sum(log_p) / 3)
    assert part_cross_entropy(logits, torch.tensor([0])).item() == pytest.approx(expected, abs=1e-4)


def test_contrastive_by_hand() -> None:
    distance = torch.tensor([0.5, 0.1, 0.4])
    same = torch.tensor([True, False, False])
    expected = (0.25 + 0.04 + 0.0) / 3
    assert contrastive(distance, same, 0.3).item() == pytest.approx(expected, abs=1e-6)


def test_the_sum_is_weighted_and_settings_are_checked() -> None:
    torch.manual_seed(3)
    labels = torch.tensor([0, 0, 1, 1])
    output = WalkOutput(torch.randn(4, 2, 3), torch.rand(4, 2, 2))
    terms = GaitLoss(triplet_weight=1.0, cross_entropy_weight=2.0)(output, labels)
    assert terms.total.item() == pytest.approx(
        terms.triplet.item() + 2.0 * terms.cross_entropy.item(), abs=1e-6
    )
    without = GaitLoss()(WalkOutput(output.embedding), labels)
    assert without.total.item() == pytest.approx(terms.triplet.item(), abs=1e-6)
    with pytest.raises(ValueError, match="margin is -0.2"):
        GaitLoss(margin=-0.2)
