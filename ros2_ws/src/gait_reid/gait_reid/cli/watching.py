"""What the demonstration sees of a running site, and the walk that it enrols."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid.cli.listening import Walk
from gait_reid.core.types import Decision, Match, Tracks, TrackState

_NS_PER_S = 1_000_000_000


@dataclass
class Seen:
    """One track as it was seen.

    Attributes:
        first_ns: First instant at which it was confirmed.
        last_ns: Last such instant.
        instants: Number of such instants.
        speed_m_s: Newest speed.
        walk: Its newest embedding, or None.
        answer: Newest answer.
        confirmed_ns: First instant at which it was confirmed to be a person, or None.
    """

    first_ns: int
    last_ns: int
    instants: int = 0
    speed_m_s: float = 0.0
    walk: Walk | None = None
    answer: Match | None = None
    confirmed_ns: int | None = None


@dataclass
class Watch:
    """Follows tracks and answers, and says when to enrol whom.

    Attributes:
        duration_s: Length of the recording that is shown.
        tracks: By track id, in order of appearance.
        first_ns: Stamp of the first instant, or None.
        last_ns: Stamp of the newest instant.
        enrolled_ns: Newest instant when the walk was enrolled, or None.
        enrolled_track: Track that was enrolled.
        person_id: Person that it was enrolled as.
    """

    duration_s: float
    tracks: dict[int, Seen] = field(default_factory=dict)
    first_ns: int | None = None
    last_ns: int = 0
    enrolled_ns: int | None = None
    enrolled_track: int | None = None
    person_id: str = ""

    @property
    def position_s(self) -> float:
        """Time from the first to the newest instant."""
        return 0.0 if self.first_ns is None else (self.last_ns - self.first_ns) / _NS_PER_S

    def see_tracks(self, tracks: Tracks) -> None:
        """Take the tracks of an instant."""
        self.first_ns = tracks.stamp_ns if self.first_ns is None else self.first_ns
        self.last_ns = max(self.last_ns, tracks.stamp_ns)
        for row, track_id in enumerate(tracks.track_id.tolist()):
            if tracks.state[row] != TrackState.CONFIRMED:
                continue
            seen = self.tracks.setdefault(track_id, Seen(tracks.stamp_ns, tracks.stamp_ns))
            seen.last_ns, seen.instants = tracks.stamp_ns, seen.instants + 1
            vx, vy = tracks.velocity[row, :2].tolist()
            seen.speed_m_s = (vx**2 + vy**2) ** 0.5

    def see_walk(self, walk: Walk) -> None:
        """Note that a track has an embedding."""
        if walk.track_id in self.tracks:
            self.tracks[walk.track_id].walk = walk

    def see_match(self, match: Match) -> None:
        """Take an answer."""
        seen = self.tracks.get(match.track_id)
        if seen is None:
            return
        seen.answer = match
        if match.decision is Decision.CONFIRMED and seen.confirmed_ns is None:
            seen.confirmed_ns = match.stamp_ns

    def walk_to_enroll(self) -> Walk | None:
        """Return the walker of the first half once it is over: who was seen longest."""
        if self.enrolled_ns is not None or self.position_s < 0.5 * self.duration_s:
            return None
        walkers = [seen for seen in self.tracks.values() if seen.walk]
        longest = max(walkers, key=lambda seen: seen.instants, default=None)
        return None if longest is None else longest.walk

    def note_enrolled(self, track_id: int, person_id: str) -> None:
        """Remember who was enrolled, and when."""
        self.enrolled_track, self.person_id = track_id, person_id
        self.enrolled_ns = self.last_ns

    @property
    def recognised(self) -> list[int]:
        """Tracks that were confirmed to be the enrolled person."""
        return [track for track, seen in self.tracks.items() if seen.confirmed_ns is not None]
