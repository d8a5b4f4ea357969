"""``gait-reid export-model``: a trained network as a model that the nodes run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

app = typer.Typer(help="Export networks.", add_completion=False)
console = Console(stderr=True)


@app.command("export-model")
def command(
    checkpoint: Annotated[
        Path, typer.Option("--checkpoint", "-k", help="Checkpoint, or folder of a training.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the model; its name is the model's.")
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", help="Thresholds, as gait-reid eval --calibrate writes them."
        ),
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            "--report", help="Folder of a report of gait-reid eval, for the card; repeat."
        ),
    ] = None,
    report_model: Annotated[
        str,
        typer.Option("--report-model", help="Name of the model in the reports; else the first."),
    ] = "",
    frames: Annotated[
        int,
        typer.Option("--frames", min=0, help="Frames of the window; 0: 30, or 10 for Mission."),
    ] = 0,
    min_frames: Annotated[
        int, typer.Option("--min-frames", min=1, help="Frames that make a walk.")
    ] = 10,
    frame_period_s: Annotated[
        float,
        typer.Option(
            "--frame-period-s",
            min=0.0,
            max=1.0,
            help="Time between the frames that Mission learned from; 0: any.",
        ),
    ] = 0.1,
    may_confirm: Annotated[
        bool,
        typer.Option(
            "--may-confirm", help="Let Mission name people; else they are candidates at most."
        ),
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Write 16-bit graphs for TensorRT as well.")
    ] = False,
    licence: Annotated[str, typer.Option("--licence", help="SPDX name.")] = "Apache-2.0",
    recorded_people: Annotated[
        bool,
        typer.Option("--recorded-people", help="It was trained on people, not on simulated ones."),
    ] = False,
    training_data: Annotated[
        str, typer.Option("--training-data", help="What it was trained on, in one sentence.")
    ] = "",
) -> None:
    """Write ONNX graphs, description and card of a network, compared with it."""
    from gait_reid.core.backends.base import BackendError

    try:
        model = _export(
            checkpoint, output, calibration, report or [], training_data,
            {
                "report_model": report_model, "frames": frames, "min_frames": min_frames,
                "half": half, "licence": licence, "simulated": not recorded_people,
                "frame_period_s": frame_period_s, "may_confirm": may_confirm,
            },
        )  # fmt: skip
    except (ValueError, OSError, BackendError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)
    typer.echo(f"{output}: {model.model_id}")


def _export(
    checkpoint: Path,
    output: Path,
    calibration: Path | None,
    reports: list[Path],
    training_data: str,
    values: dict[str, Any],
) -> Any:
    from gait_reid_training.export.card import read_report
    from gait_reid_training.export.model_folder import ExportOptions, export_model
    from gait_reid_training.nets.mission.registry import CROSS_MODAL_NETWORKS
    from gait_reid_training.training.checkpoint import read_checkpoint

    thresholds = read_calibration(calibration) if calibration else None
    read = [read_report(path) for path in reports]
    found = read_checkpoint(checkpoint)
    experiment = found.experiment
    data = ", ".join(Path(one).name for one in experiment.train.data.folders)
    options = ExportOptions(
        training_data=training_data
        or f"Trained on {len(found.people)} people of {data or 'unnamed data'}.",
        training={
            "data": data, "people": len(found.people),
            "iterations": found.iteration, "seed": experiment.train.run.seed,
            **{
                key: value
                for key, value in experiment.as_mapping().items()
                if key.startswith(
                    ("network.", "batch.", "augment.", "optimiser.", "schedule.", "loss.")
                )
            },
            **_start(experiment),
        },
        reports=read, **_of_radar(experiment), **values,
    )  # fmt: skip
    network = (
        found.cross_modal_network()
        if experiment.network in CROSS_MODAL_NETWORKS
        else found.network()
    )
    return export_model(network, experiment.train.input, output, thresholds, options)


def _start(experiment: Any) -> dict[str, Any]:
    """Return what the training began with, without the folders of the machine."""
    start = experiment.train.start
    if not start.checkpoint:
        return {}
    return {
        "start.checkpoint": "/".join(Path(start.checkpoint).parts[-2:]),
        "start.learn": list(start.learn),
    }


def _of_radar(experiment: Any) -> dict[str, Any]:
    """Return what a training says of the radar's inputs, where there is one."""
    config = getattr(experiment.train, "radar_input", None)
    return {} if config is None else {"radar": config}


def read_calibration(path: Path) -> Any:
    """Read the thresholds that ``gait-reid eval --calibrate`` wrote.

    Raises:
        ValueError: The file is missing, or holds something else.
    """
    import yaml

    from gait_reid.core.gallery.decision_config import Calibration
    from gait_reid_common.parameters import from_mapping

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return from_mapping(Calibration, content["calibration"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} holds no thresholds of gait-reid eval --calibrate ({error})"
        ) from error
