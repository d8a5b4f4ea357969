"""Small ONNX graphs made by hand, for tests that need no trained network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gait_reid.core.backends.base import Graph

OPSET = 18


def graph_of(model: Any, name: str = "test/graph.onnx") -> Graph:
    """Return an ONNX model as a graph of the run time."""
    content = model.SerializeToString()
    return Graph(name, content, hashlib.sha256(content).hexdigest())


def graph_bytes(
    name: str, signature: str, body: str, constants: Mapping[str, np.ndarray[Any, Any]]
) -> bytes:
    """Return an ONNX file written in ONNX's textual form.

    Args:
        name: Of the graph.
        signature: Its inputs and outputs.
        body: Its nodes.
        constants: What nodes may take; those that none takes are left out.
    """
    from onnx import checker, numpy_helper, parser

    head = f'<ir_version: 10, opset_import: ["" : {OPSET}]>'
    model = parser.parse_model(f"{head}\n{name} {signature} {{\n{body}\n}}")
    used = {one for node in model.graph.node for one in node.input}
    for key in sorted(used & set(constants)):
        model.graph.initializer.append(numpy_helper.from_array(constants[key], key))
    checker.check_model(model)
    return bytes(model.SerializeToString())


def write_model_folder(
    folder: Path,
    content: Mapping[str, Any],
    graphs: Mapping[str, bytes],
    change: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a model into a folder that bears its name; return what ``model.yaml`` holds.

    Args:
        folder: Made when it is not there.
        content: Entries of ``model.yaml``; name, licence and graphs are added.
        graphs: ONNX files by name.
        change: Entries that differ; None removes one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, data in graphs.items():
        (folder / f"{name}.onnx").write_bytes(data)
        files[name] = {"file": f"{name}.onnx", "sha256": hashlib.sha256(data).hexdigest()}
    whole = {
        "schema": 1, "name": folder.name, "licence": "Apache-2.0", **content, "graphs": files,
        **(change or {}),
    }  # fmt: skip
    whole = {key: value for key, value in whole.items() if value is not None}
    (folder / "model.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    return whole


def masked_mean_graph(
    points: int = 8, width: int = 4, scale: float = 2.0, half: bool = False
) -> Any:
    """Return a model: the mean of the points that a mask names, times a matrix.

    Inputs ``points`` (batch, points, 3) float32 and ``mask`` (batch, points) bool; output
    ``feature`` (batch, width) float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    kind, dtype = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    weight = (scale * np.arange(3 * width).reshape(3, width) / (3 * width)).astype(dtype)
    constants = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.array([1], np.int64), "frames"),
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array(1e-3, dtype), "little"),
    ]
    nodes = [
        helper.make_node("Cast", ["points"], ["values"], to=kind),
        helper.make_node("Cast", ["mask"], ["weights"], to=kind),
        helper.make_node("Unsqueeze", ["weights", "last"], ["wide"]),
        helper.make_node("Mul", ["values", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "frames"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["wide", "frames"], ["number"], keepdims=0),
        helper.make_node("Add", ["number", "little"], ["safe"]),
        helper.make_node("Div", ["sum", "safe"], ["mean"]),
        helper.make_node("MatMul", ["mean", "weight"], ["product"]),
        helper.make_node("Cast", ["product"], ["feature"], to=TensorProto.FLOAT),
    ]
    inputs = [
        helper.make_tensor_value_info("points", TensorProto.FLOAT, ["batch", points, 3]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, ["batch", points]),
    ]
    outputs = [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", width])]
    return _model(nodes, inputs, outputs, constants)


def identity_graph(shape: Sequence[int | str], op: str = "Identity") -> Any:
    """Return a model of one node from float32 ``x`` to ``y``, both of a shape with its batch."""
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name in "xy"]
    return _model([helper.make_node(op, ["x"], ["y"])], values[:1], values[1:], [])


def _model(nodes: Any, inputs: Any, outputs: Any, constants: Any) -> Any:
    from onnx import checker, helper

    graph = helper.make_graph(nodes, "test", inputs, outputs, constants)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    checker.check_model(model)
    return model
