"""Who walks through a scene when, and who is expected to be recognised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gait_reid_sim.core.scene.scenario import Scenario


@dataclass(frozen=True)
class Visit:
    """One walk of one person through the scene.

    Attributes:
        walk: Number of the walk in the scenario, the track id of the truth.
        person_id: Who.
        number: 1 for the person's first walk of the scene.
        enter_s: Scene time of the first step.
        outfit: What the person wears and carries.
        stranger: Whether the person is never enrolled.
    """

    walk: int
    person_id: str
    number: int
    enter_s: float
    outfit: str
    stranger: bool = False

    @property
    def name(self) -> str:
        """The name shown to people, ``Anna`` for ``demo-anna``."""
        return display_name(self.person_id)

    @property
    def enrols(self) -> bool:
        """Whether the person is to be enrolled on this walk."""
        return self.number == 1 and not self.stranger

    @property
    def returns(self) -> bool:
        """Whether the person was here before and is to be recognised."""
        return self.number > 1 and not self.stranger

    @property
    def label(self) -> str:
        """Who, which walk, and how dressed, in a few words."""
        clothes = "" if self.outfit == "own" else f", {self.outfit}"
        if self.stranger:
            return f"{self.name} (stranger{clothes})"
        return f"{self.name} ({'first walk' if self.enrols else 'returns'}{clothes})"


def display_name(person_id: str) -> str:
    """Return the name of a person of the library: the last word of the id, with a capital."""
    return person_id.rpartition("-")[2].capitalize()


def visits_of(scenario: Scenario) -> tuple[Visit, ...]:
    """Return every walk of a scene; the row is the number of the walk."""
    counts: Counter[str] = Counter()
    visits: dict[int, Visit] = {}
    for walk in sorted(range(len(scenario.walks)), key=lambda row: scenario.walks[row].enter_s):
        plan = scenario.walks[walk]
        counts[plan.person_id] += 1
        visits[walk] = Visit(
            walk,
            plan.person_id,
            counts[plan.person_id],
            plan.enter_s,
            plan.outfit,
            plan.person_id in scenario.strangers,
        )
    return tuple(visits[walk] for walk in range(len(visits)))
