"""Figures of one model under one protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_training.evaluation.intervals import IdentityBootstrap, Interval, wilson
from gait_reid_training.evaluation.metrics import (
    Bool,
    Ranking,
    cmc,
    distance_matrix,
    rank,
)
from gait_reid_training.evaluation.protocols import Protocol, same_view
from gait_reid_training.evaluation.walks import EmbeddedWalks, Text


@dataclass(frozen=True)
class Outcome:
    """What became of the probes of a protocol.

    Attributes:
        ranking: Of each probe.
        person_id: (n,) of each probe.
        groups: Kind -> name -> (n,) bool.
        distances: (n, m) probe to gallery.
        same: (n, m).
        allowed: (n, m).
        gallery_person: (m,).
        gallery_view: (m,) name of the view.
        probe_view: (n,) name of the view.
    """

    ranking: Ranking
    person_id: Text
    groups: dict[str, dict[str, Bool]]
    distances: Float64
    same: Bool
    allowed: Bool
    gallery_person: Text
    gallery_view: Text
    probe_view: Text

    def distances_among(self, allowed: Bool) -> Float64:
        """Return the distances (n, m) where only some pairs (n, m) may be compared.

        They are those of all pairs, unless what is enrolled decides on how it is compared.
        """
        return self.distances

    def ranked_among(self, known: Bool) -> Ranking:
        """Rank a part (m,) bool of the gallery for each probe."""
        allowed = self.allowed & known[None]
        return rank(self.distances_among(allowed), self.same, allowed)


def run_protocol(walks: EmbeddedWalks, protocol: Protocol, exclude_same_view: bool) -> Outcome:
    """Compare probes with the gallery.

    Args:
        walks: All walks.
        protocol: Who is enrolled and looked for.
        exclude_same_view: Leave out pairs of walks in the same direction.
    """
    probe, gallery = walks.at(protocol.probe), walks.at(protocol.gallery)
    distances = distance_matrix(probe.values, gallery.values)
    same = probe.person_id[:, None] == gallery.person_id[None]
    allowed = np.ones_like(same)
    probe_view, gallery_view = protocol.view[protocol.probe], protocol.view[protocol.gallery]
    if exclude_same_view:
        allowed = ~same_view(probe_view, gallery_view)
    groups = {
        kind: {name: mask[protocol.probe] for name, mask in names.items()}
        for kind, names in protocol.groups.items()
    }
    return Outcome(
        rank(distances, same, allowed), probe.person_id, groups, distances, same, allowed,
        gallery.person_id, gallery_view, probe_view,
    )  # fmt: skip


def figures(outcome: Outcome, bootstrap: IdentityBootstrap) -> dict[str, Any]:
    """Return rank-1, rank-5, mAP, mINP with intervals: overall and by group, and the CMC."""
    everything = np.ones(len(outcome.ranking), bool)
    return {
        "probes": len(outcome.ranking),
        "probes_without_right_walk": int((~outcome.ranking.valid).sum()),
        "people": len(np.unique(outcome.person_id)),
        "gallery": len(outcome.gallery_person),
        "overall": _row(outcome, everything, bootstrap),
        "groups": {
            kind: {name: _row(outcome, mask, bootstrap) for name, mask in names.items()}
            for kind, names in outcome.groups.items()
        },
        "cmc": cmc(outcome.ranking).tolist(),
    }


def _row(outcome: Outcome, mask: Bool, bootstrap: IdentityBootstrap) -> dict[str, Any]:
    ranking = outcome.ranking
    valid = ranking.valid & mask

    def interval(values: Float64) -> dict[str, float | int]:
        return bootstrap.mean(np.where(valid, values, np.nan)).as_dict()

    first = interval(ranking.hits(1).astype(np.float64))
    low, high = wilson(float(first["value"]), int(first["identities"]))
    return {
        "rank1": {**first, "wilson_low": low, "wilson_high": high},
        "rank5": interval(ranking.hits(5).astype(np.float64)),
        "map": interval(ranking.average_precision),
        "minp": interval(ranking.inverse_penalty),
    }


def view_pair_figures(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Return SUSTech1K's figures: per group of probes, rank-1 and rank-5 as mean over view pairs.

    Each pair of a probe's and a gallery's view is an evaluation of its own; pairs of identical
    views are left out. A probe counts in a pair only when its person is in that gallery.
    """
    probe_view, gallery_view = outcome.probe_view, outcome.gallery_view
    rates: dict[str, dict[str, float]] = {}
    for name, mask in outcome.groups["probe"].items():
        found: list[tuple[float, float]] = []
        for one in np.unique(probe_view[mask]):
            rows = np.flatnonzero(mask & (probe_view == one))
            for other in np.setdiff1d(np.unique(gallery_view), [one]):
                pair = np.ix_(rows, np.flatnonzero(gallery_view == other))
                ranking = rank(
                    outcome.distances[pair], outcome.same[pair], np.ones_like(outcome.same[pair])
                )
                good = ranking.valid
                if good.any():
                    found.append((ranking.hits(1)[good].mean(), ranking.hits(5)[good].mean()))
        means = np.mean(found, axis=0) if found else np.full(2, np.nan)
        rates[name] = {"rank1": float(means[0]), "rank5": float(means[1]), "pairs": len(found)}
    return rates


def compare(
    first: Outcome, second: Outcome, bootstrap: IdentityBootstrap, mask: Bool | None = None
) -> tuple[Interval, float]:
    """Return the difference in rank-1 over the same probes, and the chance that it is not positive.

    Args:
        first: One model.
        second: Another model.
        bootstrap: Draws of people.
        mask: (n,) bool, the probes that count; None: all.

    Raises:
        ValueError: The outcomes are not of the same probes.
    """
    if not np.array_equal(first.person_id, second.person_id):
        raise ValueError("the two models were not shown the same walks: evaluate them together")
    both = first.ranking.valid & second.ranking.valid
    if mask is not None:
        both &= mask
    left, right = first.ranking.hits(1), second.ranking.hits(1)
    return bootstrap.difference(np.where(both, left, np.nan), np.where(both, right, np.nan))
