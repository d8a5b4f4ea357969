"""Follows what is said about every walk of a scene and judges it by the truth."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gait_reid.core.types import Decision, Match, Tracks
from gait_reid_sim.core.scoring.association import Truth, TruthLog, associate
from gait_reid_sim.core.scoring.visits import Visit


@dataclass(frozen=True)
class Answer:
    """What was said about a walk at one instant.

    Attributes:
        stamp_ns: The instant.
        named: The person who was confirmed, or an empty string.
        nearest: The nearest person, whether near enough or not, or an empty string.
        searched: Whether anybody was enrolled and the walk was long enough to be compared.
    """

    stamp_ns: int
    named: str
    nearest: str
    searched: bool

    @classmethod
    def of(cls, match: Match) -> Answer:
        """Return what a match says."""
        nearest = match.best.person_id if match.best else ""
        named = match.person_id if match.decision is Decision.CONFIRMED else ""
        return cls(match.stamp_ns, named, nearest, bool(nearest))


@dataclass
class VisitScore:
    """What was seen of one walk.

    Attributes:
        visit: The walk.
        known: People who were enrolled, and when, shared by all walks.
        first_ns: First instant at which a track followed the person, 0 before.
        last_ns: Last such instant.
        track_ids: Tracks that followed the person, in order.
        answers: What was said, in order of time.
    """

    visit: Visit
    known: dict[str, int]
    first_ns: int = 0
    last_ns: int = 0
    track_ids: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def named(self) -> str:
        """Whom the walk was mostly confirmed to be, or an empty string."""
        names = Counter(answer.named for answer in self.answers if answer.named)
        return names.most_common(1)[0][0] if names else ""

    @property
    def nearest(self) -> str:
        """Who was mostly the nearest person of the gallery, or an empty string."""
        names = Counter(answer.nearest for answer in self.answers if answer.searched)
        return names.most_common(1)[0][0] if names else ""

    @property
    def misnamed(self) -> int:
        """Number of answers that confirm somebody else."""
        return sum(answer.named not in ("", self.visit.person_id) for answer in self.answers)

    @property
    def outcome(self) -> str:
        """The result of the walk.

        ``right``, ``wrong`` or ``unknown``: by whom it was mostly confirmed to be; ``unseen``: no
        track followed the person; ``not enrolled``: a return of somebody whose enrolment failed
        and who was called nobody.
        """
        if self.named:
            return "right" if self.named == self.visit.person_id else "wrong"
        if not self.track_ids:
            return "unseen"
        if self.visit.returns and self.visit.person_id not in self.known:
            return "not enrolled"
        return "unknown"


class Score:
    """Joins truth, tracks and answers of a scene.

    Messages may come in any order across kinds; within a kind they come in order of time.

    Args:
        visits: All walks of the scene, by number.

    Attributes:
        walks: What was seen of each walk, by number.
        known: Stamp of the first enrolment by person id.
        ghosts: Number of confirmed answers about tracks that follow nobody. The right name of
            somebody who has just left, on the track that followed them, is none.
    """

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.known: dict[str, int] = {}
        self.walks = {visit.walk: VisitScore(visit, self.known) for visit in visits}
        self.ghosts = 0
        self.last_ns = 0
        self._truths = TruthLog()
        self._tracks: deque[Tracks] = deque()
        self._matches: deque[Match] = deque()
        self._walk_of: dict[int, dict[int, int]] = {}
        self._newest: dict[int, int] = {}

    def see_truth(self, truth: Truth) -> None:
        """Take who was where."""
        self._truths.add(truth)
        self._settle()

    def see_tracks(self, tracks: Tracks) -> None:
        """Take the tracks of an instant."""
        self._tracks.append(tracks)
        self._settle()

    def see_match(self, match: Match) -> None:
        """Take an answer."""
        self._matches.append(match)
        self._settle()

    def note_enrolled(self, person_id: str, stamp_ns: int) -> None:
        """Remember that a person is in the gallery."""
        self.known.setdefault(person_id, stamp_ns)

    def visit_of(self, track_id: int) -> Visit | None:
        """Return the walk that a track followed last, or None."""
        walk = self._newest.get(track_id)
        return None if walk is None else self.walks[walk].visit

    def follows(self, track_id: int, since_ns: int, until_ns: int) -> int | None:
        """Return the one walk that a track followed in a period, None if there were several."""
        walks = {
            at_ns[track_id]
            for stamp_ns, at_ns in self._walk_of.items()
            if since_ns <= stamp_ns <= until_ns and track_id in at_ns
        }
        return walks.pop() if len(walks) == 1 else None

    def _settle(self) -> None:
        """Judge what can be judged: the truth and the tracks of its time are there."""
        while self._tracks and self._tracks[0].stamp_ns <= self._truths.newest_ns:
            self._join(self._tracks.popleft())
        while self._matches and self._matches[0].stamp_ns <= self.last_ns:
            self._judge(self._matches.popleft())

    def _join(self, tracks: Tracks) -> None:
        truth = self._truths.at(tracks.stamp_ns)
        pairs = {} if truth is None else associate(tracks, truth)
        self.last_ns = tracks.stamp_ns
        self._walk_of[tracks.stamp_ns] = pairs
        self._newest.update(pairs)
        for track_id, walk in pairs.items():
            seen = self.walks[walk]
            seen.first_ns, seen.last_ns = seen.first_ns or tracks.stamp_ns, tracks.stamp_ns
            if track_id not in seen.track_ids:
                seen.track_ids.append(track_id)

    def _judge(self, match: Match) -> None:
        walk = self._walk_of.get(match.stamp_ns, {}).get(match.track_id)
        answer = Answer.of(match)
        if walk is None:
            last = self.visit_of(match.track_id)
            left = last is not None and last.person_id == answer.named
            self.ghosts += bool(answer.named) and not left
        else:
            self.walks[walk].answers.append(answer)
