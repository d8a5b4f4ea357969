"""The frames of one instant through EMGaitNet's graphs, against the same network in torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.emgaitnet import NUM_TRACKS, edge_model, edge_network, encoder, instants
from bench.harness import Benchmark, Case, Contender, Missing, Sample, UnavailableError
from gait_reid.core.network_input import FrameInputs, prepare

_REPEATS = 5


def _contender(name: str, work: Callable[[], Any], version: str) -> Contender:
    def measure() -> Sample:
        start = time.process_time()
        for _ in range(_REPEATS):
            work()
        return {"time_ms": 1e3 * (time.process_time() - start) / _REPEATS}

    work()
    return Contender(name, measure, version)


def _torch(inputs: FrameInputs) -> Contender:
    import torch

    network = edge_network()
    given = {
        name: torch.from_numpy(getattr(inputs, name))
        for name in (
            "rgb", "silhouette", "points", "point_mask", "state", "quality", "has_camera",
            "has_lidar",
        )
    }  # fmt: skip

    def work() -> None:
        with torch.inference_mode():
            image = network.camera(given["rgb"])
            if network.outline is not None:
                network.outline.frame(given["silhouette"])
            cloud = network.cloud(given["points"], given["point_mask"])
            network.frame(
                image, cloud, given["point_mask"], network.semantics(image), given["state"],
                given["quality"], given["has_camera"], given["has_lidar"],
            )  # fmt: skip

    return _contender("torch, eager, one thread", work, torch.__version__)


def build() -> Case:
    """Load both once."""
    import onnxruntime

    model, what = edge_model()
    inputs = prepare(instants(1)[0], model.input)
    graphs = encoder(model)._graphs

    def work() -> None:
        image, cloud = graphs.see(inputs)
        tokens = graphs.semantics(inputs, image, inputs.has_camera)
        graphs.fuse(inputs, image, cloud, tokens)

    peers: tuple[Contender, ...] = ()
    missing: tuple[Missing, ...] = ()
    try:
        peers = (_torch(inputs),)
    except UnavailableError as error:
        missing = (Missing("torch, eager, one thread", str(error)),)
    return Case(
        f"{NUM_TRACKS} track-frames as one batch, {what}; processor time per batch",
        _contender("ONNX Runtime, one thread", work, onnxruntime.__version__),
        peers,
        missing,
    )


BENCHMARK = Benchmark("emgaitnet_onnx", "EMGaitNet's frames by ONNX Runtime", build, promise=1.0)
