"""``gait-reid dataset``: convert data sets of others, and look into any."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    name="dataset",
    help="Convert data sets of walks, and look into them.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(stderr=True)


def register(holder: typer.Typer) -> None:
    """Add the group of commands to ``gait-reid``."""
    holder.add_typer(app, name="dataset")


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what is wrong in one line, and end with 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


@app.command("convert")
def convert_command(
    source: Annotated[Path, typer.Argument(help="Root of the data set.", exists=True)],
    form: Annotated[
        str, typer.Option("--format", "-f", help="sustech1k, freegait or lrgait (assumed layout).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the result.")],
    partition: Annotated[
        Path | None,
        typer.Option("--partition", "-p", help="JSON file with TRAIN_SET and TEST_SET."),
    ] = None,
    validation: Annotated[
        int, typer.Option("--validation", min=0, help="Training identities set aside to validate.")
    ] = 0,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Take walks that lack a sensor.")
    ] = False,
) -> None:
    """Write a data set in the project's tracklet format; run again to resume.

    Ends with 1 when some walks were refused; they are listed here and in manifest.json.
    """
    from gait_reid_training.data.convert import ADAPTERS, convert

    with _refusals():
        result = convert(
            source, form, output, partition, validation, allow_missing, _counter("identities")
        )
    if ADAPTERS[form].assumed:
        console.print(f"[yellow]note:[/yellow] {ADAPTERS[form].assumed}", highlight=False)
    for line in result.refused:
        console.print(f"[yellow]refused:[/yellow] {line}", highlight=False, soft_wrap=True)
    people = ", ".join(f"{count} {split}" for split, count in result.people.items())
    console.print(
        f"{result.walks} walks of {people} written to {output}, {len(result.refused)} refused",
        highlight=False,
    )
    if result.refused:
        sys.exit(1)


@app.command("inspect")
def inspect_command(
    folder: Annotated[Path, typer.Argument(help="Data set in the project's format.", exists=True)],
    sheets: Annotated[
        Path | None, typer.Option("--sheets", help="Folder of contact sheets; else the data set.")
    ] = None,
    no_sheets: Annotated[bool, typer.Option("--no-sheets", help="Count only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count walks by split, condition and range, name what is missing, and draw contact sheets."""
    from gait_reid_training.data.inspect import contact_sheets, inspect

    with _refusals():
        found = inspect(folder)
        pictures = {} if no_sheets else contact_sheets(folder)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        table = Table("split", "condition", "range", "light", "people", "walks", "frames")
        for one in found.groups:
            far = "?" if one.range_m is None else f"{one.range_m} m"
            numbers = (str(n) for n in (one.people, one.walks, one.frames))
            table.add_row(one.split, one.condition, far, one.light or "?", *numbers)
        Console().print(table)
        low, middle, high = found.lengths
        people = ", ".join(f"{count} {split}" for split, count in found.people.items())
        typer.echo(f"{found.walks} walks of {people}; {low} to {high} frames, median {middle}")
        for name, frames in found.empty_frames.items():
            if frames:
                typer.echo(
                    f"{name}: missing in {frames} of {found.frames} frames, in all of "
                    f"{found.missing_walks[name]} walks"
                )
    target = sheets or folder
    target.mkdir(parents=True, exist_ok=True)
    for split, picture in pictures.items():
        path = target / f"contact_sheet_{split}.png"
        cv2.imwrite(str(path), picture)
        typer.echo(str(path), err=as_json)


def _counter(what: str) -> Callable[[int, int], None]:
    """Return a function that shows progress on a terminal."""

    def show(finished: int, total: int) -> None:
        if console.is_terminal:
            end = "\n" if finished == total else "\r"
            console.print(f"{finished} of {total} {what}", end=end, highlight=False)

    return show
