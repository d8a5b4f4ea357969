"""Results as JSON files and as a Markdown table between two markers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import rows
from bench.harness import Measured, Result

BEGIN = "<!-- benchmarks: begin -->"
END = "<!-- benchmarks: end -->"
_HEADER = (
    "| what | this suite | peer | this suite, median | peer, median | ratio (quartiles) "
    "| promised |",
    "|---|---|---|---|---|---|---|",
)


def to_json(result: Result, environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that is known about one result, samples included."""
    benchmark = result.benchmark
    return {
        "name": benchmark.name,
        "title": benchmark.title,
        "metric": benchmark.metric,
        "unit": benchmark.unit,
        "workload": result.workload,
        "promise": benchmark.promise,
        "kept": result.kept,
        "skipped": result.skipped,
        "candidate": _measured(result.candidate, benchmark.metric) if result.candidate else None,
        "peers": [_measured(peer, benchmark.metric) for peer in result.peers],
        "missing": [asdict(missing) for missing in result.missing],
        "environment": dict(environment),
    }


def _measured(measured: Measured, metric: str) -> dict[str, Any]:
    figures = {name: measured.median(name) for name in measured.samples[0]}
    return {
        "name": measured.name,
        "version": measured.version,
        "median": measured.median(metric),
        "ratio": asdict(measured.ratio) if measured.ratio else None,
        "figures": figures,
        "samples": [dict(sample) for sample in measured.samples],
    }


def write_json(result: Result, environment: Mapping[str, Any], folder: Path) -> Path:
    """Write one result to ``folder/<name>.json`` and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.benchmark.name}.json"
    path.write_text(
        json.dumps(_finite(to_json(result, environment)), indent=1, allow_nan=False) + "\n"
    )
    return path


def _finite(value: Any) -> Any:
    """Return the same with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(folder: Path) -> list[dict[str, Any]]:
    """Return all results of a folder, in the order of the table."""
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    return [found[name] for name in rows.names() if name in found]


def markdown(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of results in their JSON form."""
    results = list(results)
    lines = [line for result in results for line in _rows(result)]
    notes = [note for result in results for note in _notes(result)]
    machines = sorted({_machine(result["environment"]) for result in results})
    parts = ["\n".join([*_HEADER, *lines])]
    if notes:
        parts.append("\n".join(notes))
    parts.append("\n".join(f"Measured on {machine}." for machine in machines))
    return "\n\n".join(parts)


def _rows(result: Mapping[str, Any]) -> list[str]:
    if result["skipped"]:
        return [f"| {result['title']} | | | not measured: {result['skipped']} | | | |"]
    lines = []
    for number, peer in enumerate(result["peers"]):
        own = f"{figure(result['candidate']['median'])} {result['unit']}"
        promised = _promise(result) if number == 0 else ""
        title, name = (result["title"], result["candidate"]["name"]) if number == 0 else ("", "")
        theirs = f"{figure(peer['median'])} {result['unit']}"
        cells = (title, name, _named(peer), own, theirs, _ratio(peer["ratio"]), promised)
        lines.append(f"| {' | '.join(cells)} |")
    if not lines:
        own = f"{figure(result['candidate']['median'])} {result['unit']}"
        lines = [f"| {result['title']} | {result['candidate']['name']} | | {own} | | | |"]
    return lines


def _named(peer: Mapping[str, Any]) -> str:
    return f"{peer['name']} {peer['version']}".strip()


def _ratio(ratio: Mapping[str, float] | None) -> str:
    if ratio is None:
        return "no common figure"
    return f"**{figure(ratio['median'])}** ({figure(ratio['q25'])} to {figure(ratio['q75'])})"


def _promise(result: Mapping[str, Any]) -> str:
    if result["promise"] is None:
        return ""
    verdict = {True: "kept", False: "**missed**", None: "not checked"}[result["kept"]]
    return f"at most {figure(result['promise'])}: {verdict}"


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes = [f"* {result['title']}: {result['workload']}."] if result["workload"] else []
    notes += [
        f"* {result['title']}, {m['name']} is not in the table: {m['reason']}."
        for m in result["missing"]
    ]
    contenders = [c for c in (result["candidate"], *result["peers"]) if c and len(c["figures"]) > 1]
    for contender in contenders:
        figures = ", ".join(
            f"{name} {figure(value)}" for name, value in contender["figures"].items()
        )
        notes.append(f"* {result['title']}, {contender['name']}: {figures}.")
    return notes


def _machine(environment: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    machine = f"{environment['cores']} cores of {environment['processor']}"
    return f"{machine}, Python {environment['python']}, {versions}"


def figure(value: float | None) -> str:
    """Return three significant digits without an exponent, for example ``0.0043`` or ``12300``."""
    if value is None or not math.isfinite(value):
        return "none"
    if value == 0:
        return "0"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{float(text):.10f}".rstrip("0").rstrip(".")


def replace_between_markers(page: str, table: str) -> str:
    """Return ``page`` with the table between the markers; they are appended when they are missing.

    Raises:
        ValueError: Only one of the markers is there, or they are in the wrong order.
    """
    begin, end = page.find(BEGIN), page.find(END)
    block = f"{BEGIN}\n{table}\n{END}"
    if begin < 0 and end < 0:
        return f"{page.rstrip()}\n\n{block}\n".lstrip()
    if begin < 0 or end < begin:
        raise ValueError(f"the page needs the line {BEGIN!r} before the line {END!r}")
    return page[:begin] + block + page[end + len(END) :]
