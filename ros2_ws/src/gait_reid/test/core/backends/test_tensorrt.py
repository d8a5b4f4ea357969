"""The order of calls to CUDA and TensorRT, on host memory that plays the device.

The device's memory is this process' own, and an "engine" is an ONNX file that ONNX Runtime computes
between those addresses, so what is uploaded, run and downloaded is really looked at.
"""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gait_reid.core.backends import cuda
from gait_reid.core.backends import tensorrt as module
from gait_reid.core.backends.base import BackendConfig, BackendError, Graph
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend
from gait_reid.core.backends.opening import open_backends
from gait_reid.core.backends.tensorrt import Gpu, TensorRtBackend, open_gpu, provision
from gait_reid.testing.graphs import graph_of, masked_mean_graph

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
STREAM, CONTEXT = 0x57, 0xC0


class FakeCuda:
    """The driver's functions on host memory."""

    def __init__(self, devices: int = 1) -> None:
        self.devices = devices
        self.memory: dict[int, Any] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        action = type(self).__dict__[f"do_{name}"]

        def call(*arguments: Any) -> int:
            self.calls.append(name)
            return int(action(self, *arguments) or 0)

        return call

    def do_cuInit(self, flags: Any) -> int:  # noqa: N802
        return 0

    def do_cuDeviceGetCount(self, count: Any) -> None:  # noqa: N802
        count._obj.value = self.devices

    def do_cuDeviceGet(self, device: Any, ordinal: Any) -> None:  # noqa: N802
        device._obj.value = ordinal.value

    def do_cuDeviceGetName(self, text: Any, length: Any, device: Any) -> None:  # noqa: N802
        text.value = b"Orin"

    def do_cuDeviceGetAttribute(self, value: Any, number: Any, device: Any) -> None:  # noqa: N802
        value._obj.value = {75: 8, 76: 7}[number.value]

    def do_cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> None:  # noqa: N802
        context._obj.value = CONTEXT

    def do_cuCtxSetCurrent(self, context: Any) -> None:  # noqa: N802
        assert context.value == CONTEXT

    def do_cuStreamCreate(self, stream: Any, flags: Any) -> None:  # noqa: N802
        stream._obj.value = STREAM

    def do_cuMemAlloc_v2(self, address: Any, size: Any) -> int:  # noqa: N802
        if size.value > 1 << 20:
            return 2
        buffer = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(buffer)
        self.memory[address._obj.value] = buffer
        return 0

    def do_cuMemFree_v2(self, address: Any) -> None:  # noqa: N802
        del self.memory[address.value]

    def do_cuMemcpyHtoDAsync_v2(self, to: Any, source: Any, size: Any, stream: Any) -> None:  # noqa: N802
        assert stream.value == STREAM
        assert size.value <= len(self.memory[to.value])
        ctypes.memmove(to.value, source.value, size.value)

    def do_cuMemcpyDtoHAsync_v2(self, to: Any, source: Any, size: Any, stream: Any) -> None:  # noqa: N802
        assert stream.value == STREAM
        ctypes.memmove(to.value, source.value, size.value)

    def do_cuStreamSynchronize(self, stream: Any) -> None:  # noqa: N802
        assert stream.value == STREAM

    def do_cuStreamDestroy_v2(self, stream: Any) -> None:  # noqa: N802
        assert stream.value == STREAM

    def do_cuDevicePrimaryCtxRelease(self, device: Any) -> None:  # noqa: N802
        assert not self.memory, "device memory was not given back"

    def do_cuGetErrorString(self, status: Any, text: Any) -> None:  # noqa: N802
        text._obj.value = b"out of memory"


class FakeEngine:
    """An engine that ONNX Runtime computes; ``skew`` makes it wrong."""

    def __init__(self, plan: bytes, skew: float) -> None:
        self.backend = OnnxRuntimeBackend(Graph("plan", plan, ""), device="cpu")
        self.specs = [*self.backend.inputs, *self.backend.outputs]
        self.skew = skew
        self.num_io_tensors = len(self.specs)

    def get_tensor_name(self, number: int) -> str:
        return self.specs[number].name

    def _spec(self, name: str) -> Any:
        return next(spec for spec in self.specs if spec.name == name)

    def get_tensor_mode(self, name: str) -> str:
        return "in" if self._spec(name) in self.backend.inputs else "out"

    def get_tensor_dtype(self, name: str) -> Any:
        kinds = {"float32": "FLOAT", "bool": "BOOL"}
        return SimpleNamespace(name=kinds[str(self._spec(name).dtype)])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, *self._spec(name).shape)

    def create_execution_context(self) -> FakeContext:
        return FakeContext(self)


class FakeContext:
    """Runs only when every shape and every address was set."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == STREAM
        inputs = {}
        for spec in self.engine.backend.inputs:
            shape = self.shapes[spec.name]
            size = int(np.prod(shape)) * spec.dtype.itemsize
            raw = ctypes.string_at(self.addresses[spec.name], size)
            inputs[spec.name] = np.frombuffer(raw, spec.dtype).reshape(shape)
        for name, values in self.engine.backend.run(inputs).items():
            skewed = values + np.float32(self.engine.skew) * np.arange(values.size).reshape(
                values.shape
            ).astype(np.float32)
            ctypes.memmove(self.addresses[name], skewed.tobytes(), skewed.nbytes)
        return len(inputs[self.engine.backend.inputs[0].name]) < 100


def fake_tensorrt(skew: float = 0.0, loads: bool = True) -> Any:
    class Runtime:
        def __init__(self, logger: Any) -> None:
            pass

        def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
            return FakeEngine(plan, skew) if loads else None

    return SimpleNamespace(
        __version__="10.3.0",
        ILogger=type("ILogger", (), {"__init__": lambda self: None}),
        Runtime=Runtime,
        TensorIOMode=SimpleNamespace(INPUT="in"),
    )


GRAPH = graph_of(masked_mean_graph())


@pytest.fixture
def driver() -> FakeCuda:
    return FakeCuda()


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    built: list[str] = []

    def build(trt: Any, graph: Graph, options: Any, timing: Path | None) -> bytes:
        built.append(options.precision)
        return graph.content

    monkeypatch.setattr(module, "build_engine", build)
    return built


def gpu(driver: FakeCuda, **options: Any) -> Gpu:
    return open_gpu(lambda: driver, lambda: fake_tensorrt(**options))


def walk(batch: int) -> dict[str, Any]:
    rng = np.random.default_rng(batch)
    points = rng.normal(size=(batch, 8, 3)).astype(np.float32)
    return {"points": points, "mask": rng.random((batch, 8)) < 0.5}


def test_batches_go_through_the_device_in_turns(driver: FakeCuda) -> None:
    found = gpu(driver)
    assert (found.device.name, found.device.compute_capability) == ("Orin", "8.7")
    backend = TensorRtBackend(GRAPH, GRAPH.content, 4, found)
    assert backend.description == "TensorRT 10.3.0, Orin"
    reference = OnnxRuntimeBackend(GRAPH)
    assert (backend.inputs, backend.outputs) == (reference.inputs, reference.outputs)
    for batch, turns in ((1, 1), (4, 1), (9, 3), (2, 1), (0, 0)):
        driver.calls.clear()
        expected = reference.run(walk(batch))["feature"]
        np.testing.assert_allclose(backend.run(walk(batch))["feature"], expected, atol=1e-6)
        assert driver.calls.count("cuStreamSynchronize") == turns
    held = len(driver.memory)
    assert held == 3
    backend.warm_up(4)
    assert len(driver.memory) == held
    backend.close()
    found.device.close()


def test_what_fails_on_the_device_is_named(driver: FakeCuda) -> None:
    backend = TensorRtBackend(GRAPH, GRAPH.content, 200, gpu(driver))
    with pytest.raises(BackendError, match="TensorRT could not run a batch of 150"):
        backend.run(walk(150))
    large = graph_of(masked_mean_graph(points=100_000))
    wide = TensorRtBackend(large, large.content, 4, gpu(driver))
    with pytest.raises(cuda.CudaError, match=r"cuMemAlloc_v2 failed .* 2 \(out of memory\)"):
        wide.warm_up(1)
    with pytest.raises(BackendError, match="the engine of test/graph.onnx cannot be loaded by"):
        TensorRtBackend(GRAPH, GRAPH.content, 4, gpu(driver, loads=False))


def test_an_engine_is_built_compared_and_kept(
    driver: FakeCuda, builds: list[str], tmp_path: Path
) -> None:
    config = BackendConfig(engine_cache=str(tmp_path))
    for _ in range(2):
        opened = open_backends({"a": GRAPH}, config, find_gpu=lambda: gpu(driver))
        assert opened["a"].description == "TensorRT 10.3.0, Orin"
    assert builds == ["fp32"]
    half = BackendConfig(engine_cache=str(tmp_path), precision="fp16")
    open_backends({"a": GRAPH}, half, find_gpu=lambda: gpu(driver))
    assert builds == ["fp32", "fp16"]


def test_an_engine_that_disagrees_is_not_kept(
    driver: FakeCuda, builds: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = BackendConfig(engine="tensorrt", engine_cache=str(tmp_path))
    opened = open_backends({"a": GRAPH}, config, find_gpu=lambda: gpu(driver, skew=0.5))
    assert opened["a"].description.startswith("ONNX Runtime")
    (line,) = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert "ONNX Runtime is used, not TensorRT: test/graph.onnx: output 'feature'" in line
    assert "at least 0.999 is wanted" in line
    assert not list(tmp_path.glob("*.plan"))


def test_an_engine_that_no_longer_loads_is_built_again(
    driver: FakeCuda, builds: list[str], tmp_path: Path
) -> None:
    config = BackendConfig(engine_cache=str(tmp_path))
    provision(GRAPH, config, gpu(driver), GRAPH)
    with pytest.raises(BackendError, match="cannot be loaded"):
        provision(GRAPH, config, gpu(driver, loads=False), GRAPH)
    assert builds == ["fp32", "fp32"]


def test_a_device_is_looked_for_before_tensorrt() -> None:
    def never() -> Any:
        raise AssertionError("TensorRT was imported without a device")

    with pytest.raises(BackendError, match="CUDA device 0 is wanted, but there are 0"):
        open_gpu(lambda: FakeCuda(devices=0), never)
    assert cuda.device_count(lambda: FakeCuda(devices=2)) == 2


def test_a_cache_that_cannot_be_written_costs_the_engine_alone(
    driver: FakeCuda, builds: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    config = BackendConfig(engine="tensorrt", engine_cache=str(tmp_path / "file" / "engines"))
    opened = open_backends({"a": GRAPH}, config, find_gpu=lambda: gpu(driver))
    assert opened["a"].description.startswith("ONNX Runtime")
    assert "Not a directory" in caplog.text
