"""``gait-reid eval`` of networks between radar and camera, on walks of a moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from small_sets import write_set  # noqa: E402
from test_mission_npy import write  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from gait_reid_training.cli import evaluate, evaluate_cross_modal  # noqa: E402
from gait_reid_training.cli.export import read_calibration  # noqa: E402
from gait_reid_training.data.mission_npy import read_mission  # noqa: E402
from gait_reid_training.data.mission_walks import MissionWalks  # noqa: E402
from gait_reid_training.evaluation.cross_modal.outcomes import MODES  # noqa: E402
from gait_reid_training.evaluation.cross_modal.scores import Scores  # noqa: E402
from gait_reid_training.evaluation.cross_modal.sources import RecordedPairs  # noqa: E402
from gait_reid_training.evaluation.cross_modal.walks import CrossModalWalks  # noqa: E402
from gait_reid_training.nets.mission.registry import build_cross_modal_network  # noqa: E402
from gait_reid_training.training.checkpoint import KEY, entry  # noqa: E402
from gait_reid_training.training.config import make_experiment  # noqa: E402

PEOPLE = tuple("abcdef")
SMALL = {"width": 4, "dim": 16, "lstm_width": 8, "lstm_layers": 1}
MISSION = {**SMALL, "inner": 8, "tokens": [4, 2]}
SIZES = {"input.image_size": [32, 16], "radar_input.num_points": 16}

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A room with radar and a door with a camera; the same people walk in both."""
    root = tmp_path_factory.mktemp("walks")
    people = {"test": PEOPLE, "validation": tuple("ghijkl")}
    radar = write_set(root / "room", people, 4, camera=False, lidar=False, radar=True)
    return str(radar), str(write_set(root / "door", people, 4, lidar=False))


def checkpoint(path: Path, name: str, settings: dict, folders: tuple[str, str]) -> str:
    """Write a checkpoint of a network that has learnt nothing."""
    torch.manual_seed(3)
    data = {"data.folders": [folders[0]], "data.camera_folders": [folders[1]]}
    network = {"network.name": name, **{f"network.{key}": one for key, one in settings.items()}}
    experiment = make_experiment({**network, **SIZES, **data})
    weights = build_cross_modal_network(name, settings).state_dict()
    state = {f"network.{key}": value for key, value in weights.items()}
    torch.save({KEY: entry(experiment, ("a", "z"), 7), "state_dict": state}, path)
    return f"{name}={path}"


@pytest.fixture(scope="module")
def networks(folders: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Mission, a network that compares no pairs, and one that estimates poses only."""
    root = tmp_path_factory.mktemp("networks")
    kinds = (("mission", MISSION), ("ptl", SMALL), ("mmmesh", SMALL))
    return [checkpoint(root / f"{one}.ckpt", one, some, folders) for one, some in kinds]


def run(networks: list[str], output: Path, *arguments: str) -> object:
    """Run the command."""
    named = [part for one in networks for part in ("-k", one)]
    return CliRunner().invoke(evaluate.app, [*named, "-o", str(output), *arguments])


def test_several_modes_and_networks_make_one_report(
    folders: tuple[str, str], networks: list[str], tmp_path: Path
) -> None:
    modes = [part for mode in MODES for part in ("-m", mode)]
    sets = ["-d", folders[0], "--vision", folders[1]]
    limits = ["--shortlist", "5", "--by-frames", "2", "--records", "2", "--threads", "1"]
    result = run(networks, tmp_path, *modes, *sets, *limits)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["modes"] == list(MODES)
    assert (report["queries"], report["records"]) == (18, 12)
    assert report["data"] == ["room", "door"]
    models = report["models"]
    assert list(models["mission"]["modes"]) == list(models["ptl"]["modes"]) == list(MODES)
    assert models["mmmesh"]["modes"] == {}
    pairwise = models["mission"]["modes"]["pairwise"]
    assert pairwise["compares"] == "pairs"
    assert models["ptl"]["modes"]["pairwise"]["compares"] == "walks one by one"
    assert pairwise["people"] == 6
    assert list(pairwise["scenes"]) == ["all", "far", "near", "night"]
    assert list(pairwise["by_gallery_size"]) == ["6"]
    assert set(pairwise["groups"]["people"]) == {"learnt from", "held out"}
    assert list(models["mission"]["by_frames"]) == ["2", "4"]
    assert sorted(models["mission"]["poses"]) == ["radar_alone", "radar_fused", "root"]
    assert sorted(models["mmmesh"]["poses"]) == ["radar_alone", "root"]
    assert models["mmmesh"]["poses"]["root"]["identities"] == 6
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "released_compat (leaks identity)" in text


def scores_that(right: float, wrong: float) -> Callable[..., Scores]:
    """Return what stands for a network that gives such distances, with a little noise."""

    def scores_of(network: object, walks: CrossModalWalks, *_: object) -> Scores:
        same = walks.radar.person_id[:, None] == walks.vision.person_id[None]
        noise = 0.05 * np.random.default_rng(0).random(same.shape)
        distances = np.where(same, right, wrong) + noise
        return Scores(distances, distances, distances)

    return scores_of


def test_thresholds_are_measured_on_one_split_and_tried_on_another(
    networks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_cross_modal, "scores_of", scores_that(0.5, 0.9))
    quick = ["-m", "two_stage", "--no-poses", "--shortlist", "9"]
    first = run(networks[:1], tmp_path / "a", *quick, "--split", "validation", "--calibrate", "0.1")
    assert first.exit_code == 0, first.output
    file = tmp_path / "a" / "calibration_mission_two_stage.yaml"
    assert not read_calibration(file).may_confirm  # likely people are candidates, never names
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert content["accepted_strangers"] <= 0.1
    assert content["calibration"]["min_frames"] == 4
    assert 0.85 < content["calibration"]["max_distance"] < 0.95
    second = run(networks[:1], tmp_path / "b", *quick, "--thresholds", str(tmp_path / "a"))
    assert second.exit_code == 0, second.output
    report = json.loads((tmp_path / "b" / "report.json").read_text(encoding="utf-8"))
    tried = report["models"]["mission"]["modes"]["two_stage"]["calibrated"]
    assert tried["max_distance"] == content["calibration"]["max_distance"]
    assert tried["detection_rate"] > 0.9
    third = run(networks[:1], tmp_path / "c", "-m", "pairwise", "--thresholds", str(tmp_path / "a"))
    assert third.exit_code == 2
    assert "has none of calibration_mission_pairwise.yaml" in " ".join(third.output.split())


def test_a_network_that_tells_nobody_apart_gets_a_report_without_thresholds(
    networks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_cross_modal, "scores_of", scores_that(0.9, 0.5))
    quick = ["-m", "pairwise", "--no-poses", "--split", "validation", "--calibrate", "0.1"]
    result = run(networks[:1], tmp_path, *quick)
    assert result.exit_code == 0, result.output
    assert "mission, pairwise: no thresholds" in " ".join(result.output.split())
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    entry_of = report["models"]["mission"]["modes"]["pairwise"]
    assert "no walk is nearest to a walk of the same person" in entry_of["calibration"]["error"]
    assert not list(tmp_path.glob("calibration_*.yaml"))


def test_mistakes_are_named(networks: list[str], folders: tuple[str, str], tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        result = run(networks[:1], tmp_path / "x", *arguments)
        assert result.exit_code == 2
        return " ".join(result.output.split())

    assert "'pair' does not exist, known are cross_distance" in refused("-m", "pair")
    assert "only pairwise, unimodal, two_stage, released_compat go together" in refused(
        "-m", "pairwise", "-m", "open_set"
    )
    assert "use --split validation" in refused("-m", "pairwise", "--calibrate", "0.1")
    assert "--calibrate needs" in refused("-m", "released_compat", "--calibrate", "0.1")
    assert "holds no walks" in refused(
        "-m", "pairwise", "-d", folders[0], "--vision", folders[1] + "x"
    )
    assert "compares a camera's walk with a radar's" in refused(
        "-m", "open_set", "-d", folders[1], "--split", "test"
    )


def test_published_records_are_not_compared_with_themselves(tmp_path: Path) -> None:
    records = MissionWalks(read_mission(write(tmp_path / "published")))
    walks = CrossModalWalks(RecordedPairs(records, 20), same_recordings=True)
    # Records are of p2, p1, p2, p3: who has one record is left out.
    assert walks.excluded == ["p1", "p3"]
    assert walks.radar.person_id.tolist() == walks.vision.person_id.tolist() == ["p2", "p2"]
    assert walks.allowed.tolist() == [[False, True], [True, False]]
    # The first record is shown with the pictures of the third, and the third with its.
    assert torch.equal(walks.vision_batch([1], 4).rgb, records.batch([0], 4, None).vision.rgb)
    assert torch.equal(walks.radar_batch([1], 4).points, records.batch([2], 4, None).radar.points)
