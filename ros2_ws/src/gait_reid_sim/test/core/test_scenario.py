from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from simulated_people import write_takes

from gait_reid_sim.core.dataset.plan import is_dataset, load_plan
from gait_reid_sim.core.scene.scenario import LIBRARY, ScenarioError, load_scenario, read_scenario
from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation

SMALL = """\
seed: 3
duration_s: 1.0
light: overcast
solids:
  - pole: {at: [6, 2], radius_m: 0.2, height_m: 3}
sensors:
  lidar: {type: lidar, beams: vlp16, mount: {z: 1.8}}
  camera: {type: camera, width: 320, height: 180, rate_hz: 5, mount: {z: 1.8, pitch_deg: 5}}
  radar: {type: radar, mount: {z: 1.2}}
people:
  - id: anna
    walks:
      - {path: [[8, -1], [5, 1]]}
  - id: ben
    walks:
      - {enter_s: 0.4, path: [[6, 1], [9, -1]], outfit: coat}
"""


def digest(frame: SensorFrame) -> str:
    data = frame.data
    parts = [data.image] if hasattr(data, "image") else [data.xyz, data.intensity]
    parts += [frame.owner, frame.truth.joints]
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


def test_frames_come_in_order_with_the_truth() -> None:
    simulation = Simulation(read_scenario(SMALL))
    frames = list(simulation.frames())
    kinds = [frame.type for frame in frames]
    assert (kinds.count("lidar"), kinds.count("camera"), kinds.count("radar")) == (10, 5, 10)
    late = [f for f in frames if f.stamp_ns > 500_000_000]
    assert all(f.truth.person_id == ("anna", "ben") for f in late)
    lidar = [f for f in late if f.type == "lidar"]
    assert all((f.truth.evidence > 3).any() for f in lidar)
    for frame in lidar:
        pose = simulation.pose_of("lidar")
        for track, position, count in zip(
            frame.truth.track_id, frame.truth.position, frame.truth.evidence
        ):
            mine = frame.owner == track
            assert mine.sum() == count
            if count:
                gap = pose.apply(frame.data.xyz[mine])[:, :2].mean(axis=0) - position[:2]
                assert np.linalg.norm(gap) < 0.5


def test_same_scenario_same_bytes_in_any_order() -> None:
    first, again = Simulation(read_scenario(SMALL)), Simulation(read_scenario(SMALL))
    plans = first.scenario.sensors
    forwards = [digest(first.frame(plan, n)) for plan in plans for n in (2, 4)]
    backwards = [digest(again.frame(plan, n)) for plan in plans[::-1] for n in (4, 2)]
    assert forwards == backwards[::-1]
    other = Simulation(read_scenario(SMALL.replace("seed: 3", "seed: 4")))
    assert digest(other.frame(plans[0], 2)) != forwards[0]


@pytest.mark.parametrize("name", sorted(f.stem for f in LIBRARY.glob("*.yaml")))
def test_library_is_valid(name: str, tmp_path: Path) -> None:
    path = LIBRARY / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    if is_dataset(text, path.name):
        recorded = "recorded_gait:" in text
        write_takes(tmp_path, {"07": 2, "35": 1} if recorded else {})
        plan = load_plan(name, tmp_path if recorded else None)
        names = [n for group in plan.identities.values() for n in group]
        assert len(set(names)) == len(names)
        return
    scenario = load_scenario(name)
    assert scenario.walks
    assert scenario.sensors


def test_entrance_lets_four_people_come_back_otherwise_dressed_and_two_strangers() -> None:
    scene = load_scenario("entrance")
    outfits: dict[str, list[str]] = {}
    for walk in scene.walks:
        outfits.setdefault(walk.person_id, []).append(walk.outfit)
    known = {person: worn for person, worn in outfits.items() if person not in scene.strangers}
    assert sorted(worn[1] for worn in known.values()) == ["backpack", "coat", "jacket", "satchel"]
    assert all(worn[0] == "own" for worn in known.values())
    assert {person: len(outfits[person]) for person in scene.strangers} == {
        "demo-oscar": 2, "demo-lena": 1,
    }  # fmt: skip
    assert sum(bool(walk.itinerary.pauses) for walk in scene.walks) == 2


def test_lrgait_is_8_views_5_ranges_day_and_night() -> None:
    plan = load_plan("lrgait")
    assert sum(len(v) for v in plan.identities.values()) == 101
    assert {c.light for c in plan.conditions} == {"day", "night"}
    assert plan.walks_per_identity == 80
    assert sum(len(v) for v in load_plan("mission").identities.values()) == 58


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("duration_s: 1.0", "duration: 1.0", r"s:2: duration: unknown key, did you mean"),
        ("beams: vlp16", "beams: vlp99", r"s:7: sensors.lidar.beams: is 'vlp99', allowed: vlp16"),
        (", mount: {z: 1.8}}", "}", r"s:7: sensors.lidar: 'mount' is missing"),
        ("outfit: coat", "speed_m_s: -1", r"s:16: .*speed_m_s: is -1, allowed: 0.3 to 2.3"),
        ("width: 320", "width: 3", r"s:8: sensors.camera.width: is 3, allowed: integer 16 to 8192"),
        ("light: overcast", "light: neon", r"s:3: light: is 'neon', allowed: day"),
        ("[[8, -1], [5, 1]]", "[[8, -1]]", r"s:13: .*path: a path needs at least two waypoints"),
        ("  - pole:", "  - post:", r"s:5: solids\[0\].post: unknown key, did you mean 'pole'"),
        ("walks:", "stranger: 1\n    walks:", r"s:12: people\[0\].stranger: is 1, allowed: true"),
        ("seed: 3", "seed: 3\nseed: 4", r"s:2: seed: is given twice"),
        ("people:", "people: [", r"is not YAML"),
        ("seed: 3", "seed: 1.5", r"s:1: seed: is 1.5, expected a whole number"),
        ("z: 1.8}}", "z: 1.8, x: .inf}}", r"s:7: .*mount.x: is inf, allowed: a finite number"),
        ("[[8, -1], [5, 1]]", "[[.inf, 0], [1, 1]]", r"s:13: .*path\[0\]\[0\]: is inf"),
        ("pole: {at: [6, 2], radius_m: 0.2, height_m: 3}", "box: {at: [1, 1], size: [-1, 1, 1]}",
         r"s:5: .*size\[0\]: is -1, allowed: 0.01 to 1000"),
        ("height_m: 3}", "height_m: 3}\n    colour: [3, 3, 3]", r"s:6: .*colour\[0\]: is 3"),
        ("  lidar: {", "  - {", r"expected a mapping|not YAML"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(ScenarioError, match=message):
        read_scenario(SMALL.replace(old, new, 1), "s")


def test_core_needs_neither_ros_nor_torch() -> None:
    code = (
        "import sys, gait_reid_sim.core.scene.simulation, gait_reid_sim.core.dataset.writer;"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('rclpy', 'torch', 'sensor_msgs')];"
        "sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _gaps(simulation: Simulation) -> tuple[float, float]:
    """Return the least distance of anybody to a solid's surface and to somebody else, metres."""
    scenery = simulation.scenario.scenery
    triangles = scenery.vertices[scenery.faces]
    corners = np.concatenate([triangles.reshape(-1, 3), triangles.mean(axis=1)])
    low = corners[corners[:, 2] < 2.0][:, :2]
    solid, other = [np.inf], [np.inf]
    for actor in simulation.actors:
        way = actor.motion.positions[::10, 0, :2]
        if len(low):
            solid.append(float(np.sqrt(((way[:, None] - low) ** 2).sum(axis=2)).min()))
        for second in simulation.actors[: actor.track_id]:
            start = max(actor.enter_s, second.enter_s)
            for time_s in np.arange(start, min(actor.leave_s, second.leave_s), 0.1):
                gap = actor.position(time_s) - second.position(time_s)
                other.append(float(np.linalg.norm(gap)))
    return min(solid), min(other)


@pytest.mark.parametrize(
    "name", ["entrance", "corridor", "hall", "occlusion", "crowd", "crossing", "eight"]
)
def test_nobody_walks_through_solids_or_others(name: str) -> None:
    solid, other = _gaps(Simulation(load_scenario(name)))
    assert solid > 0.45
    assert other > 0.40
