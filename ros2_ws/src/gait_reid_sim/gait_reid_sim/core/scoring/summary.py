"""The results of a scene in figures."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from gait_reid_sim.core.scoring.score import Score, VisitScore


@dataclass(frozen=True)
class Summary:
    """What was recognised in a scene.

    Attributes:
        returns: Walks of people who came back.
        strangers: Walks of people who are never enrolled.
        firsts: First walks of people who are to be enrolled.
        known: Number of people who were enrolled.
        ghosts: Number of confirmed answers about tracks that follow nobody.
        latencies_ms: Time from a sensor's frame to the answer, per answer.
        drops: Messages lost on their way, by node and reason.
    """

    returns: tuple[VisitScore, ...]
    strangers: tuple[VisitScore, ...]
    firsts: tuple[VisitScore, ...]
    known: int
    ghosts: int
    latencies_ms: tuple[float, ...] = ()
    drops: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        score: Score,
        latencies_ms: Sequence[float] = (),
        drops: Mapping[str, int] | None = None,
        elsewhere: Container[int] = (),
    ) -> Summary:
        """Sum up a scene that is over, or as far as it was seen.

        Args:
            score: Truth, tracks and answers.
            latencies_ms: Latency of every answer.
            drops: Messages lost on their way.
            elsewhere: Walks before other sensors, which do not count.
        """
        walks = tuple(walk for row, walk in score.walks.items() if row not in elsewhere)
        return cls(
            tuple(walk for walk in walks if walk.visit.returns),
            tuple(walk for walk in walks if walk.visit.stranger),
            tuple(walk for walk in walks if walk.visit.enrols),
            len(score.known),
            score.ghosts,
            tuple(latencies_ms),
            drops or {},
        )

    def count(self, outcome: str) -> int:
        """Return how many walks of people who came back had an outcome."""
        return sum(walk.outcome == outcome for walk in self.returns)

    @property
    def rank1(self) -> float | None:
        """Share of the walks of people who came back whose nearest person is the right one.

        Thresholds play no part: a walk that was found too far from everybody counts too. None where
        nobody came back.
        """
        if not self.returns:
            return None
        right = sum(walk.nearest == walk.visit.person_id for walk in self.returns)
        return right / len(self.returns)

    @property
    def false_accepts(self) -> int:
        """Walks of strangers that were ever confirmed to be somebody."""
        return sum(bool(walk.misnamed) for walk in self.strangers)

    @property
    def misnamed_firsts(self) -> int:
        """First walks that were ever confirmed to be somebody else."""
        return sum(bool(walk.misnamed) for walk in self.firsts)

    @property
    def misnamed_returns(self) -> int:
        """Walks of people who came back that were ever confirmed to be somebody else."""
        return sum(bool(walk.misnamed) for walk in self.returns)

    @property
    def problems(self) -> list[str]:
        """What keeps the scene from being a success, in words; empty after a success."""
        found = []
        if self.known < len(self.firsts):
            found.append(f"{len(self.firsts) - self.known} of {len(self.firsts)} were not enrolled")
        right = self.count("right")
        if 2 * right <= len(self.returns) and self.returns:
            found.append(f"{right} of {len(self.returns)} who came back were recognised")
        misnamed = self.misnamed_returns + self.misnamed_firsts
        if misnamed:
            found.append(f"{misnamed} walks were called by the name of another")
        if self.false_accepts:
            found.append(f"{self.false_accepts} walks of strangers were given a name")
        if self.ghosts:
            found.append(f"{self.ghosts} answers give a name to nobody")
        return found
