"""The library's building: a room that the entrance does not see, heard by the real chain."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.encoders.mission import MissionConfig
from gait_reid.core.gallery.records import make_record
from gait_reid.core.perception import MountConfig
from gait_reid.core.radar_perception import RadarPerception, RadarPerceptionConfig
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.reidentification_config import ReidentificationConfig
from gait_reid.core.types import GalleryRecord, PointCloud, SensorFrames
from gait_reid.testing.mission_model import seen_crop, write_mission_model
from gait_reid_sim.cli.scene_room import radar_of
from gait_reid_sim.cli.scene_site import mount_parameters
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.scene.scenario import load_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.scoring.room import RoomScore, RoomWalk
from gait_reid_sim.core.scoring.sightings import Sightings
from gait_reid_sim.core.scoring.visits import visits_of

PEOPLE = ("demo-marie", "demo-ben", "demo-greta", "demo-max")
FRAMES = range(285, 500)
"""Radar frames, ten a second: Ben and Max together, then Greta, who stands still on her way."""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(load_scenario("building"))


def records_of(chain: Reidentification) -> list[GalleryRecord]:
    """Return one camera walk of each person, of a model that tells nobody apart by gait."""
    made = []
    for row, person in enumerate(PEOPLE):
        chain.encoder.reset()
        for number in range(8):
            chain.encoder.update([seen_crop(number, 1, (0.2 + 0.2 * row, 0.5))])
        made.append(make_record(chain.encoder.embed([1])[1], person_id=person))
    chain.reset()
    return made


def heard(simulation: Simulation, folder: Path) -> dict[str, RoomWalk]:
    """Run the room's radar through tracking and Mission, and return its walks by person."""
    scenario = simulation.scenario
    plan = radar_of(scenario)
    assert plan is not None
    write_mission_model(folder / "tiny")
    mount = {name: tuple(values) for name, values in mount_parameters(plan).items()}
    perception = RadarPerception(RadarPerceptionConfig(radar=MountConfig(**mount)))
    mission = MissionConfig("tiny", str(folder), backend=BackendConfig(engine="onnxruntime"))
    chain = Reidentification(ReidentificationConfig(encoder="mission", mission=mission))
    chain.set_gallery(records_of(chain), 1)
    sightings, keeper = Sightings(), TruthKeeper("site", len(scenario.walks))
    score = RoomScore(visits_of(scenario), dict.fromkeys(PEOPLE, 0), sightings)
    for number in FRAMES:
        frame = simulation.frame(plan, number)
        assert isinstance(frame.data, PointCloud)
        truth, _ = keeper.update(frame, frame.stamp_ns)
        sightings.add(truth)
        score.see_truth(truth)
        percept = perception.process(SensorFrames(frame.stamp_ns, radar=frame.data))
        score.see_tracks(percept.tracks)
        alive = percept.tracks.track_id.tolist()
        for match in chain.process(frame.stamp_ns, percept.crops, alive, "room"):
            score.see_match(match)
    return {walk.visit.person_id: walk for walk in score.walks_of_room()}


def test_two_at_once_are_ranked_and_who_stands_is_followed_and_not_matched(
    simulation: Simulation, tmp_path: Path
):
    walks = heard(simulation, tmp_path)
    assert set(walks) == {"demo-ben", "demo-max", "demo-greta"}
    for walk in walks.values():
        assert walk.period_ns[1] - walk.period_ns[0] > 4e9
        assert len(walk.ranked) > 5
        assert {len(answer.ranking) for answer in walk.ranked} == {len(PEOPLE)}
    ben, maximilian = walks["demo-ben"], walks["demo-max"]
    assert not set(ben.track_ids) & set(maximilian.track_ids)
    greta = walks["demo-greta"]
    assert greta.standing > 15
    assert greta.kept == greta.standing
    assert greta.matched_standing == 0
    assert len(greta.answers) > len(greta.ranked)  # she is told to stand


def test_the_entrance_sees_nobody_of_the_room(simulation: Simulation):
    plans = {plan.type: plan for plan in simulation.scenario.sensors}
    for kind, rate_hz in (("lidar", 10), ("camera", 15)):
        truth = simulation.frame(plans[kind], 32 * rate_hz).truth
        seen = {person for person, share in zip(truth.person_id, truth.visibility) if share > 0.0}
        assert {"demo-ben", "demo-max"} <= set(truth.person_id)
        assert seen == {"demo-oscar"}
