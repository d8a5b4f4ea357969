from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from simulated_people import write_takes

from gait_reid_common.testing import shared_data
from gait_reid_sim.core.body.model import JOINT, LEG
from gait_reid_sim.core.dataset.plan import DatasetPlan, load_plan, read_plan
from gait_reid_sim.core.dataset.record import record_walk, walks_of
from gait_reid_sim.core.dataset.writer import contact_sheet, write_dataset
from gait_reid_sim.core.gait.legs import LegGeometry, about_z
from gait_reid_sim.core.gait.recording import ROLES, Recording, load_recording
from gait_reid_sim.core.gait.replay import replay
from gait_reid_sim.core.gait.retarget import measure_gait, sagittal_angles
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.yaml_lines import ScenarioError

PLAN = """\
kind: dataset
identities: {test: all}
recorded_gait: {bodies: own}
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


def test_replayed_bones_point_where_the_recorded_ones_did(folder: Path) -> None:
    recording = load_recording(folder / "07_02.npz")
    body = Person.of("somebody else").shape
    motion = replay(recording, body, 0.028, 0.7, np.array([5.0, 2.0]))
    middle = motion.positions[len(motion.positions) // 2, 0, :2]
    assert middle == pytest.approx([5.0, 2.0], abs=1e-9)
    travel = (motion.positions[-1] - motion.positions[0])[0, :2]
    assert np.arctan2(travel[1], travel[0]) == pytest.approx(0.7, abs=1e-6)
    assert motion.duration_s == pytest.approx(len(recording.positions) / recording.rate_hz, abs=0.1)
    joints = motion.positions[:, [JOINT[role] for role in ROLES]] @ about_z(np.array(0.7))
    replayed = Recording(joints, motion.rate_hz, "replayed")
    for ours, theirs in zip(sagittal_angles(replayed, "left"), sagittal_angles(recording, "left")):
        count = min(len(ours), len(theirs))
        assert np.rad2deg(np.abs(ours[:count] - theirs[:count]).max()) < 3.0


def test_replayed_feet_stay_on_the_ground_and_hardly_slide(folder: Path) -> None:
    recording = load_recording(folder / "07_02.npz")
    body = Person.of("somebody else").shape
    motion = replay(recording, body, 0.028, 0.0, np.zeros(2))
    legs, slides = LegGeometry.of(body, 0.028), []
    for column, side in enumerate(("left", "right")):
        ankle = LEG[side][2]
        rotation, at = motion.rotations[:, ankle], motion.positions[:, ankle]
        soles = [
            at + rotation @ (x, 0.0, -legs.ankle_height_m) for x in (-legs.heel_m, legs.ball_m)
        ]
        assert min(sole[:, 2].min() for sole in soles) > -0.015
        planted = motion.planted[1:, column] & motion.planted[:-1, column]
        steps = [np.linalg.norm(np.diff(sole[:, :2], axis=0), axis=1) for sole in soles]
        slides.append(np.minimum(*steps)[planted] * motion.rate_hz)
        assert 0.4 < planted.mean() < 0.75
    # Two soles of another length cannot both stand still while both are on the ground.
    assert np.median(np.concatenate(slides)) < 0.15
    assert np.percentile(np.concatenate(slides), 95) < 0.5


def test_tracklets_show_the_recorded_poses(folder: Path) -> None:
    plan = plan_of(folder)
    for walk in walks_of(plan, "subject-07"):
        shown = record_walk(plan, walk)
        heading = np.arctan2(*shown.velocity.mean(axis=0)[1::-1])
        roles = [JOINT[role] for role in ROLES]
        joints = shown.joints[:, roles].astype(np.float64) @ about_z(np.array(heading))
        poses, recording = Recording(joints, 10.0, "shown"), plan.recording(walk.take)
        assert recording is not None
        ours, theirs = (
            np.concatenate([sagittal_angles(r, side) for side in LEG]) for r in (poses, recording)
        )
        gaps = np.rad2deg(np.abs(ours[:, :, None] - theirs[:, None])).max(axis=0).min(axis=1)
        assert gaps.max() < 5.0


def test_written_set_names_the_takes_and_knows_other_files(folder: Path, tmp_path: Path) -> None:
    plan = plan_of(folder, "{test: all}", '{test: ["07"]}')
    write_dataset(plan, tmp_path)
    rows = json.loads((tmp_path / "test/subject-07/tracklets.json").read_text(encoding="utf-8"))
    assert [row["take"] for row in rows] == [w.take for w in walks_of(plan, "subject-07")]
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["recorded_gait"]["takes"]["07"] == ["07_01.npz", "07_02.npz", "07_03.npz"]
    write_dataset(plan_of(folder), tmp_path / "both")
    sheet = contact_sheet(plan_of(folder), tmp_path / "both", "test")
    assert sheet is not None
    # A subject with fewer walks has a shorter row.
    assert sheet.shape == (256, 512, 3)
    assert not sheet[128:, 256:].any()
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
        ("takes: odd", "takes: first", r"p:7: .*takes: is 'first', allowed: all, odd, even"),
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
    with pytest.raises(ScenarioError, match="holds no walk"):
        plan_of(tmp_path, "frames: 3", "frames: 900")
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
