"""Trainings in slices, without waiting for time to pass."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gait_reid_training.training import callbacks, train
from gait_reid_training.training.config import Experiment


def weights(folder: Path) -> dict[str, Any]:
    content = torch.load(folder / "last.ckpt", weights_only=True)
    return {
        **content["state_dict"],
        **{f"raw.{k}": v for k, v in content["current_model_state"].items()},
    }


def run_until(
    monkeypatch: pytest.MonkeyPatch, batches: int, experiment: Experiment, folder: Path
) -> train.TrainingResult:
    """Train until the clock jumps after so many batches."""
    clock = itertools.chain([0.0] * batches, itertools.repeat(1e9))
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return train.train(experiment, folder, max_minutes=1.0, resume=True)
