"""Detection and identification rate: some people are enrolled, the others are strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_training.evaluation.evaluate import Outcome
from gait_reid_training.evaluation.metrics import (
    Bool,
    Ranking,
    detection_rate,
    threshold_at,
)
from gait_reid_training.evaluation.walks import Text

FALSE_ACCEPT_RATES = (0.01, 0.001)
PARTITIONS = 20
DRAWS_PER_PARTITION = 25


def open_set_figures(outcome: Outcome, seed: int = 0) -> dict[str, Any]:
    """Return DIR at each false accept rate, people enrolled and not enrolled drawn again and again.

    Half of the people are strangers: their gallery walks are left out, and their probes give the
    threshold. Intervals are over draws of people and over the bootstrap of both halves.
    """
    people = np.unique(outcome.gallery_person)
    rng = np.random.default_rng(seed)
    kinds = {"overall": {"overall": np.ones(len(outcome.ranking), bool)}, **outcome.groups}
    values: dict[tuple[float, str, str], list[float]] = {}
    accepted = dict.fromkeys(FALSE_ACCEPT_RATES, 0)
    drawn: dict[tuple[float, str, str], list[float]] = {}
    strangers = 0
    for _ in range(PARTITIONS):
        enrolled = rng.permutation(people)[: len(people) // 2]
        known = np.isin(outcome.gallery_person, enrolled)
        ranking = outcome.ranked_among(known)
        stranger = ~np.isin(outcome.person_id, enrolled)
        strangers = int(stranger.sum())
        genuine = ~stranger & ranking.valid
        for far in FALSE_ACCEPT_RATES:
            _add(values, ranking, kinds, genuine, threshold_at(ranking.nearest[stranger], far), far)
            accepted[far] = int(np.floor(strangers * far))
            for _ in range(DRAWS_PER_PARTITION):
                weights = _resampled(outcome.person_id, stranger, rng)
                chosen = np.flatnonzero(stranger)
                limit = threshold_at(
                    np.repeat(ranking.nearest[chosen], weights[chosen].astype(int)), far
                )
                _add(drawn, ranking, kinds, genuine, limit, far, weights)
    return _open_set_table(values, drawn, kinds, accepted, strangers)


def _resampled(person_id: Text, stranger: Bool, rng: np.random.Generator) -> Float64:
    """Return how often each probe is drawn when people are, within both halves."""
    weights = np.zeros(len(person_id))
    for half in (stranger, ~stranger):
        names, index = np.unique(person_id[half], return_inverse=True)
        times = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)))
        weights[half] = times[index.reshape(-1)]
    return weights


def _add(
    into: dict[tuple[float, str, str], list[float]],
    ranking: Ranking,
    kinds: Mapping[str, Mapping[str, Bool]],
    genuine: Bool,
    limit: float,
    far: float,
    weights: Float64 | None = None,
) -> None:
    """Append the detection rate of every group."""
    right = detection_rate(ranking, limit)
    for kind, names in kinds.items():
        for name, mask in names.items():
            rows = genuine & mask
            weight = rows.astype(np.float64) if weights is None else weights * rows
            total = weight.sum()
            if total > 0:
                into.setdefault((far, kind, name), []).append(float((weight * right).sum() / total))


def _open_set_table(
    values: dict[tuple[float, str, str], list[float]],
    drawn: dict[tuple[float, str, str], list[float]],
    kinds: Mapping[str, Mapping[str, Bool]],
    accepted: Mapping[float, int],
    strangers: int,
) -> dict[str, Any]:
    table: dict[str, Any] = {
        "partitions": PARTITIONS,
        "stranger_probes": strangers,
        "accepted_strangers": {f"{far:g}": count for far, count in accepted.items()},
        "dir": {},
    }
    for (far, kind, name), some in values.items():
        low, high = np.percentile(drawn[far, kind, name], (2.5, 97.5))
        row = {"value": float(np.mean(some)), "low": float(low), "high": float(high)}
        table["dir"].setdefault(f"{far:g}", {}).setdefault(kind, {})[name] = row
    return table
