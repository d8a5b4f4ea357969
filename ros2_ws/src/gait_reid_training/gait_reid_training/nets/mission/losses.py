"""What Mission and its rivals are trained with: equations 5 to 8 of the paper.

Identities: triplets of all right and wrong pairs of a batch. Poses: mean distance of the joints,
which is what the paper's equation 5 says (its text says mean squared error).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.nets.mission.cross_modal import CrossModalOutput, PairEmbeddings
from gait_reid_training.training.losses import contrastive


def joint_error(estimate: Tensor, joints: Tensor, known: Tensor) -> Tensor:
    """Return the mean distance of joints in metres (equation 5), 0 where none is known.

    Args:
        estimate: (B, T, J, 3).
        joints: (B, T, J, 3).
        known: (B, T) bool.
    """
    distance = (estimate - joints).square().sum(dim=-1).clamp(min=1e-12).sqrt().mean(dim=-1)
    weight = known.to(distance.dtype)
    return (distance * weight).sum() / weight.sum().clamp(min=1.0)


@dataclass(frozen=True)
class TripletMargin:
    """By how much what belongs together must be closer than what does not.

    Attributes:
        margin: In units of squared distance; the mean is over triplets that are short of it.
        softness: Units of squared distance; above 0 the margin is soft, ln(1 + exp(x / softness)),
            and the mean is over all triplets (Hermans et al., 2017).
    """

    margin: float = 0.3
    softness: float = 0.0

    def mean(self, excess: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of triplets.

        Args:
            excess: Squared distance of what belongs together minus that of what does not.
            valid: Which triplets count; broadcast to `excess`.
        """
        if self.softness > 0.0:
            terms = functional.softplus(excess / self.softness) * valid
            return self.softness * terms.sum() / valid.expand_as(terms).sum().clamp(min=1)
        terms = (excess + self.margin).relu() * valid
        return terms.sum() / (terms > 0).sum().clamp(min=1)


HARD = TripletMargin()


def cross_triplet(
    vision: Tensor, radar: Tensor, labels: Tensor, margin: TripletMargin = HARD
) -> Tensor:
    """Return the triplet loss between modalities over all triplets of a batch (equation 6).

    Anchors are walks of one modality, positives and negatives those of the other; distances are
    squared, of unit vectors, as in the released code.

    Args:
        vision: (B, d).
        radar: (B, d).
        labels: (B,); unknown people (-1) take no part.
        margin: What is asked for.
    """
    distance = 2.0 - 2.0 * vision @ radar.T
    known = (labels >= 0)[:, None] & (labels >= 0)
    same = (labels[:, None] == labels) & known
    other = (labels[:, None] != labels) & known
    valid = same[:, :, None] & other[:, None, :]
    excess = [one[:, :, None] - one[:, None, :] for one in (distance, distance.T)]
    return margin.mean(torch.stack(excess), valid)


def pair_triplet(
    right: PairEmbeddings, wrong: PairEmbeddings, labels: Tensor, margin: TripletMargin = HARD
) -> Tensor:
    """Return the triplet losses between right pairs and wrong ones (equation 6).

    With V_j(R_i) for the camera's walk of j that knows of the radar's walk of i: a right pair must
    be closer than the wrong pair that shares its camera's walk, or its radar's. And the wrong-pair
    term: V_j(R_i), though it took features of i, must be closer to R_j(V_j) than to R_i(V_i); the
    same for R_i(V_j).

    Args:
        right: Pairs of one person each.
        wrong: Pairs of two people.
        labels: (B,); pairs that are right by chance, or of unknown people, take no part.
        margin: What is asked for.
    """
    shift = wrong.shift
    camera_labels = labels.roll(shift)
    valid = (labels != camera_labels) & (labels >= 0) & (camera_labels >= 0)
    own = _squared(right.vision, right.radar)
    crossed = _squared(wrong.vision, wrong.radar)
    terms = torch.stack(
        [
            own - crossed,
            own.roll(shift) - crossed,
            _squared(wrong.vision, right.radar.roll(shift, 0))
            - _squared(wrong.vision, right.radar),
            _squared(wrong.radar, right.vision)
            - _squared(wrong.radar, right.vision.roll(shift, 0)),
        ]
    )
    return margin.mean(terms, valid)


def pair_contrastive(
    right: PairEmbeddings, wrong: PairEmbeddings, labels: Tensor, margin: float = 1.0
) -> Tensor:
    """Return the contrastive loss of right and wrong pairs (equation 8)."""
    distance = torch.cat(
        [_squared(one.vision, one.radar).clamp(min=1e-12).sqrt() for one in (right, wrong)]
    )
    same = torch.cat([torch.ones_like(labels).bool(), labels == labels.roll(wrong.shift)])
    known = torch.cat([labels >= 0, (labels >= 0) & (labels.roll(wrong.shift) >= 0)])
    if not bool(known.any()):
        return 0.0 * distance.sum()
    return contrastive(distance[known], same[known], margin)


def cross_contrastive(vision: Tensor, radar: Tensor, labels: Tensor, margin: float = 1.0) -> Tensor:
    """Return the contrastive loss between all walks of both modalities (equation 8).

    Same and different people weigh the same, however many pairs there are of each.
    """
    known = labels >= 0
    distance = (2.0 - 2.0 * vision[known] @ radar[known].T).clamp(min=1e-12).sqrt()
    same = labels[known][:, None] == labels[known]
    terms = [
        contrastive(distance[chosen], same[chosen], margin)
        for chosen in (same, ~same)
        if bool(chosen.any())
    ]
    return torch.stack(terms).mean() if terms else 0.0 * vision.sum()


def _squared(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().sum(dim=-1)


@dataclass(frozen=True)
class CrossModalLossTerms:
    """A loss and what it is made of, before weights.

    Attributes:
        total: What is minimised.
        pairs: Right against wrong pairs.
        unimodal: Between embeddings that know one modality.
        pose: Mean joint error, metres.
        root: Mean error of the pelvis, metres.
    """

    total: Tensor
    pairs: Tensor
    unimodal: Tensor
    pose: Tensor
    root: Tensor


class CrossModalLoss(nn.Module):
    """Equation 7: alpha times poses and root, plus beta times identities.

    Args:
        alpha: Weight of poses and root.
        beta: Weight of the pairs' identities, or of the unimodal ones where there are no pairs.
        unimodal_weight: Weight of the unimodal identities beside pairs: ours, for a shortlist.
        margin: Of triplets.
        contrastive_margin: Of the contrastive loss, in units of distance.
        loss: ``triplet``, or ``contrastive`` (noTL).
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 2.0,
        unimodal_weight: float = 1.0,
        margin: TripletMargin = HARD,
        contrastive_margin: float = 1.0,
        loss: str = "triplet",
    ) -> None:
        super().__init__()
        if loss not in ("triplet", "contrastive"):
            raise ValueError(f"loss is {loss!r}: it must be triplet or contrastive")
        margins = (("margin", margin.margin), ("contrastive_margin", contrastive_margin))
        for name, value in margins:
            if value <= 0.0:
                raise ValueError(f"{name} is {value}: it must be above 0")
        self.alpha = alpha
        self.beta = beta
        self.unimodal_weight = unimodal_weight
        self.margin = margin
        self.contrastive_margin = contrastive_margin
        self.loss = loss

    def forward(self, output: CrossModalOutput, batch: CrossModalBatch) -> CrossModalLossTerms:
        """Return the loss of a batch."""
        labels = batch.radar.labels
        zero = batch.radar.points.new_zeros(())
        pairs = self._pairs(output, labels) if len(output.pairs) > 1 else zero
        unimodal = zero
        if output.vision is not None and output.radar is not None:
            if self.loss == "triplet":
                unimodal = cross_triplet(output.vision, output.radar, labels, self.margin)
            else:
                unimodal = cross_contrastive(
                    output.vision, output.radar, labels, self.contrastive_margin
                )
        weight = self.unimodal_weight if output.pairs else self.beta
        pose, root = self._pose(output, batch, zero), zero
        if output.root is not None:
            known = batch.radar.has_pose
            root = joint_error(output.root[:, :, None], batch.radar.root[:, :, None], known)
        total = self.alpha * (pose + root) + self.beta * pairs + weight * unimodal
        return CrossModalLossTerms(total, pairs, unimodal, pose, root)

    def _pairs(self, output: CrossModalOutput, labels: Tensor) -> Tensor:
        right, *others = output.pairs
        if self.loss == "triplet":
            terms = [pair_triplet(right, wrong, labels, self.margin) for wrong in others]
        else:
            terms = [
                pair_contrastive(right, wrong, labels, self.contrastive_margin) for wrong in others
            ]
        return torch.stack(terms).mean()

    @staticmethod
    def _pose(output: CrossModalOutput, batch: CrossModalBatch, zero: Tensor) -> Tensor:
        errors = [
            joint_error(one, batch.vision_joints, batch.vision_has_pose)
            for one in output.vision_poses
        ] + [
            joint_error(one, batch.radar.joints, batch.radar.has_pose) for one in output.radar_poses
        ]
        return torch.stack(errors).mean() if errors else zero
