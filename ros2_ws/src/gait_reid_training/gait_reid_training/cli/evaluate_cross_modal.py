"""The part of ``gait-reid eval`` that is of networks between radar and camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from gait_reid.core.gallery.decision_config import Calibration
from gait_reid_training.cli.export import read_calibration
from gait_reid_training.cli.subjects import about_checkpoint, about_run, named
from gait_reid_training.evaluation.calibration import measure
from gait_reid_training.evaluation.cross_modal.outcomes import LEAKING
from gait_reid_training.evaluation.cross_modal.poses import pose_errors
from gait_reid_training.evaluation.cross_modal.report import (
    CrossModalSubject,
    Outcomes,
    evaluate_cross_modal,
    write_cross_modal,
)
from gait_reid_training.evaluation.cross_modal.scores import scores_of
from gait_reid_training.evaluation.cross_modal.sources import open_walks, own_data
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks
from gait_reid_training.evaluation.report import mark_of
from gait_reid_training.training.checkpoint import Checkpoint, read_checkpoint


@dataclass(frozen=True)
class CrossModalRequest:
    """What was asked for; see the options of the command.

    Attributes:
        checkpoints: ``NAME=PATH`` of each network.
        modes: Protocols, the headline first.
        radar: Data sets with radar; empty: those of the first training.
        vision: Data sets with camera; empty: those of the first training.
        split: Split that is evaluated.
        cache: Folder of prepared frames; empty: the training's.
        output: Folder of the report.
        frames: Frames of a walk; 0: all.
        by_frames: Numbers of frames of which the headline is shown, too.
        shortlist: Records on the shortlist of ``two_stage``.
        queries: Radar walks of each person; 0: all.
        records: Camera walks of each person; 0: all.
        poses: Whether joint errors are measured.
        seed: Of intervals and draws.
        device: Where networks run.
        calibrate: False accept rate of thresholds to write; None: none are.
        thresholds: Report folder of an earlier calibration; None: none.
    """

    checkpoints: Sequence[str]
    modes: Sequence[str]
    radar: Sequence[str]
    vision: Sequence[str]
    split: str
    cache: str
    output: Path
    frames: int
    by_frames: Sequence[int]
    shortlist: int
    queries: int
    records: int
    poses: bool
    seed: int
    device: str
    calibrate: float | None
    thresholds: Path | None


def run_cross_modal(request: CrossModalRequest, console: Console) -> Path:
    """Evaluate the networks and write the report; return its page.

    Raises:
        ValueError: Networks of another kind, or data that do not fit.
        OSError: Files that are missing.
    """
    if not (request.radar and request.vision):
        own = own_data(read_checkpoint(named(request.checkpoints[0])[1]))
        request = replace(request, radar=request.radar or own[0], vision=request.vision or own[1])
    walks: CrossModalWalks | None = None
    subjects: list[CrossModalSubject] = []
    for text in request.checkpoints:
        name, path = named(text)
        if any(one.name == name for one in subjects):
            raise ValueError(f"--checkpoint names {name} twice: give each a name, NAME=PATH")
        read = read_checkpoint(path)
        own_walks = open_walks(
            read, request.radar, request.vision, request.split, request.cache,
            request.queries, request.records,
        )  # fmt: skip
        walks = walks or own_walks
        _check_same(name, walks, own_walks)
        subjects.append(_subject(name, read, own_walks, request, console))
    assert walks is not None
    data = list(dict.fromkeys([*request.radar, *request.vision]))
    report, outcomes = evaluate_cross_modal(
        subjects, request.modes, walks, about_run(data, request.split), request.shortlist,
        request.seed,
    )  # fmt: skip
    if request.calibrate is not None:
        subjects = _calibrated(subjects, outcomes, request, report, console)
    return write_cross_modal(request.output, report, subjects, outcomes)


def _check_same(name: str, first: CrossModalWalks, own: CrossModalWalks) -> None:
    for one, other in ((first.radar, own.radar), (first.vision, own.vision)):
        if not np.array_equal(one.name, other.name):
            raise ValueError(f"{name} is not shown the same walks as the first network")


def _subject(
    name: str,
    read: Checkpoint,
    walks: CrossModalWalks,
    request: CrossModalRequest,
    console: Console,
) -> CrossModalSubject:
    """Compare the walks with one network."""
    network = read.cross_modal_network()
    frames = min(request.frames or walks.frames, walks.frames)
    queries, records = len(walks.radar), len(walks.vision)
    console.print(f"{name}: {queries} queries, {records} records", highlight=False)

    def progress(done: int, total: int) -> None:
        console.print(f"{name}: {done} of {total} records", highlight=False)

    finds = bool(network.dim)
    scores = scores_of(network, walks, frames, request.device, True, progress) if finds else None
    fewer = sorted({one for one in request.by_frames if one < frames}) if finds else []
    by_frames = {one: scores_of(network, walks, one, request.device) for one in fewer}
    if scores is not None and request.by_frames:
        by_frames[frames] = scores
    errors = pose_errors(network, walks, frames, request.device) if request.poses else {}
    about = about_checkpoint(read, network, ("radar", "camera"), frames)
    return CrossModalSubject(
        name, scores, about, np.array(read.people, dtype=np.str_), errors, by_frames,
        _thresholds(name, request) if finds else {},
    )  # fmt: skip


def _thresholds(name: str, request: CrossModalRequest) -> dict[str, Calibration]:
    """Read what an earlier calibration wrote of a network."""
    if request.thresholds is None:
        return {}
    files = {mode: request.thresholds / _calibration_file(name, mode) for mode in request.modes}
    found = {mode: read_calibration(path) for mode, path in files.items() if path.is_file()}
    if not found:
        raise FileNotFoundError(
            f"--thresholds {request.thresholds} has none of "
            f"{', '.join(path.name for path in files.values())}: write them with --calibrate"
        )
    return found


def _calibration_file(name: str, mode: str) -> str:
    return f"calibration_{mark_of(name)}_{mode}.yaml"


def _calibrated(
    subjects: Sequence[CrossModalSubject],
    outcomes: Outcomes,
    request: CrossModalRequest,
    report: dict[str, Any],
    console: Console,
) -> list[CrossModalSubject]:
    """Write the thresholds of every network and protocol; what cannot be calibrated is named."""
    assert request.calibrate is not None
    request.output.mkdir(parents=True, exist_ok=True)
    done = []
    for subject in subjects:
        found: dict[str, Calibration] = {}
        for mode, outcome in outcomes.get(subject.name, {}).items():
            if mode == LEAKING:
                continue
            entry = report["models"][subject.name]["modes"][mode]
            frames = int(subject.about["frames"])
            try:
                result = measure(
                    outcome, request.calibrate, frames, request.seed, may_confirm=False
                )
            except ValueError as error:
                entry["calibration"] = {"error": str(error)}
                console.print(f"{subject.name}, {mode}: no thresholds: {error}", highlight=False)
                continue
            result.save(request.output / _calibration_file(subject.name, mode))
            entry["calibration"] = result.as_mapping()
            found[mode] = result.calibration
        done.append(replace(subject, thresholds=found))
    return done
