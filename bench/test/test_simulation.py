from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.simulation import probe, recorded, simulated
from bench.simulation.features import Projection, rank1, within_over_between
from bench.simulation.figures import replace_section
from bench.simulation.probe import clothes_study, study, walks_study
from gait_reid_common.testing import shared_data
from gait_reid_sim.core.dataset.plan import Condition


@pytest.mark.slow
def test_other_clothes_cost_pictures_more_than_points() -> None:
    found = clothes_study(8, 6)
    (picture_same, picture_other), (point_same, point_other) = found["pictures"], found["lidar"]
    assert picture_same > 0.9
    assert picture_same - picture_other > point_same - point_other + 0.15
    # Chance is a sixth.
    assert point_other > 0.3


def test_walks_of_one_person_differ_and_people_differ_more() -> None:
    spread = walks_study(6)
    assert 0.2 < spread["same clothes"] < 1.0
    assert spread["same clothes"] < spread["other clothes each time"] < 1.5


def test_people_can_share_a_body_or_a_gait() -> None:
    conditions = (Condition("walk"),)
    body, gait = (study(2, 0, conditions, shared=s) for s in ("body", "gait"))
    (a, b), (c, d) = ([plan.person(n) for n in plan.identities["train"]] for plan in (body, gait))
    assert np.array_equal(a.shape.vertices, b.shape.vertices)
    assert a.gait.cadence_steps_min != b.gait.cadence_steps_min
    assert not np.array_equal(c.shape.vertices, d.shape.vertices)
    assert c.gait.cadence_steps_min == d.gait.cadence_steps_min
    assert (c.person_id, d.person_id) == gait.identities["train"]


def test_discriminant_finds_what_tells_people_apart() -> None:
    rng = np.random.default_rng(0)
    people = [f"p{i:02d}" for i in range(40) for _ in range(6)]
    own = np.repeat(rng.normal(size=(40, 3)), 6, axis=0)
    features = np.column_stack([own + 0.1 * rng.normal(size=own.shape), rng.normal(size=(240, 8))])
    project = Projection(features[:180], people[:180])
    codes, names = project(features[180:]), np.array(people[180:])
    first = np.arange(60) % 6 < 3
    found = rank1(codes[first], names[first].tolist(), codes[~first], names[~first].tolist())
    assert found > 0.7
    assert within_over_between(features[:, :3], people) < 0.2
    assert within_over_between(features[:, 3:], people) > 1.0


def test_sections_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("x\n<!-- begin t -->\nold\n<!-- end t -->\ny\n", encoding="utf-8")
    replace_section(file, "t", ["new"])
    text = "x\n<!-- begin t -->\nnew\n<!-- end t -->\ny\n"
    assert file.read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match="no section between <!-- begin u -->"):
        replace_section(file, "u", [])


def test_simulated_gait_is_near_the_recorded() -> None:
    data = shared_data("mocap/07_01.npz").parents[1]
    theirs = simulated.gait_figures(recorded.mocap_walks(data)[::4])
    ours = simulated.gait_figures(simulated.walks(8))
    near = ("stride period, s", "stride length, m", "speed, m/s", "thigh range, degrees")
    for name in near:
        column = ours.names.index(name)
        assert ours.values[:, column].mean() == pytest.approx(
            theirs.values[:, column].mean(), rel=0.15
        )


def test_simulated_points_are_near_the_recorded() -> None:
    data = shared_data("lidar/ouster/people_by_eye_OS-1-32-G.json").parents[2]
    people = recorded.ouster_people(data)
    clear = ["hidden" not in remark for remark in people.remarks]
    ranges = people.range_m[clear]
    ours = simulated.lidar_points(people.table, ranges.tolist(), 4, people.mount_m).mean(axis=1)
    assert np.exp(np.abs(np.log(ours / people.points[clear])).mean()) < 1.4


def test_radar_recordings_are_read() -> None:
    data = shared_data("radar/pointclouds/radhar_walk_sample.txt.gz").parents[2]
    radhar, mars = recorded.radhar(data), recorded.mars(data)
    assert len(radhar.counts) > 500
    assert 0.6 < radhar.resolution_m_s < 0.63
    assert 20.0 < mars.counts.mean() < 40.0
    with pytest.raises(FileNotFoundError, match="mocap"):
        recorded.mocap_walks(data / "nowhere")


def test_probe_plans_keep_learners_and_others_apart() -> None:
    plan = study(3, 2, (Condition("gallery"),))
    assert not set(plan.identities["train"]) & set(plan.identities["test"])
    assert probe.RANGES_M[0] == 10.0
