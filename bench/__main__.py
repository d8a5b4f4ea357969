"""Command line: ``python -m bench [NAMES]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import environment, report, rows
from bench.harness import Result, run

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks and return 1 when a promise was missed, 2 for an unknown name."""
    options = parse_arguments(arguments)
    if options.list:
        for name in rows.names():
            print(name)
        return 0
    unknown = [name for name in options.names if name not in rows.names()]
    if unknown:
        print(
            f"no benchmark is called {', '.join(unknown)}; there are {', '.join(rows.names())}",
            file=sys.stderr,
        )
        return 2
    missed = False

    def progress(text: str) -> None:
        print(f"  {text}", file=sys.stderr)

    for name in options.names or rows.names():
        result = run(rows.load(name), options.rounds, progress)
        report.write_json(result, environment.describe(), options.results)
        print(_line(result), flush=True)
        missed |= result.kept is False
    _write_table(options.docs, options.results)
    return int(missed)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure the suite against named peers, in turns."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="benchmarks to run; all without a name"
    )
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--rounds", type=int, help="rounds per benchmark instead of its own number")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "bench" / "results", help="folder for the JSON files"
    )
    parser.add_argument(
        "--docs",
        type=Path,
        default=ROOT / "docs" / "benchmarks.md",
        help="Markdown page whose table is replaced by all results of the folder",
    )
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}, expected at least 1")
    return options


def _write_table(page: Path, results: Path) -> None:
    text = page.read_text() if page.exists() else ""
    page.write_text(
        report.replace_between_markers(text, report.markdown(report.read_json(results)))
    )


def _line(result: Result) -> str:
    if result.skipped or result.candidate is None:
        return f"{result.benchmark.name}: not measured: {result.skipped}"
    metric, unit = result.benchmark.metric, result.benchmark.unit
    parts = [f"{result.benchmark.name}: {report.figure(result.candidate.median(metric))} {unit}"]
    for peer in result.peers:
        ratio = (
            "no common figure"
            if peer.ratio is None
            else f"ratio {report.figure(peer.ratio.median)}"
        )
        parts.append(f"{peer.name} {report.figure(peer.median(metric))} {unit}, {ratio}")
    verdict = {None: [], True: ["promise kept"], False: ["PROMISE MISSED"]}[result.kept]
    return "; ".join(parts + [f"{m.name} missing: {m.reason}" for m in result.missing] + verdict)


if __name__ == "__main__":
    sys.exit(main())
