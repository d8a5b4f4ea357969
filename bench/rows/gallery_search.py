"""Finding the nearest enrolled walks of everybody in view."""

from __future__ import annotations

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, Missing, timed
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.types import Embedding, GalleryRecord, Modality

NUM_PEOPLE, NUM_WALKS, NUM_TRACKS, TOP_K = 1000, 2, 10, 5
_PARTS, _DIM = 8, 704


def _walks(count: int, seed: int) -> list[Embedding]:
    values = np.random.default_rng(seed).normal(size=(count, _PARTS, _DIM)).astype(np.float32)
    values /= np.linalg.norm(values, axis=2, keepdims=True)
    return [Embedding(walk, "bench", Modality.LIDAR, 0, 1, 30) for walk in values]


def build() -> Case:
    """Enrol everybody and check that both answer with the same person."""
    enrolled, asked = _walks(NUM_PEOPLE * NUM_WALKS, 1), _walks(NUM_TRACKS, 2)
    records = [
        GalleryRecord(str(index), f"person {index // NUM_WALKS}", "", walk, 1)
        for index, walk in enumerate(enrolled)
    ]
    search = GallerySearch(records)
    matrix = np.stack([walk.values.ravel() for walk in enrolled])
    queries = np.stack([walk.values.ravel() for walk in asked])
    candidate = timed("GallerySearch, one product for all", lambda: search.query(asked, TOP_K))
    limit = timed("limit: numpy, one matrix product", lambda: queries @ matrix.T)
    one_by_one = timed(
        "numpy, a product and a sort for each track",
        lambda: [np.argsort(-(matrix @ query))[:TOP_K] for query in queries],
    )
    workload = (
        f"{NUM_TRACKS} tracks among {NUM_WALKS} walks of each of {NUM_PEOPLE} people, "
        f"{_PARTS} x {_DIM} numbers each"
    )
    version = version_of("scikit-learn")
    if not version:
        missing = Missing("scikit-learn NearestNeighbors", "scikit-learn is not installed")
        return Case(workload, candidate, (one_by_one, limit), (missing,))
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=TOP_K, algorithm="brute").fit(matrix)
    found = [records[row].person_id for row in neighbours.kneighbors(queries)[1][:, 0]]
    if found != [answer[0].person_id for answer in search.query(asked, TOP_K)]:
        raise RuntimeError("the two searches disagree about the nearest person")
    peer = timed(
        "scikit-learn NearestNeighbors, exact", lambda: neighbours.kneighbors(queries), version
    )
    return Case(workload, candidate, (peer, one_by_one, limit))


BENCHMARK = Benchmark("gallery_search", "Gallery search", build)
