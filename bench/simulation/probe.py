"""Is identity learnable, and where does it lie? Hand-made features and discriminant analysis.

``python -m bench.simulation.probe`` records small sets, learns from some people, recognises others,
and writes the tables of docs/simulation.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from bench.simulation.features import (
    Projection,
    lidar_features,
    picture_features,
    rank1,
    within_over_between,
)
from bench.simulation.figures import replace_section
from bench.simulation.recorded import Floats
from gait_reid_sim.core.dataset.plan import Condition, DatasetPlan
from gait_reid_sim.core.dataset.record import record_walk, walks_of
from gait_reid_sim.core.person import Person

ROOT = Path(__file__).resolve().parents[2]
VIEWS_DEG = (0.0, 90.0)
RANGES_M = (10.0, 30.0, 50.0)


@dataclasses.dataclass(frozen=True)
class StudyPlan(DatasetPlan):
    """A data set in which people may share what would tell them apart.

    Attributes:
        shared: ``body``: all have one body; ``gait``: all have one gait; empty: neither.
    """

    shared: str = ""

    def person(self, person_id: str, take: str = "") -> Person:
        """Return the person, with the body or the gait that all have."""
        own, other = super().person(person_id, take), Person.of("everybody", self.spread)
        if self.shared == "body":
            return own.with_body_of(other)
        if self.shared == "gait":
            return dataclasses.replace(other.with_body_of(own), person_id=person_id)
        return own


@dataclasses.dataclass(frozen=True)
class Table:
    """Features of walks; rows are walks.

    Attributes:
        people: Who.
        conditions: Name of the condition.
        ranges_m: Distance.
        lidar: Features of points.
        pictures: Features of pictures, of no columns without a camera.
    """

    people: tuple[str, ...]
    conditions: tuple[str, ...]
    ranges_m: Floats
    lidar: Floats
    pictures: Floats

    def rows(self, people: Iterable[str], condition: str, range_m: float | None = None) -> Floats:
        """Return the numbers of rows."""
        wanted = set(people)
        return np.array(
            [
                row
                for row, (name, kind) in enumerate(zip(self.people, self.conditions))
                if name in wanted
                and kind == condition
                and (range_m is None or self.ranges_m[row] == range_m)
            ],
            np.int64,
        )


def study(
    learners: int, others: int, conditions: Sequence[Condition], **settings: object
) -> StudyPlan:
    """Return a plan: people to learn from, and other people to recognise."""
    names = tuple(f"probe-{i:04d}" for i in range(learners + others))
    values: dict[str, object] = {
        "name": "probe", "seed": 0, "modalities": ("lidar",), "frames": 12, "rate_hz": 10.0,
        "identities": {"train": names[:learners], "test": names[learners:]},
        "beams": "long_128", "profile": "long", "image_height": 64,
    }  # fmt: skip
    return StudyPlan(conditions=tuple(conditions), **{**values, **settings})  # type: ignore[arg-type]


def measure(plan: StudyPlan, workers: int = 1) -> Table:
    """Record all walks of a plan and return their features."""
    names = [name for split in plan.identities.values() for name in split]
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(partial(_measure_one, plan), names))
    else:
        parts = [_measure_one(plan, name) for name in names]
    rows = [row for part in parts for row in part]
    people, conditions, ranges, lidar, pictures = zip(*rows)
    return Table(people, conditions, np.array(ranges), np.array(lidar), np.array(pictures))


def _measure_one(plan: StudyPlan, name: str) -> list[tuple[str, str, float, Floats, Floats]]:
    cv2.setNumThreads(1)
    rows = []
    for walk in walks_of(plan, name):
        recorded = record_walk(plan, walk)
        pictures = picture_features(recorded) if "camera" in plan.modalities else np.zeros(0)
        rows.append((name, walk.condition.name, walk.range_m, lidar_features(recorded), pictures))
    return rows


def recognise(
    plan: StudyPlan, table: Table, of: str, gallery: tuple[str, float], probe: tuple[str, float]
) -> float:
    """Return rank-1 on the people of the test split.

    The projection is learnt from all walks of the others at the distances of gallery and probe.

    Args:
        plan: Who is in which split.
        table: Features.
        of: ``lidar`` or ``pictures``.
        gallery: Condition and distance of what is enrolled.
        probe: Condition and distance of what is recognised.
    """
    features: Floats = getattr(table, of)
    kinds = sorted(set(table.conditions))
    learn = np.concatenate(
        [
            table.rows(plan.identities["train"], kind, range_m)
            for kind in kinds
            for range_m in sorted({gallery[1], probe[1]})
        ]
    )
    project = Projection(features[learn], [table.people[i] for i in learn])
    known = table.rows(plan.identities["test"], *gallery)
    asked = table.rows(plan.identities["test"], *probe)
    return rank1(
        project(features[known]), [table.people[i] for i in known],
        project(features[asked]), [table.people[i] for i in asked],
    )  # fmt: skip


def ranges_study(learners: int, others: int, workers: int = 1, shared: str = "") -> list[float]:
    """Return rank-1 at 10, 30, 50 m and from 10 to 30 and 50 m."""
    conditions = (
        Condition("gallery", RANGES_M, VIEWS_DEG),
        Condition("probe", RANGES_M, VIEWS_DEG, ("coat",), occlusion=0.2, kept=0.65),
        Condition("loose", RANGES_M, VIEWS_DEG[:1], ("loose",), kept=0.65),
    )
    plan = study(learners, others, conditions, shared=shared)
    table = measure(plan, workers)
    pairs = [(r, r) for r in RANGES_M] + [(10.0, r) for r in RANGES_M[1:]]
    return [recognise(plan, table, "lidar", ("gallery", a), ("probe", b)) for a, b in pairs]


def clothes_study(learners: int, others: int, workers: int = 1) -> dict[str, tuple[float, float]]:
    """Return rank-1 in the same and in other clothes, for pictures and for LiDAR, at 10 m."""
    conditions = (
        Condition("gallery", (10.0,), VIEWS_DEG, ("own",)),
        Condition("same", (10.0,), VIEWS_DEG, ("own",)),
        Condition("other", (10.0,), VIEWS_DEG, ("ordinary",)),
    )
    plan = study(learners, others, conditions, modalities=("lidar", "camera"), frames=8)
    table = measure(plan, workers)
    out = {}
    for of in ("pictures", "lidar"):
        same, other = (
            recognise(plan, table, of, ("gallery", 10.0), (kind, 10.0))
            for kind in ("same", "other")
        )
        out[of] = (same, other)
    return out


def walks_study(people: int, workers: int = 1) -> dict[str, float]:
    """Return the spread of walks over the spread of people, for LiDAR features at 10 m."""
    out = {}
    for name, outfit in (("same clothes", "own"), ("other clothes each time", "ordinary")):
        conditions = (Condition("walk", (10.0,), (90.0,), (outfit,), repeats=4),)
        table = measure(study(people, 0, conditions, name=f"probe-{outfit}"), workers)
        out[name] = within_over_between(table.lidar, table.people)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=30, help="people to learn from")
    parser.add_argument("--others", type=int, default=20, help="people to recognise")
    parser.add_argument("-j", "--workers", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    size = (options.learners, options.others, options.workers)
    lines = [
        f"| LiDAR, rank-1 in percent, chance {100 / options.others:.1f} | 10 m | 30 m | 50 m "
        "| 10 to 30 m | 10 to 50 m |",
        "|---|---|---|---|---|---|",
    ]
    for label, shared in (
        ("everything", ""),
        ("gait alone: one body for all", "body"),
        ("body alone: one gait for all", "gait"),
    ):
        found = ranges_study(*size, shared)
        lines.append(f"| {label} | " + " | ".join(f"{100 * share:.0f}" for share in found) + " |")
        print(lines[-1], flush=True)
    lines += ["", "| rank-1 at 10 m, percent | same clothes | other clothes |", "|---|---|---|"]
    for of, (same, other) in clothes_study(*size).items():
        lines.append(f"| {of} | {100 * same:.0f} | {100 * other:.0f} |")
        print(lines[-1], flush=True)
    lines += ["", "| LiDAR at 10 m | spread of one person's walks over that of people |"]
    lines.append("|---|---|")
    for name, ratio in walks_study(options.others, options.workers).items():
        lines.append(f"| {name} | {ratio:.2f} |")
        print(lines[-1], flush=True)
    replace_section(ROOT / "docs" / "simulation.md", "probe", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
