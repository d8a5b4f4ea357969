"""TensorRT on NVIDIA GPUs: engines from the cache or built once, then batches on one stream."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends import cuda
from gait_reid.core.backends.base import (
    Arrays,
    Backend,
    BackendConfig,
    BackendError,
    Graph,
    TensorSpec,
    batch_of,
    empty_outputs,
    fixed_shape,
    zeros,
)
from gait_reid.core.backends.engine_cache import EngineCache, EngineKey, default_folder
from gait_reid.core.backends.parity import check_parity
from gait_reid.core.backends.tensorrt_builder import (
    BuildOptions,
    build_engine,
    import_tensorrt,
    make_logger,
)

_log = logging.getLogger(__name__)
_DTYPES = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "INT8": np.int8,
    "INT32": np.int32,
    "INT64": np.int64,
}


@dataclass
class Gpu:
    """A CUDA device with the TensorRT that runs on it.

    Attributes:
        device: The device.
        trt: The module ``tensorrt``.
    """

    device: cuda.Device
    trt: ModuleType
    logger: Any = field(init=False)

    def __post_init__(self) -> None:
        self.logger = make_logger(self.trt)


def open_gpu(
    load_cuda: Callable[[], Any] = cuda.load_library,
    load_tensorrt: Callable[[], ModuleType] = import_tensorrt,
) -> Gpu:
    """Look for a device, and only then for TensorRT.

    Raises:
        BackendError: One of them is missing; says which.
    """
    try:
        device = cuda.Device(load_cuda)
    except cuda.CudaError as error:
        raise BackendError(f"no CUDA device can be used: {error}") from error
    try:
        return Gpu(device, load_tensorrt())
    except BackendError:
        device.close()
        raise


def provision(graph: Graph, config: BackendConfig, gpu: Gpu, reference: Graph) -> bytes:
    """Return the graph's engine for this device, built and compared if it is not cached.

    Args:
        graph: What is built.
        config: Precision, batch, cache.
        gpu: The device.
        reference: The 32-bit graph that a new engine has to agree with.

    Raises:
        BackendError: It cannot be built, or disagrees with ONNX Runtime; it is then not kept.
        OSError: The cache cannot be written.
    """
    cache = EngineCache(Path(config.engine_cache) if config.engine_cache else default_folder())
    options = BuildOptions(config.precision, config.max_batch, config.workspace_mib)
    key = _key(graph, options, gpu)

    def build() -> bytes:
        _log.info("building a TensorRT engine of %s for %s; minutes", graph.name, gpu.device.name)
        plan = build_engine(gpu.trt, graph, options, cache.timing_cache(key))
        candidate = TensorRtBackend(graph, plan, config.max_batch, gpu)
        try:
            check_parity(reference, candidate)
        finally:
            candidate.close()
        return plan

    plan, fresh = cache.get_or_build(key, build)
    if not fresh and not _loads(gpu, plan):
        cache.remove(key)
        plan, _ = cache.get_or_build(key, build)
    return plan


def open_tensorrt(graph: Graph, config: BackendConfig, gpu: Gpu, reference: Graph) -> Backend:
    """Return a backend of TensorRT; see `provision`."""
    return TensorRtBackend(graph, provision(graph, config, gpu, reference), config.max_batch, gpu)


def _key(graph: Graph, options: BuildOptions, gpu: Gpu) -> EngineKey:
    return EngineKey(
        graph_sha256=graph.sha256,
        tensorrt=str(gpu.trt.__version__),
        gpu=gpu.device.name,
        compute_capability=gpu.device.compute_capability,
        precision=options.precision,
        # Everything but the batch is fixed by the graph.
        shapes=f"batch {options.batches}",
        workspace_mib=options.workspace_mib,
    )


def _loads(gpu: Gpu, plan: bytes) -> bool:
    gpu.device.activate()
    return gpu.trt.Runtime(gpu.logger).deserialize_cuda_engine(plan) is not None


class TensorRtBackend:
    """Runs an engine; batches beyond the largest are run in turns.

    Attributes:
        description: Library and device.
        inputs: What ``run`` takes.
        outputs: What ``run`` gives.
    """

    def __init__(self, graph: Graph, plan: bytes, max_batch: int, gpu: Gpu) -> None:
        """Load an engine.

        Raises:
            BackendError: The engine does not fit this TensorRT or this device.
        """
        trt, self._gpu, self._graph, self._max_batch = gpu.trt, gpu, graph.name, max_batch
        gpu.device.activate()
        self._runtime = trt.Runtime(gpu.logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise BackendError(
                f"the engine of {graph.name} cannot be loaded by TensorRT {trt.__version__} on "
                f"{gpu.device.name}"
            )
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        given = [n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        self.inputs = tuple(self._spec(name) for name in given)
        self.outputs = tuple(self._spec(name) for name in names if name not in given)
        self._buffers = {name: cuda.Buffer(gpu.device) for name in names}
        self.description = f"TensorRT {trt.__version__}, {gpu.device.name}"

    def _spec(self, name: str) -> TensorSpec:
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in _DTYPES:
            raise BackendError(
                f"{self._graph}: tensor '{name}' has type {kind}, known: {', '.join(_DTYPES)}"
            )
        shape = [int(size) for size in self._engine.get_tensor_shape(name)]
        return TensorSpec(name, np.dtype(_DTYPES[kind]), fixed_shape(self._graph, name, shape))

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run a batch; see `Backend.run`."""
        batch = batch_of(self._graph, self.inputs, inputs)
        if not batch:
            return empty_outputs(self.outputs)
        starts = range(0, batch, self._max_batch)
        parts = [
            self._run({s.name: inputs[s.name][i : i + self._max_batch] for s in self.inputs})
            for i in starts
        ]
        if len(parts) == 1:
            return parts[0]
        return {s.name: np.concatenate([part[s.name] for part in parts]) for s in self.outputs}

    def _run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        device, context = self._gpu.device, self._context
        device.activate()
        for name, array in inputs.items():
            self._buffers[name].upload(array)
            context.set_input_shape(name, array.shape)
            context.set_tensor_address(name, self._buffers[name].address)
        batch = len(next(iter(inputs.values())))
        results = {s.name: np.empty((batch, *s.shape), s.dtype) for s in self.outputs}
        for name, array in results.items():
            context.set_tensor_address(name, self._buffers[name].reserve(array.nbytes))
        if not context.execute_async_v3(device.stream):
            raise BackendError(f"{self._graph}: TensorRT could not run a batch of {batch}")
        for name, array in results.items():
            device.download(self._buffers[name].address, array)
        device.synchronize()
        return results

    def warm_up(self, batch: int) -> None:
        """Run once with zeros."""
        self.run(zeros(self.inputs, batch))

    def close(self) -> None:
        """Release memory, context and engine."""
        self._gpu.device.activate()
        for buffer in self._buffers.values():
            buffer.release()
        self._context = self._engine = self._runtime = None
