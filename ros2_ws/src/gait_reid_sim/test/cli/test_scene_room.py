"""The room with a radar of a demonstration: what is asked for, started and shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from rich.console import Console
from scored_walks import ANNA_RETURNS, BEN, NS, SCENE, match, people
from typer.testing import CliRunner

from gait_reid.cli.console import CommandError
from gait_reid.cli.demo import SceneOptions
from gait_reid.cli.main import app
from gait_reid.core.types import Decision
from gait_reid_sim.cli import scene_room, scene_room_report, scene_site
from gait_reid_sim.core.scene.scenario import Scenario, load_scenario, read_scenario
from gait_reid_sim.core.scoring.room import RoomAnswer, RoomSummary, RoomWalk
from gait_reid_sim.core.scoring.visits import visits_of


@pytest.fixture(scope="module")
def building() -> Scenario:
    return load_scenario("building")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("onnx")
    from gait_reid.testing.mission_model import write_mission_model

    write_mission_model(tmp_path / "tiny")
    return tmp_path / "tiny"


def options(model: Path | None, radar: str = "points") -> SceneOptions:
    return SceneOptions("building", Path("out"), radar_model=model, radar=radar)


# What is asked for


def test_a_model_runs_the_room_of_a_scene_that_has_one(building: Scenario, model: Path):
    entrance = load_scenario("entrance")
    assert scene_room.room_model(building, options(model)) == model
    assert scene_room.room_model(building, options(model, "off")) is None
    assert scene_room.room_model(entrance, options(None)) is None
    own = scene_room.room_model(building, options(None))
    assert own is None or own.name == "mission-edge"
    with pytest.raises(CommandError, match=r"entrance has no sensor called radar; building"):
        scene_room.room_model(entrance, options(model))
    with pytest.raises(CommandError, match="--radar-model"):
        scene_room.room_model(building, options(model / "nowhere"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--radar", "sonar"], "--radar sonar is not known; give points, emulator, off"),
        (["--radar", "emulator", "--rate", "0.5"], "runs in real time"),
    ],
)
def test_options_that_do_not_fit_are_one_line(words: list[str], message: str, tmp_path: Path):
    done = CliRunner().invoke(app, ["demo", *words, "--output", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert message in done.stderr.replace("\n", " ")


def test_both_sites_get_the_model_and_the_tracker_the_radars_place(
    building: Scenario, model: Path, tmp_path: Path
):
    target = scene_site.site_parameters(building, "", None, tmp_path / "p.yaml", model)
    content = yaml.safe_load(target.read_text())
    mission = content["/**/reid"]["ros__parameters"]["reidentification"]["mission"]
    assert mission == {"model": "tiny", "model_directory": str(model.parent)}
    radar = content["/**/radar_tracker"]["ros__parameters"]["perception"]["radar"]
    assert radar["translation_m"] == [7.0, 13.2, 1.2]
    assert radar["rotation_rpy_rad"] == pytest.approx([0.0, 0.0, 1.5707963])
    target = scene_site.site_parameters(building, "", None, tmp_path / "q.yaml")
    assert "/**/radar_tracker" not in yaml.safe_load(target.read_text())


@pytest.mark.parametrize("radar", ["points", "emulator"])
def test_the_room_is_launched_with_points_or_with_the_driver(
    model: Path, tmp_path: Path, radar: str
):
    started: dict[str, Any] = {}
    site: Any = SimpleNamespace(launch=lambda file, **words: started.update(words, file=file))
    scene_room.launch_room(site, options(model, radar), tmp_path, tmp_path / "p.yaml")
    assert started["file"] == "radar_room.launch.xml"
    assert (started["namespace"], started["model"]) == ("room", "tiny")
    if radar == "points":
        assert (started["radar"], started["radar_topic"]) == ("false", "/radar/points")
        assert started["use_sim_time"] == "true"
    else:
        # Where the simulator's emulated board appears: folder of ports, name of the sensor.
        assert started["cli_port"] == str(tmp_path / "ports" / "radar" / "cli")
        assert (started["radar"], started["use_sim_time"]) == ("true", "false")


# What is shown


def text_of(renderable: Any) -> str:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(renderable)
    return console.export_text()


def test_the_live_table_ranks_people_and_says_why_nobody_is_named():
    visits = visits_of(read_scenario(SCENE))
    shown = {
        3: SimpleNamespace(match=match(6.1, 3, "demo-anna", Decision.CANDIDATE), latency_ms=12.3),
    }
    room: Any = SimpleNamespace(
        tracks=people(6.1, {3: (5, 0), 4: (8, 0)}),
        shown=shown,
        score=SimpleNamespace(visit_of=lambda track: visits[ANNA_RETURNS] if track == 3 else None),
    )
    lines = text_of(scene_room_report.room_live_table(room)).splitlines()
    (row,) = [line for line in lines if "│ " in line and "Anna (returns" in line]
    assert all(word in row for word in ("Anna? 0.90", "candidate", "12"))
    assert [line for line in lines if "nobody" in line and "no answer yet" in line]


def test_the_summary_has_every_walk_and_figure():
    visits = visits_of(read_scenario(SCENE))
    right = RoomAnswer(("demo-anna", "demo-eve"), True, False, True)
    nobody = RoomAnswer(("demo-anna",), False, False, False)
    summary = RoomSummary(
        (
            RoomWalk(visits[ANNA_RETURNS], (right, right), (3,), (6 * NS, 8 * NS), 12, 12),
            RoomWalk(visits[BEN], (nobody,), (4,), (3 * NS, 4 * NS)),
        ),
        1,
        (10.0, 30.0),
        {"room/reid crops stale": 2},
    )
    table = text_of(scene_room_report.room_table(summary, 0)).splitlines()
    assert [line for line in table if "Anna (returns" in line and "first" in line and "6-8" in line]
    assert [line for line in table if "Ben (stranger)" in line and "stayed unknown" in line]
    assert scene_room_report.room_figures(summary) == [
        "radar room: 1 of 1 walks with the right person first among 1 enrolled; "
        "ranks (median over a walk): 1",
        "strangers in the room: 0 of 1 answers call somebody likely",
        "standing: followed at 12 of 12 instants, 0 answers rank people",
        "radar latency, frame to ranking: p50 20 ms, p95 29 ms (2 answers)",
        "frames dropped in the room: 2 room/reid crops stale",
    ]
    assert scene_room_report.room_verdict(summary) == (
        "radar room: the right person is first in 1 of 1 walks, strangers stayed unknown, "
        "who stands was not matched"
    )
