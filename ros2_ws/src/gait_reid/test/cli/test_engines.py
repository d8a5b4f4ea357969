"""Building engines ahead of time, where there is a GPU and where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gait_reid.cli import engines
from gait_reid.cli.main import app
from gait_reid.core.backends.base import BackendError
from gait_reid.testing.models import write_model

pytest.importorskip("onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "tiny")
    return tmp_path


def build(folder: Path, *words: str) -> Result:
    arguments = ["build-engines", "tiny", "--model-directory", str(folder), *words]
    return CliRunner().invoke(app, arguments)


def test_without_a_device_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise BackendError("no CUDA device can be used: the CUDA driver cannot be loaded")

    monkeypatch.setattr(engines, "open_gpu", none)
    done = build(folder)
    assert done.exit_code == 1
    assert "error: no CUDA device can be used" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--precision", "fp8"), "'precision' is 'fp8', allowed: string \"fp32\" | \"fp16\""),
        (("--max-batch", "0"), "'max_batch' is 0"),
        (("--model-directory", "/nowhere"), "model_directory is /nowhere"),
    ],
)
def test_wrong_values_are_named(folder: Path, words: tuple[str, ...], message: str) -> None:
    done = build(folder, *words)
    assert done.exit_code == 1
    assert message in " ".join(done.output.split())


def test_every_graph_is_provisioned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[str, str, int]] = []

    def provision(graph: Any, config: Any, gpu: Any, reference: Any) -> bytes:
        assert reference.name == graph.name
        built.append((graph.name, config.engine_cache, config.max_batch))
        return b"p" * 2048

    device = SimpleNamespace(name="Orin")
    monkeypatch.setattr(engines, "open_gpu", lambda: SimpleNamespace(device=device))
    monkeypatch.setattr(engines, "provision", provision)
    done = build(folder, "--engine-cache", "/c", "--max-batch", "4")
    assert done.exit_code == 0, done.output
    graphs = ("camera", "cloud", "semantics", "frame", "sequence")
    assert built == [(f"tiny/{name}.onnx", "/c", 4) for name in graphs]
    assert "tiny/frame.onnx: 2 KiB for Orin" in done.output
    missing = build(folder, "--precision", "fp16")
    assert missing.exit_code == 1
    assert "has no 16-bit graphs" in " ".join(missing.output.split())
