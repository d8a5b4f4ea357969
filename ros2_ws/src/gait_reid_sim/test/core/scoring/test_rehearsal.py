"""A person is enrolled on the first walk and judged on the second, with the real chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gait_reid.core.perception import MountConfig, PerceptionConfig
from gait_reid.core.pipeline import Pipeline, PipelineConfig, SyncConfig
from gait_reid.core.types import PointCloud
from gait_reid_sim.cli.scene_site import mount_parameters
from gait_reid_sim.core.scene.scenario import Scenario, read_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.scoring.enrolling import Enrolling, Window
from gait_reid_sim.core.scoring.score import Score
from gait_reid_sim.core.scoring.summary import Summary
from gait_reid_sim.core.scoring.visits import visits_of

SCENE = """
seed: 2
duration_s: 15
sensors:
  lidar: {type: lidar, beams: os1_64, mount: {x: 0.5, z: 2.0, pitch_deg: 3, yaw_deg: 10}}
people:
  - id: demo-max
    walks:
      - {enter_s: 0, path: [[7, -3.5], [7, 3.5]]}
      - {enter_s: 8, path: [[7.5, -3.5], [7.5, 3.5]], outfit: backpack}
"""


def chain_of(scenario: Scenario) -> Pipeline:
    mount = mount_parameters(scenario.sensors[0])
    lidar = MountConfig(**{name: tuple(values) for name, values in mount.items()})
    perception = PerceptionConfig(lidar=lidar)
    return Pipeline(PipelineConfig(sync=SyncConfig(sensors=("lidar",)), perception=perception))


def rehearse(simulation: Simulation) -> Score:
    """Run a scene through the chain, enrolling who is due, and return the score."""
    chain, score = chain_of(simulation.scenario), Score(visits_of(simulation.scenario))
    enrolling, records = Enrolling(score), []
    for frame in simulation.frames():
        assert isinstance(frame.data, PointCloud)
        score.see_truth(frame.truth)
        for result in chain.add_lidar(frame.data):
            score.see_tracks(result.percept.tracks)
            for match in result.matches:
                score.see_match(match)
                embedding = chain.reidentification.embedding(match.track_id)
                if embedding is not None:
                    times = (embedding.window_start_ns, embedding.window_end_ns)
                    enrolling.see_window(Window(match.track_id, *times))
        due = enrolling.due()
        if due is not None:
            window, visit = due
            made = chain.record(
                window.track_id, visit.person_id, visit.name, consent=True, source="test"
            )
            records.append(replace(made, created_ns=1))
            chain.set_gallery(records, len(records))
            enrolling.note_enrolled(window, visit)
    return score


def test_the_mount_of_a_scenario_is_the_mount_of_its_site():
    scenario = read_scenario(SCENE)
    pose, made = scenario.sensors[0].mount, chain_of(scenario).perception.lidar_pose
    np.testing.assert_allclose(made.rotation, pose.rotation, atol=1e-12)
    np.testing.assert_allclose(made.translation, pose.translation)


def test_a_walker_is_followed_enrolled_and_judged_on_the_way_back():
    score = rehearse(Simulation(read_scenario(SCENE)))
    first, back = score.walks[0], score.walks[1]
    # Followed nearly all the way, by few tracks: 7 m at 1.0 to 1.6 m/s.
    for walk in (first, back):
        assert walk.last_ns - walk.first_ns > 3.5e9
        assert len(walk.track_ids) <= 2
    assert list(score.known) == ["demo-max"]
    assert first.first_ns < score.known["demo-max"] < back.first_ns
    assert first.misnamed == 0
    summary = Summary.of(score)
    assert summary.ghosts == 0
    # The only enrolled person is the nearest one; whether near enough is up to the encoder.
    assert summary.rank1 == 1.0
    assert back.outcome in ("right", "unknown")
    assert sum(answer.searched for answer in back.answers) > 5
