"""What the networks are trained with: triplets and classes for every part, and pairs.

Triplets and cross entropy are those of OpenGait (Fan et al., CVPR 2023), which EMGaitNet and the
gait baselines share; the contrastive loss is equation 8 of Mission (Liu et al., SenSys 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.batch import WalkOutput


def batch_all_triplet(
    embedding: Tensor, labels: Tensor, margin: float = 0.2
) -> tuple[Tensor, Tensor]:
    """Return the triplet loss over all triplets of a batch, and how many of them still teach.

    Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification" (2017), batch all:
    for every part on its own, the mean of ``max(d(a, p) - d(a, n) + margin, 0)`` over the terms
    that are not zero; then the mean over parts. Walks of unknown people (label -1) take no part.

    Args:
        embedding: (B, parts, dim).
        labels: (B,) int64.
        margin: In units of the embedding.

    Returns:
        The loss, and the share of terms that are not zero, both scalars. A batch without a triplet
        gives a loss of zero that still has a gradient (of zero).
    """
    with torch.autocast(embedding.device.type, enabled=False):
        known = labels >= 0
        by_part = embedding[known].float().transpose(0, 1).contiguous()
        anchor, positive, negative = get_all_triplets_indices(labels[known])
        if len(anchor) == 0:
            return 0.0 * embedding.sum(), embedding.new_zeros(())
        distance = torch.cdist(by_part, by_part, compute_mode="donot_use_mm_for_euclid_dist")
        terms = (distance[:, anchor, positive] - distance[:, anchor, negative] + margin).relu()
        active = (terms > 0).sum(dim=1)
        loss = (terms.sum(dim=1) / active.clamp(min=1)).mean()
        return loss, active.float().mean() / len(anchor)


def part_cross_entropy(
    logits: Tensor, labels: Tensor, scale: float = 16.0, label_smoothing: float = 0.1
) -> Tensor:
    """Return the mean cross entropy over walks and parts; unknown people take no part.

    Args:
        logits: (B, parts, classes), cosines in [-1, 1].
        labels: (B,) int64.
        scale: What the cosines are multiplied with.
        label_smoothing: Probability spread over all classes.
    """
    known = labels >= 0
    if not bool(known.any()):
        return 0.0 * logits.sum()
    scaled = scale * logits[known].float().transpose(1, 2)
    target = labels[known][:, None].expand(-1, logits.shape[1])
    return functional.cross_entropy(scaled, target, label_smoothing=label_smoothing)


def contrastive(distance: Tensor, same: Tensor, margin: float = 0.3) -> Tensor:
    """Return the contrastive loss of pairs: ``y d^2 + (1 - y) max(margin - d, 0)^2``.

    Equation 8 of Mission (Hadsell et al., CVPR 2006, without its factor of one half).

    Args:
        distance: (pairs,), Euclidean.
        same: (pairs,) bool, whether both are the same person.
        margin: Distance from which on different people cost nothing.
    """
    pull = distance.square()
    push = (margin - distance).relu().square()
    return torch.where(same, pull, push).mean()


@dataclass(frozen=True)
class GaitLossTerms:
    """A loss and what it is made of.

    Attributes:
        total: What is minimised.
        triplet: Triplet loss, before its weight.
        cross_entropy: Cross entropy, before its weight; zero without logits.
        active_triplets: Share of triplets that still teach, in [0, 1].
    """

    total: Tensor
    triplet: Tensor
    cross_entropy: Tensor
    active_triplets: Tensor


class GaitLoss(nn.Module):
    """Weighted sum of triplet loss and cross entropy.

    EMGaitNet weighs them 1 : 2, GaitBase and LidarGait 1 : 1, LidarGait++ 1 : 0.1.

    Args:
        triplet_weight: Weight of the triplet loss.
        cross_entropy_weight: Weight of the cross entropy.
        margin: Margin of the triplets.
        scale: Scale of the cosines.
        label_smoothing: Of the cross entropy, in [0, 1).

    Raises:
        ValueError: When a setting is out of its range.
    """

    def __init__(
        self,
        triplet_weight: float = 1.0,
        cross_entropy_weight: float = 2.0,
        margin: float = 0.2,
        scale: float = 16.0,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"label_smoothing is {label_smoothing}: it must be in [0, 1)")
        for name, value in (("margin", margin), ("scale", scale)):
            if value <= 0.0:
                raise ValueError(f"{name} is {value}: it must be above 0")
        for name, value in (
            ("triplet_weight", triplet_weight),
            ("cross_entropy_weight", cross_entropy_weight),
        ):
            if value < 0.0:
                raise ValueError(f"{name} is {value}: it must not be negative")
        self.triplet_weight = triplet_weight
        self.cross_entropy_weight = cross_entropy_weight
        self.margin = margin
        self.scale = scale
        self.label_smoothing = label_smoothing

    def forward(self, output: WalkOutput, labels: Tensor) -> GaitLossTerms:
        """Return the loss of a batch of walks; labels are (B,) int64."""
        triplet, active = batch_all_triplet(output.embedding, labels, self.margin)
        cross_entropy = triplet.new_zeros(())
        if output.logits is not None:
            cross_entropy = part_cross_entropy(
                output.logits, labels, self.scale, self.label_smoothing
            )
        total = self.triplet_weight * triplet + self.cross_entropy_weight * cross_entropy
        return GaitLossTerms(total, triplet, cross_entropy, active)
