"""Parts of networks as ONNX graphs: batch open, every other size fixed (opset 18)."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel
from torch import Tensor, nn

from gait_reid.core.backends.base import Graph
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend
from gait_reid.core.models import ModelError
from gait_reid_training.nets.attention import MASKED

OPSET = 18
TOLERANCE = 1e-4
_BATCH = 3  # of the example: other than every other size, and than the 1 that exporters fold


@dataclass(frozen=True)
class Part:
    """One graph to be exported.

    Attributes:
        name: Of the graph.
        function: What it computes, of the inputs in order.
        inputs: Example of each input, by name.
        outputs: Names.
    """

    name: str
    function: Callable[..., Any]
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]


class Examples:
    """Inputs that are the same each time, a batch of each.

    Args:
        seed: Of the generator.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Return numbers around zero."""
        return torch.randn(_BATCH, *shape, generator=self._generator)

    def pixels(self, *size: int) -> Tensor:
        """Return pictures of channels, rows and columns; the last one is black: not there."""
        shape = (_BATCH, *size)
        pictures = torch.randint(0, 256, shape, generator=self._generator).to(torch.uint8)
        pictures[-1] = 0
        return pictures

    def mask(self, *shape: int) -> Tensor:
        """Return flags of which the first is set, and most others are."""
        mask = torch.rand(_BATCH, *shape, generator=self._generator) < 0.8
        mask[:, 0] = True
        return mask

    def flags(self) -> Tensor:
        """Return one flag of each row."""
        return torch.tensor([True, False, True])


class _Wrapped(nn.Module):
    """Makes a module of a method, whose weights the exporter can see."""

    def __init__(self, network: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def export_part(network: nn.Module, part: Part) -> bytes:
    """Return the ONNX file of a part, checked by ONNX's own checker.

    Raises:
        ModelError: The graph gives something else than the network.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _Wrapped(network, part.function),
            tuple(part.inputs.values()),
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            opset_version=OPSET,
            dynamic_shapes=_open_batch(part, batch),
            verbose=False,
            dynamo=True,
            external_data=False,
        )
    assert program is not None  # the dynamo exporter returns one
    file = io.BytesIO()
    program.save(file)
    return tidy(file.getvalue())


def _open_batch(part: Part, batch: Any) -> tuple[tuple[dict[int, Any], ...]]:
    return (tuple({0: batch} for _ in part.inputs),)


def tidy(content: bytes) -> bytes:
    """Return an ONNX file without what names the exporter's own source, checked."""
    model = onnx.load_model_from_string(content)
    for holder in (model, model.graph, *model.graph.node, *model.functions):
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
        if hasattr(holder, "doc_string"):
            holder.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    for constant in model.graph.initializer:
        del constant.metadata_props[:]
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def check_parity(part: Part, graph: Graph) -> float:
    """Return the largest difference between graph and network over batches of 1 and more.

    Raises:
        ModelError: It is larger than 1e-4 of the output's scale.
    """
    backend = OnnxRuntimeBackend(graph, device="cpu")
    worst = 0.0
    for rows in (slice(0, 1), slice(0, _BATCH)):
        inputs = {name: value[rows] for name, value in part.inputs.items()}
        with torch.no_grad():
            wanted = part.function(*inputs.values())
        found = backend.run({name: value.numpy() for name, value in inputs.items()})
        several = wanted if isinstance(wanted, tuple) else (wanted,)
        for name, values in zip(part.outputs, several):
            there = values[values > 0.5 * MASKED]  # what stands for nothing has no scale
            scale = max(1.0, float(there.abs().max()) if there.numel() else 0.0)
            error = float(np.abs(found[name] - values.numpy()).max()) / scale
            worst = max(worst, error)
            if not error <= TOLERANCE:
                raise ModelError(
                    f"{graph.name}: output '{name}' differs from the network by {error:.1e}, "
                    f"at most {TOLERANCE} is wanted"
                )
    return worst


def float_types(content: bytes) -> set[str]:
    """Return the types of the floating-point constants of an ONNX file."""
    model = onnx.load_model_from_string(content)
    kinds = {onnx.TensorProto.DataType.Name(one.data_type) for one in model.graph.initializer}
    return kinds & {"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"}


def halved(content: bytes) -> bytes:
    """Return an ONNX file whose arithmetic is in 16 bits; inputs and outputs stay 32 bits."""
    model = convert_float_to_float16(onnx.load_model_from_string(content), keep_io_types=True)
    # The converter appends the casts of inputs and outputs at the end.
    OnnxModel.graph_topological_sort(model.graph)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and warnings about itself from the screen."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, levels):
            one.setLevel(level)
