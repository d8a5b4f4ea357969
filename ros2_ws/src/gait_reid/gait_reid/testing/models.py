"""A tiny model with the graphs of EMGaitNet, made by hand: for tests that need no training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

IMAGE, POINTS, CELLS, WIDTH, FRAMES, PARTS, DIM = (8, 8), 5, 4, 6, 12, 2, 3
_HEAD = '<ir_version: 10, opset_import: ["" : 18]>'
_GRAPHS = {
    "camera": (
        f"(uint8[batch,3,8,8] rgb) => (float[batch,{CELLS},{WIDTH}] image)",
        """values = Cast<to=1>(rgb)
           flat = Flatten(values)
           small = Div(flat, scale)
           wide = MatMul(small, weight)
           image = Reshape(wide, cells)""",
    ),
    "cloud": (
        f"(float[batch,{POINTS},4] points, bool[batch,{POINTS}] point_mask)"
        f" => (float[batch,{POINTS},{WIDTH}] cloud)",
        """kept = Cast<to=1>(point_mask)
           last = Unsqueeze(kept, two)
           wide = MatMul(points, weight)
           cloud = Mul(wide, last)""",
    ),
    "semantics": (
        f"(float[batch,{CELLS},{WIDTH}] image) => (float[batch,5,{WIDTH}] semantics)",
        """middle = ReduceMean<keepdims=0>(image, one)
           wide = MatMul(middle, weight)
           semantics = Reshape(wide, tokens)""",
    ),
    "frame": (
        f"(float[batch,{CELLS},{WIDTH}] image, float[batch,{POINTS},{WIDTH}] cloud,"
        f" bool[batch,{POINTS}] point_mask, float[batch,4] state, float[batch,6] quality,"
        f" bool[batch] has_camera, bool[batch] has_lidar, float[batch,5,{WIDTH}] semantics)"
        f" => (float[batch,{CELLS},{WIDTH}] fused, float[batch,{WIDTH}] cloud_mean,"
        " float[batch,2] gates)",
        """kept = Cast<to=1>(point_mask)
           last = Unsqueeze(kept, two)
           masked = Mul(cloud, last)
           cloud_mean = ReduceMean<keepdims=0>(masked, one)
           token = ReduceMean<keepdims=1>(semantics, one)
           told = MatMul(state, weight)
           row = Unsqueeze(told, one)
           a = Add(image, token)
           b = Add(a, row)
           c = Unsqueeze(cloud_mean, one)
           fused = Add(b, c)
           camera = Cast<to=1>(has_camera)
           lidar = Cast<to=1>(has_lidar)
           first = Unsqueeze(camera, one)
           second = Unsqueeze(lidar, one)
           present = Concat<axis=1>(first, second)
           figures = Gather<axis=1>(quality, rows)
           gates = Mul(present, figures)""",
    ),
    "sequence": (
        f"(float[batch,{CELLS},{WIDTH}] pooled, float[batch,{FRAMES},{WIDTH}] cloud_means,"
        f" bool[batch,{FRAMES}] frame_mask) => (float[batch,{PARTS},{DIM}] embedding)",
        """kept = Cast<to=1>(frame_mask)
           last = Unsqueeze(kept, two)
           masked = Mul(cloud_means, last)
           total = ReduceSum<keepdims=0>(masked, one)
           number = ReduceSum<keepdims=1>(kept, one)
           mean = Div(total, number)
           top = ReduceMean<keepdims=0>(pooled, one)
           both = Add(top, mean)
           wide = MatMul(both, weight)
           embedding = Reshape(wide, parts)""",
    ),
}
_SHAPES = {
    "camera": (192, CELLS * WIDTH),
    "cloud": (4, WIDTH),
    "semantics": (WIDTH, 5 * WIDTH),
    "frame": (4, WIDTH),
    "sequence": (WIDTH, PARTS * DIM),
}


def graph_bytes(name: str, seed: int = 0) -> bytes:
    """Return one of the graphs as an ONNX file."""
    from onnx import checker, numpy_helper, parser

    signature, body = _GRAPHS[name]
    model = parser.parse_model(f"{_HEAD}\n{name} {signature} {{\n{body}\n}}")
    rng = np.random.default_rng([seed, *name.encode()])
    constants: dict[str, np.ndarray[Any, Any]] = {
        "weight": rng.normal(size=_SHAPES[name]).astype(np.float32),
        "one": np.array([1], np.int64), "two": np.array([2], np.int64),
        "rows": np.array([2, 4], np.int64), "scale": np.array(255.0, np.float32),
        "cells": np.array([-1, CELLS, WIDTH], np.int64),
        "tokens": np.array([-1, 5, WIDTH], np.int64), "parts": np.array([-1, PARTS, DIM], np.int64),
    }  # fmt: skip
    used = {one for node in model.graph.node for one in node.input}
    for key in sorted(used & set(constants)):
        model.graph.initializer.append(numpy_helper.from_array(constants[key], key))
    checker.check_model(model)
    return bytes(model.SerializeToString())


def write_model(
    folder: Path, seed: int = 0, change: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a model into a folder that bears its name; return what ``model.yaml`` holds.

    Args:
        folder: Made when it is not there.
        seed: Of the weights.
        change: Entries of ``model.yaml`` that differ; None removes one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "schema": 1, "name": folder.name, "network": "emgaitnet", "frames": FRAMES,
        "min_frames": 4, "licence": "Apache-2.0", "training_data": "none: random weights",
        "input": {"image_size": list(IMAGE), "num_points": POINTS},
        "calibration": {"max_distance": 0.75, "min_frames": 6},
        "graphs": {},
    }  # fmt: skip
    for name in _GRAPHS:
        data = graph_bytes(name, seed)
        (folder / f"{name}.onnx").write_bytes(data)
        entry = {"file": f"{name}.onnx", "sha256": hashlib.sha256(data).hexdigest()}
        content["graphs"][name] = entry
    content.update(change or {})
    content = {key: value for key, value in content.items() if value is not None}
    (folder / "model.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return content
