"""Search in two stages: a shortlist by vectors, then each of its walks in a pair with the query.

Some networks compare two walks better than two vectors can (Mission: Liu et al., SenSys 2024), at a
cost that a whole gallery would not allow. The records whose vectors are nearest to the query's are
therefore ranked anew by the distance of the pairs; a person is as far as the nearest of his or her
records on the shortlist. Who is not on it is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gait_reid.core.gallery.model_index import RecordOwner
from gait_reid.core.gallery.search import GallerySearch
from gait_reid.core.types import Candidate, Embedding, Float16, Float32, GalleryRecord

Compare = Callable[[Embedding, Sequence[Float16]], Float32]
"""Returns the distances (n,) of a query to n walks, given their tokens."""


class TwoStageSearch:
    """Finds the nearest persons by pairs; not thread-safe.

    Args:
        compare: Compares the walks of pairs.
        shortlist: Records that are compared in pairs.
    """

    def __init__(self, compare: Compare, shortlist: int) -> None:
        if shortlist < 1:
            raise ValueError(f"shortlist is {shortlist}, expected at least 1")
        self._compare = compare
        self._count = shortlist
        self._vectors = GallerySearch()
        self._tokens: dict[str, Float16] = {}

    def __len__(self) -> int:
        """Number of records."""
        return len(self._vectors)

    def replace(self, records: Sequence[GalleryRecord]) -> None:
        """Hold exactly these records; costs only what changed. What is removed is overwritten.

        Raises:
            ValueError: A record has no tokens, or two shapes for one model id.
        """
        bare = next((one.record_id for one in records if one.embedding.tokens is None), "")
        if bare:
            raise ValueError(
                f"record {bare} has no tokens, which pairs need; enrol the person again"
            )
        self._vectors.replace(records)
        wanted = {one.record_id for one in records}
        for record_id in [one for one in self._tokens if one not in wanted]:
            self._tokens.pop(record_id)[:] = 0.0
        for one in records:
            if one.record_id not in self._tokens and one.embedding.tokens is not None:
                self._tokens[one.record_id] = one.embedding.tokens.copy()

    def query(self, embeddings: Sequence[Embedding], top_k: int) -> list[tuple[Candidate, ...]]:
        """Return for each embedding the nearest persons, nearest first, one candidate per person.

        The probability is 0 until a ``Decider`` sets it.

        Raises:
            ValueError: ``top_k`` is not positive, or an embedding does not fit the records of its
                model.
        """
        if top_k < 1:
            raise ValueError(f"top_k is {top_k}, expected at least 1")
        lists = self._vectors.shortlist(embeddings, self._count)
        return [self._ranked(one, near)[:top_k] for one, near in zip(embeddings, lists)]

    def _ranked(self, query: Embedding, near: Sequence[RecordOwner]) -> tuple[Candidate, ...]:
        if not near:
            return ()
        distances = self._compare(query, [self._tokens[one.record_id] for one in near])
        best: dict[str, Candidate] = {}
        for row in np.argsort(distances, kind="stable").tolist():
            owner = near[row]
            best.setdefault(
                owner.person_id,
                Candidate(owner.person_id, owner.display_name, float(distances[row]), 0.0),
            )
        return tuple(best.values())
