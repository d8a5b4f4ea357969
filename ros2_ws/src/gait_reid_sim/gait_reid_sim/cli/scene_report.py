"""Shows a demonstration: the live table, and the summary against the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gait_reid.core.types import Decision, Tracks, TrackState
from gait_reid_sim.cli.scene_node import SceneNode, Shown
from gait_reid_sim.core.scoring.score import VisitScore
from gait_reid_sim.core.scoring.summary import Summary
from gait_reid_sim.core.scoring.visits import Visit, display_name

_UNPAIRED = " unpaired"
_OUTCOME_STYLES = {"right": "green", "wrong": "bold red", "unknown": "yellow"}


def live_table(demo: SceneNode, title: str, duration_s: float) -> RenderableType:
    """Return who is there now, what is said about them, and who they are."""
    table = Table(title=f"{title}  {demo.scene_s:.1f} of {duration_s:.0f} s", title_justify="left")
    table.add_column("track", justify="right")
    table.add_column("person")
    table.add_column("decision")
    for heading in ("distance", "probability", "frames", "latency ms"):
        table.add_column(heading, justify="right")
    table.add_column("truth")
    add_tracks(table, demo, _answer)
    known = ", ".join(display_name(person) for person in demo.score.known) or "nobody yet"
    results = [
        f"{walk.visit.name} {walk.outcome}"
        for walk in demo.score.walks.values()
        if walk.visit.returns and walk.answers
    ]
    below = f"enrolled: {known}" + (f"   came back: {', '.join(results)}" if results else "")
    return Group(table, Text(below))


class Followed(Protocol):
    """Tracks of people, and what is said and what is true about them.

    Attributes:
        tracks: Newest tracks, or None.
        shown: Newest answer by track id.
        score: Knows whom a track follows.
    """

    tracks: Tracks | None
    shown: dict[int, Shown]

    @property
    def score(self) -> Truth:
        """Knows whom a track follows."""


class Truth(Protocol):
    """Knows whom tracks follow."""

    def visit_of(self, track_id: int) -> Visit | None:
        """Return the walk that a track follows, or None."""


def add_tracks(
    table: Table,
    followed: Followed,
    answer: Callable[[Shown | None, Visit | None], Sequence[Text]],
) -> None:
    """Add a row for each confirmed track: its id, what `answer` gives, and the truth."""
    tracks = followed.tracks
    if tracks is None:
        return
    for row in np.flatnonzero(tracks.state != TrackState.TENTATIVE).tolist():
        track_id = int(tracks.track_id[row])
        visit = followed.score.visit_of(track_id)
        truth = Text("nobody", "dim") if visit is None else Text(visit.label)
        table.add_row(str(track_id), *answer(followed.shown.get(track_id), visit), truth)


def _answer(shown: Shown | None, visit: Visit | None) -> tuple[Text, ...]:
    """Return person, decision, distance, probability, frames and latency."""
    if shown is None:
        return (Text("-", "dim"), Text("no answer yet", "dim"), *(Text("") for _ in range(4)))
    match, best = shown.match, shown.match.best
    latency = "" if math.isnan(shown.latency_ms) else f"{shown.latency_ms:.0f}"
    if best is None:
        return (Text("-", "dim"), Text("unknown"), Text(""), Text(""), Text(str(match.num_frames)),
                Text(latency))  # fmt: skip
    right = visit is not None and best.person_id == visit.person_id
    named = match.decision is Decision.CONFIRMED
    style = ("bold green" if right else "bold red") if named else "dim"
    name = best.display_name or best.person_id
    return (
        Text(name if named else f"{name}?", style),
        Text(match.decision.name.lower(), style if named else ""),
        Text(f"{best.distance:.2f}"),
        Text(f"{best.probability:.2f}"),
        Text(str(match.num_frames)),
        Text(latency),
    )


def walks_table(summary: Summary, begin_ns: int) -> Table:
    """Return what became of every walk."""
    table = Table(title="walks against the truth", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("walk")
    for heading in ("seen s", "answers"):
        table.add_column(heading, justify="right")
    for heading in ("named", "nearest", "result"):
        table.add_column(heading)
    walks = (*summary.firsts, *summary.returns, *summary.strangers)
    for walk in sorted(walks, key=lambda one: one.visit.enter_s):
        times = [f"{1e-9 * (ns - begin_ns):.0f}" for ns in (walk.first_ns, walk.last_ns)]
        table.add_row(
            walk.visit.label,
            "-".join(times) if walk.track_ids else "",
            str(len(walk.answers)),
            display_name(walk.named),
            display_name(walk.nearest),
            _result(walk),
        )
    return table


def _result(walk: VisitScore) -> Text:
    """Return the result of a walk with its colour."""
    visit, style = walk.visit, _OUTCOME_STYLES.get(walk.outcome, "red")
    if visit.returns:
        text = walk.outcome
        if walk.misnamed and walk.outcome != "wrong":
            text, style = f"{text}, {walk.misnamed} answers wrong", "red"
        return Text(text, style)
    if walk.misnamed:
        return Text("false accept", "bold red")
    if visit.stranger:
        return Text("stayed unknown" if walk.track_ids else "unseen", "green")
    enrolled = visit.person_id in walk.known
    return Text("enrolled" if enrolled else "not enrolled", "green" if enrolled else "red")


def figures(summary: Summary, instants: int, scans: int, pace: float) -> list[str]:
    """Return the figures of a scene, one line each."""
    number = len(summary.returns)
    counts = ", ".join(
        f"{summary.count(outcome)} {outcome}"
        for outcome in ("right", "wrong", "unknown", "not enrolled", "unseen")
        if summary.count(outcome) or outcome in ("right", "wrong", "unknown")
    )
    lines = [
        f"enrolled: {summary.known} of {len(summary.firsts)} people",
        f"came back: {number} walks: {counts}" if number else "nobody comes back in this scene",
    ]
    if summary.rank1 is not None:
        lines.append(f"rank-1 (nearest person, threshold or not): {100 * summary.rank1:.0f} %")
    lines.append(
        f"false accepts: {summary.false_accepts} of {len(summary.strangers)} walks of strangers, "
        f"{summary.misnamed_firsts} of {len(summary.firsts)} first walks, "
        f"{summary.ghosts} answers about nobody"
    )
    lines += latency_lines("pipeline latency, frame to answer", summary.latencies_ms)
    lines.append(
        f"instants followed: {instants} of {scans}; frames dropped: {drops_text(summary.drops)}"
    )
    lines.append(f"pace: {pace:.2f} of real time")
    return lines


def latency_lines(name: str, latencies_ms: Sequence[float]) -> list[str]:
    """Return the line that sums up latencies; none without answers."""
    if not latencies_ms:
        return []
    p50, p95 = np.percentile(latencies_ms, (50, 95))
    return [f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(latencies_ms)} answers)"]


def drops_text(drops: Mapping[str, int]) -> str:
    """Return what was dropped and how often, in words.

    Frames of a sensor that is faster than its partner find none: that is no loss, and said apart.
    """
    left = {what: number for what, number in drops.items() if what.endswith(_UNPAIRED)}
    lost = [f"{number} {what}" for what, number in drops.items() if what not in left]
    text = ", ".join(lost) or "none"
    return f"{text}; without a partner: {sum(left.values())}" if left else text


def verdict(summary: Summary) -> str:
    """Return in one sentence what the demonstration has shown."""
    if summary.problems:
        return "not as it should be: " + "; ".join(summary.problems)
    if not summary.returns:
        return "nobody was called by a wrong name; nobody comes back in this scene"
    right = summary.count("right")
    return (
        f"{right} of {len(summary.returns)} who came back were recognised, strangers and first "
        "walks stayed unknown"
    )
