"""Distances of all radar walks to all camera walks, as a network sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from gait_reid.core.types import Float32, Float64, Int64
from gait_reid_training.batch import RadarWalkBatch, WalkBatch
from gait_reid_training.evaluation.metrics import distance_matrix
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, PairEmbeddings

Progress = Callable[[int, int], None]
BATCH = 16
"""Walks at a time through the branches."""
BLOCK = 128
"""Records whose features are held at a time: 0.4 GB for maps of 14 x 14 and ten frames."""
CHUNK = 64
"""Pairs at a time."""
_Any = TypeVar("_Any")


class WalkSource(Protocol):
    """Walks of both sensors, see `CrossModalWalks`."""

    radar_partner: Int64
    vision_partner: Int64

    def radar_batch(self, rows: range, frames: int) -> RadarWalkBatch:
        """Return some queries."""

    def vision_batch(self, columns: range, frames: int) -> WalkBatch:
        """Return some records."""


@dataclass(frozen=True)
class Scores:
    """Euclidean distances of n radar walks to m camera walks; all embeddings are of unit length.

    Attributes:
        unimodal: (n, m), of embeddings that know one modality each.
        pairwise: (n, m), of Y_R(q, g) to Y_V(g, q): each knows of the other. None from networks
            that compare no pairs.
        leaking: (n, m), of Y_R(q, own camera walk) to Y_V(g, own radar walk): both were made with
            a walk of their true identity. NaN where a person has no such walk. None as above.
    """

    unimodal: Float64
    pairwise: Float64 | None = None
    leaking: Float64 | None = None


def scores_of(
    network: CrossModalNetwork,
    walks: WalkSource,
    frames: int,
    device: str = "cpu",
    cached: bool = True,
    progress: Progress | None = None,
) -> Scores:
    """Return the distances of all queries to all records.

    Memory holds the features of `BLOCK` records; pictures pass the network once.

    Args:
        network: The network; put into evaluation mode.
        walks: Queries and records.
        frames: Frames of each walk, from its middle.
        device: Where the network runs.
        cached: Whether pairs are made of what each walk contributes to any pair, or written out.
        progress: Called with finished and total numbers of records.

    Raises:
        ValueError: The network makes no embeddings, or some that are not finite.
    """
    if not network.dim:
        raise ValueError("the network estimates poses only: it finds nobody")
    network = network.to(device).eval()
    with torch.inference_mode():
        scorer = _Scorer(network, walks, frames, device, cached)
        return scorer.run(progress or (lambda done, total: None))


class _Scorer:
    """Collects the distances of one network."""

    def __init__(
        self, network: CrossModalNetwork, walks: WalkSource, frames: int, device: str, cached: bool
    ) -> None:
        self._network: Any = network
        self._walks, self._frames, self._device, self._cached = walks, frames, device, cached
        self._n, self._m = len(walks.radar_partner), len(walks.vision_partner)
        self._unimodal = [np.zeros((size, network.dim), np.float32) for size in (self._n, self._m)]
        self._leaked = [np.full_like(one, np.nan) for one in self._unimodal]
        self._pairs = np.zeros((self._n, self._m))

    def run(self, progress: Progress) -> Scores:
        for columns in ranges(0, self._m, BLOCK):
            seen = self._records(columns)
            if columns.start == 0 or self._network.compares_pairs:
                for rows in ranges(0, self._n, BATCH):
                    heard = self._queries(rows)
                    for place, row in enumerate(rows):
                        self._compare(row, columns, seen, heard, place)
            progress(columns.stop, self._m)
        unimodal = _distances(self._unimodal)
        if not self._network.compares_pairs:
            return Scores(unimodal)
        if not np.isfinite(self._pairs).all():
            raise ValueError("the embeddings of some pairs are not finite")
        return Scores(unimodal, self._pairs, _distances(self._leaked, finite=False))

    def _records(self, columns: range) -> Any:
        """Return what pairs need of some records; keep their unimodal embeddings."""
        parts = []
        for some in ranges(columns.start, columns.stop, BATCH):
            batch = self._walks.vision_batch(some, self._frames).to(self._device)
            if not self._network.compares_pairs:
                self._unimodal[1][some] = _array(self._network.vision_embedding(batch))
                continue
            features = self._network.vision_features(batch)
            self._unimodal[1][some] = _array(self._network.unimodal_vision(features))
            parts.append(self._network.vision_cache(features) if self._cached else features)
        return _joined(parts) if parts else None

    def _queries(self, rows: range) -> Any:
        """Return what pairs need of some queries; keep their unimodal embeddings."""
        batch = self._walks.radar_batch(rows, self._frames).to(self._device)
        if not self._network.compares_pairs:
            self._unimodal[0][rows] = _array(self._network.radar_embedding(batch))
            return None
        features = self._network.radar_features(batch)
        self._unimodal[0][rows] = _array(self._network.unimodal_radar(features))
        return self._network.radar_cache(features) if self._cached else features

    def _compare(self, row: int, columns: range, seen: Any, heard: Any, place: int) -> None:
        """Compare one query with a block of records."""
        if heard is None:
            return
        query = _part(heard, slice(place, place + 1))
        for some in ranges(columns.start, columns.stop, CHUNK):
            own = slice(some.start - columns.start, some.stop - columns.start)
            pair = self._pair(_part(seen, own), query, len(some))
            self._pairs[row, some] = _array((pair.radar - pair.vision).norm(dim=1))
            partner = int(self._walks.radar_partner[row])
            if partner in some:
                self._leaked[0][row] = _array(pair.radar[partner - some.start])
            known = np.flatnonzero(self._walks.vision_partner[some.start : some.stop] == row)
            self._leaked[1][some.start + known] = _array(pair.vision)[known]

    def _pair(self, seen: Any, query: Any, count: int) -> PairEmbeddings:
        if self._cached:
            return cast(PairEmbeddings, self._network.pair_cached(seen, query))
        copies = {one.name: getattr(query, one.name) for one in fields(query)}
        many = {name: value.expand(count, *value.shape[1:]) for name, value in copies.items()}
        return cast(PairEmbeddings, self._network.pair(seen, type(query)(**many)))


def ranges(start: int, stop: int, size: int) -> Iterator[range]:
    """Yield consecutive ranges of at most so many numbers."""
    for first in range(start, stop, size):
        yield range(first, min(first + size, stop))


def _array(tensor: Tensor) -> Any:
    return tensor.float().cpu().numpy()


def _joined(parts: list[_Any]) -> _Any:
    """Return dataclasses of tensors as one, the rows of one after those of the other."""
    names = [one.name for one in fields(cast(Any, parts[0]))]
    values = [torch.cat([getattr(part, name) for part in parts]) for name in names]
    return type(parts[0])(*values)


def _part(one: _Any, rows: slice) -> _Any:
    """Return some rows of a dataclass of tensors."""
    return type(one)(*(getattr(one, name.name)[rows] for name in fields(cast(Any, one))))


def _distances(embeddings: list[Float32], finite: bool = True) -> Float64:
    """Return the distances of queries (n, d) to records (m, d)."""
    radar, vision = embeddings
    if finite and not (np.isfinite(radar).all() and np.isfinite(vision).all()):
        raise ValueError("the embeddings of some walks are not finite")
    return distance_matrix(radar[:, None], vision[:, None])
