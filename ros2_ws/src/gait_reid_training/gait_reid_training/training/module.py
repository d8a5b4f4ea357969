"""One network under Lightning's Trainer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gait_reid_training.batch import WalkBatch, WalkNetwork, WalkOutput
from gait_reid_training.evaluation.metrics import distance_matrix, rank, unit_parts
from gait_reid_training.training.config import TrainConfig
from gait_reid_training.training.gait_module import GaitModule, Monitored
from gait_reid_training.training.losses import GaitLoss, GaitLossTerms

MONITORED = Monitored("validation/rank1", "validation/map")


class WalkModule(GaitModule):
    """Trains a network and looks at people it does not learn from.

    Args:
        network: The network.
        config: The training.
        gallery: (n,) bool, which validation walks are enrolled; None compares every walk with all
            others.
    """

    config: TrainConfig

    def __init__(
        self,
        network: WalkNetwork,
        config: TrainConfig,
        gallery: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
    ) -> None:
        super().__init__(network, config, MONITORED)
        one = config.loss
        self.loss = GaitLoss(
            one.triplet_weight, one.cross_entropy_weight, one.margin, one.scale, one.label_smoothing
        )
        self._gallery = gallery
        self._seen: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: WalkBatch, batch_idx: int) -> Tensor:
        """Return the loss of one batch, those that the network adds included."""
        output = self.network(batch)
        terms = self._terms(output, batch.labels)
        added = {name: value for name, value in output.extras.items() if name.endswith("_loss")}
        for name, branch in output.extras.get("branches", {}).items():
            labels = torch.where(branch.present, batch.labels, -1)
            alone = self._terms(WalkOutput(branch.embedding, branch.logits), labels).total
            added[f"{name}_loss"] = self.config.loss.branch_weight * alone
        total = terms.total + sum(added.values())
        values = {
            "loss": total, "triplet": terms.triplet, "cross_entropy": terms.cross_entropy,
            "active_triplets": terms.active_triplets, **added,
        }  # fmt: skip
        self.log_losses(values, len(batch))
        return total

    def _terms(self, output: WalkOutput, labels: Tensor) -> GaitLossTerms:
        if self.config.loss.unit_parts:
            output = replace(output, embedding=functional.normalize(output.embedding, dim=-1))
        terms: GaitLossTerms = self.loss(output, labels)
        return terms

    def validation_step(self, batch: WalkBatch, batch_idx: int) -> None:
        """Keep the embeddings of one batch."""
        self._seen.append((self.network(batch).embedding.float(), batch.labels))

    def on_validation_epoch_end(self) -> None:
        """Log rank-1 and mAP."""
        values = torch.cat([embedding for embedding, _ in self._seen]).cpu().numpy()
        labels = torch.cat([one for _, one in self._seen]).cpu().numpy()
        self._seen.clear()
        self.log_figures(validation_figures(values, labels, self._gallery))


def validation_figures(
    values: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    gallery: np.ndarray[Any, np.dtype[np.bool_]] | None,
) -> dict[str, float]:
    """Return rank-1 and mAP of walks.

    Args:
        values: (n, parts, dim).
        labels: (n,).
        gallery: (n,) bool, or None: leave one out.
    """
    unit = unit_parts(values)
    if gallery is None or len(gallery) != len(labels) or not gallery.any() or gallery.all():
        probe, enrolled = np.arange(len(labels)), np.arange(len(labels))
    else:
        probe, enrolled = np.flatnonzero(~gallery), np.flatnonzero(gallery)
    return ranking_figures(
        distance_matrix(unit[probe], unit[enrolled]),
        labels[probe, None] == labels[None, enrolled],
        probe[:, None] != enrolled[None],
    )


def ranking_figures(
    distances: np.ndarray[Any, Any],
    same: np.ndarray[Any, np.dtype[np.bool_]],
    allowed: np.ndarray[Any, np.dtype[np.bool_]],
) -> dict[str, float]:
    """Return rank-1 and mAP of probes whose person is enrolled, NaN without any.

    Args:
        distances: (n, m), from probes to the gallery.
        same: (n, m), whether both are of one person.
        allowed: (n, m), False on pairs that are left out.
    """
    ranking = rank(distances, same, allowed)
    good = ranking.valid
    if not good.any():
        return {"rank1": float("nan"), "map": float("nan")}
    return {
        "rank1": float(ranking.hits(1)[good].mean()),
        "map": float(ranking.average_precision[good].mean()),
    }
