"""ONNX Runtime behind the protocol of backends."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gait_reid.core.backends.base import BackendConfig, BackendError, Graph
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend
from gait_reid.core.backends.opening import open_backends
from gait_reid.core.backends.tensorrt import open_gpu
from gait_reid.testing.graphs import graph_of, identity_graph, masked_mean_graph

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

WEIGHT = 2.0 * np.arange(12, dtype=np.float32).reshape(3, 4) / 12.0


@pytest.fixture
def backend() -> OnnxRuntimeBackend:
    return OnnxRuntimeBackend(graph_of(masked_mean_graph()))


def walk(batch: int) -> dict[str, Any]:
    rng = np.random.default_rng(batch)
    return {
        "points": rng.normal(size=(batch, 8, 3)).astype(np.float32),
        "mask": rng.random((batch, 8)) < 0.5,
    }


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_batch_gives_what_the_graph_says(backend: OnnxRuntimeBackend, batch: int) -> None:
    inputs = walk(batch)
    weights = inputs["mask"][..., None].astype(np.float32)
    mean = (inputs["points"] * weights).sum(axis=1) / (weights.sum(axis=1) + np.float32(1e-3))
    np.testing.assert_allclose(backend.run(inputs)["feature"], mean @ WEIGHT, atol=1e-5)


def test_an_empty_batch_gives_empty_outputs(backend: OnnxRuntimeBackend) -> None:
    assert backend.run(walk(0))["feature"].shape == (0, 4)
    backend.warm_up(3)
    assert [(s.name, s.shape, s.dtype) for s in backend.outputs] == [("feature", (4,), np.float32)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": None}, "input 'mask' is missing, given are points"),
        ({"points": np.zeros((2, 9, 3), np.float32)}, r"'points' is float32 \(2, 9, 3\), expected"),
        ({"points": np.zeros((2, 8, 3))}, "'points' is float64"),
        ({"mask": np.zeros((1, 8), bool)}, r"inputs have batches \[1, 2\]"),
    ],
)
def test_wrong_inputs_are_named(
    backend: OnnxRuntimeBackend, change: dict[str, Any], words: str
) -> None:
    inputs = {name: one for name, one in {**walk(2), **change}.items() if one is not None}
    with pytest.raises(BackendError, match=words):
        backend.run(inputs)


def test_broken_and_open_graphs_are_named() -> None:
    whole = graph_of(masked_mean_graph())
    with pytest.raises(BackendError, match="test/graph.onnx cannot be loaded by ONNX Runtime"):
        OnnxRuntimeBackend(Graph(whole.name, whole.content[:200], whole.sha256))
    with pytest.raises(BackendError, match="'x' has shape .*expected an open batch and fixed"):
        OnnxRuntimeBackend(graph_of(identity_graph(["batch", "frames"])))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendError, match="needs ONNX Runtime.*pip install onnxruntime"):
        OnnxRuntimeBackend(graph_of(masked_mean_graph()))


def threads_of_this_process() -> int:
    return len(os.listdir("/proc/self/task"))


@pytest.mark.parametrize(("threads", "more"), [(1, 0), (3, 2)])
def test_threads_are_bounded(threads: int, more: int) -> None:
    graph = graph_of(masked_mean_graph())
    OnnxRuntimeBackend(graph).run(walk(2))
    before = threads_of_this_process()
    backend = OnnxRuntimeBackend(graph, threads)
    backend.run(walk(2))
    assert threads_of_this_process() - before == more
    assert f"{threads} thread" in backend.description


def no_cuda() -> Any:
    from gait_reid.core.backends.cuda import CudaError

    raise CudaError("the CUDA driver cannot be loaded (libcuda.so.1: no such file)")


def never() -> Any:
    raise AssertionError("TensorRT was touched before a device was found")


@pytest.mark.parametrize(("engine", "level"), [("auto", "INFO"), ("tensorrt", "WARNING")])
def test_without_a_device_onnx_runtime_runs_and_one_line_says_why(
    engine: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    graphs = {name: graph_of(masked_mean_graph()) for name in ("camera", "cloud")}
    opened = open_backends(
        graphs, BackendConfig(engine=engine), find_gpu=lambda: open_gpu(no_cuda, never)
    )
    assert {one.description.split()[0] for one in opened.values()} == {"ONNX"}
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        (
            level,
            "ONNX Runtime is used, not TensorRT: no CUDA device can be used: the CUDA driver "
            "cannot be loaded (libcuda.so.1: no such file)",
        )
    ]


def test_onnx_runtime_alone_looks_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    find: Callable[[], Any] = never
    graphs = {"camera": graph_of(masked_mean_graph())}
    open_backends(graphs, BackendConfig(engine="onnxruntime"), find_gpu=find)
    assert caplog.records == []


def test_16_bit_graphs_are_for_gpus_alone() -> None:
    half = {"x": graph_of(masked_mean_graph(half=True), "half")}
    single = {"x": graph_of(masked_mean_graph(), "single")}
    opened = open_backends(half, BackendConfig(engine="onnxruntime"), single)
    inputs = walk(2)
    reference = OnnxRuntimeBackend(single["x"]).run(inputs)["feature"]
    np.testing.assert_array_equal(opened["x"].run(inputs)["feature"], reference)
