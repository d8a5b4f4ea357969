"""Who of 100,000 walks before a camera walks before the radar: a shortlist, or every pair."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.harness import Benchmark, Case, Contender, Sample
from bench.mission import (
    embedding_of,
    encoder,
    heard_walk,
    mission_model,
    records_of,
    tokens_of,
)
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.types import Embedding, GalleryRecord, Modality

NUM_RECORDS, SHORTLIST, SAMPLE = 100_000, 50, 1_000


def _contender(name: str, share: float, work: Callable[[], Any]) -> Contender:
    def measure() -> Sample:
        start = time.process_time()
        work()
        return {"time_ms": 1e3 * (time.process_time() - start) / share}

    work()
    return Contender(name, measure)


def build() -> Case:
    """Enrol everybody; walks repeat, so that they fit into memory, vectors do not."""
    model, what = mission_model()
    made = encoder(model)
    tokens = tokens_of(records_of(made, SAMPLE, 100))
    query = embedding_of(made, heard_walk(1))
    vectors = np.random.default_rng(2).normal(size=(NUM_RECORDS, 1, made.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    search = GallerySearch(
        GalleryRecord(
            str(row), f"person {row}", "", Embedding(one, made.model_id, Modality.CAMERA), 1
        )
        for row, one in enumerate(vectors)
    )

    def two_stage() -> None:
        (near,) = search.shortlist([query], SHORTLIST)
        made.compare(query, [tokens[int(one.record_id) % SAMPLE] for one in near])

    return Case(
        f"{what}: one query among {NUM_RECORDS:,} walks; processor time",
        _contender(f"vectors, then pairs with the {SHORTLIST} nearest", 1.0, two_stage),
        (
            _contender(
                f"pairs with all (of {SAMPLE:,}, scaled up)", SAMPLE / NUM_RECORDS,
                lambda: made.compare(query, tokens),
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark("mission_rerank", "Mission's two stages", build, rounds=3)
