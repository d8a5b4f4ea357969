"""Exact search in memory.

The distance of two walks is the mean over body parts of the Euclidean distance between unit
vectors, in [0, 2] (the metric of part-based gait networks: Chao et al., GaitSet, AAAI 2019; Fan et
al., GaitPart, CVPR 2020). A person is as far as the nearest of his or her records.

Squared distances come from one batched matrix product, ``|q|^2 + |g|^2 - 2 q g``, in 32 bit. That
loses digits where vectors are nearly equal, so the best persons are measured again by subtraction
before they are ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import (
    Candidate,
    Embedding,
    Float32,
    Float64,
    GalleryRecord,
    Int64,
)

_BLOCK_FLOATS = 1 << 21  # 8 MB of products at a time stay near the cache
_ROUNDING = 4.0 * float(np.finfo(np.float32).eps)  # of a squared distance, per squared length
_MIN_ROWS = 64


@dataclass(frozen=True)
class _Entry:
    """What a row of the matrix belongs to."""

    record_id: str
    person_id: str
    display_name: str


_Condition = Callable[[_Entry], bool]


class _ModelIndex:
    """Records of one model: (parts, capacity, dim) float32, the first ``len(entries)`` rows used.

    Rows are appended and, when removed, filled from the end. Distances are grouped by person
    through ``_order``, which is made again after a change.
    """

    def __init__(self, parts: int, dim: int) -> None:
        self.entries: list[_Entry] = []
        self._matrix = np.zeros((parts, _MIN_ROWS, dim), np.float32)
        self._norm2 = np.zeros((parts, _MIN_ROWS), np.float32)
        self._groups: tuple[Int64 | None, Int64] | None = None

    def add(self, entries: Sequence[_Entry], values: Float32) -> None:
        """Append rows; ``values`` is (n, parts, dim)."""
        start, end = len(self.entries), len(self.entries) + len(entries)
        if end > self._matrix.shape[1]:
            self._resize(max(end, 2 * start))
        self._matrix[:, start:end] = values.transpose(1, 0, 2)
        self._norm2[:, start:end] = np.einsum("npd,npd->pn", values, values)
        self.entries.extend(entries)
        self._groups = None

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows and overwrite what they held."""
        for row in sorted(rows, reverse=True):
            last = len(self.entries) - 1
            self._matrix[:, row] = self._matrix[:, last]
            self._norm2[:, row] = self._norm2[:, last]
            self._matrix[:, last] = 0.0
            self.entries[row] = self.entries[last]
            self.entries.pop()
        self._groups = None

    def _resize(self, rows: int) -> None:
        used, old = len(self.entries), self._matrix
        parts, _, dim = old.shape
        self._matrix = np.zeros((parts, rows, dim), np.float32)
        self._matrix[:, :used] = old[:, :used]
        old[:] = 0.0
        norm2 = np.zeros((parts, rows), np.float32)
        norm2[:, :used] = self._norm2[:, :used]
        self._norm2 = norm2

    def relabel(self, row: int, entry: _Entry) -> None:
        """Give a row another owner or name."""
        self.entries[row] = entry
        self._groups = None

    def check(self, values: Float32, what: str) -> None:
        """Raise ValueError unless ``values`` has the shape of this model."""
        shape = (self._matrix.shape[0], self._matrix.shape[2])
        if values.shape != shape:
            raise ValueError(
                f"{what} has shape {values.shape}, the gallery holds {shape} under the same id; "
                "an encoder whose output changes needs another model id"
            )

    def search(self, queries: Float32, top_k: int) -> list[list[tuple[_Entry, float]]]:
        """Return the nearest persons of each query; ``queries`` is (n, parts, dim)."""
        order, starts = self._grouped()
        distances = self._distances(queries)
        grouped = distances if order is None else distances[:, order]
        nearest = np.minimum.reduceat(grouped, starts, axis=1)
        last = min(top_k, len(starts)) - 1
        rounding = self._rounding(queries)
        limits = np.partition(nearest, last, axis=1)[:, last] + rounding
        ends = np.append(starts[1:], len(self.entries))
        results = []
        for query, row, best, limit in zip(queries, grouped, nearest, limits):
            near = [
                starts[one] + np.flatnonzero(row[starts[one] : ends[one]] <= best[one] + rounding)
                for one in np.flatnonzero(best <= limit)
            ]
            rows = np.concatenate(near)
            results.append(self._ranked(query, rows if order is None else order[rows], top_k))
        return results

    def _rounding(self, queries: Float32) -> float:
        """Return how much two distances may differ and yet be exchanged by rounding."""
        largest = np.einsum("npd,npd->np", queries, queries).max() + self._norm2.max()
        return 2.0 * float(np.sqrt(_ROUNDING * largest))

    def _ranked(self, query: Float32, rows: Int64, top_k: int) -> list[tuple[_Entry, float]]:
        """Measure rows by subtraction; return the nearest of each person, ties in order of id."""
        difference = self._matrix[:, rows].astype(np.float64) - query[:, None]
        exact = np.sqrt(np.einsum("pnd,pnd->pn", difference, difference)).mean(axis=0)
        found: dict[str, tuple[_Entry, float]] = {}
        for row, value in zip(rows[np.argsort(exact, kind="stable")], np.sort(exact)):
            found.setdefault(self.entries[row].person_id, (self.entries[row], float(value)))
        return sorted(found.values(), key=lambda item: (item[1], item[0].person_id))[:top_k]

    def _grouped(self) -> tuple[Int64 | None, Int64]:
        """Return the row order that puts persons together (None: as they are) and their starts."""
        if self._groups is None:
            _, owner = np.unique([entry.person_id for entry in self.entries], return_inverse=True)
            changes = np.flatnonzero(np.diff(owner)) + 1
            order: Int64 | None = None
            if len(changes) + 1 != owner.max() + 1:
                order = np.argsort(owner, kind="stable")
                changes = np.flatnonzero(np.diff(owner[order])) + 1
            self._groups = order, np.concatenate(([0], changes))
        return self._groups

    def _distances(self, queries: Float32) -> Float32:
        """Return (queries, rows) float32 distances."""
        count, parts = len(queries), queries.shape[1]
        used = len(self.entries)
        stacked = np.ascontiguousarray(queries.transpose(1, 0, 2))
        norm2 = np.einsum("pqd,pqd->pq", stacked, stacked)
        distances = np.empty((count, used), np.float32)
        block = max(1, _BLOCK_FLOATS // (parts * count))
        for start in range(0, used, block):
            end = min(start + block, used)
            product = np.matmul(stacked, self._matrix[:, start:end].transpose(0, 2, 1))
            product *= -2.0
            product += norm2[:, :, None]
            product += self._norm2[:, None, start:end]
            np.maximum(product, 0.0, out=product)
            np.sqrt(product, out=product)
            np.divide(product.sum(axis=0), np.float32(parts), out=distances[:, start:end])
        return distances


class GallerySearch:
    """Finds the nearest persons among the records of a gallery; not thread-safe.

    Args:
        records: Records to begin with.
    """

    def __init__(self, records: Iterable[GalleryRecord] = ()) -> None:
        self._models: dict[str, _ModelIndex] = {}
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
        known: dict[str, _Entry] = {}
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
        index = self._models.get(model_id) or _ModelIndex(*some[0].embedding.values.shape)
        for one in some:
            index.check(one.embedding.values, f"record {one.record_id} of model {model_id}")
        index.add([_entry(one) for one in some], np.stack([one.embedding.values for one in some]))
        self._models[model_id] = index
        self._where.update((one.record_id, model_id) for one in some)

    def _relabel(self, known: dict[str, _Entry]) -> None:
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
        by_model: dict[str, list[int]] = {}
        for position, embedding in enumerate(embeddings):
            by_model.setdefault(embedding.model_id, []).append(position)
        for model_id, positions in by_model.items():
            index = self._models.get(model_id)
            if index is None:
                continue
            for one in positions:
                index.check(embeddings[one].values, f"embedding of model {model_id}")
            queries = np.stack([embeddings[one].values for one in positions])
            for position, found in zip(positions, index.search(queries, top_k)):
                results[position] = tuple(_candidate(entry, value) for entry, value in found)
        return results


def distance(first: Float32 | Float64, second: Float32 | Float64) -> float:
    """Return the distance of two walks, each (parts, dim)."""
    difference = np.asarray(first, np.float64) - second
    return float(np.sqrt((difference * difference).sum(axis=1)).mean())


def _entry(record: GalleryRecord) -> _Entry:
    return _Entry(record.record_id, record.person_id, record.display_name)


def _candidate(entry: _Entry, value: float) -> Candidate:
    return Candidate(entry.person_id, entry.display_name, value, 0.0)
