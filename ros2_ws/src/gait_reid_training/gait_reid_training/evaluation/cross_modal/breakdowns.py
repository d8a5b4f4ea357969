"""How recognition depends on the gallery: its size, its records, its scenes and views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_training.evaluation.cross_modal.outcomes import ordered, ranked_people
from gait_reid_training.evaluation.evaluate import Outcome
from gait_reid_training.evaluation.intervals import IdentityBootstrap
from gait_reid_training.evaluation.metrics import Bool, Ranking
from gait_reid_training.evaluation.walks import Text

TOP = 10
SIZES = (10, 18, 26, 34, 42, 50, 58, 100, 200, 300, 500, 1000)
RECORDS = (1, 2, 3, 4, 5, 6, 7, 8)
ROUNDS = 10
EVERYTHING = "all"
Row = dict[str, Any]


def top_figures(outcome: Outcome, bootstrap: IdentityBootstrap, top: int = TOP) -> list[Row]:
    """Return the shares of queries whose person is among the 1, 2, ... nearest people."""
    ranking = ranked_people(outcome)
    return [_interval(hits_of(ranking, place), bootstrap) for place in range(1, top + 1)]


def hits_of(ranking: Ranking, place: int) -> Float64:
    """Return (n,) 1, 0, or NaN for queries whose person is not enrolled."""
    return np.where(ranking.valid, ranking.hits(place).astype(np.float64), np.nan)


def by_gallery_size(
    outcome: Outcome, bootstrap: IdentityBootstrap, seed: int = 0, rounds: int = ROUNDS
) -> dict[str, Row]:
    """Return top-1 and top-5 in galleries of fewer people.

    The people are divided into galleries of equal size, and each query is looked for in the one
    that its person is in; again and again.
    """
    people, owner = np.unique(outcome.gallery_person, return_inverse=True)
    place = np.searchsorted(people, outcome.person_id)
    known = np.isin(outcome.person_id, people)
    rng = np.random.default_rng(seed)

    def galleries(size: int) -> Iterable[Bool]:
        whole = len(people) // size
        for _ in range(rounds if size < len(people) else 1):
            number = rng.permutation(len(people)) // size
            number[number >= whole] = -1
            of_query = np.where(known, number[np.minimum(place, len(people) - 1)], -1)
            yield (of_query[:, None] == number[owner][None]) & (of_query >= 0)[:, None]

    sizes = [one for one in SIZES if one < len(people)] + [len(people)]
    return {str(size): _averaged(outcome, bootstrap, galleries(size)) for size in sizes}


def by_records(
    outcome: Outcome, bootstrap: IdentityBootstrap, seed: int = 0, rounds: int = ROUNDS
) -> dict[str, Row]:
    """Return top-1 and top-5 where each person has fewer records, drawn again and again."""
    people, owner, count = np.unique(
        outcome.gallery_person, return_inverse=True, return_counts=True
    )
    rng = np.random.default_rng(seed)
    shape = (len(outcome.person_id), len(owner))

    def galleries(number: int) -> Iterable[Bool]:
        for _ in range(rounds if number < count.max() else 1):
            order = np.lexsort((rng.random(len(owner)), owner))
            turn = np.empty(len(owner), np.int64)
            turn[order] = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
            yield np.broadcast_to((turn < number)[None], shape)

    numbers = [one for one in RECORDS if one < count.max()] + [int(count.max())]
    return {str(one): _averaged(outcome, bootstrap, galleries(one)) for one in numbers}


def crossed(
    outcome: Outcome, bootstrap: IdentityBootstrap, of_query: Text, of_record: Text
) -> dict[str, dict[str, Row]]:
    """Return top-1 by what is said of the query and of the only records that are enrolled.

    Args:
        outcome: Distances.
        bootstrap: Draws of people.
        of_query: (n,) names, for example of scenes.
        of_record: (m,) names.

    Returns:
        Name of the queries -> name of the records -> figure; ``all`` stands for no choice.
    """
    columns = {EVERYTHING: np.ones(len(of_record), np.bool_)}
    columns.update({name: of_record == name for name in ordered(of_record)})
    hits = {
        name: hits_of(ranked_people(outcome, np.broadcast_to(known[None], outcome.same.shape)), 1)
        for name, known in columns.items()
    }
    rows = {EVERYTHING: np.ones(len(of_query), np.bool_)}
    rows.update({name: of_query == name for name in ordered(of_query)})
    return {
        row: {
            column: _interval(np.where(mask, values, np.nan), bootstrap)
            for column, values in hits.items()
        }
        for row, mask in rows.items()
    }


def _averaged(outcome: Outcome, bootstrap: IdentityBootstrap, galleries: Iterable[Bool]) -> Row:
    """Return top-1 and top-5, each query's mean over the galleries that it was looked for in."""
    total = np.zeros((2, len(outcome.person_id)))
    times = np.zeros(len(outcome.person_id))
    for allowed in galleries:
        ranking = ranked_people(outcome, allowed)
        times += ranking.valid
        total += np.stack([ranking.hits(1), ranking.hits(5)])
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(times > 0, total / times, np.nan)
    return {"top1": _interval(means[0], bootstrap), "top5": _interval(means[1], bootstrap)}


def _interval(values: Float64, bootstrap: IdentityBootstrap) -> Row:
    return dict(bootstrap.mean(values).as_dict())
