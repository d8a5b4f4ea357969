"""A recording through the chain, without ROS and as fast as the machine allows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gait_reid.adapters.bags import BagDamagedError, BagError
from gait_reid.cli.recordings import Recording
from gait_reid.core.pipeline import Pipeline, PipelineResult
from gait_reid.core.types import Decision, Match, TrackState

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Window:
    """Part of a recording, in seconds from its first frame.

    Attributes:
        start_s: Frames before are left out.
        end_s: Frames from here on are left out.
    """

    start_s: float = 0.0
    end_s: float = float("inf")

    def __post_init__(self) -> None:
        if not 0.0 <= self.start_s < self.end_s:
            raise ValueError(
                f"window is {self.start_s:g}:{self.end_s:g}, expected 0 <= start < end in seconds"
            )

    @classmethod
    def parse(cls, text: str) -> Window:
        """Return the window written ``a:b``; either side may be empty.

        Raises:
            ValueError: It is written in another way.
        """
        start, separator, end = text.partition(":")
        try:
            if not separator:
                raise ValueError
            return cls(float(start or 0.0), float(end or "inf"))
        except ValueError as error:
            raise ValueError(
                f"window is '{text}', expected START:END in seconds from the beginning, "
                "for example 0:2.5 or 3:"
            ) from error


@dataclass
class TrackSummary:
    """What became of one track.

    Attributes:
        first_ns: First instant at which it was confirmed.
        last_ns: Last such instant.
        instants: Number of such instants.
        answer: Newest answer about it, confirmed answers before others.
    """

    first_ns: int
    last_ns: int
    instants: int = 0
    answer: Match | None = None

    def take(self, match: Match) -> None:
        """Keep an answer unless a confirmed one was given already."""
        confirmed = self.answer is not None and self.answer.decision is Decision.CONFIRMED
        if not confirmed or match.decision is Decision.CONFIRMED:
            self.answer = match


@dataclass
class ReplaySummary:
    """What a replay did.

    Attributes:
        frames: Frames by sensor.
        instants: Processed instants.
        detections: Detections of all instants.
        tracks: By (sequence id, track id), in order of appearance.
        processing_ms: Computing time of every instant.
        dropped: Frames that could not be used, by (origin, reason).
        span_s: Recorded time that was replayed.
        elapsed_s: Time that it took.
        damage: What could not be read, or None.
    """

    frames: Counter[str] = field(default_factory=Counter)
    instants: int = 0
    detections: int = 0
    tracks: dict[tuple[str, int], TrackSummary] = field(default_factory=dict)
    processing_ms: list[float] = field(default_factory=list)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    span_s: float = 0.0
    elapsed_s: float = 0.0
    damage: BagError | None = None

    @property
    def persons(self) -> list[str]:
        """Persons that were confirmed, in order of appearance."""
        found = [
            t.answer.person_id for t in self.tracks.values() if t.answer and t.answer.person_id
        ]
        return list(dict.fromkeys(found))

    def take(self, result: PipelineResult) -> None:
        """Count one instant."""
        percept = result.percept
        self.instants += 1
        self.detections += len(percept.detections)
        for track_id, state in zip(percept.tracks.track_id.tolist(), percept.tracks.state):
            if state == TrackState.CONFIRMED:
                key = (percept.sequence_id, track_id)
                track = self.tracks.setdefault(key, TrackSummary(result.stamp_ns, result.stamp_ns))
                track.last_ns, track.instants = result.stamp_ns, track.instants + 1
        for match in result.matches:
            known = self.tracks.get((percept.sequence_id, match.track_id))
            if known is not None:
                known.take(match)


def replay(
    recording: Recording,
    pipeline: Pipeline,
    take: Callable[[PipelineResult], None],
    window: Window | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ReplaySummary:
    """Run a recording through the chain and give every result to ``take``.

    Damage of the recording ends the replay early but never loses what came before it; it is
    in the summary.
    """
    summary = ReplaySummary(dropped=recording.dropped)
    started_s = time.perf_counter()
    for result in _results(recording, pipeline, window or Window(), summary, progress):
        summary.take(result)
        take(result)
    summary.elapsed_s = time.perf_counter() - started_s
    for (sensor, reason), count in pipeline.collector.dropped.items():
        if count:
            summary.dropped[sensor, reason] += count
    return summary


def _results(
    recording: Recording,
    pipeline: Pipeline,
    window: Window,
    summary: ReplaySummary,
    progress: Callable[[int], None],
) -> Iterator[PipelineResult]:
    """Yield results and fill the summary's frames, times and damage."""
    first_ns: int | None = None
    number = 0
    try:
        for number, (sensor, frame) in enumerate(recording, start=1):
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            time_s = (frame.stamp_ns - first_ns) / _NS_PER_S
            progress(number)
            if time_s < window.start_s:
                continue
            if time_s >= window.end_s:
                break
            summary.frames[sensor] += 1
            summary.span_s = max(summary.span_s, time_s - window.start_s)
            yield from _timed(pipeline.add(sensor, frame), summary)
    except BagDamagedError as error:
        summary.damage = error
    yield from _timed(pipeline.flush(), summary)


def _timed(results: Iterator[PipelineResult], summary: ReplaySummary) -> Iterator[PipelineResult]:
    while True:
        started_s = time.perf_counter()
        result = next(results, None)
        if result is None:
            return
        summary.processing_ms.append(1e3 * (time.perf_counter() - started_s))
        yield result
