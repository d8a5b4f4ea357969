"""Losses of Mission against their definitions."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import normalize  # noqa: E402

from gait_reid_training.nets.mission.cross_modal import PairEmbeddings  # noqa: E402
from gait_reid_training.nets.mission.losses import (  # noqa: E402
    CrossModalLoss,
    TripletMargin,
    cross_contrastive,
    cross_triplet,
    joint_error,
    pair_contrastive,
    pair_triplet,
)


def _unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def _d2(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).square().sum().item()


def test_joint_error_is_a_mean_distance_in_metres() -> None:
    joints = torch.zeros(1, 2, 4, 3)
    estimate = joints.clone()
    estimate[0, 0, :, 0], estimate[0, 0, :, 2] = 0.03, 0.04
    estimate[0, 1] = 9.0
    known = torch.tensor([[True, False]])
    assert joint_error(estimate, joints, known).item() == pytest.approx(0.05, abs=1e-5)
    assert joint_error(estimate, joints, ~known & False).item() == 0.0


def test_triplets_between_modalities_agree_with_the_loop() -> None:
    vision, radar = _unit(5, 4, seed=1), _unit(5, 4, seed=2)
    labels = torch.tensor([0, 1, 0, 2, -1])
    terms = []
    for one, other in ((vision, radar), (radar, vision)):
        for a in range(4):
            for p in range(4):
                for n in range(4):
                    if labels[a] == labels[p] and labels[n] != labels[a]:
                        far = _d2(one[a], other[n])
                        terms.append(max(_d2(one[a], other[p]) - far + 0.3, 0.0))
    taught = [term for term in terms if term > 0]
    expected = sum(taught) / len(taught)
    assert cross_triplet(vision, radar, labels).item() == pytest.approx(expected, abs=1e-5)


def test_pair_triplets_agree_with_the_loop() -> None:
    people, shift = 4, 1
    right = PairEmbeddings(_unit(people, 6, seed=1), _unit(people, 6, seed=2))
    wrong = PairEmbeddings(_unit(people, 6, seed=3), _unit(people, 6, seed=4), shift)
    labels = torch.tensor([0, 1, 1, 2])
    terms = []
    for i in range(people):
        j = (i - shift) % people
        if labels[i] == labels[j]:
            continue
        crossed = _d2(wrong.vision[i], wrong.radar[i])
        terms += [
            _d2(right.vision[i], right.radar[i]) - crossed,
            _d2(right.vision[j], right.radar[j]) - crossed,
            _d2(wrong.vision[i], right.radar[j]) - _d2(wrong.vision[i], right.radar[i]),
            _d2(wrong.radar[i], right.vision[i]) - _d2(wrong.radar[i], right.vision[j]),
        ]
    taught = [term + 0.3 for term in terms if term + 0.3 > 0]
    expected = sum(taught) / len(taught)
    assert pair_triplet(right, wrong, labels).item() == pytest.approx(expected, abs=1e-5)


def test_a_soft_margin_counts_every_triplet() -> None:
    vision = normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(1)))
    labels = torch.tensor([0, 1, -1])
    found = cross_triplet(vision, vision.flip(0), labels, TripletMargin(softness=0.2)).item()
    distance = (2.0 - 2.0 * vision @ vision.flip(0).T)[:2, :2]
    terms = [
        0.2 * math.log1p(math.exp((one[i, i] - one[i, 1 - i]).item() / 0.2))
        for one in (distance, distance.T)
        for i in range(2)
    ]
    assert found == pytest.approx(sum(terms) / 4, abs=1e-5)


def test_contrastive_losses_pull_and_push() -> None:
    vision = torch.eye(4)[:2]
    labels = torch.tensor([0, 1])
    right = PairEmbeddings(vision, vision)
    assert pair_contrastive(right, PairEmbeddings(vision, vision, 1), labels).item() == (
        pytest.approx(0.5, abs=1e-5)
    )
    apart = PairEmbeddings(vision, torch.eye(4)[2:], 1)
    assert pair_contrastive(right, apart, labels).item() == pytest.approx(0.0, abs=1e-5)
    assert cross_contrastive(vision, vision, labels).item() == pytest.approx(0.0, abs=1e-5)
    swapped = cross_contrastive(vision, vision.flip(0), labels).item()
    assert swapped == pytest.approx((2.0 + 1.0) / 2, abs=1e-4)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="loss is 'hinge'"):
        CrossModalLoss(loss="hinge")
    with pytest.raises(ValueError, match="margin is 0"):
        CrossModalLoss(margin=TripletMargin(0.0))
