"""Judges what is said in a room with a radar: people are ranked there, and seldom named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.types import Decision, Match, Modality, Tracks
from gait_reid_sim.core.scoring.score import Score
from gait_reid_sim.core.scoring.sightings import Sightings
from gait_reid_sim.core.scoring.visits import Visit

SETTLED_S = 1.5
"""Who has stood for so long is known to stand: a walk before may still be answered until then."""


@dataclass(frozen=True)
class RoomAnswer:
    """What was said about a walk at one instant.

    Attributes:
        ranking: Person ids, nearest first; empty where nobody was looked for.
        likely: Whether the first one was called likely (CANDIDATE or CONFIRMED).
        standing: Whether the person had stood still for `SETTLED_S`.
        known: Whether the person was enrolled by then.
    """

    ranking: tuple[str, ...]
    likely: bool
    standing: bool
    known: bool


@dataclass(frozen=True)
class RoomWalk:
    """What was seen and said of one walk in the room.

    Attributes:
        visit: The walk.
        answers: What was said, in order of time.
        track_ids: Tracks that followed the person, in order.
        period_ns: First and last instant at which a track followed the person.
        standing: Instants at which the person stood.
        kept: Those of them at which the track from before was still there.
    """

    visit: Visit
    answers: tuple[RoomAnswer, ...]
    track_ids: tuple[int, ...]
    period_ns: tuple[int, int]
    standing: int = 0
    kept: int = 0

    @property
    def ranked(self) -> tuple[RoomAnswer, ...]:
        """Answers that rank people."""
        return tuple(answer for answer in self.answers if answer.ranking)

    @property
    def rank(self) -> float | None:
        """Median rank of the right person over the answers that came after the enrolment.

        An answer that does not list the person counts as one place after its last. None without
        such answers, and for strangers.
        """
        right = self.visit.person_id
        ranks = [
            answer.ranking.index(right) + 1 if right in answer.ranking else len(answer.ranking) + 1
            for answer in self.ranked
            if answer.known
        ]
        return float(np.median(ranks)) if ranks else None

    @property
    def likely(self) -> float | None:
        """Share of the answers that call somebody likely, None without answers that rank."""
        return float(np.mean([a.likely for a in self.ranked])) if self.ranked else None

    @property
    def matched_standing(self) -> int:
        """Answers that rank people although the person stands."""
        return sum(answer.standing for answer in self.ranked)

    @property
    def first(self) -> str:
        """Who was first most often, or an empty string."""
        firsts = [answer.ranking[0] for answer in self.ranked]
        return max(firsts, key=firsts.count) if firsts else ""


class RoomScore(Score):
    """Joins truth, tracks and answers of a room.

    Args:
        visits: All walks of the scene, by number.
        known: When people were enrolled, by person id; filled by the site that enrols.
        sightings: What the truth says about each walk; filled before `see_truth` is called.
    """

    def __init__(
        self, visits: Sequence[Visit], known: dict[str, int], sightings: Sightings
    ) -> None:
        super().__init__(visits)
        self.known = known
        self.sightings = sightings
        self._said: dict[int, list[RoomAnswer]] = {visit.walk: [] for visit in visits}
        self._standing: dict[int, int] = {}
        self._kept: dict[int, int] = {}

    def walks_of_room(self) -> tuple[RoomWalk, ...]:
        """Return the walks that the radar alone could see, by the time of their first step."""
        inside = self.sightings.by_alone(Modality.RADAR)
        found = sorted((self.walks[walk] for walk in inside), key=lambda one: one.visit.enter_s)
        return tuple(
            RoomWalk(
                one.visit,
                tuple(self._said[one.visit.walk]),
                tuple(one.track_ids),
                (one.first_ns, one.last_ns),
                self._standing.get(one.visit.walk, 0),
                self._kept.get(one.visit.walk, 0),
            )
            for one in found
        )

    def _join(self, tracks: Tracks) -> None:
        super()._join(tracks)
        alive = set(tracks.track_id.tolist())
        for walk, seen in self.walks.items():
            if self.sightings.stands(walk, tracks.stamp_ns, SETTLED_S):
                self._standing[walk] = self._standing.get(walk, 0) + 1
                kept = bool(seen.track_ids) and seen.track_ids[-1] in alive
                self._kept[walk] = self._kept.get(walk, 0) + kept

    def _judge(self, match: Match) -> None:
        super()._judge(match)
        # A track that is lost for a moment, as of who stands, still belongs to its walk.
        visit = self.visit_of(match.track_id)
        if visit is None:
            return
        stands = self.sightings.stands(visit.walk, match.stamp_ns, SETTLED_S)
        known = self.known.get(visit.person_id, match.stamp_ns + 1) <= match.stamp_ns
        self._said[visit.walk].append(
            RoomAnswer(
                tuple(one.person_id for one in match.candidates),
                match.decision is not Decision.UNKNOWN,
                stands,
                known,
            )
        )


@dataclass(frozen=True)
class RoomSummary:
    """What a room with a radar has shown.

    Attributes:
        walks: Walks in the room, strangers' included.
        people: People who were enrolled.
        latencies_ms: Time from a radar frame to the answer, per answer.
        drops: Messages lost on their way, by node and reason.
    """

    walks: tuple[RoomWalk, ...]
    people: int
    latencies_ms: tuple[float, ...] = ()
    drops: Mapping[str, int] = field(default_factory=dict)

    @property
    def known(self) -> tuple[RoomWalk, ...]:
        """Walks of people who are in the gallery, as far as they were enrolled before."""
        return tuple(walk for walk in self.walks if not walk.visit.stranger)

    @property
    def strangers(self) -> tuple[RoomWalk, ...]:
        """Walks of strangers."""
        return tuple(walk for walk in self.walks if walk.visit.stranger)

    @property
    def firsts(self) -> int:
        """Walks in which the right person is mostly ranked first."""
        return sum(walk.rank is not None and walk.rank < 2.0 for walk in self.known)

    @property
    def likely_strangers(self) -> tuple[int, int]:
        """Answers about strangers that call somebody likely, and all that rank people."""
        answers = [answer for walk in self.strangers for answer in walk.ranked]
        return sum(answer.likely for answer in answers), len(answers)

    @property
    def problems(self) -> list[str]:
        """What keeps the room from being a success, in words; empty after a success."""
        return list(_problems(self))


def _problems(room: RoomSummary) -> Iterable[str]:
    unseen = [walk.visit.name for walk in room.walks if not walk.track_ids]
    if not room.walks:
        yield "nobody was heard by the radar alone"
    if unseen:
        yield f"{', '.join(unseen)} was not followed in the room"
    if room.known and room.people > 1 and room.firsts * room.people <= len(room.known):
        yield (
            f"{room.firsts} of {len(room.known)} walks in the room have the right person first, no "
            "more than by chance"
        )
    likely, answers = room.likely_strangers
    if 2 * likely > answers:
        yield f"{likely} of {answers} answers about strangers in the room call somebody likely"
    matched = sum(walk.matched_standing for walk in room.walks)
    if matched:
        yield f"{matched} answers rank people for somebody who stands"
    standing, kept = (sum(getattr(w, n) for w in room.walks) for n in ("standing", "kept"))
    if 2 * kept < standing:
        yield f"who stands was lost: a track at {kept} of {standing} instants"
