"""``gait-reid simulate``: data sets and rehearsals of scenarios."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TimeRemainingColumn,
)

from gait_reid_sim.adapters.recording import record_scene
from gait_reid_sim.core.dataset.plan import is_dataset, load_plan
from gait_reid_sim.core.dataset.sheets import SHEETS
from gait_reid_sim.core.dataset.writer import contact_sheet, write_dataset
from gait_reid_sim.core.scene.scenario import LIBRARY, load_scenario, scenario_file
from gait_reid_sim.core.scene.simulation import Simulation

app = typer.Typer(help="Simulate people and sensors.", add_completion=False)
console = Console(stderr=True)


@app.command("simulate")
def command(
    scenario: Annotated[
        str, typer.Argument(help="A scenario of the library, or a YAML file.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the data set.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-j", min=1, help="Processes.")] = max(
        os.cpu_count() or 1, 1
    ),
    list_scenarios: Annotated[
        bool, typer.Option("--list", help="List the scenarios of the library.")
    ] = False,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            help="Folder of recorded walks (SUBJECT_TAKE.npz or .bvh) for a data set.",
        ),
    ] = None,
    bag: Annotated[
        Path | None, typer.Option("--bag", help="Folder of a rosbag2 recording to make of a scene.")
    ] = None,
    storage: Annotated[
        str, typer.Option("--storage", help="Storage of the recording: mcap or sqlite3.")
    ] = "mcap",
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of a scene; default: its own.")
    ] = None,
    sheet: Annotated[
        bool,
        typer.Option("--sheet", help="Write contact sheets of people and sensors, to look at."),
    ] = False,
) -> None:
    """Write a data set of walks; record a scene, or run through it and say who is seen."""
    if sheet:
        _sheets(output or Path("output"))
        return
    if list_scenarios or not scenario:
        for file in sorted(LIBRARY.glob("*.yaml")):
            typer.echo(file.stem)
        return
    try:
        path = scenario_file(scenario)
        if is_dataset(path.read_text(encoding="utf-8"), path.name):
            if bag is not None or seed is not None:
                raise ValueError(f"{scenario} is a data set: --bag and --seed are for scenes")
            _write(scenario, output, workers, recordings)
        else:
            if recordings is not None:
                raise ValueError(f"{scenario} is a scene: --recordings is for data sets")
            simulation = _scene(scenario, seed)
            _record(simulation, bag, workers, storage) if bag else _rehearse(simulation)
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _sheets(folder: Path) -> None:
    """Write the contact sheets of the simulator itself."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in SHEETS.items():
        path = folder / f"{name}.jpg"
        cv2.imwrite(str(path), draw(), [cv2.IMWRITE_JPEG_QUALITY, 85])
        typer.echo(str(path))


def _write(scenario: str, output: Path | None, workers: int, recordings: Path | None) -> None:
    plan = load_plan(scenario, recordings)
    if output is None:
        raise ValueError(f"{scenario} describes a data set: name its folder with --output")
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("identities", total=None)
        manifest = write_dataset(
            plan, output, workers, lambda done, total: bar.update(task, completed=done, total=total)
        )
    for split in plan.identities:
        sheet = contact_sheet(plan, output, split)
        if sheet is not None:
            cv2.imwrite(str(output / f"contact_sheet_{split}.png"), sheet)
    typer.echo(str(manifest))


def _scene(scenario: str, seed: int | None) -> Simulation:
    loaded = load_scenario(scenario)
    return Simulation(loaded if seed is None else replace(loaded, seed=seed))


def _record(simulation: Simulation, bag: Path, workers: int, storage: str) -> None:
    """Write a scene as a recording."""
    columns = ("[progress.description]{task.description}", BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(simulation.scenario.name, total=simulation.scenario.duration_s)
        count = record_scene(
            simulation,
            bag,
            workers,
            storage=storage,
            progress=lambda scene_s: bar.update(task, completed=scene_s),
        )
    typer.echo(f"{count} messages in {bag}")


def _rehearse(simulation: Simulation) -> None:
    """Run through a scene and print, per sensor, how many frames show whom."""
    seen: dict[str, dict[str, int]] = {}
    frames: dict[str, int] = {}
    for frame in simulation.frames():
        frames[frame.sensor] = frames.get(frame.sensor, 0) + 1
        counts = seen.setdefault(frame.sensor, {})
        for person_id, visible in zip(frame.truth.person_id, frame.truth.visibility):
            counts[person_id] = counts.get(person_id, 0) + int(visible > 0.0)
    typer.echo(json.dumps({"frames": frames, "frames_that_show": seen}, indent=2))


def main() -> None:
    """Run the command on its own."""
    app()


if __name__ == "__main__":
    main()
