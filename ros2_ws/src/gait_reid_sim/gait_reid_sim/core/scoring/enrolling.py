"""Chooses the walks to enrol: who comes for the first time, and is followed without doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gait_reid_sim.core.scoring.score import Score
from gait_reid_sim.core.scoring.visits import Visit

_NS_PER_S = 1_000_000_000


class Window(NamedTuple):
    """The newest embedding of a track.

    Attributes:
        track_id: The track.
        start_ns: First frame that it was made from.
        end_ns: Last such frame.
    """

    track_id: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class EnrollingRules:
    """When a walk is enrolled.

    Attributes:
        min_window_s: A window of this length is enrolled; the next one begins after it.
        max_records: Windows of one walk that are enrolled at most.
        patience_s: A shorter window is enrolled when its track was silent for so long, so that
            nobody leaves without having been enrolled.
    """

    min_window_s: float = 2.5
    max_records: int = 3
    patience_s: float = 0.6


class Enrolling:
    """Says which windows to enrol as whom, one at a time.

    Names come from the truth, as an operator would tell them who sees the person.

    Args:
        score: Which track follows whom.
        rules: When.
    """

    def __init__(self, score: Score, rules: EnrollingRules | None = None) -> None:
        self._score = score
        self._rules = rules or EnrollingRules()
        self._windows: dict[int, Window] = {}
        self._until_ns: dict[int, int] = {}
        self._records: dict[int, int] = {}

    def see_window(self, window: Window) -> None:
        """Take the newest embedding of a track."""
        self._windows[window.track_id] = window

    def due(self) -> tuple[Window, Visit] | None:
        """Return a window to enrol now and whose it is, or None."""
        for window in list(self._windows.values()):
            visit = self._whose(window)
            if visit is not None and self._is_ripe(window, visit):
                return window, visit
        return None

    def note_enrolled(self, window: Window, visit: Visit) -> None:
        """Remember that a window is in the gallery."""
        self._records[visit.walk] = self._records.get(visit.walk, 0) + 1
        self._until_ns[window.track_id] = window.end_ns
        self._score.note_enrolled(visit.person_id, window.end_ns)

    def note_refused(self, window: Window) -> None:
        """Remember that a window cannot be enrolled; a later one of the track may be."""
        self._until_ns[window.track_id] = window.end_ns

    def _whose(self, window: Window) -> Visit | None:
        """Return the first walk that a window shows; one with several people in it is nobody's."""
        if window.start_ns <= self._until_ns.get(window.track_id, -1):
            return None
        walk = self._score.follows(window.track_id, window.start_ns, window.end_ns)
        if walk is None:
            return None
        visit = self._score.walks[walk].visit
        return visit if visit.enrols else None

    def _is_ripe(self, window: Window, visit: Visit) -> bool:
        records = self._records.get(visit.walk, 0)
        if records >= self._rules.max_records:
            return False
        if window.end_ns - window.start_ns >= self._rules.min_window_s * _NS_PER_S:
            return True
        silent_ns = self._score.last_ns - window.end_ns
        return not records and silent_ns >= self._rules.patience_s * _NS_PER_S
