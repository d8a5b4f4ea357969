"""Shows the room with a radar: who is ranked now, and the summary against the truth."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from gait_reid.core.overlay import RANKS_SHOWN, REASONS
from gait_reid.core.types import Decision, Match
from gait_reid_sim.cli.scene_node import Shown
from gait_reid_sim.cli.scene_report import add_tracks, drops_text, latency_lines
from gait_reid_sim.cli.scene_room import Room
from gait_reid_sim.core.scoring.room import RoomSummary, RoomWalk
from gait_reid_sim.core.scoring.visits import Visit, display_name


def room_live_table(room: Room) -> Table:
    """Return who is in the room now, whom they are ranked as, and who they are."""
    table = Table(title="room with a radar", title_justify="left")
    table.add_column("track", justify="right")
    table.add_column("candidates, nearest first")
    table.add_column("decision")
    for heading in ("frames", "latency ms"):
        table.add_column(heading, justify="right")
    table.add_column("truth")
    add_tracks(table, room, _answer)
    return table


def _answer(shown: Shown | None, visit: Visit | None) -> tuple[Text, ...]:
    """Return candidates, decision, frames and latency."""
    if shown is None:
        return (Text("-", "dim"), Text("no answer yet", "dim"), Text(""), Text(""))
    match = shown.match
    latency = "" if math.isnan(shown.latency_ms) else f"{shown.latency_ms:.0f}"
    decision = REASONS.get(match.reason, match.decision.name.lower())
    return (_ranking(match, visit), Text(decision), Text(str(match.num_frames)), Text(latency))


def _ranking(match: Match, visit: Visit | None) -> Text:
    """Return the first candidates with their probabilities; the right one stands out."""
    text = Text("-" if not match.candidates else "", "dim")
    doubt = "" if match.decision is Decision.CONFIRMED else "?"
    for rank, one in enumerate(match.candidates[:RANKS_SHOWN]):
        right = visit is not None and one.person_id == visit.person_id
        name = one.display_name or display_name(one.person_id)
        separator = ", " if rank else ""
        text.append(f"{separator}{name}{doubt} {one.probability:.2f}", "green" if right else "dim")
    return text


def room_table(summary: RoomSummary, begin_ns: int) -> Table:
    """Return what became of every walk in the room."""
    table = Table(title="walks in the room with a radar", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("walk", no_wrap=True)
    for heading in ("seen s", "answers"):
        table.add_column(heading, justify="right")
    table.add_column("nearest")
    for heading in ("rank", "likely %"):
        table.add_column(heading, justify="right")
    table.add_column("result")
    for walk in summary.walks:
        times = [f"{1e-9 * (ns - begin_ns):.0f}" for ns in walk.period_ns]
        table.add_row(
            walk.visit.label,
            "-".join(times) if walk.track_ids else "",
            str(len(walk.ranked)),
            display_name(walk.first),
            "" if walk.rank is None or walk.visit.stranger else f"{walk.rank:g}",
            "" if walk.likely is None else f"{100 * walk.likely:.0f}",
            _result(walk),
        )
    return table


def _result(walk: RoomWalk) -> Text:
    if not walk.track_ids:
        return Text("unseen", "red")
    if walk.visit.stranger:
        likely = walk.likely is not None and walk.likely > 0.5
        return Text("called likely", "bold red") if likely else Text("stayed unknown", "green")
    if walk.matched_standing:
        return Text("ranked while standing", "bold red")
    if walk.rank is None:
        return Text("not ranked", "red")
    return Text("first", "green") if walk.rank < 2.0 else Text("not first", "yellow")


def room_figures(summary: RoomSummary) -> list[str]:
    """Return the figures of the room, one line each."""
    known = summary.known
    ranks = ", ".join("-" if walk.rank is None else f"{walk.rank:g}" for walk in known)
    likely, answers = summary.likely_strangers
    standing = sum(walk.standing for walk in summary.walks)
    kept = sum(walk.kept for walk in summary.walks)
    matched = sum(walk.matched_standing for walk in summary.walks)
    lines = [
        f"radar room: {summary.firsts} of {len(known)} walks with the right person first among "
        f"{summary.people} enrolled; ranks (median over a walk): {ranks or 'none'}",
        f"strangers in the room: {likely} of {answers} answers call somebody likely",
        f"standing: followed at {kept} of {standing} instants, {matched} answers rank people",
    ]
    lines += latency_lines("radar latency, frame to ranking", summary.latencies_ms)
    lines.append(f"frames dropped in the room: {drops_text(summary.drops)}")
    return lines


def room_verdict(summary: RoomSummary) -> str:
    """Return in one sentence what the room has shown."""
    if summary.problems:
        return "radar room not as it should be: " + "; ".join(summary.problems)
    return (
        f"radar room: the right person is first in {summary.firsts} of {len(summary.known)} walks, "
        "strangers stayed unknown, who stands was not matched"
    )
