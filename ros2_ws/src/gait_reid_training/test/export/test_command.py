"""``gait-reid export-model``: what it reads, what it hands on, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("lightning")

from typer.testing import CliRunner, Result  # noqa: E402

from gait_reid.core.gallery.decision_config import Calibration  # noqa: E402
from gait_reid_training.cli.export import app  # noqa: E402
from gait_reid_training.evaluation.calibration import CalibrationResult  # noqa: E402
from gait_reid_training.export import model_folder  # noqa: E402
from gait_reid_training.nets.registry import build_network  # noqa: E402
from gait_reid_training.training.checkpoint import entry  # noqa: E402
from gait_reid_training.training.config import make_experiment  # noqa: E402

SETTINGS: dict[str, Any] = {
    "image_size": [16, 8], "num_points": 12, "channels": [4, 4, 8, 8], "map_columns": 1,
    "point_widths": [8, 8], "k": 4, "dim": 16, "heads": 2, "ffn": 16, "parts": 4,
    "embedding_dim": 8, "semantics": "student", "towers_file": "none",
}  # fmt: skip
PEOPLE = ("p-ada", "p-bob")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    values = {f"network.{key}": value for key, value in SETTINGS.items()}
    experiment = make_experiment(
        {
            "network.name": "emgaitnet", **values, "input.image_size": [16, 8],
            "input.num_points": 12, "data.folders": ["walks"], "run.seed": 7,
        }
    )  # fmt: skip
    network = build_network("emgaitnet", experiment.settings, len(PEOPLE))
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    path = tmp_path / "best.ckpt"
    torch.save({"gait_reid": entry(experiment, PEOPLE, 40), "state_dict": state}, path)
    return path


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def export(*arguments: Any) -> Any:
        calls.append(arguments)
        return SimpleNamespace(model_id="mine-0123")

    monkeypatch.setattr(model_folder, "export_model", export)
    return calls


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_training_is_handed_on_with_its_thresholds(
    checkpoint: Path, handed: list[Any], tmp_path: Path
) -> None:
    thresholds = tmp_path / "calibration.yaml"
    CalibrationResult(Calibration(max_distance=0.7), 0.01, 0.01, 0.8, 0.0, 9, 90).save(thresholds)
    done = run(
        "--checkpoint", tmp_path, "-o", tmp_path / "mine", "--calibration", thresholds,
        "--frames", "24", "--half", "--recorded-people",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "mine-0123" in done.output
    ((network, config, folder, calibration, options),) = handed
    assert (network.config.dim, config.num_points, folder.name) == (16, 12, "mine")
    assert calibration == Calibration(max_distance=0.7)
    assert (options.frames, options.half, options.simulated) == (24, True, False)
    assert options.training_data == "Trained on 2 people of walks."
    assert options.training["iterations"] == 40
    assert options.training["seed"] == 7
    assert options.training["network.name"] == "emgaitnet"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--checkpoint", "/nowhere.ckpt"), "checkpoint /nowhere.ckpt does not exist"),
        (("--calibration", "/nowhere.yaml"), "/nowhere.yaml holds no thresholds"),
        (("--report", "/nowhere"), "is no report of gait-reid eval"),
    ],
)
def test_what_cannot_be_read_is_named(
    checkpoint: Path, handed: list[Any], words: tuple[str, str], message: str
) -> None:
    given = {"--checkpoint": str(checkpoint), "-o": str(checkpoint.parent / "mine")}
    given[words[0]] = words[1]
    done = run(*(word for pair in given.items() for word in pair))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert handed == []
