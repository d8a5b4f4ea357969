"""Compares models under one protocol and writes a report: JSON, tables and pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gait_reid_training.evaluation import plots
from gait_reid_training.evaluation.evaluate import (
    Outcome,
    compare,
    figures,
    run_protocol,
    view_pair_figures,
)
from gait_reid_training.evaluation.intervals import IdentityBootstrap
from gait_reid_training.evaluation.open_set import open_set_figures
from gait_reid_training.evaluation.protocols import protocol_of
from gait_reid_training.evaluation.tables import markdown
from gait_reid_training.evaluation.walks import EmbeddedWalks

FORMAT = 1
VIEWS = {"all_views": False, "other_views": True}
"""Name in the report -> whether pairs of identical view are left out."""


@dataclass(frozen=True)
class Subject:
    """A model that is evaluated, with its embeddings of the walks.

    Attributes:
        name: Shown in tables.
        walks: Embeddings.
        about: Where it comes from: checkpoint, network, iterations, seed, sensors, ...
        threshold: Distance within which the model's calibration accepts, or None.
    """

    name: str
    walks: EmbeddedWalks
    about: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | None = None


def evaluate(
    subjects: list[Subject], mode: str, about: Mapping[str, Any], seed: int = 0
) -> tuple[dict[str, Any], dict[str, Outcome]]:
    """Return the report of some models on the same walks, and their outcomes over all views.

    Args:
        subjects: Models; the others are compared with the first.
        mode: One of `gait_reid_training.evaluation.protocols.MODES`.
        about: Said of the whole report: data, command, whether the people are simulated.
        seed: Of bootstrap and of the draws of strangers.

    Raises:
        ProtocolError: The walks do not fit the mode.
        ValueError: The models were not shown the same walks.
    """
    report: dict[str, Any] = {"format": FORMAT, "mode": mode, "seed": seed, **about, "models": {}}
    outcomes: dict[str, Outcome] = {}
    bootstrap: IdentityBootstrap | None = None
    for subject in subjects:
        protocol = protocol_of(mode, subject.walks)
        entry: dict[str, Any] = {"about": dict(subject.about)}
        for name, exclude in VIEWS.items():
            outcome = run_protocol(subject.walks, protocol, exclude)
            bootstrap = bootstrap or IdentityBootstrap.of(outcome.person_id, seed)
            entry[name] = figures(outcome, bootstrap)
            if protocol.view_pairs and exclude:
                entry["view_pairs"] = view_pair_figures(outcome)
            if mode == "open_set":
                entry[name]["open_set"] = open_set_figures(outcome, seed)
            if not exclude:
                outcomes[subject.name] = outcome
        report["models"][subject.name] = entry
    assert bootstrap is not None
    report["comparisons"] = _comparisons(subjects, outcomes, bootstrap)
    return report, outcomes


def _comparisons(
    subjects: list[Subject], outcomes: Mapping[str, Outcome], bootstrap: IdentityBootstrap
) -> list[dict[str, Any]]:
    """Compare the first model with each other one, overall and by light and range."""
    found = []
    first = outcomes[subjects[0].name]
    for other in subjects[1:]:
        groups = {"overall": None, **first.groups.get("light", {})}
        for group, mask in groups.items():
            difference, chance = compare(first, outcomes[other.name], bootstrap, mask)
            found.append(
                {
                    "first": subjects[0].name,
                    "second": other.name,
                    "group": group,
                    "rank1_difference": difference.as_dict(),
                    "not_better": chance,
                }
            )
    return found


def write_report(
    folder: Path,
    report: dict[str, Any],
    subjects: list[Subject],
    outcomes: Mapping[str, Outcome],
) -> Path:
    """Write ``report.json``, ``report.md`` and pictures into a folder; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    models = report["models"]
    pictures = [
        plots.plot_cmc(
            folder / "cmc.png", {name: one["all_views"]["cmc"] for name, one in models.items()}
        )
    ]
    ranges = {
        name: one["all_views"]["groups"].get("light and range", {}) for name, one in models.items()
    }
    if any(ranges.values()):
        pictures.append(plots.plot_range(folder / "rank1_by_range.png", ranges))
    for subject in subjects[:4]:
        path = folder / f"distances_{mark_of(subject.name)}.png"
        pictures.append(plots.plot_distances(path, outcomes[subject.name], subject.threshold))
    path = folder / f"map_{mark_of(subjects[0].name)}.png"
    pictures.append(plots.plot_map(path, subjects[0].walks))
    report["pictures"] = pictures
    return write_files(folder, report, markdown)


def write_files(
    folder: Path, report: dict[str, Any], page_of: Callable[[Mapping[str, Any]], str]
) -> Path:
    """Write ``report.json`` and ``report.md`` into a folder; return the page."""
    plain = _without_nan(report)
    text = json.dumps(plain, indent=1, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    page = folder / "report.md"
    page.write_text(page_of(plain), encoding="utf-8")
    return page


def mark_of(name: str) -> str:
    """Return a name as part of a file's name."""
    return "".join(c if c.isalnum() else "_" for c in name)


def _without_nan(value: Any) -> Any:
    """Return the value with None for what is no number, as JSON knows none."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
