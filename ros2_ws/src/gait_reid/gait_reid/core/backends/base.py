"""What every engine of exported networks does: named arrays in, named arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gait_reid_common.parameters import param, validate

Arrays = Mapping[str, npt.NDArray[Any]]


class BackendError(RuntimeError):
    """A graph cannot be run; the message names the graph, what was found, and the fix."""


@dataclass(frozen=True)
class BackendConfig:
    """Parameters of running a network."""

    engine: str = param(
        "auto",
        "auto: TensorRT where it and a CUDA device are, else ONNX Runtime",
        choices=("auto", "onnxruntime", "tensorrt"),
        read_only=True,
    )
    precision: str = param(
        "fp32",
        "Precision of the graphs; fp16 needs a model that was exported with it",
        choices=("fp32", "fp16"),
        read_only=True,
    )
    threads: int = param(1, "Threads of ONNX Runtime on the CPU", "", 1, 64, read_only=True)
    max_batch: int = param(
        16, "Most tracks in one run of TensorRT; more are run in turns", "", 1, 256, read_only=True
    )
    workspace_mib: int = param(
        256, "Memory that TensorRT may use while it builds", "MiB", 16, 16384, read_only=True
    )
    engine_cache: str = param(
        "",
        "Folder of built TensorRT engines; empty: ~/.cache/gait_reid/engines",
        read_only=True,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Graph:
    """One exported network.

    Attributes:
        name: For messages, for example ``emgaitnet-edge/camera.onnx``.
        content: The ONNX file.
        sha256: Of the content, hexadecimal.
    """

    name: str
    content: bytes
    sha256: str


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a graph.

    Attributes:
        name: In the graph.
        dtype: Of the elements.
        shape: Without the leading batch dimension.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Backend(Protocol):
    """A loaded graph, used by one thread at a time.

    Attributes:
        description: Engine and device in words, for logs and diagnostics.
        inputs: What ``run`` takes.
        outputs: What ``run`` gives.
    """

    description: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run a batch; every array has the batch as its first dimension, which may be 0.

        Raises:
            BackendError: An input is missing, or has another type or shape than the graph's.
        """

    def warm_up(self, batch: int) -> None:
        """Run once with zeros, so that the first real batch is not slow."""

    def close(self) -> None:
        """Release memory; the backend cannot be used any more."""


def batch_of(graph: str, specs: Sequence[TensorSpec], inputs: Arrays) -> int:
    """Check the inputs of a run and return the batch.

    Raises:
        BackendError: Names the graph, the input and what it should be.
    """
    sizes = set()
    for spec in specs:
        array = inputs.get(spec.name)
        if array is None:
            raise BackendError(
                f"{graph}: input '{spec.name}' is missing, given are {', '.join(sorted(inputs))}"
            )
        if array.dtype != spec.dtype or array.shape[1:] != spec.shape or not array.ndim:
            raise BackendError(
                f"{graph}: input '{spec.name}' is {array.dtype} {array.shape}, "
                f"expected {spec.dtype} with shape (batch, {', '.join(map(str, spec.shape))})"
            )
        sizes.add(len(array))
    if len(sizes) != 1:
        raise BackendError(f"{graph}: inputs have batches {sorted(sizes)}, expected one")
    return sizes.pop()


def empty_outputs(specs: Sequence[TensorSpec]) -> dict[str, npt.NDArray[Any]]:
    """Return the outputs of an empty batch."""
    return {spec.name: np.zeros((0, *spec.shape), spec.dtype) for spec in specs}


def zeros(specs: Sequence[TensorSpec], batch: int) -> dict[str, npt.NDArray[Any]]:
    """Return inputs of zeros."""
    return {spec.name: np.zeros((batch, *spec.shape), spec.dtype) for spec in specs}


def fixed_shape(graph: str, name: str, shape: Sequence[Any]) -> tuple[int, ...]:
    """Return a tensor's shape without its batch.

    Raises:
        BackendError: A dimension other than the first one is open.
    """
    rest = tuple(shape[1:])
    if not shape or not all(isinstance(size, int) and size >= 0 for size in rest):
        raise BackendError(
            f"{graph}: tensor '{name}' has shape {list(shape)}, expected an open batch and fixed "
            "sizes after it; export the model again with gait-reid export-model"
        )
    return rest
