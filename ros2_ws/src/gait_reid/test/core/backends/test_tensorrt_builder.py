"""TensorRT's own parser and builder, without a GPU: ./run setup --tensorrt."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gait_reid.core.backends import tensorrt as runtime_module
from gait_reid.core.backends import tensorrt_builder
from gait_reid.core.backends.base import BackendError, Graph
from gait_reid.core.backends.tensorrt_builder import BuildOptions, build_engine, import_tensorrt
from gait_reid.testing.graphs import graph_of, identity_graph, masked_mean_graph

pytest.importorskip("onnx")

# What the bindings of 8.6.1, 10.3.0, 10.13.0, 10.16.1 and 11.4.0 all have, of the classes in use.
EVERYWHERE = {
    "trt": {
        "BuilderFlag", "Builder", "ILogger", "MemoryPoolType", "NetworkDefinitionCreationFlag",
        "OnnxParser", "Runtime", "TensorIOMode", "__version__",
    },
    "builder": {
        "build_serialized_network", "create_builder_config", "create_network",
        "create_optimization_profile",
    },
    "config": {
        "add_optimization_profile", "create_timing_cache", "get_timing_cache", "set_flag",
        "set_memory_pool_limit", "set_timing_cache",
    },
    "network": {"get_input", "num_inputs"},
    "parser": {"get_error", "num_errors", "parse"},
    "profile": {"set_shape"},
    "tensor": {"name", "shape"},
    "engine": {
        "create_execution_context", "get_tensor_dtype", "get_tensor_mode", "get_tensor_name",
        "get_tensor_shape", "num_io_tensors",
    },
    "context": {"execute_async_v3", "set_input_shape", "set_tensor_address"},
    "runtime": {"deserialize_cuda_engine"},
}  # fmt: skip
CLASSES = {
    "builder": "Builder", "config": "IBuilderConfig", "network": "INetworkDefinition",
    "parser": "OnnxParser", "profile": "IOptimizationProfile", "tensor": "ITensor",
    "engine": "ICudaEngine", "context": "IExecutionContext", "runtime": "Runtime",
}  # fmt: skip
OWN_CONFIG = {"precision", "max_batch", "workspace_mib", "engine_cache"}


def names_in_use(module: Any) -> Iterator[tuple[str, str]]:
    """Yield (variable, attribute) for every attribute of TensorRT's objects in a module."""
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if not isinstance(node, ast.Attribute):
            continue
        holder = node.value
        name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
        name = name.lstrip("_")
        if name in EVERYWHERE and not (name == "config" and node.attr in OWN_CONFIG):
            yield name, node.attr


@pytest.mark.parametrize("module", [tensorrt_builder, runtime_module])
def test_only_names_that_every_supported_version_has(module: Any) -> None:
    found = set(names_in_use(module))
    assert len(found) > 5
    assert {
        (name, attribute) for name, attribute in found if attribute not in EVERYWHERE[name]
    } == (set())


@pytest.fixture(scope="module")
def trt() -> ModuleType:
    try:
        return import_tensorrt()
    except BackendError as error:
        pytest.skip(f"{error}; for tests: ./run setup --tensorrt")


def test_this_version_has_all_of_them(trt: ModuleType) -> None:
    for variable, names in EVERYWHERE.items():
        holder = trt if variable == "trt" else getattr(trt, CLASSES[variable])
        assert {name for name in names if not hasattr(holder, name)} == set()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_graph_is_parsed_and_built(trt: ModuleType, tmp_path: Path, precision: str) -> None:
    graph = graph_of(masked_mean_graph(half=precision == "fp16"))
    timing = tmp_path / "tactics.timing"
    plan = build_engine(trt, graph, BuildOptions(precision, max_batch=6), timing)
    assert len(plan) > 1000
    assert timing.stat().st_size > 0
    timing.write_bytes(b"damaged")
    assert len(build_engine(trt, graph, BuildOptions(precision, max_batch=6), timing)) > 1000


def test_what_cannot_be_built_is_named(trt: ModuleType) -> None:
    whole = graph_of(masked_mean_graph())
    with pytest.raises(BackendError, match="broken.onnx cannot be parsed by TensorRT .*parse"):
        build_engine(trt, Graph("broken.onnx", whole.content[:100], ""), BuildOptions())
    with pytest.raises(BackendError, match="'x' has shape .* expected an open batch and fixed"):
        build_engine(trt, graph_of(identity_graph(["batch", "frames"])), BuildOptions())
    with pytest.raises(BackendError, match="cannot be parsed by TensorRT"):
        build_engine(trt, graph_of(identity_graph(["batch", 4, 4], op="Det")), BuildOptions())


def test_without_the_library_it_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendError, match="python3-libnvinfer.*pip install tensorrt"):
        import_tensorrt()


@pytest.mark.parametrize(
    ("known", "flags"),
    [
        ({"EXPLICIT_BATCH": 0}, 1),
        ({"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}, 3),
        ({"STRONGLY_TYPED": 1}, 2),
    ],
    ids=["8.6", "10", "11"],
)
def test_networks_are_strongly_typed_where_that_is_known(known: dict[str, int], flags: int) -> None:
    trt: Any = SimpleNamespace(NetworkDefinitionCreationFlag=SimpleNamespace(**known))
    assert tensorrt_builder._network_flags(trt) == flags


@pytest.mark.parametrize(("largest", "batches"), [(1, (1, 1, 1)), (16, (1, 4, 16))])
def test_engines_are_tuned_for_a_quarter_of_the_largest_batch(
    largest: int, batches: tuple[int, int, int]
) -> None:
    assert BuildOptions(max_batch=largest).batches == batches
