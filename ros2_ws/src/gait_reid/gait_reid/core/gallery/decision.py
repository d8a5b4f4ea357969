"""Open-set decisions about tracks, from evidence gathered over time.

**Votes.** Embeddings of a track come from sliding windows that overlap, so most of them repeat what
the one before said. A window that ends at least ``vote_interval_s`` after the last vote becomes a
new vote; an earlier one replaces the last vote. The last ``num_votes`` count.

**Evidence.** The log-likelihood ratio of "same person" against "another person" is taken to be
linear in the distance (logistic calibration, Platt 1999; Morrison, 2013), so the mean ratio over
the votes is the ratio at the mean distance. The mean, not the sum: votes of one walk are not
independent, and a sum would become certain of any error that repeats. Votes are weighted by their
number of frames. A candidate's distance and probability are those of the mean.

**Confirmation** takes all of: mean distance at most ``max_distance``; ``min_margin`` to the
runner-up; ``min_frames``; and at least ``min_agreeing`` votes which, taken alone, put the same
person first within ``max_distance`` (m of n).

**Withdrawal** of a confirmed person: the mean distance grows beyond ``max_distance +
keep_tolerance``; another person is nearer by ``min_margin``; the gallery forgot the person; or
another track that is seen at the same time has stronger evidence for the same person, for one
person cannot be at two places.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gait_reid.core.gallery.decision_config import Calibration, DecisionConfig
from gait_reid.core.types import Candidate, Decision, Embedding, Match

# Track id, its newest embedding, and whom the gallery search found for it.
Sighting = tuple[int, Embedding, tuple[Candidate, ...]]


@dataclass(frozen=True)
class _Vote:
    end_ns: int
    weight: float
    distances: Mapping[str, float]
    first: str
    farthest: float

    def distance(self, person_id: str) -> float:
        """Distance to a person; one beyond the end of the list is at least as far as its end."""
        return self.distances.get(person_id, self.farthest)


@dataclass
class _Track:
    votes: list[_Vote] = field(default_factory=list)
    model_id: str = ""
    confirmed: str = ""
    stamp_ns: int = 0
    strength: float = math.inf  # mean distance to the confirmed person


@dataclass
class _Opinion:
    """What a track would be called if it were alone."""

    ranked: list[Candidate]
    decision: Decision
    held: bool = False


class Decider:
    """Decides about all tracks of a site; not thread-safe.

    Args:
        config: When to confirm and when to withdraw.
        calibration: Of the model that makes the embeddings.
    """

    def __init__(self, config: DecisionConfig, calibration: Calibration | None = None) -> None:
        measured = calibration or Calibration()
        self.config = config.calibrated(measured)
        self._may_confirm = measured.may_confirm
        self._tracks: dict[int, _Track] = {}

    def update(
        self, stamp_ns: int, sightings: Sequence[Sighting], gallery_version: int = 0
    ) -> list[Match]:
        """Decide about all tracks that have an embedding at this instant.

        Give all of them in one call: a person whom two of them claim goes to the stronger one.

        Args:
            stamp_ns: The instant.
            sightings: Track id, embedding and candidates of ``GallerySearch.query``.
            gallery_version: Version of the gallery that was searched.

        Returns:
            One match per sighting, in the same order. Candidates are ranked by mean distance over
            the votes, except that a confirmed person comes first; then the margin may be slightly
            negative.
        """
        opinions: dict[int, _Opinion] = {}
        for track_id, embedding, candidates in sightings:
            track = self._tracks.setdefault(track_id, _Track())
            self._vote(track, stamp_ns, embedding, candidates)
            opinions[track_id] = self._opinion(track, candidates)
        self._exclude(stamp_ns, opinions)
        for track_id, opinion in opinions.items():
            track, confirmed = self._tracks[track_id], opinion.decision is Decision.CONFIRMED
            track.confirmed = opinion.ranked[0].person_id if confirmed else ""
            track.strength = opinion.ranked[0].distance if confirmed else math.inf
        return [
            _match(track_id, stamp_ns, embedding, opinions[track_id], gallery_version)
            for track_id, embedding, _ in sightings
        ]

    def _vote(
        self,
        track: _Track,
        stamp_ns: int,
        embedding: Embedding,
        candidates: tuple[Candidate, ...],
    ) -> None:
        end_ns = embedding.window_end_ns or stamp_ns
        if track.model_id != embedding.model_id or (
            track.votes and end_ns < track.votes[-1].end_ns
        ):
            track.votes, track.confirmed = [], ""
        track.model_id, track.stamp_ns = embedding.model_id, stamp_ns
        if not candidates or embedding.num_frames < self.config.min_frames:
            return
        distances = {one.person_id: one.distance for one in candidates}
        first = min(candidates, key=lambda one: one.distance)
        near = first.distance <= self.config.max_distance
        vote = _Vote(
            end_ns,
            float(embedding.num_frames),
            distances,
            first.person_id if near else "",
            max(distances.values()),
        )
        if track.votes and self._replaces(track, end_ns):
            track.votes[-1] = replace(vote, end_ns=track.votes[-1].end_ns)
        else:
            track.votes = [*track.votes, vote][-self.config.num_votes :]

    def _replaces(self, track: _Track, end_ns: int) -> bool:
        return end_ns - track.votes[-1].end_ns < self.config.vote_interval_s * 1e9

    def _opinion(self, track: _Track, candidates: tuple[Candidate, ...]) -> _Opinion:
        ranked = self._ranked(track, candidates)
        if not ranked or not track.votes:
            return _Opinion(ranked, Decision.UNKNOWN)
        if self._keeps(track, ranked):
            return _Opinion(_first(ranked, track.confirmed), Decision.CONFIRMED, held=True)
        if ranked[0].distance > self.config.max_distance:
            return _Opinion(ranked, Decision.UNKNOWN)
        agreeing = sum(vote.first == ranked[0].person_id for vote in track.votes)
        clear = _margin(ranked) >= self.config.min_margin
        passes = self._may_confirm and clear and agreeing >= self.config.min_agreeing
        return _Opinion(ranked, Decision.CONFIRMED if passes else Decision.CANDIDATE)

    def _ranked(self, track: _Track, candidates: tuple[Candidate, ...]) -> list[Candidate]:
        """Return candidates with mean distance and probability, nearest first."""
        total = sum(vote.weight for vote in track.votes)
        means = [
            sum(vote.weight * vote.distance(one.person_id) for vote in track.votes) / total
            if track.votes
            else one.distance
            for one in candidates
        ]
        chances = self.config.probability(means)
        judged = [
            replace(one, distance=float(mean), probability=float(chance))
            for one, mean, chance in zip(candidates, means, chances)
        ]
        return sorted(judged, key=lambda one: (one.distance, one.person_id))

    def _keeps(self, track: _Track, ranked: list[Candidate]) -> bool:
        """Return whether an earlier confirmation stands (hysteresis)."""
        mine = next((one for one in ranked if one.person_id == track.confirmed), None)
        if mine is None or mine.distance > self.config.max_distance + self.config.keep_tolerance:
            return False
        return mine is ranked[0] or mine.distance - ranked[0].distance < self.config.min_margin

    def _exclude(self, stamp_ns: int, opinions: dict[int, _Opinion]) -> None:
        """Let the strongest of simultaneous tracks have a person; ties go to who had it before."""
        claims: dict[str, list[tuple[float, bool, int]]] = {}
        for track_id, opinion in opinions.items():
            if opinion.decision is Decision.CONFIRMED:
                first = opinion.ranked[0]
                claim = (first.distance, not opinion.held, track_id)
                claims.setdefault(first.person_id, []).append(claim)
        for track_id, track in self._tracks.items():
            recent = abs(stamp_ns - track.stamp_ns) <= self.config.hold_s * 1e9
            if track_id not in opinions and track.confirmed in claims and recent:
                claims[track.confirmed].append((track.strength, False, track_id))
        for contenders in claims.values():
            for _, _, loser in sorted(contenders)[1:]:
                if loser in opinions:
                    opinions[loser].decision = Decision.CANDIDATE
                else:
                    self._tracks[loser].confirmed = ""

    def forget(self, track_ids: Collection[int]) -> None:
        """Drop what was gathered about these tracks."""
        for track_id in track_ids:
            self._tracks.pop(track_id, None)

    def retain(self, track_ids: Collection[int]) -> None:
        """Drop every track but these; the persons of the others are free at once."""
        for track_id in [one for one in self._tracks if one not in track_ids]:
            del self._tracks[track_id]

    def set_people(self, person_ids: Collection[str]) -> None:
        """Drop every trace of persons who are not in the gallery any more."""
        for track in self._tracks.values():
            if track.confirmed not in person_ids:
                track.confirmed, track.strength = "", math.inf
            votes = [_without(vote, person_ids) for vote in track.votes]
            track.votes = [vote for vote in votes if vote.distances]

    def reset(self) -> None:
        """Drop all tracks, for example when time jumps backwards."""
        self._tracks.clear()


def _without(vote: _Vote, kept: Collection[str]) -> _Vote:
    distances = {one: value for one, value in vote.distances.items() if one in kept}
    return replace(vote, distances=distances, first=vote.first if vote.first in kept else "")


def _first(ranked: list[Candidate], person_id: str) -> list[Candidate]:
    return sorted(ranked, key=lambda one: one.person_id != person_id)


def _margin(ranked: list[Candidate]) -> float:
    return ranked[1].distance - ranked[0].distance if len(ranked) > 1 else math.inf


def _match(
    track_id: int, stamp_ns: int, embedding: Embedding, opinion: _Opinion, gallery_version: int
) -> Match:
    return Match(
        track_id=track_id,
        stamp_ns=stamp_ns,
        decision=opinion.decision,
        candidates=tuple(opinion.ranked),
        margin=_margin(opinion.ranked),
        window_start_ns=embedding.window_start_ns,
        window_end_ns=embedding.window_end_ns,
        num_frames=embedding.num_frames,
        modality=embedding.modality,
        gallery_version=gallery_version,
        model_id=embedding.model_id,
    )
