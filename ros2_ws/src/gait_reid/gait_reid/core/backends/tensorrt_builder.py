"""Builds TensorRT engines from ONNX, with what TensorRT has had from 8.6 to 11.4.

Precision lives in the graph: networks are strongly typed where TensorRT knows that (10 and later;
11 knows nothing else), and a graph of 16-bit floats gives a 16-bit engine. TensorRT 8.6 needs the
FP16 flag for that. The device must have been looked for before: without one, TensorRT's own
``Builder`` and ``Runtime`` fail in ways that Python cannot catch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gait_reid.core.backends.base import BackendError, Graph, fixed_shape
from gait_reid.core.backends.files import store_atomically

_log = logging.getLogger(__name__)
_MEBIBYTE = 1024 * 1024
_NO_PROFILE = -1
_TYPED, _EXPLICIT = "STRONGLY_TYPED", "EXPLICIT_BATCH"


@dataclass(frozen=True)
class BuildOptions:
    """How an engine is built.

    Attributes:
        precision: ``fp32`` or ``fp16``: that of the graph.
        max_batch: Largest batch; engines are tuned for a quarter of it.
        workspace_mib: Memory for the tactics that are tried.
    """

    precision: str = "fp32"
    max_batch: int = 16
    workspace_mib: int = 256

    @property
    def batches(self) -> tuple[int, int, int]:
        """Least, usual and largest batch of the optimisation profile."""
        return 1, max(1, self.max_batch // 4), self.max_batch


def import_tensorrt() -> ModuleType:
    """Return the module.

    Raises:
        BackendError: It cannot be imported; says where it comes from.
    """
    try:
        import tensorrt
    except Exception as error:  # A wrong libnvinfer raises more than ImportError.
        raise BackendError(
            f"TensorRT cannot be imported ({error}); on a Jetson it comes with JetPack "
            "(apt-get install python3-libnvinfer), elsewhere from NVIDIA (pip install tensorrt)"
        ) from error
    return tensorrt


def make_logger(trt: ModuleType) -> Any:
    """Return a logger of TensorRT that writes to Python's logging."""
    levels = {
        "INTERNAL_ERROR": logging.ERROR,
        "ERROR": logging.ERROR,
        "WARNING": logging.WARNING,
    }

    class _Logger(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            level = levels.get(severity.name, logging.DEBUG)
            if level == logging.ERROR:
                self.errors.append(message)
            _log.log(level, "TensorRT: %s", message)

    return _Logger()


def build_engine(
    trt: ModuleType, graph: Graph, options: BuildOptions, timing_cache: Path | None = None
) -> bytes:
    """Return a serialised engine.

    Args:
        trt: The module ``tensorrt``.
        graph: The network; batch open, everything else fixed.
        options: How to build.
        timing_cache: File of measured tactics that is used and brought up to date, or None.

    Raises:
        BackendError: The graph cannot be parsed or built; names the graph and TensorRT's reason.
    """
    logger = make_logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph.content):
        reasons = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise BackendError(
            f"{graph.name} cannot be parsed by TensorRT {trt.__version__}: {reasons}"
        )
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib * _MEBIBYTE)
    if options.precision == "fp16" and not _has(trt.NetworkDefinitionCreationFlag, _TYPED):
        config.set_flag(trt.BuilderFlag.FP16)
    _add_profile(graph, builder, network, config, options)
    cache = _use_timing_cache(config, timing_cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        reasons = "; ".join(logger.errors) or "no reason given"
        raise BackendError(f"{graph.name} cannot be built by TensorRT {trt.__version__}: {reasons}")
    if timing_cache is not None and cache is not None:
        store_atomically(timing_cache, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def _has(enumeration: Any, name: str) -> bool:
    return hasattr(enumeration, name)


def _network_flags(trt: ModuleType) -> int:
    # 8.6 needs the one and lacks the other; 11 is the other way round.
    known = trt.NetworkDefinitionCreationFlag
    return sum(1 << int(getattr(known, name)) for name in (_TYPED, _EXPLICIT) if _has(known, name))


def _add_profile(
    graph: Graph, builder: Any, network: Any, config: Any, options: BuildOptions
) -> None:
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        tensor = network.get_input(number)
        sizes = [int(size) for size in tensor.shape]
        rest = fixed_shape(
            graph.name, tensor.name, [sizes[0], *(_open(size) for size in sizes[1:])]
        )
        profile.set_shape(tensor.name, *((batch, *rest) for batch in options.batches))
    # Nothing is raised for a profile that contradicts itself.
    if config.add_optimization_profile(profile) == _NO_PROFILE:
        raise BackendError(f"{graph.name}: TensorRT refuses batches {options.batches}")


def _open(size: int) -> int | str:
    return size if size >= 0 else "?"


def _use_timing_cache(config: Any, path: Path | None) -> Any:
    if path is None:
        return None
    content = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(content)
    if cache is None or not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache
