"""``gait-reid eval``: figures and pictures of trained networks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from gait_reid_training.evaluation.evaluate import Outcome
    from gait_reid_training.evaluation.report import Subject

app = typer.Typer(help="Evaluate networks.", add_completion=False)
console = Console(stderr=True)


@app.command("eval")
def command(
    checkpoint: Annotated[
        list[str],
        typer.Option(
            "--checkpoint", "-k", help="Checkpoint or folder of a training, or NAME=PATH; repeat."
        ),
    ],
    mode: Annotated[
        str, typer.Option("--mode", "-m", help="cross_distance, sustech1k, freegait or open_set.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="Data set; else the training's own.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Split that is evaluated.")] = "test",
    cache: Annotated[str, typer.Option("--cache", help="Folder of prepared frames.")] = "",
    sensors: Annotated[
        list[str] | None,
        typer.Option("--sensors", help="Sensors shown, for example lidar or camera,lidar; repeat."),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", min=0, help="Frames of a walk; 0: all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the intervals.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0: as torch chooses.")] = 0,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    calibrate: Annotated[
        float | None,
        typer.Option(
            "--calibrate", help="Write thresholds for this false accept rate (open_set only)."
        ),
    ] = None,
) -> None:
    """Evaluate checkpoints on the same walks and write a report that compares them."""
    try:
        _check(mode, split, calibrate)
        folders = data or _own_data(checkpoint[0])
        subjects = _subjects(
            checkpoint, folders, split, cache, sensors or [""], frames, threads, device
        )
        _report(subjects, mode, split, folders, seed, output, calibrate)
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _check(mode: str, split: str, calibrate: float | None) -> None:
    if calibrate is None:
        return
    if mode != "open_set":
        raise ValueError(f"--calibrate needs --mode open_set, not {mode}")
    if split == "test":
        raise ValueError(
            "--calibrate on the test split would make its figures too good: use --split validation"
        )


def _own_data(checkpoint: str) -> list[str]:
    """Return the data sets that a checkpoint was trained on."""
    from gait_reid_training.training.checkpoint import read_checkpoint

    return list(read_checkpoint(_named(checkpoint)[1]).experiment.train.data.folders)


def _subjects(
    checkpoints: list[str],
    data: list[str],
    split: str,
    cache: str,
    subsets: list[str],
    frames: int,
    threads: int,
    device: str,
) -> list[Subject]:
    """Embed the walks with each checkpoint and each choice of sensors."""
    import torch

    from gait_reid_training.data.walks import WalkDataset
    from gait_reid_training.evaluation.features import embed, usable_sensors
    from gait_reid_training.evaluation.report import Subject
    from gait_reid_training.training.checkpoint import read_checkpoint

    if threads:
        torch.set_num_threads(threads)
    found: list[Subject] = []
    for text in checkpoints:
        name, path = _named(text)
        read = read_checkpoint(path)
        network = read.network()
        train = read.experiment.train
        walks = WalkDataset(
            data or train.data.folders, split, train.input, cache or train.data.cache
        )
        for subset in subsets:
            shown = _sensors(subset) or train.data.sensors
            used = usable_sensors(network, shown)
            label = f"{name}, {' + '.join(used)}" if subset else name
            if any(one.name == label for one in found):
                continue
            if not used:
                console.print(f"{name} does not use {subset}: left out")
                continue
            console.print(f"{label}: {len(walks)} walks", highlight=False)
            about = _about(read, network, used, frames or int(walks.walks.frames.max()))
            embedded = embed(network, walks, shown, frames, device=device)
            found.append(Subject(label, embedded, about))
    if not found:
        raise ValueError("no checkpoint uses any of the sensors that were chosen")
    return found


def _about(read: Any, network: Any, sensors: Sequence[str], frames: int) -> dict[str, Any]:
    """Return what a report says of a checkpoint."""
    return {
        "network": read.experiment.network,
        "sensors": " + ".join(sensors),
        "iterations": read.iteration,
        "seed": read.experiment.train.run.seed,
        "parameters": sum(one.numel() for one in network.parameters()),
        "frames": frames,
    }


def _named(text: str) -> tuple[str, Path]:
    """Return name and path of ``NAME=PATH``, or of a path whose folder is the name."""
    name, mark, path = text.partition("=")
    if mark:
        return name, Path(path)
    one = Path(text)
    return (one.parent.name if one.suffix else one.name), one


def _sensors(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [name for name in names if name not in ("camera", "lidar")]
    if unknown:
        raise ValueError(f"--sensors {text}: {unknown[0]!r} is not camera or lidar")
    return names


def _report(
    subjects: list[Subject],
    mode: str,
    split: str,
    data: list[str],
    seed: int,
    output: Path,
    calibrate: float | None,
) -> None:
    from dataclasses import replace

    from gait_reid_training.evaluation.report import evaluate, write_report

    about: dict[str, Any] = {
        "split": split,
        "data": [Path(one).name for one in data],
        "simulated": all(_simulated(Path(one)) for one in data),
        "command": " ".join(["gait-reid", "eval", *(a for a in sys.argv[1:] if a != "eval")]),
    }
    report, outcomes = evaluate(subjects, mode, about, seed)
    if calibrate is not None:
        output.mkdir(parents=True, exist_ok=True)
        subjects = [
            replace(one, threshold=_calibrated(one, outcomes[one.name], calibrate, output, report))
            for one in subjects
        ]
    typer.echo(str(write_report(output, report, subjects, outcomes)))


def _calibrated(
    subject: Subject, outcome: Outcome, rate: float, output: Path, report: dict[str, Any]
) -> float:
    """Write the thresholds of one model; return the greatest distance."""
    from gait_reid_training.evaluation.calibration import measure

    result = measure(outcome, rate, int(subject.about["frames"]))
    mark = "".join(c if c.isalnum() else "_" for c in subject.name)
    result.save(output / f"calibration_{mark}.yaml")
    report["models"][subject.name]["calibration"] = result.as_mapping()
    return result.calibration.max_distance


def _simulated(folder: Path) -> bool:
    """Return whether a data set is of simulated people, as its plan or manifest says."""
    return (folder / "plan.json").is_file()


def main() -> None:
    """Run the command on its own."""
    app()


if __name__ == "__main__":
    main()
