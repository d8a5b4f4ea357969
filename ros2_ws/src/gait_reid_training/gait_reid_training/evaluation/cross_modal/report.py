"""Compares networks between radar and camera and writes a report: JSON, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.types import Float64
from gait_reid_training.evaluation import plots
from gait_reid_training.evaluation.calibration import apply
from gait_reid_training.evaluation.cross_modal.breakdowns import (
    by_gallery_size,
    by_records,
    crossed,
    top_figures,
)
from gait_reid_training.evaluation.cross_modal.outcomes import (
    LEAKING,
    LEAKS,
    TwoStageOutcome,
    outcome_of,
    titled,
)
from gait_reid_training.evaluation.cross_modal.poses import pose_figures
from gait_reid_training.evaluation.cross_modal.scores import Scores
from gait_reid_training.evaluation.cross_modal.tables import markdown
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks
from gait_reid_training.evaluation.evaluate import Outcome, compare, figures
from gait_reid_training.evaluation.intervals import IdentityBootstrap
from gait_reid_training.evaluation.open_set import open_set_figures
from gait_reid_training.evaluation.report import FORMAT, mark_of, write_files
from gait_reid_training.evaluation.walks import Text

KIND = "cross_modal"
SHORTLIST = 50
_FEWEST_FOR_OPEN_SET = 4
Outcomes = dict[str, dict[str, Outcome]]
"""Name of the network -> protocol -> outcome."""


@dataclass(frozen=True)
class CrossModalSubject:
    """A network that is evaluated, with what it said of the walks.

    Attributes:
        name: Shown in tables.
        scores: Distances of queries to records; None for networks that estimate poses only.
        about: Where it comes from: network, iterations, seed, ...
        learnt: Names of the people that it learnt from.
        pose_errors: Errors of each query in centimetres, by kind.
        by_frames: Distances for walks of fewer frames.
        thresholds: What calibration found on other people, by protocol.
    """

    name: str
    scores: Scores | None
    about: Mapping[str, Any] = field(default_factory=dict)
    learnt: Text | None = None
    pose_errors: Mapping[str, Float64] = field(default_factory=dict)
    by_frames: Mapping[int, Scores] = field(default_factory=dict)
    thresholds: Mapping[str, Calibration] = field(default_factory=dict)


def evaluate_cross_modal(
    subjects: Sequence[CrossModalSubject],
    modes: Sequence[str],
    walks: CrossModalWalks,
    about: Mapping[str, Any],
    shortlist: int = SHORTLIST,
    seed: int = 0,
) -> tuple[dict[str, Any], Outcomes]:
    """Return the report of some networks on the same walks, and their outcomes.

    Args:
        subjects: Networks; the others are compared with the first.
        modes: Protocols, see `gait_reid_training.evaluation.cross_modal.outcomes`; the first one
            is the headline.
        walks: Queries and records.
        about: Said of the whole report: data, command, whether the people are simulated.
        shortlist: Records on the shortlist of ``two_stage``.
        seed: Of bootstrap and of the draws of galleries and strangers.

    Raises:
        ProtocolError: An unknown mode.
    """
    bootstrap = IdentityBootstrap.of(walks.radar.person_id, seed)
    outcomes: Outcomes = {
        subject.name: {
            mode: outcome_of(mode, subject.scores, walks, shortlist, subject.learnt)
            for mode in modes
        }
        for subject in subjects
        if subject.scores is not None
    }
    report: dict[str, Any] = {
        "format": FORMAT, "mode": KIND, "modes": list(modes), "seed": seed, **about,
        "shortlist": shortlist, "queries": len(walks.radar), "records": len(walks.vision),
        "people_excluded": walks.excluded, "models": {},
    }  # fmt: skip
    for subject in subjects:
        entry: dict[str, Any] = {
            "about": dict(subject.about),
            "headline": modes[0],
            "poses": pose_figures(dict(subject.pose_errors), bootstrap),
            "modes": {
                mode: _mode_entry(mode, outcome, subject, walks, bootstrap, seed)
                for mode, outcome in outcomes.get(subject.name, {}).items()
            },
            "by_frames": _by_frames(subject, modes[0], walks, shortlist, bootstrap),
        }
        report["models"][subject.name] = entry
    report["comparisons"] = _comparisons(outcomes, modes, bootstrap)
    report["between_modes"] = _between_modes(outcomes, modes, bootstrap)
    return report, outcomes


def _mode_entry(
    mode: str,
    outcome: Outcome,
    subject: CrossModalSubject,
    walks: CrossModalWalks,
    bootstrap: IdentityBootstrap,
    seed: int,
) -> dict[str, Any]:
    pairs = subject.scores is not None and subject.scores.pairwise is not None
    top = top_figures(outcome, bootstrap)
    entry: dict[str, Any] = {
        **figures(outcome, bootstrap),
        "warning": LEAKS if mode == LEAKING else "",
        "compares": "pairs" if pairs and mode != "unimodal" else "walks one by one",
        "top": top,
        "cmc": [one["value"] for one in top],
        "scenes": crossed(outcome, bootstrap, walks.radar.condition, walks.vision.condition),
        "views": crossed(outcome, bootstrap, outcome.probe_view, outcome.gallery_view),
        "by_gallery_size": by_gallery_size(outcome, bootstrap, seed),
        "by_records": by_records(outcome, bootstrap, seed),
    }
    if len(set(walks.vision.person_id)) >= _FEWEST_FOR_OPEN_SET:
        entry["open_set"] = open_set_figures(outcome, seed)
        if mode in subject.thresholds:
            entry["calibrated"] = apply(outcome, subject.thresholds[mode], seed)
    return entry


def _by_frames(
    subject: CrossModalSubject,
    mode: str,
    walks: CrossModalWalks,
    shortlist: int,
    bootstrap: IdentityBootstrap,
) -> dict[str, Any]:
    """Return top-1 and top-5 of the headline protocol by the number of frames."""
    found = {}
    for frames, scores in sorted(subject.by_frames.items()):
        top = top_figures(outcome_of(mode, scores, walks, shortlist), bootstrap, 5)
        found[str(frames)] = {"top1": top[0], "top5": top[4]}
    return found


def _comparisons(
    outcomes: Outcomes, modes: Sequence[str], bootstrap: IdentityBootstrap
) -> list[dict[str, Any]]:
    """Compare the first network with each other one."""
    names = list(outcomes)
    return [
        {
            "first": names[0],
            "second": other,
            "group": titled(mode),
            **_difference(outcomes[names[0]][mode], outcomes[other][mode], bootstrap),
        }
        for mode in modes
        for other in names[1:]
    ]


def _between_modes(
    outcomes: Outcomes, modes: Sequence[str], bootstrap: IdentityBootstrap
) -> list[dict[str, Any]]:
    """Compare each network's headline protocol with its others."""
    return [
        {
            "first": titled(modes[0]),
            "second": titled(mode),
            "group": name,
            **_difference(own[modes[0]], own[mode], bootstrap),
        }
        for name, own in outcomes.items()
        for mode in modes[1:]
    ]


def _difference(first: Outcome, second: Outcome, bootstrap: IdentityBootstrap) -> dict[str, Any]:
    difference, chance = compare(first, second, bootstrap)
    return {"rank1_difference": difference.as_dict(), "not_better": chance}


def write_cross_modal(
    folder: Path,
    report: dict[str, Any],
    subjects: Sequence[CrossModalSubject],
    outcomes: Outcomes,
) -> Path:
    """Write ``report.json``, ``report.md`` and pictures into a folder; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {name: one for name, one in report["models"].items() if one["modes"]}
    pictures = []
    for mode in report["modes"]:
        curves = {f"{name}, {titled(mode)}": one["modes"][mode] for name, one in models.items()}
        cmc = {name: one["cmc"] for name, one in curves.items()}
        pictures.append(plots.plot_cmc(folder / f"cmc_{mode}.png", cmc, "person"))
        for key, label in (("by_gallery_size", "people enrolled"), ("by_records", "records each")):
            rows = {
                name: {float(x): row["top1"] for x, row in one[key].items()}
                for name, one in curves.items()
            }
            pictures.append(plots.plot_curve(folder / f"{key}_{mode}.png", rows, label))
    frames = {
        f"{name}, {titled(report['modes'][0])}": {
            float(x): row["top1"] for x, row in one["by_frames"].items()
        }
        for name, one in models.items()
        if one["by_frames"]
    }
    if frames:
        pictures.append(plots.plot_curve(folder / "by_frames.png", frames, "frames of a walk"))
    pictures += _distance_pictures(folder, subjects, outcomes)
    report["pictures"] = pictures
    return write_files(folder, report, markdown)


def _distance_pictures(
    folder: Path, subjects: Sequence[CrossModalSubject], outcomes: Outcomes
) -> list[str]:
    """Draw the distances of the first network under each protocol."""
    first = next((one for one in subjects if one.name in outcomes), None)
    if first is None:
        return []
    return [
        plots.plot_distances(
            folder / f"distances_{mark_of(first.name)}_{mode}.png",
            outcome,
            first.thresholds[mode].max_distance if mode in first.thresholds else None,
            f"{first.name}, {titled(mode)}",
        )
        for mode, outcome in outcomes[first.name].items()
        if not isinstance(outcome, TwoStageOutcome)  # most of its pairs are not measured
    ]
