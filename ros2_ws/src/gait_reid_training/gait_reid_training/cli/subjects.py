"""What commands say of checkpoints and of data sets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def named(text: str) -> tuple[str, Path]:
    """Return name and path of ``NAME=PATH``, or of a path whose folder is the name."""
    name, mark, path = text.partition("=")
    if mark:
        return name, Path(path)
    one = Path(text)
    return (one.parent.name if one.suffix else one.name), one


def about_checkpoint(
    read: Any, network: Any, sensors: Sequence[str], frames: int
) -> dict[str, Any]:
    """Return what a report says of a checkpoint."""
    start = read.experiment.train.start.checkpoint
    before = f" after those of {Path(start).parent.name}" if start else ""
    return {
        "network": read.experiment.network,
        "sensors": " + ".join(sensors),
        "iterations": f"{read.iteration}{before}",
        "seed": read.experiment.train.run.seed,
        "parameters": sum(one.numel() for one in network.parameters()),
        "frames": frames,
    }


def about_run(data: Sequence[str], split: str) -> dict[str, Any]:
    """Return what a report says of the data and of the command."""
    return {
        "split": split,
        "data": [Path(one).name for one in data],
        "simulated": all(is_simulated(Path(one)) for one in data),
        "command": " ".join(["gait-reid", "eval", *(a for a in sys.argv[1:] if a != "eval")]),
    }


def is_simulated(folder: Path) -> bool:
    """Return whether a data set is of simulated people, as its plan or manifest says."""
    return (folder / "plan.json").is_file()
