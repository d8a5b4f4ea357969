"""Reports of networks between radar and camera as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gait_reid_training.evaluation.cross_modal import published
from gait_reid_training.evaluation.cross_modal.beside import beside_published
from gait_reid_training.evaluation.cross_modal.outcomes import LEAKING, titled
from gait_reid_training.evaluation.tables import (
    comparison_table,
    preamble,
    share,
    table,
    with_interval,
)

Models = Mapping[str, Any]
TITLE = "Radar queries among camera records"
SAID = {
    "pairwise": "Every query is compared with every record, each pair by itself; nothing tells the "
    "network who the query is.",
    "unimodal": "Embeddings that know one modality each.",
    "two_stage": "The {shortlist} nearest records by the unimodal embeddings, put in order pair by "
    "pair.",
    LEAKING: "**Leaks identity**: as in the released code of Mission, each query is fused with "
    "pictures of its own true person before it is ranked, and each record with its own person's "
    "radar. A radar that says nothing is found that way as well. For comparison with published "
    "figures only.",
}
_TOP = (1, 2, 3, 5, 10)
_POSES = {
    "radar_fused": "radar, fused", "radar_alone": "radar alone", "vision_fused": "camera, fused",
    "vision_alone": "camera alone", "root": "root",
}  # fmt: skip


def markdown(report: Mapping[str, Any]) -> str:
    """Return the page of a report."""
    people = "simulated people" if report.get("simulated") else "recorded people"
    parts = [f"# {TITLE}, {people}", preamble(report), *sections(report)]
    parts += [f"![{name}]({name})" for name in report.get("pictures", ())]
    return "\n\n".join(parts) + "\n"


def sections(report: Mapping[str, Any], level: int = 2, with_breakdowns: bool = True) -> list[str]:
    """Return everything below the preamble, with headings of a level."""
    mark = "#" * level
    models = {name: one for name, one in report["models"].items() if one["modes"]}
    parts = [counted(report)]
    for mode in report["modes"] if models else ():
        parts += [
            f"{mark} {titled(mode)}",
            SAID[mode].format(shortlist=report["shortlist"]),
            top_table(models, mode),
            *(_breakdowns(models, mode, mark) if with_breakdowns else ()),
        ]
    if any(one["by_frames"] for one in models.values()):
        title = f"{mark} Frames of a walk: top-1, {titled(report['modes'][0])}"
        parts += [title, line_table(models, lambda one: one["by_frames"], "frames")]
    poses = pose_table(report["models"])
    if poses:
        parts += [f"{mark} Average joint error, cm", poses]
    if report["comparisons"]:
        parts += [f"{mark} Differences between networks", comparison_table(report["comparisons"])]
    if report["between_modes"]:
        title = f"{mark} Differences between protocols"
        parts += [title, comparison_table(report["between_modes"])]
    beside = beside_published(models, report["modes"])
    if beside:
        parts += [f"{mark} Beside the published figures", *beside]
    return parts


def counted(report: Mapping[str, Any]) -> str:
    """Return what was compared."""
    said = f"{report['queries']} radar walks are looked for among {report['records']} camera walks."
    left_out = report.get("people_excluded") or ()
    if left_out:
        said += f" {len(left_out)} people with a single walk before both sensors are left out."
    return said


def top_table(models: Models, mode: str) -> str:
    """Return the shares of queries whose person is among the nearest people, and mAP."""
    rows = []
    for name, one in models.items():
        entry = one["modes"][mode]
        first = entry["overall"]["rank1"]
        wilson = f"{share(first['wilson_low'])}, {share(first['wilson_high'])}"
        top = [with_interval(entry["top"][place - 1]) for place in _TOP]
        counted_of = f"{first['probes']} of {first['identities']} people"
        precision = with_interval(entry["overall"]["map"])
        rows.append([name, entry["compares"], top[0], wilson, *top[1:], precision, counted_of])
    head = ["network", "compares", "top-1", "Wilson", *(f"top-{k}" for k in _TOP[1:])]
    return _marked(mode, table([*head, "mAP of records", "queries"], rows))


def _marked(mode: str, text: str) -> str:
    """Return a table, with the warning above where its protocol needs one."""
    return f"*{titled(mode)}*\n\n{text}" if mode == LEAKING else text


def _breakdowns(models: Models, mode: str, mark: str) -> list[str]:
    """Return the tables of a protocol: groups of queries, galleries, scenes, strangers."""
    parts = []
    name = titled(mode)
    first = next(iter(models.values()))["modes"][mode]
    for kind, groups in first["groups"].items():
        if len(groups) > 1 or kind == "people":
            parts += [f"{mark}# {name}, by {kind}: top-1", group_table(models, mode, kind)]
    for key, title, head in (
        ("by_gallery_size", "people enrolled", "people"),
        ("by_records", "records of each person", "records"),
    ):
        lines = line_table(models, partial(_entry, mode=mode, key=key), head)
        parts += [f"{mark}# {name}, by {title}: top-1", lines]
    for key, title in (("scenes", "scene"), ("views", "view")):
        if len(first[key]) > 2 or len(first[key]["all"]) > 2:
            parts += [
                f"{mark}# {name}, {title} before the radar (down) and before the camera: top-1",
                *(f"{one}:\n\n{crossed_table(models[one]['modes'][mode][key])}" for one in models),
            ]
    if "open_set" in first:
        parts += [f"{mark}# {name}, strangers", open_set_text(models, mode)]
    return parts


def _entry(one: Mapping[str, Any], mode: str, key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one["modes"][mode][key]
    return found


def group_table(models: Models, mode: str, kind: str) -> str:
    """Return top-1 of each network in each group of queries."""
    found = {name: one["modes"][mode]["groups"].get(kind, {}) for name, one in models.items()}
    names = list(dict.fromkeys(group for groups in found.values() for group in groups))
    rows = [
        [name, *(with_interval(groups.get(one, {}).get("rank1")) for one in names)]
        for name, groups in found.items()
    ]
    return table(["network", *names], rows)


def line_table(models: Models, of: Callable[[Any], Mapping[str, Any]], head: str) -> str:
    """Return top-1 of each network against a number."""
    numbers = sorted({number for one in models.values() for number in of(one)}, key=int)
    rows = [
        [name, *(with_interval(of(one).get(number, {}).get("top1")) for number in numbers)]
        for name, one in models.items()
    ]
    return table([f"network, {head}", *numbers], rows)


def crossed_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return top-1 by what is said of the query (down) and of the record (across)."""
    columns = list(next(iter(rows.values())))
    lines = [[name, *(with_interval(row[one]) for one in columns)] for name, row in rows.items()]
    return table(["", *columns], lines)


def open_set_text(models: Models, mode: str) -> str:
    """Return detection rates, and what thresholds do that were measured on other people."""
    first = next(iter(models.values()))["modes"][mode]["open_set"]
    rates = list(first["dir"])
    rows = []
    for name, one in models.items():
        entry = one["modes"][mode]
        found = [entry["open_set"]["dir"].get(rate, {}) for rate in rates]
        cells = [with_interval(row.get("overall", {}).get("overall")) for row in found]
        done = entry.get("calibrated")
        keys = ("accepted_strangers", "detection_rate", "wrong_name_rate")
        rows.append([name, *cells, *(share(done[key] if done else None) for key in keys)])
    head = ["network", *(f"named at FAR {100.0 * float(rate):g} %" for rate in rates)]
    head += ["calibrated: strangers named", "named rightly", "named wrongly"]
    return (
        f"Half of the people are enrolled, the others are strangers; mean over "
        f"{first['partitions']} divisions. First the share of queries of enrolled people that are "
        f"named rightly at a false accept rate that is measured on these very strangers; then what "
        f"thresholds do that were calibrated on other people.\n\n{table(head, rows)}"
    )


def pose_table(models: Models) -> str:
    """Return the average joint errors in centimetres beside the published ones; empty if none."""
    rows = []
    for name, one in models.items():
        known = published.POSES_CM.get(one["about"].get("network", ""), {})
        if one["poses"]:
            cells = [_centimetres(one["poses"].get(kind), known.get(kind)) for kind in _POSES]
            rows.append([name, *cells])
    if not rows:
        return ""
    return (
        "Fused: with a walk of the same person before the other sensor, so that the network is "
        "told who it is; alone: from one sensor. In square brackets: published, of recorded "
        f"people, fused as here.\n\n{table(['network', *_POSES.values()], rows)}"
    )


def _centimetres(row: Mapping[str, Any] | None, known: float | None) -> str:
    if row is None or row["value"] is None:
        return "-"
    said = f"{row['value']:.2f} ({row['low']:.2f}, {row['high']:.2f})"
    return said if known is None else f"{said} [{known:.2f}]"
