"""Figures of recognition: from distances between walks to CMC, mAP, mINP and open-set rates.

A probe is compared with walks of a gallery. Closed set: everybody is enrolled. Open set: some
probes are of strangers (watch-list identification of ISO/IEC 19795-1; detection and identification
rate of Phillips, Grother and Micheals, Handbook of Face Recognition, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, Float64, Int64

Bool = npt.NDArray[np.bool_]
_BLOCK = 256


def unit_parts(values: npt.ArrayLike) -> Float32:
    """Return embeddings (n, parts, dim) with every part scaled to unit length; zero stays zero."""
    array = np.asarray(values, np.float32)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.asarray(array / np.maximum(length, 1e-12), np.float32)


def distance_matrix(queries: npt.ArrayLike, gallery: npt.ArrayLike) -> Float64:
    """Return (n, m) distances: the mean over parts of the Euclidean distance of unit parts.

    It is the distance of `gait_reid.core.gallery.search`.

    Args:
        queries: (n, parts, dim), parts of unit length.
        gallery: (m, parts, dim), parts of unit length.
    """
    left = np.asarray(queries, np.float64).transpose(1, 0, 2)
    right = np.asarray(gallery, np.float64).transpose(1, 2, 0)
    out = np.zeros((left.shape[1], right.shape[2]))
    norm_right = np.einsum("pdm,pdm->pm", right, right)
    norm_left = np.einsum("pnd,pnd->pn", left, left)
    for start in range(0, len(out), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for part in range(len(left)):
            squared = norm_left[part, rows, None] + norm_right[part][None]
            squared -= 2.0 * (left[part, rows] @ right[part])
            out[rows] += np.sqrt(np.maximum(squared, 0.0))
    return np.asarray(out / len(left), np.float64)


@dataclass(frozen=True)
class Ranking:
    """What became of each of n probes.

    Attributes:
        first_hit: (n,) int64, place of the nearest right gallery walk, 0 is the first; -1 where
            the gallery holds no right walk (such a probe counts nowhere).
        average_precision: (n,) float64 in [0, 1], NaN where `first_hit` is -1.
        inverse_penalty: (n,) float64, right walks divided by the place of the last one (INP of Ye
            et al., TPAMI 2022), NaN where `first_hit` is -1.
        nearest: (n,) float64, distance to the nearest gallery walk of anybody; inf without one.
        genuine: (n,) float64, distance to the nearest right walk, NaN without one.
        impostor: (n,) float64, distance to the nearest walk of somebody else, NaN without one.
    """

    first_hit: Int64
    average_precision: Float64
    inverse_penalty: Float64
    nearest: Float64
    genuine: Float64
    impostor: Float64

    def __len__(self) -> int:
        return len(self.first_hit)

    @property
    def valid(self) -> Bool:
        """(n,) bool: probes whose person is in the gallery."""
        return np.asarray(self.first_hit >= 0)

    def hits(self, rank: int) -> Bool:
        """Return (n,) bool: whether a right walk is among the `rank` nearest."""
        return np.asarray((self.first_hit >= 0) & (self.first_hit < rank))

    def at(self, rows: npt.NDArray[np.bool_] | Int64) -> Ranking:
        """Return the outcome of some probes."""
        return Ranking(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def rank(
    distances: Float64, same: npt.NDArray[np.bool_], allowed: npt.NDArray[np.bool_]
) -> Ranking:
    """Rank the gallery for each probe.

    Args:
        distances: (n, m).
        same: (n, m), whether probe and gallery walk are of one person.
        allowed: (n, m), False on pairs that are left out, for example of identical view.
    """
    n, m = distances.shape
    far = np.where(allowed, distances, np.inf)
    order = np.argsort(far, axis=1, kind="stable")
    right = np.take_along_axis(same & allowed, order, axis=1)
    count = right.sum(axis=1)
    found = count > 0
    place = np.arange(1, m + 1)
    precision = np.where(right, np.cumsum(right, axis=1) / place, 0.0).sum(axis=1)
    last = m - np.argmax(right[:, ::-1], axis=1) if m else np.zeros(n, np.int64)
    total = np.maximum(count, 1)
    return Ranking(
        np.where(found, np.argmax(right, axis=1) if m else 0, -1).astype(np.int64),
        np.where(found, precision / total, np.nan),
        np.where(found, total / np.maximum(last, 1), np.nan),
        far.min(axis=1, initial=np.inf),
        _least(np.where(same & allowed, distances, np.inf)),
        _least(np.where(~same & allowed, distances, np.inf)),
    )


def _least(distances: Float64) -> Float64:
    least = distances.min(axis=1, initial=np.inf)
    return np.where(np.isfinite(least), least, np.nan)


def cmc(ranking: Ranking, ranks: int = 20) -> Float64:
    """Return (ranks,) shares of probes with a right walk among the 1, 2, ... nearest; NaN if none.

    Probes without a right walk in the gallery do not count.
    """
    first = ranking.first_hit[ranking.valid]
    if not len(first):
        return np.full(ranks, np.nan)
    return np.asarray((first[:, None] < np.arange(1, ranks + 1)).mean(axis=0))


def threshold_at(stranger_nearest: Float64, far: float) -> float:
    """Return the greatest distance that accepts at most the share `far` of strangers' probes.

    A probe is accepted when its nearest distance is at most the threshold. Without enough probes
    to show the rate (fewer than 1 / `far`) no stranger is accepted.
    """
    ordered = np.sort(np.asarray(stranger_nearest, np.float64))
    allowed = int(np.floor(len(ordered) * far + 1e-9))
    if allowed >= len(ordered):
        return float("inf")
    return float(np.nextafter(ordered[allowed], -np.inf))


def detection_rate(genuine: Ranking, threshold: float) -> Bool:
    """Return (n,) bool: the right person is nearest and within the threshold (DIR at rank 1)."""
    return np.asarray(genuine.hits(1) & (genuine.nearest <= threshold))
