from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from simulated_people import write_takes

from gait_reid_common.testing import shared_data
from gait_reid_sim.core.dataset.plan import DatasetPlan, load_plan, read_plan
from gait_reid_sim.core.dataset.record import walks_of
from gait_reid_sim.core.dataset.writer import write_dataset
from gait_reid_sim.core.gait.recording import load_recording
from gait_reid_sim.core.gait.retarget import measure_gait
from gait_reid_sim.core.scene.yaml_lines import ScenarioError

PLAN = """\
kind: dataset
identities: {test: all}
recorded_gait: {bodies: own}
within_spread: 0
modalities: [lidar]
frames: 3
conditions:
  gallery: {ranges_m: [10], views_deg: [0, 90], takes: odd}
  day: {ranges_m: [20, 30], views_deg: [45], takes: even}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("takes")
    write_takes(folder, {"07": 3, "35": 1})
    return folder


def plan_of(folder: Path, old: str = "", new: str = "") -> DatasetPlan:
    assert old in PLAN
    return read_plan(PLAN.replace(old, new, 1), "p", "p", folder)


def test_subjects_are_identities_and_takes_are_walks(folder: Path) -> None:
    plan = plan_of(folder)
    assert plan.identities == {"test": ("subject-07", "subject-35")}
    walks = walks_of(plan, "subject-07")
    assert [w.take for w in walks] == ["07_01.npz", "07_03.npz", "07_02.npz", "07_02.npz"]
    # A subject with one take is in the gallery only: no probe shows a take that is enrolled.
    assert [w.condition.name for w in walks_of(plan, "subject-35")] == ["gallery", "gallery"]


def test_own_body_has_the_recorded_stature_and_gait(folder: Path) -> None:
    plan = plan_of(folder)
    recorded = measure_gait(load_recording(folder / "07_02.npz"))
    person = plan.person("subject-07", "07_02.npz")
    assert person.shape.stature_m == pytest.approx(recorded.stature_m, abs=1e-6)
    assert person.gait.stride_m == pytest.approx(recorded.gait.stride_m)
    assert person.gait.cadence_steps_min == pytest.approx(recorded.gait.cadence_steps_min)


def test_equal_bodies_differ_in_gait_alone(folder: Path) -> None:
    plan = plan_of(folder, "own", "[one, two]")
    names = ["subject-07-in-one", "subject-07-in-two", "subject-35-in-one", "subject-35-in-two"]
    assert plan.identities["test"] == tuple(names)
    first, other, second, _ = (plan.person(name) for name in names)
    assert np.array_equal(first.shape.vertices, second.shape.vertices)
    assert not np.array_equal(first.shape.vertices, other.shape.vertices)
    assert np.array_equal(first.gait.knee_curve, other.gait.knee_curve)
    assert not np.allclose(first.gait.knee_curve, second.gait.knee_curve)


def test_written_set_names_the_takes_and_knows_other_files(folder: Path, tmp_path: Path) -> None:
    plan = plan_of(folder, "{test: all}", '{test: ["07"]}')
    write_dataset(plan, tmp_path)
    rows = json.loads((tmp_path / "test/subject-07/tracklets.json").read_text(encoding="utf-8"))
    assert [row["take"] for row in rows] == [w.take for w in walks_of(plan, "subject-07")]
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["recorded_gait"]["takes"]["07"] == ["07_01.npz", "07_02.npz", "07_03.npz"]
    others = tmp_path / "others"
    others.mkdir()
    for file in folder.iterdir():
        (others / file.name).write_bytes(file.read_bytes())
    moved = plan_of(others, "{test: all}", '{test: ["07"]}')
    assert moved.text() == plan.text()
    (others / "35_01.npz").unlink()
    assert plan_of(others, "{test: all}", '{test: ["07"]}').text() != plan.text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("takes: odd", "takes: first", r"p:8: .*takes: is 'first', allowed: all, odd, even"),
        ("{test: all}", '{test: ["99"]}', r"p:2: identities.test\[0\]: is '99', allowed: 07, 35"),
        ("{test: all}", "{test: 5}", r"p:2: identities.test: is 5, expected a name"),
        ("{test: all}", '{train: ["07"], test: all}', r"p:2: .*'subject-07' is already in"),
        ("bodies: own", "body: own", r"p:3: recorded_gait.body: unknown key, did you mean"),
    ],
)  # fmt: skip
def test_bad_plans_are_refused(folder: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        plan_of(folder, old, new)


def test_bad_folders_are_refused_and_short_walks_left_out(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"p:3: recorded_gait: names no folder .*--recordings"):
        read_plan(PLAN, "p")
    with pytest.raises(ScenarioError, match=r"p:3: .*nowhere does not exist"):
        plan_of(tmp_path / "nowhere")
    with pytest.raises(ScenarioError, match="holds no walk"):
        plan_of(tmp_path)
    (tmp_path / "notes.npz").write_bytes(b"")
    with pytest.raises(ScenarioError, match=r"notes\.npz is not called SUBJECT_TAKE"):
        plan_of(tmp_path)
    (tmp_path / "notes.npz").rename(tmp_path / "07_09.npz")
    with pytest.raises(ScenarioError, match=r"07_09\.npz is not an npz file"):
        plan_of(tmp_path)
    (tmp_path / "07_09.npz").write_bytes(b"hello there")
    with pytest.raises(ScenarioError, match=r"07_09\.npz"):
        plan_of(tmp_path)
    (tmp_path / "07_09.npz").unlink()
    write_takes(tmp_path, {"07": 1})
    write_takes(tmp_path, {"short": 1}, 1.0)
    recorded = plan_of(tmp_path).recorded_gait
    assert recorded is not None
    assert recorded.left_out == {"short_01.npz": "short_01.npz shows no whole gait cycle"}
    with pytest.raises(ScenarioError, match="takes no recordings"):
        read_plan(PLAN.replace("recorded_gait: {bodies: own}\n", "").replace("all", "1")
                  .replace(", takes: odd", "").replace(", takes: even", ""),
                  "p", "p", tmp_path)  # fmt: skip


def test_motion_captured_walks_make_a_test_set() -> None:
    plan = load_plan("mocap_test", shared_data("mocap/07_01.npz").parent)
    assert len(plan.identities["test"]) == 24
    both = [n for n in plan.identities["test"] if {w.condition.name for w in walks_of(plan, n)}
            == {"gallery", "day", "night"}]  # fmt: skip
    assert len(both) == 16
    for name in both:
        takes = {c: {w.take for w in walks_of(plan, name) if (w.condition.name == "gallery") == c}
                 for c in (True, False)}  # fmt: skip
        assert not takes[True] & takes[False]
