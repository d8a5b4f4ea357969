"""``gait-reid eval``: figures and pictures of trained networks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from gait_reid_training.cli.subjects import about_checkpoint, about_run, named

if TYPE_CHECKING:
    from gait_reid_training.evaluation.evaluate import Outcome
    from gait_reid_training.evaluation.report import Subject

app = typer.Typer(help="Evaluate networks.", add_completion=False)
console = Console(stderr=True)
_RECORDED = "recorded"


@app.command("eval")
def command(
    checkpoint: Annotated[
        list[str],
        typer.Option(
            "--checkpoint", "-k", help="Checkpoint or folder of a training, or NAME=PATH; repeat."
        ),
    ],
    mode: Annotated[
        list[str],
        typer.Option(
            "--mode",
            "-m",
            help="cross_distance, sustech1k, freegait or open_set; for networks "
            "between radar and camera pairwise, unimodal, two_stage or released_compat; repeat "
            "these, the first is the headline.",
        ),
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
    silhouettes: Annotated[
        list[str] | None,
        typer.Option(
            "--silhouettes",
            help="recorded, or motion: as coarse as the live ones out of motion; repeat.",
        ),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", min=0, help="Frames of a walk; 0: all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the intervals.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0: as torch chooses.")] = 0,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    calibrate: Annotated[
        float | None,
        typer.Option(
            "--calibrate",
            help="Write thresholds for this false accept rate (open_set, and between radar and "
            "camera).",
        ),
    ] = None,
    vision: Annotated[
        list[str] | None,
        typer.Option(
            "--vision", help="Data set with camera, where --data is one with radar; repeat."
        ),
    ] = None,
    shortlist: Annotated[
        int, typer.Option("--shortlist", min=1, help="Records that two_stage compares in pairs.")
    ] = 50,
    queries: Annotated[
        int, typer.Option("--queries", min=0, help="Radar walks of each person; 0: all.")
    ] = 0,
    records: Annotated[
        int, typer.Option("--records", min=0, help="Camera walks of each person; 0: all.")
    ] = 0,
    by_frames: Annotated[
        list[int] | None,
        typer.Option("--by-frames", min=1, help="Also with so few frames (radar); repeat."),
    ] = None,
    poses: Annotated[
        bool, typer.Option("--poses/--no-poses", help="Measure joint errors (radar).")
    ] = True,
    thresholds: Annotated[
        Path | None,
        typer.Option("--thresholds", help="Report folder of --calibrate, tried here (radar)."),
    ] = None,
) -> None:
    """Evaluate checkpoints on the same walks and write a report that compares them."""
    try:
        between_sensors = _check(mode, split, calibrate)
        if threads:
            _set_threads(threads)
        if between_sensors:
            from gait_reid_training.cli.evaluate_cross_modal import (
                CrossModalRequest,
                run_cross_modal,
            )

            request = CrossModalRequest(
                checkpoint, list(dict.fromkeys(mode)), data or [], vision or [], split, cache,
                output, frames, by_frames or [], shortlist, queries, records, poses, seed, device,
                calibrate, thresholds,
            )  # fmt: skip
            typer.echo(str(run_cross_modal(request, console)))
            return
        folders = data or _own_data(checkpoint[0])
        shown = [(a, b) for a in sensors or [""] for b in silhouettes or [_RECORDED]]
        subjects = _subjects(checkpoint, folders, split, cache, shown, frames, device)
        _report(subjects, mode[0], split, folders, seed, output, calibrate)
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _check(modes: Sequence[str], split: str, calibrate: float | None) -> bool:
    """Return whether the modes are of networks between radar and camera; refuse what is neither."""
    from gait_reid_training.evaluation.cross_modal.outcomes import LEAKING
    from gait_reid_training.evaluation.cross_modal.outcomes import MODES as BETWEEN
    from gait_reid_training.evaluation.protocols import MODES

    for mode in modes:
        if mode not in (*MODES, *BETWEEN):
            known = ", ".join((*MODES, *BETWEEN))
            raise ValueError(f"mode {mode!r} does not exist, known are {known}")
    between_sensors = all(mode in BETWEEN for mode in modes)
    if len(modes) > 1 and not between_sensors:
        raise ValueError(f"--mode {', '.join(modes)}: only {', '.join(BETWEEN)} go together")
    if calibrate is None:
        return between_sensors
    if modes[0] != "open_set" and set(modes) <= {*MODES, LEAKING}:
        raise ValueError(f"--calibrate needs --mode open_set, not {modes[0]}")
    if split == "test":
        raise ValueError(
            "--calibrate on the test split would make its figures too good: use --split validation"
        )
    return between_sensors


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _own_data(checkpoint: str) -> list[str]:
    """Return the data sets that a checkpoint was trained on."""
    from gait_reid_training.training.checkpoint import read_checkpoint

    return list(read_checkpoint(named(checkpoint)[1]).experiment.train.data.folders)


def _subjects(
    checkpoints: list[str],
    data: list[str],
    split: str,
    cache: str,
    shown: list[tuple[str, str]],
    frames: int,
    device: str,
) -> list[Subject]:
    """Embed the walks with each checkpoint and each choice of sensors and silhouettes."""
    from gait_reid_training.data.walks import WalkDataset
    from gait_reid_training.evaluation.features import embed, usable_sensors
    from gait_reid_training.evaluation.report import Subject
    from gait_reid_training.training.checkpoint import read_checkpoint
    from gait_reid_training.training.config import TrainConfig

    found: list[Subject] = []
    for text in checkpoints:
        name, path = named(text)
        read = read_checkpoint(path)
        network = read.network()
        train = read.experiment.train
        assert isinstance(train, TrainConfig)  # as the network is
        for subset, silhouettes in shown:
            seen = _sensors(subset) or train.data.sensors
            used = usable_sensors(network, seen)
            outlined = "camera" in used and "silhouette" in network.uses
            walks = WalkDataset(
                data or train.data.folders, split, train.input, cache or train.data.cache,
                coarse=_are_coarse(silhouettes) and outlined,
            )  # fmt: skip
            label = f"{name}, {' + '.join(used)}" if subset else name
            label += ", coarse silhouettes" if walks.coarse else ""
            if any(one.name == label for one in found):
                continue
            if not used:
                console.print(f"{name} does not use {subset}: left out")
                continue
            console.print(f"{label}: {len(walks)} walks", highlight=False)
            about = about_checkpoint(read, network, used, frames or int(walks.walks.frames.max()))
            embedded = embed(network, walks, seen, frames, device=device)
            found.append(Subject(label, embedded, about))
    if not found:
        raise ValueError("no checkpoint uses any of the sensors that were chosen")
    return found


def _are_coarse(silhouettes: str) -> bool:
    if silhouettes not in (_RECORDED, "motion"):
        raise ValueError(f"--silhouettes {silhouettes}: it is {_RECORDED} or motion")
    return silhouettes != _RECORDED


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

    report, outcomes = evaluate(subjects, mode, about_run(data, split), seed)
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
    from gait_reid_training.evaluation.report import mark_of

    result = measure(outcome, rate, int(subject.about["frames"]))
    result.save(output / f"calibration_{mark_of(subject.name)}.yaml")
    report["models"][subject.name]["calibration"] = result.as_mapping()
    return result.calibration.max_distance


def main() -> None:
    """Run the command on its own."""
    app()


if __name__ == "__main__":
    main()
