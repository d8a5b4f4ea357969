"""Measuring a candidate and its peers in turns.

Milliseconds of a shared machine mean little from one minute to the next. Every round therefore
measures the candidate and each peer directly after one another, the ratio is taken within the
round, and what is reported is the median of these ratios with their quartiles.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Sample = Mapping[str, float]


class UnavailableError(Exception):
    """A peer or a part of the suite that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Contender:
    """Something that is measured.

    Attributes:
        name: Library, function and settings, as a reader would name them.
        measure: Takes one sample and returns its figures by name; smaller is better.
        version: Version of the library, or an empty string.
    """

    name: str
    measure: Callable[[], Sample]
    version: str = ""


@dataclass(frozen=True)
class Missing:
    """A peer that is not measured, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Case:
    """One workload with the candidate and its peers, ready to be measured.

    Attributes:
        workload: One line that says what is done.
        candidate: The part of this suite.
        peers: What it is compared with, in the order of the table.
        missing: Peers that cannot be measured here.
    """

    workload: str
    candidate: Contender
    peers: tuple[Contender, ...]
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """One row of the table.

    Attributes:
        name: Name on the command line and of the result file.
        title: Name in the table.
        build: Prepares the workload; raises `UnavailableError` when the candidate cannot run here.
        metric: Figure of the samples that ratios are made of.
        unit: Unit of ``metric``.
        rounds: Number of rounds.
        promise: Largest ratio to the first peer that the project promises, or None.
    """

    name: str
    title: str
    build: Callable[[], Case]
    metric: str = "time_ms"
    unit: str = "ms"
    rounds: int = 9
    promise: float | None = None


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    q25: float
    q75: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of ``values``.

        Raises:
            ValueError: There are no values.
        """
        if not values:
            raise ValueError("a spread needs at least one value")
        q25, median, q75 = np.percentile(np.asarray(values, np.float64), [25, 50, 75])
        return cls(float(median), float(q25), float(q75))


@dataclass(frozen=True)
class Measured:
    """Samples of one contender; ``ratio`` is the candidate's figure divided by this one's."""

    name: str
    version: str
    samples: tuple[Sample, ...]
    ratio: Spread | None = None

    def median(self, metric: str) -> float:
        """Return the median of one figure over the rounds that have it; NaN when none has."""
        values = [sample[metric] for sample in self.samples if np.isfinite(sample[metric])]
        return statistics.median(values) if values else float("nan")


@dataclass(frozen=True)
class Result:
    """Outcome of one benchmark. ``skipped`` says why nothing was measured."""

    benchmark: Benchmark
    workload: str = ""
    candidate: Measured | None = None
    peers: tuple[Measured, ...] = ()
    missing: tuple[Missing, ...] = ()
    skipped: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise holds; None without a promise or without its peer."""
        if self.benchmark.promise is None or not self.peers or self.peers[0].ratio is None:
            return None
        return self.peers[0].ratio.median <= self.benchmark.promise


@dataclass
class Timed:
    """Sample of a function's duration, repeated until one sample lasts ``minimum_s``.

    The number of repetitions is found once, from the warm-up; ``time_ms`` is per call.
    """

    function: Callable[[], object]
    minimum_s: float = 0.02
    clock: Callable[[], float] = time.perf_counter
    _repeat: int = field(default=0, init=False)

    def __call__(self) -> Sample:
        """Return the duration of one call in milliseconds."""
        if not self._repeat:
            self.function()
            self._repeat = max(1, int(np.ceil(self.minimum_s / max(self._seconds(1), 1e-9))))
        return {"time_ms": 1e3 * self._seconds(self._repeat) / self._repeat}

    def _seconds(self, repeat: int) -> float:
        start = self.clock()
        for _ in range(repeat):
            self.function()
        return self.clock() - start


def timed(
    name: str, function: Callable[[], object], version: str = "", minimum_s: float = 0.02
) -> Contender:
    """Return a contender whose sample is the duration of one call of ``function``."""
    return Contender(name, Timed(function, minimum_s), version)


def run(
    benchmark: Benchmark,
    rounds: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Result:
    """Measure one benchmark; a candidate that cannot run here gives a skipped result."""
    try:
        case = benchmark.build()
    except UnavailableError as error:
        return Result(benchmark, skipped=str(error))
    contenders = (case.candidate, *case.peers)
    try:
        samples = _alternate(contenders, rounds or benchmark.rounds, progress)
    except UnavailableError as error:
        return Result(benchmark, case.workload, missing=case.missing, skipped=str(error))
    own = [sample[benchmark.metric] for sample in samples[0]]
    peers = tuple(
        Measured(
            peer.name,
            peer.version,
            tuple(taken),
            _ratio(own, [sample[benchmark.metric] for sample in taken]),
        )
        for peer, taken in zip(case.peers, samples[1:])
    )
    candidate = Measured(case.candidate.name, case.candidate.version, tuple(samples[0]))
    return Result(benchmark, case.workload, candidate, peers, case.missing)


def _alternate(
    contenders: Sequence[Contender], rounds: int, progress: Callable[[str], None]
) -> list[list[Sample]]:
    """Measure in turns; every other round goes backwards, so that nobody is always first."""
    for contender in contenders:
        progress(f"warm-up: {contender.name}")
        contender.measure()
    samples: list[list[Sample]] = [[] for _ in contenders]
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        order = range(len(contenders)) if number % 2 == 0 else reversed(range(len(contenders)))
        for index in order:
            samples[index].append(contenders[index].measure())
    return samples


def _ratio(own: Sequence[float], peer: Sequence[float]) -> Spread | None:
    """Return the spread of the paired ratios; rounds without the peer's figure do not count."""
    ratios = [a / b for a, b in zip(own, peer) if np.isfinite(a) and np.isfinite(b) and b > 0]
    return Spread.of(ratios) if ratios else None
