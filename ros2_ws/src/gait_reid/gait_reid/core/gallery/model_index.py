"""The records of one model as a matrix that is searched exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float32, Int64

_BLOCK_FLOATS = 1 << 21  # 8 MB of products at a time stay near the cache
_ROUNDING = 4.0 * float(np.finfo(np.float32).eps)  # of a squared distance, per squared length
_MIN_ROWS = 64


@dataclass(frozen=True)
class RecordOwner:
    """A record that can be found, and whose it is."""

    record_id: str
    person_id: str
    display_name: str


class ModelIndex:
    """Records of one model: (parts, capacity, dim) float32, the first ``len(entries)`` rows used.

    Rows are appended and, when removed, filled from the end. Distances are grouped by person
    through ``_order``, which is made again after a change.
    """

    def __init__(self, parts: int, dim: int) -> None:
        self.entries: list[RecordOwner] = []
        self._matrix = np.zeros((parts, _MIN_ROWS, dim), np.float32)
        self._norm2 = np.zeros((parts, _MIN_ROWS), np.float32)
        self._groups: tuple[Int64 | None, Int64] | None = None

    def add(self, entries: Sequence[RecordOwner], values: Float32) -> None:
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

    def relabel(self, row: int, entry: RecordOwner) -> None:
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

    def search(self, queries: Float32, top_k: int) -> list[list[tuple[RecordOwner, float]]]:
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

    def shortlist(self, queries: Float32, count: int) -> list[list[RecordOwner]]:
        """Return the nearest records of each query, nearest first, equal ones in order of id."""
        distances = self._distances(queries)
        last = min(count, len(self.entries)) - 1
        found = []
        for row in distances:
            near = np.flatnonzero(row <= np.partition(row, last)[last])
            ranked = sorted(near.tolist(), key=lambda one: (row[one], self.entries[one].record_id))
            found.append([self.entries[one] for one in ranked[: last + 1]])
        return found

    def _rounding(self, queries: Float32) -> float:
        """Return how much two distances may differ and yet be exchanged by rounding."""
        largest = np.einsum("npd,npd->np", queries, queries).max() + self._norm2.max()
        return 2.0 * float(np.sqrt(_ROUNDING * largest))

    def _ranked(self, query: Float32, rows: Int64, top_k: int) -> list[tuple[RecordOwner, float]]:
        """Measure rows by subtraction; return the nearest of each person, ties in order of id."""
        difference = self._matrix[:, rows].astype(np.float64) - query[:, None]
        exact = np.sqrt(np.einsum("pnd,pnd->pn", difference, difference)).mean(axis=0)
        found: dict[str, tuple[RecordOwner, float]] = {}
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
