"""Exact search in memory.

The distance of two walks is the mean over body parts of the Euclidean distance between unit
vectors, in [0, 2] (the metric of part-based gait networks: Chao et al., GaitSet, AAAI 2019; Fan et
al., GaitPart, CVPR 2020). A person is as far as the nearest of his or her records.

Squared distances come from one batched matrix product, ``|q|^2 + |g|^2 - 2 q g``, in 32 bit. That
loses digits where vectors are nearly equal, so the best persons are measured again by subtraction
before they are ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from gait_reid.core.gallery.model_index import ModelIndex, RecordOwner
from gait_reid.core.types import Candidate, Embedding, Float32, Float64, GalleryRecord

_Condition = Callable[[RecordOwner], bool]


class GallerySearch:
    """Finds the nearest persons among the records of a gallery; not thread-safe.

    Args:
        records: Records to begin with.
    """

    def __init__(self, records: Iterable[GalleryRecord] = ()) -> None:
        self._models: dict[str, ModelIndex] = {}
        self._where: dict[str, str] = {}
        self.add(records)

    def __len__(self) -> int:
        """Number of records."""
        return len(self._where)

    @property
    def person_ids(self) -> frozenset[str]:
        """Persons who can be found."""
        return frozenset(one.person_id for index in self._models.values() for one in index.entries)

    def add(self, records: Iterable[GalleryRecord]) -> None:
        """Add records; those that are there already get their present owner and name.

        Raises:
            ValueError: Two shapes for one model id.
        """
        fresh: dict[str, list[GalleryRecord]] = {}
        known: dict[str, RecordOwner] = {}
        for record in records:
            if record.record_id in self._where:
                known[record.record_id] = _entry(record)
            else:
                fresh.setdefault(record.embedding.model_id, []).append(record)
        for model_id, some in fresh.items():
            self._add_model(model_id, {one.record_id: one for one in some})
        if known:
            self._relabel(known)

    def _add_model(self, model_id: str, records: dict[str, GalleryRecord]) -> None:
        some = sorted(records.values(), key=lambda one: one.person_id)
        index = self._models.get(model_id) or ModelIndex(*some[0].embedding.values.shape)
        for one in some:
            index.check(one.embedding.values, f"record {one.record_id} of model {model_id}")
        index.add([_entry(one) for one in some], np.stack([one.embedding.values for one in some]))
        self._models[model_id] = index
        self._where.update((one.record_id, model_id) for one in some)

    def _relabel(self, known: dict[str, RecordOwner]) -> None:
        for index in self._models.values():
            for row, entry in enumerate(index.entries):
                if known.get(entry.record_id, entry) != entry:
                    index.relabel(row, known[entry.record_id])

    def replace(self, records: Sequence[GalleryRecord]) -> None:
        """Hold exactly these records; costs only what changed."""
        wanted = {one.record_id for one in records}
        self._remove_where(lambda entry: entry.record_id not in wanted)
        self.add(records)

    def remove(self, person_id: str) -> int:
        """Remove a person, overwrite the templates in memory, return the number of records."""
        return self._remove_where(lambda entry: entry.person_id == person_id)

    def _remove_where(self, condition: _Condition) -> int:
        count = 0
        for model_id, index in list(self._models.items()):
            rows = [row for row, entry in enumerate(index.entries) if condition(entry)]
            for row in rows:
                del self._where[index.entries[row].record_id]
            if rows:
                index.remove(rows)
            if not index.entries:
                del self._models[model_id]
            count += len(rows)
        return count

    def query(self, embeddings: Sequence[Embedding], top_k: int) -> list[tuple[Candidate, ...]]:
        """Return for each embedding the nearest persons, nearest first, one candidate per person.

        All embeddings of one model are compared in one matrix product. An embedding of a model
        without records finds nobody. The probability is 0 until a ``Decider`` sets it.

        Raises:
            ValueError: ``top_k`` is not positive, or an embedding has another shape than the
                records of its model.
        """
        if top_k < 1:
            raise ValueError(f"top_k is {top_k}, expected at least 1")
        results: list[tuple[Candidate, ...]] = [()] * len(embeddings)
        for index, positions, queries in self._by_model(embeddings):
            for position, found in zip(positions, index.search(queries, top_k)):
                results[position] = tuple(_candidate(entry, value) for entry, value in found)
        return results

    def shortlist(self, embeddings: Sequence[Embedding], count: int) -> list[list[RecordOwner]]:
        """Return for each embedding the nearest records, nearest first, several of a person or not.

        Raises:
            ValueError: ``count`` is not positive, or as of `query`.
        """
        if count < 1:
            raise ValueError(f"count is {count}, expected at least 1")
        results: list[list[RecordOwner]] = [[] for _ in embeddings]
        for index, positions, queries in self._by_model(embeddings):
            for position, found in zip(positions, index.shortlist(queries, count)):
                results[position] = found
        return results

    def _by_model(
        self, embeddings: Sequence[Embedding]
    ) -> Iterator[tuple[ModelIndex, list[int], Float32]]:
        """Yield the index of each model with the positions and values of its embeddings."""
        by_model: dict[str, list[int]] = {}
        for position, embedding in enumerate(embeddings):
            by_model.setdefault(embedding.model_id, []).append(position)
        for model_id, positions in by_model.items():
            index = self._models.get(model_id)
            if index is None:
                continue
            for one in positions:
                index.check(embeddings[one].values, f"embedding of model {model_id}")
            yield index, positions, np.stack([embeddings[one].values for one in positions])


def distance(first: Float32 | Float64, second: Float32 | Float64) -> float:
    """Return the distance of two walks, each (parts, dim)."""
    difference = np.asarray(first, np.float64) - second
    return float(np.sqrt((difference * difference).sum(axis=1)).mean())


def _entry(record: GalleryRecord) -> RecordOwner:
    return RecordOwner(record.record_id, record.person_id, record.display_name)


def _candidate(entry: RecordOwner, value: float) -> Candidate:
    return Candidate(entry.person_id, entry.display_name, value, 0.0)
