"""A look at people who are not learnt from: their radar walks among all their camera walks.

Every radar walk is compared with every camera walk; none of the latter is the same walk. Where
features are exchanged, a pair's embeddings are made anew for each of the two walks compared, so
that no walk is told its person's name by a partner that was chosen for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from gait_reid.core.types import Float64, Int64
from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.evaluation.cross_modal.poses import batch_errors
from gait_reid_training.nets.mission.cached import ModalityCache
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, CrossModalOutput
from gait_reid_training.nets.mission.mission import Mission
from gait_reid_training.training.module import ranking_figures


class CrossModalLooks:
    """Gathers what a network says of batches of a look, and what follows from it.

    Args:
        network: The network.
        walks: How many pairs of walks a look has.
        pairwise_walks: How many of them, evenly chosen, are compared pair by pair; 0: all.
    """

    def __init__(self, network: CrossModalNetwork, walks: int, pairwise_walks: int) -> None:
        self._network = network
        count = min(pairwise_walks or walks, walks)
        self._paired = np.zeros(walks, np.bool_)
        self._paired[np.linspace(0, walks - 1, count).astype(int)] = True
        self._start()

    def _start(self) -> None:
        self._labels: list[Tensor] = []
        self._unimodal: list[tuple[Tensor, Tensor]] = []
        self._caches: list[tuple[ModalityCache, ModalityCache]] = []
        self._errors: dict[str, list[Float64]] = {}

    @torch.no_grad()
    def add(self, batch: CrossModalBatch) -> None:
        """Take a batch, the next of this look."""
        output = self._output(batch)
        self._labels.append(batch.labels)
        if output.vision is not None and output.radar is not None:
            self._unimodal.append((output.vision.float(), output.radar.float()))
        errors = batch_errors(output, batch, self._network.compares_pairs)
        for name, values in errors.items():
            self._errors.setdefault(f"aje_{name}_cm", []).append(values)

    def _output(self, batch: CrossModalBatch) -> CrossModalOutput:
        """Return what the network says, and keep what makes pairs of the walks chosen for it."""
        network = self._network
        if not (isinstance(network, Mission) and network.compares_pairs):
            output: CrossModalOutput = network(batch)
            return output
        vision, radar = network.vision_features(batch.vision), network.radar_features(batch.radar)
        first = sum(len(one) for one in self._labels)
        chosen = torch.from_numpy(self._paired[first : first + len(batch)].nonzero()[0])
        rows = chosen.to(vision.tokens.device)
        seen, heard = network.vision_cache(vision), network.radar_cache(radar)
        self._caches.append((seen.at(rows), heard.at(rows)))
        return network.output(vision, radar)

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Return the figures of the look, and begin another one.

        Returns:
            ``unimodal_rank1`` and ``unimodal_map``, the same as ``pairwise_`` of the chosen walks,
            and mean joint errors (AJE) of the walks whose poses are known: those that the network
            estimates.
        """
        labels = torch.cat(self._labels).cpu().numpy()
        found: dict[str, float] = {}
        if self._unimodal:
            vision, radar = (torch.cat(one) for one in zip(*self._unimodal))
            distances = torch.cdist(radar, vision).double().cpu().numpy()
            found |= _named("unimodal", distances, labels)
        if self._caches:
            found |= _named("pairwise", self._pairwise(), labels[self._paired])
        for name, parts in self._errors.items():
            values = np.concatenate(parts)
            if np.isfinite(values).any():
                found[name] = float(np.nanmean(values))
        self._start()
        return found

    def _pairwise(self) -> Float64:
        """Return distances (m, m) from radar walks to camera walks that know of each other."""
        network = self._network
        assert isinstance(network, Mission)
        seen, heard = (_joined(parts) for parts in zip(*self._caches))
        rows = []
        for row in range(len(heard.mask)):
            pairs = network.pair_cached(seen, heard.at(slice(row, row + 1)))
            rows.append((pairs.vision - pairs.radar).float().square().sum(dim=-1))
        return np.asarray(torch.stack(rows).double().cpu().numpy(), np.float64)


def _joined(parts: Sequence[ModalityCache]) -> ModalityCache:
    """Return the caches of all walks, one after the other."""
    names = [one.name for one in fields(ModalityCache)]
    return ModalityCache(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def _named(kind: str, distances: Float64, labels: Int64) -> dict[str, float]:
    same = labels[:, None] == labels
    figures = ranking_figures(distances, same, np.ones_like(same))
    return {f"{kind}_{name}": value for name, value in figures.items()}
