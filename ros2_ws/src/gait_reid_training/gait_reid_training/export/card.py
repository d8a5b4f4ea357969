"""The card of a model: what it is, how it was made, and its figures as they were measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gait_reid_training.evaluation.cross_modal import tables as cross_modal
from gait_reid_training.evaluation.cross_modal.outcomes import titled
from gait_reid_training.evaluation.cross_modal.report import KIND
from gait_reid_training.evaluation.tables import (
    INTERVALS,
    TITLES,
    group_table,
    open_set_table,
    overall_table,
)

_VIEWS = "all_views"
_TEMPLATE = """# {name}

{training_data}

| | |
|---|---|
| network | {network} |
| inputs | {inputs} |
| window | the newest {frames} frames; at least {min_frames} |
| embedding | {embedding} |
| parameters | {parameters:,} |
| files | {files} |
| licence | {licence} |

## Training

{training}

## Figures

{figures}

## Thresholds

{thresholds}

## Limits

{limits}
"""
_SIMULATED = """The network has seen simulated people only. Its figures are those of simulated
people whom it never saw; they are no promise about real ones. To train it on real data, convert a
data set with `gait-reid dataset convert`, train with `gait-reid train`, measure with `gait-reid
eval`, and export with `gait-reid export-model --recorded-people`.

"""
_LIMITS = """People are recognised by body and gait as sensors see them at a walk: not when they
stand, sit or run, and worse behind others, at the edge of the picture and far away. A
threshold keeps its rate of false accepts only among people and places like those it was measured
on: measure it again at the site."""


def write_card(values: Mapping[str, Any], simulated: bool) -> str:
    """Return the page; ``simulated``: the network was trained on simulated people alone."""
    limits = (_SIMULATED if simulated else "") + values["limits"] + _LIMITS
    return _TEMPLATE.format(**{**values, "limits": limits})


def read_report(path: Path) -> dict[str, Any]:
    """Read ``report.json`` of ``gait-reid eval``.

    Raises:
        ValueError: The file is missing, or no report.
    """
    path = path / "report.json" if path.is_dir() else path
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(report["models"], dict) or not report["models"]:
            raise KeyError("models")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no report of gait-reid eval ({error}); give its folder"
        ) from error
    return dict(report)


def figures_text(reports: Sequence[Mapping[str, Any]], model: str = "") -> str:
    """Return the tables of some reports.

    Args:
        reports: As `read_report` gives them.
        model: Name of the model in them; empty for the first one of each.

    Raises:
        ValueError: A report does not know the model.
    """
    if not reports:
        return "Not evaluated."
    return "\n\n".join(_one_report(report, model) for report in reports)


def _one_report(report: Mapping[str, Any], model: str) -> str:
    models, mode = report["models"], report["mode"]
    name = model or next(iter(models))
    if name not in models:
        raise ValueError(f"the report knows {', '.join(models)}, not '{name}'")
    kin = f"{name.partition(',')[0]},"  # the same network, shown something else
    one = {key: value for key, value in models.items() if key == name or key.startswith(kin)}
    people = "simulated" if report.get("simulated") else "recorded"
    if mode == KIND:
        return "\n\n".join(_between_radar_and_camera(report, one, people))
    parts = [f"### {TITLES[mode]}, {people} people", INTERVALS]
    if report.get("data"):
        parts.append(f"Data: {', '.join(report['data'])}, split {report.get('split')}.")
    parts.append(overall_table(one, _VIEWS))
    if mode == "open_set":
        parts.append(open_set_table(one, _VIEWS))
    for kind in one[name][_VIEWS]["groups"]:
        parts.append(f"By {kind}, rank-1:\n\n{group_table(one, _VIEWS, kind)}")
    return "\n\n".join(parts)


def _between_radar_and_camera(
    report: Mapping[str, Any], one: Mapping[str, Any], people: str
) -> list[str]:
    parts = [f"### Walks before a radar among walks before cameras, {people} people", INTERVALS]
    parts.append(f"Data: {', '.join(report['data'])}, split {report.get('split')}.")
    parts.append(cross_modal.counted(report))
    for mode in report["modes"]:
        parts += [f"{titled(mode)}:", cross_modal.top_table(one, mode)]
    poses = cross_modal.pose_table(one)
    return [*parts, "Average joint error, cm:", poses] if poses else parts
