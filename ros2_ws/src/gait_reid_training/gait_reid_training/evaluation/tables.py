"""Reports as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TITLES = {
    "cross_distance": "Recognition across distances",
    "sustech1k": "SUSTech1K",
    "freegait": "FreeGait",
    "open_set": "Recognition among strangers",
}
_ABOUT = ("network", "sensors", "iterations", "seed", "parameters", "frames")
INTERVALS = (
    "Figures are percentages; brackets hold 95 % intervals from a bootstrap over identities "
    "(all walks of a person are drawn together). Wilson intervals count identities, not walks."
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def share(value: float | None) -> str:
    """Return a share as percentage, or a dash."""
    return "-" if value is None else f"{100.0 * value:.1f}"


def with_interval(row: Mapping[str, Any] | None) -> str:
    """Return a figure with its interval, for example ``81.3 (77.0, 85.2)``."""
    if row is None or row["value"] is None:
        return "-"
    return f"{share(row['value'])} ({share(row['low'])}, {share(row['high'])})"


def markdown(report: Mapping[str, Any]) -> str:
    """Return the page of a report."""
    mode = report["mode"]
    people = "simulated people" if report.get("simulated") else "recorded people"
    models = report["models"]
    parts = [f"# {TITLES[mode]}, {people}", preamble(report)]
    if mode == "sustech1k":
        parts += ["## Mean over pairs of views, identical views left out", view_pair_table(models)]
    for views, title in (
        ("all_views", "All pairs of views"),
        ("other_views", "Pairs of identical view left out"),
    ):
        parts += [f"## {title}", overall_table(models, views)]
        if mode == "open_set":
            parts.append(open_set_table(models, views))
        parts += [
            f"### By {kind}: rank-1\n\n{group_table(models, views, kind)}"
            for kind in _kinds(models, views)
        ]
    if report["comparisons"]:
        parts += ["## Differences", comparison_table(report["comparisons"])]
    parts += [f"![{name}]({name})" for name in report.get("pictures", ())]
    return "\n\n".join(parts) + "\n"


def preamble(report: Mapping[str, Any]) -> str:
    """Return what a report rests on: intervals, data, command and the models."""
    lines = [INTERVALS]
    if report.get("data"):
        lines.append(f"Data: {', '.join(report['data'])}, split {report.get('split')}.")
    if report.get("command"):
        lines.append(f"Command: `{report['command']}`")
    return "\n\n".join([*lines, about_table(report["models"])])


def about_table(models: Mapping[str, Any]) -> str:
    """Return what each model is and how long it learnt."""
    rows = [
        [name, *(str(one["about"].get(key, "")) for key in _ABOUT)] for name, one in models.items()
    ]
    return table(["model", *_ABOUT], rows)


def overall_table(models: Mapping[str, Any], views: str) -> str:
    """Return rank-1, rank-5, mAP and mINP of each model."""
    rows = []
    for name, one in models.items():
        row = one[views]["overall"]
        first = row["rank1"]
        wilson = f"{share(first['wilson_low'])}, {share(first['wilson_high'])}"
        figures = [with_interval(row[key]) for key in ("rank1", "rank5", "map", "minp")]
        counted = f"{first['probes']} of {first['identities']} people"
        rows.append([name, figures[0], wilson, *figures[1:], counted])
    head = ["model", "rank-1", "Wilson", "rank-5", "mAP", "mINP", "probes"]
    return table(head, rows)


def group_table(models: Mapping[str, Any], views: str, kind: str) -> str:
    """Return rank-1 of each model in each group of a kind."""
    names = list(dict.fromkeys(g for one in models.values() for g in one[views]["groups"][kind]))
    rows = [
        [name, *(with_interval(one[views]["groups"][kind].get(g, {}).get("rank1")) for g in names)]
        for name, one in models.items()
    ]
    return table(["model", *names], rows)


def open_set_table(models: Mapping[str, Any], views: str) -> str:
    """Return detection and identification rates of each model."""
    first = next(iter(models.values()))[views]["open_set"]
    rates = list(first["dir"])
    rows = []
    for name, one in models.items():
        found = one[views]["open_set"]["dir"]
        kinds = [found[rate]["overall"]["overall"] for rate in rates]
        lights = [
            with_interval(found[rate].get("light", {}).get(light))
            for rate in rates
            for light in ("day", "night")
        ]
        rows.append([name, *(with_interval(row) for row in kinds), *lights])
    percent = [f"{100.0 * float(rate):g} %" for rate in rates]
    head = ["model", *(f"DIR at FAR {one}" for one in percent)]
    head += [f"{light}, FAR {one}" for one in percent for light in ("day", "night")]
    said = ", ".join(
        f"{count} at {100.0 * float(rate):g} %"
        for rate, count in first["accepted_strangers"].items()
    )
    return (
        f"Half of the people are enrolled, the others are strangers; mean over "
        f"{first['partitions']} divisions. Of {first['stranger_probes']} probes of strangers are "
        f"accepted: {said}.\n\n{table(head, rows)}"
    )


def comparison_table(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Return the paired differences in rank-1."""
    rows = [
        [
            f"{one['first']} - {one['second']}",
            str(one["group"]),
            with_interval(one["rank1_difference"]),
            "-" if one["not_better"] is None else f"{one['not_better']:.3f}",
        ]
        for one in comparisons
    ]
    head = ["models", "probes", "difference in rank-1, points", "share of draws not above 0"]
    return table(head, rows)


def view_pair_table(models: Mapping[str, Any]) -> str:
    """Return SUSTech1K's mean over pairs of views, identical views left out."""
    first = next(iter(models.values()))["view_pairs"]
    rows = []
    for name, one in models.items():
        pairs = one["view_pairs"]
        rows.append([f"{name}, rank-1", *(share(pairs[g]["rank1"]) for g in first)])
        rows.append([f"{name}, rank-5", *(share(pairs[g]["rank5"]) for g in first)])
    return table(["model", *first], rows)


def _kinds(models: Mapping[str, Any], views: str) -> list[str]:
    return list(dict.fromkeys(k for one in models.values() for k in one[views]["groups"]))
