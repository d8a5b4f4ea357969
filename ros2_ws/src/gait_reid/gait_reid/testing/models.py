"""A tiny model with the graphs of EMGaitNet, made by hand: for tests that need no training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gait_reid.testing.graphs import graph_bytes, write_model_folder

IMAGE, POINTS, CELLS, WIDTH, FRAMES, PARTS, DIM = (8, 8), 5, 4, 6, 12, 2, 3
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


def write_model(
    folder: Path, seed: int = 0, change: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a model into a folder that bears its name; return what ``model.yaml`` holds.

    Args:
        folder: Made when it is not there.
        seed: Of the weights.
        change: Entries of ``model.yaml`` that differ; None removes one.
    """
    content = {
        "network": "emgaitnet", "frames": FRAMES, "min_frames": 4,
        "training_data": "none: random weights",
        "input": {"image_size": list(IMAGE), "num_points": POINTS},
        "calibration": {"max_distance": 0.75, "min_frames": 6},
    }  # fmt: skip
    graphs = {
        name: graph_bytes(name, *one, _constants(name, seed)) for name, one in _GRAPHS.items()
    }
    return write_model_folder(folder, content, graphs, change)


def _constants(name: str, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng([seed, *name.encode()])
    return {
        "weight": rng.normal(size=_SHAPES[name]).astype(np.float32),
        "one": np.array([1], np.int64), "two": np.array([2], np.int64),
        "rows": np.array([2, 4], np.int64), "scale": np.array(255.0, np.float32),
        "cells": np.array([-1, CELLS, WIDTH], np.int64),
        "tokens": np.array([-1, 5, WIDTH], np.int64), "parts": np.array([-1, PARTS, DIM], np.int64),
    }  # fmt: skip
