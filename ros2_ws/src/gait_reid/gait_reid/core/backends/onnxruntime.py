"""ONNX Runtime: the embedded default, and the reference that others are compared with."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends import cuda
from gait_reid.core.backends.base import (
    Arrays,
    BackendError,
    Graph,
    TensorSpec,
    batch_of,
    empty_outputs,
    fixed_shape,
    zeros,
)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class OnnxRuntimeBackend:
    """Runs a graph with ONNX Runtime, on the CPU with a bounded number of threads.

    Attributes:
        description: Library and device.
        inputs: What ``run`` takes.
        outputs: What ``run`` gives.
    """

    def __init__(self, graph: Graph, threads: int = 1, device: str = "auto") -> None:
        """Load a graph.

        Args:
            graph: The graph.
            threads: Threads of one run on the CPU; they sleep between runs.
            device: ``cpu``, or ``auto``: a CUDA device where there is one and this build of the
                library can use it.

        Raises:
            BackendError: The library is missing, or the graph is broken or has open sizes.
        """
        library = _library(graph)
        self._graph = graph.name
        use_cuda = device != "cpu" and _CUDA in library.get_available_providers()
        providers = [_CUDA, _CPU] if use_cuda and cuda.device_count() else [_CPU]
        try:
            self._session: Any = library.InferenceSession(
                graph.content, _options(library, threads), providers=providers
            )
        except Exception as error:  # The library's own exceptions have no common base.
            reason = str(error).strip().splitlines()[0]
            raise BackendError(
                f"{graph.name} cannot be loaded by ONNX Runtime {library.__version__}: {reason}"
            ) from error
        self.description = f"ONNX Runtime {library.__version__}, {self._device(threads)}"
        self.inputs = tuple(_spec(graph.name, one) for one in self._session.get_inputs())
        self.outputs = tuple(_spec(graph.name, one) for one in self._session.get_outputs())

    def _device(self, threads: int) -> str:
        if _CUDA in self._session.get_providers():
            return "CUDA"
        return f"{threads} thread{'s' if threads > 1 else ''}"

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run a batch; see `Backend.run`."""
        if not batch_of(self._graph, self.inputs, inputs):
            return empty_outputs(self.outputs)
        feed = {spec.name: inputs[spec.name] for spec in self.inputs}
        names = [spec.name for spec in self.outputs]
        return dict(zip(names, self._session.run(names, feed)))

    def warm_up(self, batch: int) -> None:
        """Run once with zeros."""
        self.run(zeros(self.inputs, batch))

    def close(self) -> None:
        """Release the session."""
        self._session = None


def _library(graph: Graph) -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendError(
            f"{graph.name} needs ONNX Runtime, which cannot be imported ({error}); "
            "install it: python3 -m pip install onnxruntime"
        ) from error
    return onnxruntime


def _options(library: ModuleType, threads: int) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin between runs take the cores that sensors and tracking need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _spec(graph: str, node: Any) -> TensorSpec:
    if node.type not in _DTYPES:
        raise BackendError(
            f"{graph}: tensor '{node.name}' has type {node.type}, known are "
            f"{', '.join(sorted(_DTYPES))}"
        )
    dtype = np.dtype(_DTYPES[node.type])
    return TensorSpec(node.name, dtype, fixed_shape(graph, node.name, node.shape))
