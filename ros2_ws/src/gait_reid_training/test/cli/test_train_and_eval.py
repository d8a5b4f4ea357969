"""From simulated walks to a report, with the commands that users type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from typer.testing import CliRunner  # noqa: E402

from gait_reid.core.gallery.decision_config import Calibration  # noqa: E402
from gait_reid_sim.core.dataset.plan import read_plan  # noqa: E402
from gait_reid_sim.core.dataset.writer import write_dataset  # noqa: E402
from gait_reid_training.cli import evaluate, train  # noqa: E402
from gait_reid_training.training.checkpoint import read_checkpoint  # noqa: E402

PEOPLE = 16
CHANCE = 1.0 / PEOPLE
PLAN = f"""\
kind: dataset
seed: 5
identities: {{train: 24, validation: {PEOPLE}}}
modalities: [lidar]
frames: 5
rate_hz: 5
spread: 1.5
conditions:
  gallery: {{ranges_m: [8], views_deg: [90], outfits: [own], repeats: 2}}
  probe: {{ranges_m: [8], views_deg: [90], outfits: [own], repeats: 2}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walks of simulated people whom a LiDAR sees; nobody is in both splits."""
    root = tmp_path_factory.mktemp("walks")
    write_dataset(read_plan(PLAN), root)
    return root


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny configuration, trained to its end."""
    output = tmp_path_factory.mktemp("trained")
    result = CliRunner().invoke(
        train.app, ["-c", "tiny", "-o", str(output), "--set", f"data.folders=[{data}]"]
    )
    assert result.exit_code == 0, result.output
    return output


@pytest.mark.slow
def test_a_tiny_training_recognises_people_it_never_saw(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text(encoding="utf-8"))
    assert result["finished"]
    assert result["iteration"] == 60
    # After four batches it is about 0.4: clouds of random networks tell sizes apart.
    assert result["best"] > 9 * CHANCE
    assert read_checkpoint(trained).people[0] == "train-00000"
    assert list((trained / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_a_report_compares_and_calibrates(trained: Path, data: Path, tmp_path: Path) -> None:
    arguments = [
        "-k", f"tiny={trained}", "-k", f"last={trained / 'last.ckpt'}", "-m", "open_set",
        "-d", str(data), "--split", "validation", "-o", str(tmp_path), "--calibrate", "0.05",
        "--threads", "1",
    ]  # fmt: skip
    result = CliRunner().invoke(evaluate.app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["simulated"]
    figures = report["models"]["tiny"]["all_views"]
    assert figures["people"] == PEOPLE
    assert figures["overall"]["rank1"]["low"] > CHANCE
    # One checkpoint in two files: no difference at all.
    assert report["comparisons"][0]["rank1_difference"]["value"] == 0.0
    content = yaml.safe_load((tmp_path / "calibration_tiny.yaml").read_text(encoding="utf-8"))
    calibration = Calibration(**content["calibration"])
    assert 0.0 < calibration.max_distance < 2.0
    assert calibration.min_frames == 5
    assert content["accepted_strangers"] <= 0.05
    assert content["detection_rate"] > 0.05
    assert (tmp_path / "map_tiny.png").is_file()
    assert "simulated people" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_silhouettes_may_be_shown_as_coarse_as_live_ones(
    trained: Path, data: Path, tmp_path: Path
) -> None:
    arguments = [
        "-k", f"tiny={trained}", "-m", "open_set", "-d", str(data), "--split", "validation",
        "-o", str(tmp_path), "--threads", "1", "--silhouettes", "recorded", "--silhouettes",
        "motion", "--sensors", "camera,lidar", "--sensors", "lidar",
    ]  # fmt: skip
    result = CliRunner().invoke(evaluate.app, arguments)
    assert result.exit_code == 0, result.output
    models = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["models"]
    both = "tiny, camera + lidar"
    assert list(models) == [both, f"{both}, coarse silhouettes", "tiny, lidar"]
    maps = [models[name]["all_views"]["overall"]["map"]["value"] for name in models]
    assert len(set(maps)) == 1  # only a LiDAR saw these walks


@pytest.mark.slow
def test_mistakes_are_named(trained: Path, data: Path, tmp_path: Path) -> None:
    def refused(app: object, *arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "x")])
        assert result.exit_code == 2
        return " ".join(result.output.split())

    common = ["-k", str(trained), "-d", str(data)]
    assert "sustech1k finds 0 walks to enrol" in refused(
        evaluate.app, *common, "-m", "sustech1k", "--split", "validation"
    )
    assert "no walks of split 'test'" in refused(evaluate.app, *common, "-m", "cross_distance")
    assert "'radar' is not camera or lidar" in refused(
        evaluate.app, *common, "-m", "open_set", "--split", "validation", "--sensors", "radar"
    )
    assert "--silhouettes live: it is recorded or motion" in refused(
        evaluate.app, *common, "-m", "open_set", "--split", "validation", "--silhouettes", "live"
    )
    assert "use --split validation" in refused(
        evaluate.app, *common, "-m", "open_set", "--calibrate", "0.01"
    )
    assert "did you mean tiny.yaml" in refused(train.app, "-c", "tin.yaml")
    assert "'run.seeds' (value 2) does not exist, did you mean 'run.seed'" in refused(
        train.app, "-c", "tiny", "--set", "run.seeds=2"
    )
    assert "holds no walks" in refused(
        train.app, "-c", "tiny", "--set", f"data.folders=[{tmp_path}]"
    )
