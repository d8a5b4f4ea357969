"""``gait-reid train``: trains networks as configuration files say."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Train networks.", add_completion=False)
console = Console(stderr=True)


@app.command("train")
def command(
    config: Annotated[
        list[Path],
        typer.Option("--config", "-c", help="Configuration file; several are trained in turn."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, for example run.seed=2.")
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option("--max-minutes", min=0.0, help="Pause after this time; go on with --resume."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the folder's training stopped.")
    ] = False,
) -> None:
    """Train one network, or several in turn with the same values, each in a folder of its own."""
    try:
        _train(config, output, override or [], max_minutes, resume)
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True, markup=True)
        sys.exit(2)


def _train(
    config: list[Path],
    output: Path,
    overrides: list[str],
    max_minutes: float | None,
    resume: bool,
) -> None:
    from gait_reid_training.training.config_files import read_experiments
    from gait_reid_training.training.train import TrainingResult, train

    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    experiments = read_experiments(config, overrides)
    end_s = None if max_minutes is None else time.monotonic() + 60.0 * max_minutes
    results: dict[str, TrainingResult] = {}
    for name, experiment in experiments.items():
        left = None if end_s is None else (end_s - time.monotonic()) / 60.0
        if left is not None and left <= 0.0:
            break
        folder = output / name if len(experiments) > 1 else output
        console.print(f"{name}: {folder}", highlight=False)
        results[name] = train(experiment, folder, left, resume)
        if not results[name].finished:
            break
    table = Table("training", "iterations", "finished", "monitored", "best", "at", "ms/iteration")
    for name, one in results.items():
        table.add_row(
            name, str(one.iteration), "yes" if one.finished else "paused",
            one.monitored.removeprefix("validation/"), f"{one.best:.3f}", str(one.best_iteration),
            f"{one.ms_per_iteration:.0f}",
        )  # fmt: skip
    console.print(table)


def main() -> None:
    """Run the command on its own."""
    app()


if __name__ == "__main__":
    main()
