"""``gait-reid build-engines``: TensorRT engines of a model, before a robot needs them."""

from __future__ import annotations

from typing import Annotated

import typer

from gait_reid.cli.console import OUT, reporting_errors
from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.backends.tensorrt import open_gpu, provision
from gait_reid.core.encoders.emgaitnet import DEFAULT_MODEL
from gait_reid.core.encoders.model_graphs import graphs_for
from gait_reid.core.models import load_model


def command(
    model: Annotated[str, typer.Argument(help="name of the model")] = DEFAULT_MODEL,
    model_directory: Annotated[
        str, typer.Option("--model-directory", metavar="DIR", help="folder that holds the model")
    ] = "",
    precision: Annotated[str, typer.Option("--precision", help="fp32 or fp16")] = "fp32",
    max_batch: Annotated[int, typer.Option("--max-batch", help="most tracks in one run")] = 16,
    cache: Annotated[
        str, typer.Option("--engine-cache", metavar="DIR", help="folder of built engines")
    ] = "",
) -> None:
    """Build the TensorRT engines of a model for this machine's GPU, and compare them.

    A node builds them itself when it is configured; that takes minutes, once. The values are those
    of the parameters reidentification.emgaitnet.backend.*, and have to be the node's.
    """
    with reporting_errors():
        config = BackendConfig(
            engine="tensorrt", precision=precision, max_batch=max_batch, engine_cache=cache
        )
        loaded = load_model(model, model_directory)
        gpu = open_gpu()
        for name, graph in graphs_for(loaded, precision).items():
            plan = provision(graph, config, gpu, loaded.graphs[name])
            OUT.print(f"{graph.name}: {len(plan) >> 10} KiB for {gpu.device.name}")
