"""Writes the documentation pages of recognition from reports.

``python -m gait_reid_training.evaluation.page docs/recognition/*.json -o docs/recognition.md``

Reports of networks between radar and camera make a page of their own:

``python -m gait_reid_training.evaluation.page docs/radar/*.json -o docs/radar_recognition.md``
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gait_reid_training.evaluation import tables
from gait_reid_training.evaluation.cross_modal import tables as cross_modal
from gait_reid_training.evaluation.cross_modal.report import KIND

_FEW = 3  # networks of which a page shows breakdowns
HEAD = """\
# {title} of {people}

{warning}{intervals}

Commands, seeds and iterations are with each table; `gait-reid train` and `gait-reid eval` write
the same figures again from the same seeds.
"""
WARNING = """\
**All figures on this page are of simulated people.** They say how networks compare under equal
conditions, not how well people are recognised at a real site.

"""


def page(reports: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of some reports.

    Args:
        reports: Contents of ``report.json``.

    Raises:
        ValueError: No reports, or reports of simulated and of recorded people, or of networks with
            and without radar, on one page.
    """
    kinds = {bool(report.get("simulated")) for report in reports}
    if len(kinds) != 1:
        raise ValueError(
            "a page is of simulated or of recorded people, not of both, and needs a report"
        )
    simulated = kinds.pop()
    radar = {report["mode"] == KIND for report in reports}
    if len(radar) != 1:
        raise ValueError(
            "reports of networks between radar and camera need a page of their own, without others"
        )
    parts = [
        HEAD.format(
            title="Recognition behind the radar" if radar.pop() else "Recognition",
            people="simulated people" if simulated else "recorded people",
            warning=WARNING if simulated else "",
            intervals=tables.INTERVALS,
        ).rstrip()
    ]
    parts += [_section(report) for report in reports]
    return "\n\n".join(parts) + "\n"


def _section(report: Mapping[str, Any]) -> str:
    models = report["models"]
    data = ", ".join(report.get("data") or ()) or "unnamed data"
    if report["mode"] == KIND:
        return _cross_modal_section(report, data)
    first = next(iter(models.values()))["all_views"]
    said = (
        f"{data}, split {report.get('split')}: {first['people']} people, {first['probes']} probes "
        f"against {first['gallery']} enrolled walks. Identical views count."
    )
    networks = len({one["about"]["network"] for one in models.values()})
    several = f", {networks} networks" if networks > 1 else ""
    title = f"## {tables.TITLES[report['mode']]}: {data}{several}"
    parts = [title, said, tables.about_table(models)]
    parts.append(tables.overall_table(models, "all_views"))
    if report["mode"] == "sustech1k":
        parts.append(tables.view_pair_table(models))
    if report["mode"] == "open_set":
        parts.append(tables.open_set_table(models, "all_views"))
    for kind in ("light and range", "outfit"):
        if len(first["groups"].get(kind, ())) > 1:
            parts.append(f"Rank-1 by {kind}:")
            parts.append(tables.group_table(models, "all_views", kind))
    parts.append("The same without pairs of identical view:")
    parts.append(tables.overall_table(models, "other_views"))
    if report["comparisons"]:
        parts.append("Differences of the first model to the others, paired by identity:")
        parts.append(tables.comparison_table(report["comparisons"]))
    return "\n\n".join([*parts, *_command(report)])


def _cross_modal_section(report: Mapping[str, Any], data: str) -> str:
    """Return the part of a page on radar queries among camera records."""
    about = tables.about_table(report["models"])
    few = len(report["models"]) <= _FEW
    several = "" if few else f", {len(report['models'])} networks"
    heading = f"## {data}, split {report.get('split')}{several}"
    parts = [heading, about, *cross_modal.sections(report, 3, few)]
    return "\n\n".join([*parts, *_command(report)])


def _command(report: Mapping[str, Any]) -> list[str]:
    command = report.get("command")
    return [f"```\n{without_folders(command)}\n```"] if command else []


def without_folders(command: str) -> str:
    """Return a command with absolute paths shortened to their last two names."""
    return re.sub(r"(?<![\w.])/(?:[\w.\-]+/)*?((?:[\w.\-]+/)?[\w.\-]+)(?=$|\s|,)", r"\1", command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write a page of documentation from reports.")
    parser.add_argument("reports", nargs="+", type=Path, help="report.json files, in order")
    parser.add_argument("-o", "--output", type=Path, required=True, help="page to write")
    parsed = parser.parse_args(arguments)
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in parsed.reports]
    parsed.output.write_text(page(reports), encoding="utf-8")


if __name__ == "__main__":
    main()
