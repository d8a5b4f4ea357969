"""Confidence intervals over identities: walks of one person are not independent of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64

CONFIDENCE_Z = 1.959963984540054
REPLICATES = 2000


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: The figure.
        low: Lower end.
        high: Upper end.
        identities: Number of people that it rests on.
        probes: Number of walks that it rests on.
    """

    value: float
    low: float
    high: float
    identities: int
    probes: int

    def as_dict(self) -> dict[str, float | int]:
        """Return the fields as plain numbers."""
        return {
            "value": self.value, "low": self.low, "high": self.high,
            "identities": self.identities, "probes": self.probes,
        }  # fmt: skip


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of n independent cases (Wilson, JASA 1927).

    With n the number of identities it is right when walks of one person all succeed or all fail,
    and too wide otherwise.
    """
    if n < 1 or not math.isfinite(share):
        return float("nan"), float("nan")
    z2 = CONFIDENCE_Z**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = CONFIDENCE_Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


@dataclass(frozen=True)
class IdentityBootstrap:
    """Draws people with replacement, all walks of a person together (cluster bootstrap).

    The same object gives the same draws, so differences between models are paired.

    Attributes:
        person: (n,) index of the person of each probe.
        weights: (replicates, people) how often each person was drawn.
    """

    person: npt.NDArray[np.int64]
    weights: Float64

    @classmethod
    def of(cls, person_ids: npt.ArrayLike, seed: int = 0, n: int = REPLICATES) -> IdentityBootstrap:
        """Make n draws for probes of these people."""
        names, index = np.unique(np.asarray(person_ids), return_inverse=True)
        rng = np.random.default_rng(seed)
        people = max(len(names), 1)
        weights = rng.multinomial(people, np.full(people, 1.0 / people), size=n)
        return cls(index.reshape(-1).astype(np.int64), weights.astype(np.float64))

    def replicates(self, values: npt.ArrayLike) -> tuple[Float64, int]:
        """Return the mean of each draw and the number of people who have a value.

        Args:
            values: (n,) per probe; NaN does not count.
        """
        array = np.asarray(values, np.float64)
        good = np.isfinite(array)
        people = self.weights.shape[1]
        total = np.bincount(self.person[good], array[good], minlength=people)
        count = np.bincount(self.person[good], minlength=people).astype(np.float64)
        drawn = self.weights @ count
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (self.weights @ total) / drawn
        return means, int((count > 0).sum())

    def mean(self, values: npt.ArrayLike) -> Interval:
        """Return the mean with its percentile interval; a mean of nobody is NaN."""
        array = np.asarray(values, np.float64)
        good = np.isfinite(array)
        if not good.any():
            return Interval(float("nan"), float("nan"), float("nan"), 0, 0)
        means, people = self.replicates(array)
        low, high = np.nanpercentile(means, (2.5, 97.5))
        return Interval(float(array[good].mean()), float(low), float(high), people, int(good.sum()))

    def difference(self, first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Interval, float]:
        """Return the mean of ``first - second`` and the share of draws where it is not positive."""
        paired = np.asarray(first, np.float64) - np.asarray(second, np.float64)
        interval = self.mean(paired)
        if not interval.probes:
            return interval, float("nan")
        means, _ = self.replicates(paired)
        return interval, float(np.mean(means[np.isfinite(means)] <= 0.0))
