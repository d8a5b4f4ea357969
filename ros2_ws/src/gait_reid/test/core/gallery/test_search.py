from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid.core.gallery.search import GallerySearch, distance
from gait_reid.core.types import Candidate, Embedding, GalleryRecord, Modality

Walk = Callable[..., GalleryRecord]


def brute_force(
    records: Sequence[GalleryRecord], query: Embedding, top_k: int
) -> list[tuple[str, float]]:
    nearest: dict[str, float] = {}
    for one in records:
        if one.embedding.model_id == query.model_id:
            value = distance(one.embedding.values, query.values)
            nearest[one.person_id] = min(value, nearest.get(one.person_id, np.inf))
    return sorted(nearest.items(), key=lambda item: (item[1], item[0]))[:top_k]


def found(candidates: tuple[Candidate, ...]) -> list[tuple[str, float]]:
    return [(one.person_id, one.distance) for one in candidates]


def agree(got: list[tuple[str, float]], wanted: list[tuple[str, float]]) -> bool:
    return [one for one, _ in got] == [one for one, _ in wanted] and np.allclose(
        [value for _, value in got], [value for _, value in wanted], atol=1e-6
    )


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, int]]:
    steps = st.tuples(st.sampled_from(["add", "add", "add", "remove"]), st.integers(0, 40))
    return draw(st.lists(steps, max_size=60))


@given(changes(), st.integers(1, 6), st.integers(0, 5))
def test_any_sequence_of_changes_equals_brute_force(
    walk: Walk, steps: list[tuple[str, int]], top_k: int, seed: int
) -> None:
    search, records = GallerySearch(), {}
    for step, number in steps:
        if step == "add":
            model_id = f"model-{'ab'[number % 5 == 0]}"
            record = walk(number, f"p{number % 9}", model_id=model_id)
            search.add([record])
            records[record.record_id] = record
        else:
            gone = [one for one in records.values() if one.person_id == f"p{number % 9}"]
            assert search.remove(f"p{number % 9}") == len(gone)
            for one in gone:
                del records[one.record_id]
    assert len(search) == len(records)
    assert search.person_ids == {one.person_id for one in records.values()}
    queries = [walk(1000 + seed, model_id=f"model-{one}").embedding for one in "aba"]
    for query, candidates in zip(queries, search.query(queries, top_k)):
        assert agree(found(candidates), brute_force(list(records.values()), query, top_k))


def test_many_records_in_blocks_equal_brute_force(walk: Walk) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6_000, 4, 8)).astype(np.float32)
    values /= np.linalg.norm(values, axis=2, keepdims=True)
    records = [
        GalleryRecord(f"r{row}", f"p{row % 1700}", "", Embedding(one, "m", Modality.LIDAR), row)
        for row, one in enumerate(values)
    ]
    search = GallerySearch(records)
    queries = [Embedding(one, "m", Modality.LIDAR) for one in values[:120]]
    results = search.query(queries, 3)
    for row in range(0, 120, 17):
        assert agree(found(results[row]), brute_force(records, queries[row], 3))


def test_an_identical_walk_has_distance_zero_and_near_ones_keep_their_order(walk: Walk) -> None:
    base = walk(1).embedding.values.astype(np.float64)
    records = []
    for step in range(30):
        values = base.copy()
        values[:, 0] += step * 1e-5
        embedding = Embedding(values.astype(np.float32), "m", Modality.CAMERA)
        records.append(GalleryRecord(f"r{step}", f"p{step:02}", "", embedding, 0))
    query = Embedding(base.astype(np.float32), "m", Modality.CAMERA)
    (candidates,) = GallerySearch(records[::-1]).query([query], 5)
    assert [one.person_id for one in candidates] == ["p00", "p01", "p02", "p03", "p04"]
    assert candidates[0].distance == 0.0
    assert candidates[2].distance == pytest.approx(2e-5, rel=0.02)


def test_the_distance_is_the_mean_over_parts() -> None:
    first = np.array([[1, 0], [1, 0]], np.float32)
    second = np.array([[1, 0], [0, 1]], np.float32)
    assert distance(first, second) == pytest.approx(np.sqrt(2) / 2)


def test_nobody_is_found_where_nobody_is(walk: Walk) -> None:
    search = GallerySearch()
    assert search.query([], 3) == []
    assert search.query([walk(1).embedding], 3) == [()]
    search.add([walk(1, model_id="model-b")])
    assert search.query([walk(1).embedding], 3) == [()]
    search.remove("p0")
    assert search.query([walk(1, model_id="model-b").embedding], 3) == [()]
    assert len(search) == 0


def test_a_gallery_is_replaced_by_what_changed(walk: Walk) -> None:
    search = GallerySearch([walk(1, "a"), walk(2, "b"), walk(3, "c")])
    search.replace([walk(2, "b", display_name="Bob"), walk(3, "b"), walk(4, "d")])
    (candidates,) = search.query([walk(3).embedding], 9)
    assert len(search) == 3
    assert (candidates[0].person_id, candidates[0].distance) == ("b", 0.0)
    assert {one.person_id for one in candidates} == {"b", "d"}
    (candidates,) = search.query([walk(2).embedding], 9)
    assert candidates[0].display_name == "Bob"


def test_templates_of_a_removed_person_leave_memory(walk: Walk) -> None:
    search = GallerySearch([walk(number, f"p{number}") for number in range(80)])
    matrix = search._models["model-a"]._matrix
    wanted = walk(7).embedding.values
    assert wanted[0].tobytes() in matrix[0].tobytes()
    search.remove("p7")
    assert wanted[0].tobytes() not in matrix[0].tobytes()
    search.add([walk(number, f"p{number}") for number in range(200, 400)])
    assert not matrix.any()
    gc.collect()


def test_shapes_are_checked(walk: Walk) -> None:
    search = GallerySearch([walk(1)])
    with pytest.raises(ValueError, match=r"record-2 .* shape \(2, 4\), the gallery holds \(3, 8\)"):
        search.add([walk(2, shape=(2, 4))])
    with pytest.raises(ValueError, match="embedding of model model-a has shape"):
        search.query([walk(2, shape=(2, 4)).embedding], 1)
    with pytest.raises(ValueError, match="top_k is 0"):
        search.query([walk(2).embedding], 0)
    assert len(search) == 1
