from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gait_reid.core.gallery.search import distance
from gait_reid_training.evaluation.intervals import IdentityBootstrap, wilson
from gait_reid_training.evaluation.metrics import (
    cmc,
    detection_rate,
    distance_matrix,
    rank,
    threshold_at,
    unit_parts,
)

DISTANCES = np.array([[0.1, 0.4, 0.2, 0.3], [0.5, 0.1, 0.6, 0.2], [0.3, 0.2, 0.1, 0.4]])
PEOPLE = np.array(["a", "b", "a", "c"])
PROBES = np.array(["a", "a", "z"])


def ranked(allowed: np.ndarray | None = None):
    same = PROBES[:, None] == PEOPLE[None]
    return rank(DISTANCES, same, np.ones_like(same) if allowed is None else allowed)


def test_ranking_equals_what_is_computed_by_hand() -> None:
    # Probe 0: a(.1) a(.2) c b. Probe 1: b(.1) c(.2) a(.5) a(.6). Probe 2: nobody.
    found = ranked()
    assert found.first_hit.tolist() == [0, 2, -1]
    assert found.average_precision[:2] == pytest.approx([1.0, (1 / 3 + 2 / 4) / 2])
    assert found.inverse_penalty[:2] == pytest.approx([1.0, 0.5])
    assert np.isnan(found.average_precision[2])
    assert found.nearest == pytest.approx([0.1, 0.1, 0.1])
    assert found.genuine[:2] == pytest.approx([0.1, 0.5])
    assert found.impostor == pytest.approx([0.3, 0.1, 0.1])
    assert cmc(found, 3) == pytest.approx([0.5, 0.5, 1.0])
    assert found.hits(1).tolist() == [True, False, False]


def test_a_pair_that_is_not_allowed_takes_no_part() -> None:
    allowed = np.ones((3, 4), bool)
    allowed[0, 0] = allowed[1, :] = False
    allowed[1, 1] = True
    found = ranked(allowed)
    assert found.nearest[0] == pytest.approx(0.2)
    assert found.genuine[0] == pytest.approx(0.2)
    assert found.first_hit.tolist() == [0, -1, -1]


def test_an_empty_gallery_gives_no_figure_and_no_error() -> None:
    found = rank(np.zeros((2, 0)), np.zeros((2, 0), bool), np.zeros((2, 0), bool))
    assert not found.valid.any()
    assert np.isinf(found.nearest).all()
    assert np.isnan(cmc(found, 2)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 12))
def test_ranking_equals_a_loop_over_the_sorted_gallery(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    distances = rng.random((n, m))
    same, allowed = rng.random((n, m)) < 0.3, rng.random((n, m)) < 0.8
    found = rank(distances, same, allowed)
    for i in range(n):
        order = [j for j in np.argsort(distances[i]) if allowed[i, j]]
        places = [place for place, j in enumerate(order, 1) if same[i, j]]
        if not places:
            assert found.first_hit[i] == -1
            continue
        precision = np.mean([(k + 1) / place for k, place in enumerate(places)])
        assert found.first_hit[i] == places[0] - 1
        assert found.average_precision[i] == pytest.approx(precision)
        assert found.inverse_penalty[i] == pytest.approx(len(places) / places[-1])


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float32, (3, 4, 5), elements=st.floats(-2, 2, width=32)))
def test_distances_are_those_of_the_gallery(values: np.ndarray) -> None:
    unit = unit_parts(values)
    table = distance_matrix(unit, unit)
    for i in range(3):
        for j in range(3):
            assert table[i, j] == pytest.approx(distance(unit[i], unit[j]), abs=2e-4)
    lengths = np.linalg.norm(unit, axis=2)
    assert np.all((np.abs(lengths - 1.0) < 1e-5) | (lengths < 1e-3))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 2)),
    st.sampled_from([0.5, 0.1, 0.01]),
)
def test_the_threshold_accepts_at_most_the_wanted_share(nearest: np.ndarray, far: float) -> None:
    limit = threshold_at(nearest, far)
    assert (nearest <= limit).mean() <= far
    # It is the greatest such value: the next stranger would be one too many.
    above = np.sort(nearest)[(nearest <= limit).sum()]
    assert (nearest <= above).mean() > far


def test_detection_needs_the_right_person_within_the_threshold() -> None:
    found = ranked()
    assert detection_rate(found, 0.15).tolist() == [True, False, False]
    assert detection_rate(found, 0.05).tolist() == [False, False, False]


def test_wilson_equals_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263 and 0/20.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert np.isnan(wilson(0.5, 0)).all()


def test_the_bootstrap_draws_people_and_not_walks() -> None:
    person = np.repeat(np.arange(50), 20)
    right = np.repeat(np.random.default_rng(3).random(50) < 0.6, 20).astype(float)
    alone = IdentityBootstrap.of(np.arange(1000), seed=1).mean(right)
    grouped = IdentityBootstrap.of(person, seed=1).mean(right)
    assert grouped.value == pytest.approx(right.mean())
    assert grouped.identities == 50
    assert grouped.probes == 1000
    # Twenty equal walks of one person tell no more than one: the interval is sqrt(20) wider.
    ratio = (grouped.high - grouped.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(np.sqrt(20.0), rel=0.15)
    assert grouped.low == pytest.approx(wilson(right.mean(), 50)[0], abs=0.03)


def test_a_mean_over_nobody_is_no_number() -> None:
    interval = IdentityBootstrap.of(["a", "b"]).mean([np.nan, np.nan])
    assert interval.identities == 0
    assert np.isnan(interval.value)


def test_paired_differences_are_sharper_than_two_intervals() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(60), 10)
    hard = np.repeat(rng.random(60), 10)
    first = (rng.random(600) < 0.2 + 0.7 * hard).astype(float)
    second = np.where(rng.random(600) < 0.08, 0.0, first)
    bootstrap = IdentityBootstrap.of(person)
    difference, chance = bootstrap.difference(first, second)
    assert difference.value == pytest.approx(first.mean() - second.mean())
    assert difference.low > 0.0
    assert chance == 0.0
    alone = bootstrap.mean(first)
    assert difference.high - difference.low < 0.5 * (alone.high - alone.low)
    assert bootstrap.difference(first, first)[0].value == 0.0
