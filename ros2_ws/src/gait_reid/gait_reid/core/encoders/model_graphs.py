"""What every encoder needs that runs the graphs of a model."""

from __future__ import annotations

from collections.abc import Mapping

from gait_reid.core.backends.base import Backend, BackendConfig, Graph
from gait_reid.core.backends.opening import open_backends
from gait_reid.core.models import Model, ModelError


def open_graphs(model: Model, config: BackendConfig) -> dict[str, Backend]:
    """Return a backend for each graph of a model.

    Raises:
        ModelError: The model has no graphs of the wanted precision.
        BackendError: Graphs cannot be run.
    """
    return open_backends(graphs_for(model, config.precision), config, model.graphs)


def graphs_for(model: Model, precision: str) -> Mapping[str, Graph]:
    """Return the graphs of a precision.

    Raises:
        ModelError: The model has none.
    """
    if precision == "fp32":
        return model.graphs
    if not model.half_graphs:
        raise ModelError(
            f"precision is fp16, but model {model.description.name} has no 16-bit graphs; use "
            "fp32, or export it again with --half"
        )
    return model.half_graphs


def output_shape(backend: Backend, name: str) -> tuple[int, ...]:
    """Return the shape of an output without its batch.

    Raises:
        ModelError: There is no such output.
    """
    for one in backend.outputs:
        if one.name == name:
            return one.shape
    have = ", ".join(one.name for one in backend.outputs)
    raise ModelError(f"output '{name}' is missing among {have}; export the model again")


def check_shapes(
    model: Model, backends: Mapping[str, Backend], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ModelError unless tensors of these names have these shapes in every graph."""
    for graph, backend in backends.items():
        for tensor in (*backend.inputs, *backend.outputs):
            if wanted.get(tensor.name, tensor.shape) != tensor.shape:
                raise ModelError(
                    f"{model.folder / graph}.onnx: '{tensor.name}' has shape {tensor.shape}, "
                    f"model.yaml and the other graphs say {wanted[tensor.name]}; export the model "
                    "again"
                )
