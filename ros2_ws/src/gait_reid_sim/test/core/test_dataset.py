from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gait_reid.core.types import Modality
from gait_reid_common.testing import wait_until
from gait_reid_sim.cli.simulate import app
from gait_reid_sim.core.dataset.plan import DatasetPlan, read_plan
from gait_reid_sim.core.dataset.shard import Shard
from gait_reid_sim.core.dataset.writer import (
    DatasetBusyError,
    DatasetExistsError,
    _alone,
    contact_sheet,
    folder_hash,
    write_dataset,
)
from gait_reid_sim.core.scene.yaml_lines import ScenarioError

PLAN = """\
kind: dataset
identities: {train: 2, test: [zoe]}
frames: 3
image_height: 64
conditions:
  day: {ranges_m: [10, 30], outfits: [ordinary, coat]}
"""


@pytest.fixture(scope="module")
def plan() -> DatasetPlan:
    return read_plan(PLAN)


@pytest.fixture(scope="module")
def written(plan: DatasetPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    write_dataset(plan, root)
    return root


def test_tracklets_are_what_a_tracker_would_hand_on(written: Path) -> None:
    shard = Shard(written / "train" / "train-00000")
    assert [row["range_m"] for row in shard.tracklets] == [10, 10, 30, 30]
    near, far = shard.tracklet(0), shard.tracklet(2)
    assert len(near) == len(far) == 3
    crop = near.crops[1]
    assert crop.modality == Modality.CAMERA | Modality.LIDAR
    assert crop.image is not None
    assert crop.image.shape == (64, 32, 3)
    assert crop.silhouette is not None
    assert 0.08 < (crop.silhouette > 0).mean() < 0.6
    assert crop.points is not None
    assert np.linalg.norm((crop.points.mean(axis=0) - crop.position)[:2]) < 0.3
    assert crop.quality.num_points > 4 * far.crops[1].quality.num_points
    assert near.crops[1].stamp_ns - near.crops[0].stamp_ns == 100_000_000
    assert shard.part("radar", 0).shape[1] == 5
    assert isinstance(shard.array("points"), np.memmap)


def test_manifest_and_sheet(written: Path, plan: DatasetPlan) -> None:
    manifest = json.loads((written / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["simulated"] is True
    assert [p["person_id"] for p in manifest["splits"]["test"]] == ["zoe"]
    assert manifest["splits"]["test"][0]["sha256"] == folder_hash(written / "test" / "zoe")
    sheet = contact_sheet(plan, written, "train")
    assert sheet is not None
    assert sheet.shape == (256, 512, 3)
    assert sheet.std() > 20.0


def test_resumes_to_the_same_bytes_with_other_workers(
    written: Path, plan: DatasetPlan, tmp_path: Path
) -> None:
    write_dataset(plan, tmp_path, workers=2)
    names = ["train/train-00000", "train/train-00001", "test/zoe"]
    assert [folder_hash(written / n) for n in names] == [folder_hash(tmp_path / n) for n in names]
    untouched = (tmp_path / names[0] / "points.npy").stat().st_mtime_ns
    for file in (tmp_path / names[1]).iterdir():
        file.unlink()
    (tmp_path / names[1]).rmdir()
    calls: list[tuple[int, int]] = []
    write_dataset(plan, tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(2, 3), (3, 3)]
    assert (tmp_path / names[0] / "points.npy").stat().st_mtime_ns == untouched
    assert folder_hash(tmp_path / names[1]) == folder_hash(written / names[1])


_KILLED = """\
import multiprocessing, os, signal, sys
from pathlib import Path
from gait_reid_sim.core.dataset.plan import read_plan
from gait_reid_sim.core.dataset.writer import write_dataset

def kill(done, total):
    if done:
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    write_dataset(read_plan(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), 2, kill)
"""


def test_workers_end_with_a_killed_run_and_the_folder_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN.replace("train: 2", "train: 40"), encoding="utf-8")
    (tmp_path / "run.py").write_text(_KILLED, encoding="utf-8")
    root = tmp_path / "set"
    command = [sys.executable, tmp_path / "run.py", tmp_path / "plan.yaml", root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        workers = [int(word) for word in run.stdout.readline().split()]
        assert len(workers) == 2
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 60.0)
    written = len(list((root / "train").glob("*[0-9]")))
    assert written < 40
    with _alone(root), pytest.raises(DatasetBusyError, match="another process writes"):
        write_dataset(read_plan(PLAN), root)
    with pytest.raises(DatasetExistsError):
        write_dataset(read_plan(PLAN), root)


def test_another_plan_is_refused(written: Path) -> None:
    other = read_plan(PLAN.replace("frames: 3", "frames: 4"))
    with pytest.raises(DatasetExistsError, match="another plan"):
        write_dataset(other, written)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("test: [zoe]", "test: [zoe], validation: [zoe]", "identity 'zoe' is already in test"),
        ("test: [zoe]", "test: [train-00001]", "identity 'train-00001' is already in train"),
        ("outfits: [ordinary", "outfits: [armour", r"p:6: .*outfits\[0\]: is 'armour'"),
        ("ranges_m: [10,", "ranges_m: [-3,", r"p:6: .*is -3, allowed: 1.5 to 120"),
        ("kind: dataset", "kind: movie", "p:1: kind: is 'movie', allowed: dataset"),
        ("[zoe]", '["../zoe"]', r"p:2: identities.test\[0\]: is '../zoe', allowed: letters"),
        ("[zoe]", '[""]', r"p:2: identities.test\[0\]: is ''"),
        ("{train: 2, test: [zoe]}", "{train: 0}", "p:2: identities: names nobody"),
        ("frames: 3", "frames: 2.5", "p:3: frames: is 2.5, expected a whole number"),
        ("  day:", "  a/b:", "p:6: conditions.a/b: is 'a/b', allowed: letters"),
        ("ranges_m: [10, 30]", "ranges_m: []", r"p:6: .*ranges_m: is an empty list"),
        ("ranges_m: [10, 30]", "ranges_m: [10, 10.0]", r"p:6: .*ranges_m\[1\]: is 10.0, which"),
        ("  day: {", "  - {", r"p:5: conditions: is \[.*expected a mapping of names"),
        ("  day: {", "  day: {takes: odd, ", "p:6: conditions.day.takes: is for recorded gait"),
    ],
)  # fmt: skip
def test_bad_plans_are_refused_with_their_line(old: str, new: str, message: str) -> None:
    assert old in PLAN
    with pytest.raises(ScenarioError, match=message):
        read_plan(PLAN.replace(old, new, 1), "p")


def test_command_writes_and_reports(tmp_path: Path) -> None:
    scenario = tmp_path / "tiny.yaml"
    text = PLAN.replace("{train: 2, test: [zoe]}", "{test: [zoe]}").replace("[10, 30]", "[10]")
    scenario.write_text(text.replace("[ordinary, coat]", "[own]"), encoding="utf-8")
    runner = CliRunner()
    done = runner.invoke(app, [str(scenario), "-o", str(tmp_path / "out"), "-j", "1"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "contact_sheet_test.png").stat().st_size > 1000
    assert runner.invoke(app, [str(scenario)]).exit_code == 2
    listing = runner.invoke(app, ["--list"])
    assert "entrance" in listing.output
    assert runner.invoke(app, ["nowhere"]).exit_code == 2
