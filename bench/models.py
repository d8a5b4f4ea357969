"""Models to measure: the shipped ones, or the same networks with random weights."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import UnavailableError
from gait_reid.core.models import Model, available_models, load_model
from gait_reid.core.network_input import NetworkInputConfig


def shipped_or_random(
    name: str, network: Callable[[], Any], num_points: int = 64
) -> tuple[Model, str]:
    """Return a model and what it is, in words.

    Args:
        name: Of the shipped model.
        network: Gives the same network with random weights, which cost the same.
        num_points: Points per frame of that network.

    Raises:
        UnavailableError: There is none, and none can be exported.
    """
    if name in available_models():
        return load_model(name), name
    with training_packages():
        from gait_reid_training.export.model_folder import export_model
    folder = Path(tempfile.mkdtemp(prefix="gait_reid_bench."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    model = export_model(network(), NetworkInputConfig(num_points=num_points), folder / name)
    return model, f"{name} with random weights"


@contextmanager
def training_packages() -> Iterator[None]:
    """Raise UnavailableError where the packages of trainings cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise UnavailableError(f"no network can be made ({error})") from error


def on_one_thread(network: Callable[[], Any]) -> Any:
    """Return a network in torch, with random weights, that computes on one thread.

    Raises:
        UnavailableError: torch is missing.
    """
    with training_packages():
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        return network().eval()
