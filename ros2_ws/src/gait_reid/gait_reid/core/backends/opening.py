"""Chooses the engine that graphs run on, and says why in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from gait_reid.core.backends.base import Backend, BackendConfig, BackendError, Graph
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend
from gait_reid.core.backends.tensorrt import Gpu, open_gpu, open_tensorrt

_log = logging.getLogger(__name__)


def open_backends(
    graphs: Mapping[str, Graph],
    config: BackendConfig,
    references: Mapping[str, Graph] | None = None,
    find_gpu: Callable[[], Gpu] = open_gpu,
) -> dict[str, Backend]:
    """Return a backend for each graph, all of one engine.

    Where TensorRT cannot be used, ONNX Runtime is, and one line of the log says why.

    Args:
        graphs: By the name they are asked for.
        config: Which engine, and how.
        references: The 32-bit graphs, when ``graphs`` are 16-bit ones.
        find_gpu: Finds device and TensorRT.

    Raises:
        BackendError: ONNX Runtime cannot run the graphs either.
    """
    known = references or graphs
    if config.engine != "onnxruntime":
        try:
            return _open_all(graphs, config, known, find_gpu())
        except (BackendError, OSError) as error:
            level = logging.WARNING if config.engine == "tensorrt" else logging.INFO
            _log.log(level, "ONNX Runtime is used, not TensorRT: %s", error)
    # 16-bit floats gain nothing on a CPU.
    return {name: OnnxRuntimeBackend(known[name], config.threads) for name in graphs}


def _open_all(
    graphs: Mapping[str, Graph], config: BackendConfig, references: Mapping[str, Graph], gpu: Gpu
) -> dict[str, Backend]:
    opened: dict[str, Backend] = {}
    try:
        for name, graph in graphs.items():
            opened[name] = open_tensorrt(graph, config, gpu, references[name])
    except BaseException:
        for backend in opened.values():
            backend.close()
        gpu.device.close()
        raise
    return opened
