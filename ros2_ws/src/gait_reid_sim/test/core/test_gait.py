from __future__ import annotations

from itertools import pairwise
from pathlib import Path as FilePath

import numpy as np
import pytest
from simulated_people import walker

from gait_reid_common.testing import shared_data
from gait_reid_sim.core.body.model import JOINT, LEG
from gait_reid_sim.core.gait.animate import animate
from gait_reid_sim.core.gait.curves import evaluate, fit_uniform
from gait_reid_sim.core.gait.itinerary import Itinerary, Path, Pause
from gait_reid_sim.core.gait.legs import LegGeometry
from gait_reid_sim.core.gait.recording import ROLES, Recording, load_bvh, load_npz
from gait_reid_sim.core.gait.retarget import gait_cycles, measure_gait, sagittal_angles
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.actor import Actor

SOLE_M = 0.028
TURN = ((0.0, 0.0), (4.0, 0.0), (5.0, 3.5))


def contact_points(actor: Actor, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (t, 3) heel and ball of the sole."""
    legs = LegGeometry.of(actor.body.shape, actor.body.outfit.sole_m)
    ankle = LEG[side][2]
    rotation, at = actor.motion.rotations[:, ankle], actor.motion.positions[:, ankle]
    heel = at + rotation @ np.array([-legs.heel_m, 0.0, -legs.ankle_height_m])
    return heel, at + rotation @ np.array([legs.ball_m, 0.0, -legs.ankle_height_m])


def recording_of(actor: Actor) -> Recording:
    joints = actor.motion.positions[:, [JOINT[role] for role in ROLES]]
    return Recording(joints, actor.motion.rate_hz, "simulated")


@pytest.mark.parametrize("person", ["a", "b", "c"])
@pytest.mark.parametrize("moving", [True, False])
def test_feet_on_the_ground_do_not_slide(person: str, moving: bool) -> None:
    actor = walker(person, TURN, moving=moving)
    for column, side in enumerate(("left", "right")):
        heel, ball = contact_points(actor, side)
        planted = actor.motion.planted[1:, column] & actor.motion.planted[:-1, column]
        steps = [np.linalg.norm(np.diff(p, axis=0), axis=1) for p in (heel, ball)]
        assert np.minimum(*steps)[planted].max() * actor.motion.rate_hz < 0.002
        assert min(heel[:, 2].min(), ball[:, 2].min()) > -0.004
        # The mesh itself: the lowest vertex of the shoe stays near the ground.
        assert planted.mean() > 0.5


def test_posed_soles_stay_on_the_ground() -> None:
    actor = walker("a", TURN)
    lowest = [actor.vertices(t)[:, 2].min() for t in np.linspace(0.5, actor.leave_s - 0.5, 15)]
    assert min(lowest) > -0.045
    assert max(lowest) < 0.03


def test_nothing_jumps() -> None:
    actor = walker("b", TURN, moving=False, pauses=(Pause(3.0, 1.5),))
    speed = np.linalg.norm(np.diff(actor.motion.positions, axis=0), axis=2) * 100.0
    # A swinging foot reaches about three times the walking speed, and no joint more.
    assert speed.max() < 6.5
    assert np.abs(np.diff(speed, axis=0)).max() < 2.6


def test_speed_is_the_one_asked_for() -> None:
    person = Person.of("speed")
    for speed in (0.8, 1.2, 1.6):
        itinerary = Itinerary(Path.through([(0, 0), (8, 0)]), speed)
        actor = person.walk(itinerary, np.random.default_rng(0))
        covered = actor.motion.positions[-1, 0, 0] - actor.motion.positions[0, 0, 0]
        assert covered / actor.motion.duration_s == pytest.approx(speed, rel=0.03)


def test_cadence_and_stride_are_the_persons_own() -> None:
    for name in ("a", "d", "e"):
        person = Person.of(name)
        gait = person.gait
        itinerary = Itinerary(Path.through([(0, 0), (9, 0)]))
        motion = animate(person.shape, gait, itinerary, np.random.default_rng(0))
        found = measure_gait(
            Recording(motion.positions[:, [JOINT[r] for r in ROLES]], motion.rate_hz, name)
        ).gait
        assert found.cadence_steps_min == pytest.approx(gait.cadence_steps_min, rel=0.03)
        assert found.stride_m == pytest.approx(gait.stride_m, rel=0.03)


def test_population_walks_as_people_do() -> None:
    walks = [walker(f"crowd-{i}") for i in range(8)]
    angles = [sagittal_angles(recording_of(w), "left") for w in walks]
    thigh = np.rad2deg([np.ptp(t) for t, _ in angles])
    knee = np.rad2deg([np.ptp(k) for _, k in angles])
    bob = [np.ptp(w.motion.positions[:, 0, 2]) for w in walks]
    # Motion-captured walks: 50, 62 degrees and 0.037 m.
    assert 45.0 < thigh.mean() < 56.0
    assert 55.0 < knee.mean() < 68.0
    assert 0.03 < np.mean(bob) < 0.06
    speeds = [Person.of(f"crowd-{i}").gait.speed_m_s for i in range(60)]
    assert 1.2 < np.mean(speeds) < 1.45
    assert 0.06 < np.std(speeds) < 0.2


def cycle_mean(recordings: list[Recording]) -> dict[str, np.ndarray]:
    """Return (walks, 50) degrees of thigh, knee and ankle over the cycle, strike to strike."""
    rows: dict[str, list[np.ndarray]] = {"thigh": [], "knee": [], "ankle": []}
    for recording in recordings:
        one: dict[str, list[np.ndarray]] = {name: [] for name in rows}
        for side in LEG:
            thigh, knee = sagittal_angles(recording, side)
            foot = recording.joint(f"{side}_toe") - recording.joint(f"{side}_ankle")
            ankle = np.arctan2(foot[:, 2], foot[:, 0]) - (thigh - knee)
            for first, last in gait_cycles(recording, side):
                at = first + (last - first) * np.arange(50) / 50
                for name, curve in (("thigh", thigh), ("knee", knee), ("ankle", ankle)):
                    one[name].append(np.rad2deg(np.interp(at, np.arange(len(curve)), curve)))
        for name, found in one.items():
            # A take too short for a whole cycle says nothing.
            rows[name] += [np.mean(found, axis=0)] if found else []
    curves = {name: np.array(found) for name, found in rows.items()}
    curves["knee"] += 4.0 - curves["knee"].min(axis=1, keepdims=True)
    curves["ankle"] -= curves["ankle"].mean(axis=1, keepdims=True)
    return curves


def test_joints_bend_as_recorded_ones_do() -> None:
    names = ("02_01", "07_01", "07_02", "16_15", "16_31", "35_01", "35_28")
    recorded = cycle_mean([load_npz(shared_data(f"mocap/{name}.npz")) for name in names])
    simulated = cycle_mean([recording_of(walker(f"crowd-{i}")) for i in range(10)])
    for name, share, rms in (("thigh", 0.12, 7.0), ("knee", 0.12, 7.0), ("ankle", 0.25, 5.0)):
        ours, theirs = simulated[name], recorded[name]
        assert np.ptp(ours, axis=1).mean() == pytest.approx(
            np.ptp(theirs, axis=1).mean(), rel=share
        ), name
        gap = ours.mean(axis=0) - theirs.mean(axis=0)
        assert np.sqrt((gap**2).mean()) < rms, name


def test_knee_bends_on_through_toe_off() -> None:
    knee = cycle_mean([recording_of(walker(f"crowd-{i}")) for i in range(10)])["knee"].mean(axis=0)
    # From the heel's rise to the middle of the swing.
    assert (np.diff(knee[26:39]) > 0.0).all()


@pytest.mark.parametrize(
    ("moving", "speed_m_s", "largest"),
    [(True, None, 6.4e4), (False, None, 6.4e4), (True, 1.9, 9e4)],
)
def test_joint_velocities_do_not_jump(
    moving: bool, speed_m_s: float | None, largest: float
) -> None:
    for i in range(6):
        itinerary = Itinerary(
            Path.through([(0, 0), (6, 0)]),
            speed_m_s,
            () if moving else (Pause(0.0, 1.0), Pause(3.0, 1.5)),
            starts_moving=moving,
        )
        person = Person.of(f"crowd-{i}")
        recording = recording_of(person.walk(itinerary, np.random.default_rng(i)))
        for side in LEG:
            angles = np.rad2deg(sagittal_angles(recording, side))
            at = np.arange(0.0, angles.shape[1] - 1.0, recording.rate_hz / 60.0)
            slow = [np.interp(at, np.arange(angles.shape[1]), row) for row in angles]
            # At 60 pictures a second, recorded walks reach 6.4e4 degrees/s2.
            assert np.abs(np.diff(slow, 2, axis=1)).max() * 60.0**2 < largest
            assert angles[1].max() < 92.0


def test_stands_still_and_sits_down() -> None:
    actor = walker("c", ((0.0, 0.0), (3.0, 0.0)), pauses=(Pause(1.5, 4.0, 0.45),))
    joints = actor.motion.positions
    hips = joints[:, LEG["left"][0], 2]
    assert hips.min() == pytest.approx(0.45 + 0.09, abs=0.06)
    seated = np.argmin(hips)
    feet = joints[seated - 30 : seated + 30, LEG["left"][2]]
    assert np.ptp(feet, axis=0).max() < 0.003
    assert hips[-1] > 0.7


def test_walks_of_one_person_differ_less_than_people_do() -> None:
    def signature(name: str, seed: int) -> np.ndarray:
        thigh, knee = sagittal_angles(recording_of(walker(name, seed=seed)), "left")
        return np.array([np.ptp(thigh), np.ptp(knee), thigh.mean(), knee.mean()])

    table = np.array([[signature(f"p{i}", s) for s in range(2)] for i in range(8)])
    within = table.std(axis=1).mean(axis=0)
    between = table.mean(axis=1).std(axis=0)
    assert (within > 1e-3).all()
    assert (between > 1.2 * within).sum() >= 3


def test_same_seed_same_motion() -> None:
    person, itinerary = Person.of("same"), Itinerary(Path.through([(0, 0), (5, 1)]))
    first, again = (person.walk(itinerary, np.random.default_rng(5)) for _ in range(2))
    other = person.walk(itinerary, np.random.default_rng(6))
    assert np.array_equal(first.motion.positions, again.motion.positions)
    assert len(first.motion.positions) != len(other.motion.positions) or not np.array_equal(
        first.motion.positions, other.motion.positions
    )


def test_bad_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="two waypoints"):
        Path.through([(0, 0)])
    with pytest.raises(ValueError, match="waypoint 1 turns by 180"):
        Path.through([(0, 0), (5, 0), (0, 0)])
    with pytest.raises(ValueError, match="speed_m_s is 9"):
        Itinerary(Path.through([(0, 0), (5, 0)]), 9.0)
    with pytest.raises(ValueError, match="pauses are at"):
        Itinerary(Path.through([(0, 0), (5, 0)]), pauses=(Pause(9.0, 1.0),))


def test_curves_come_back_from_their_coefficients() -> None:
    phase = np.arange(64) / 64
    curve = 3.0 + 2.0 * np.cos(2 * np.pi * phase - 0.4) - 0.7 * np.sin(6 * np.pi * phase)
    assert np.allclose(evaluate(fit_uniform(curve), phase), curve)


@pytest.mark.parametrize("name", ["07_01", "16_21", "35_02"])
def test_recorded_walk_on_another_body(name: str) -> None:
    recorded = measure_gait(load_npz(shared_data(f"mocap/{name}.npz")))
    assert 0.7 < recorded.gait.speed_m_s < 1.8
    assert 0.9 < recorded.gait.cycle_s < 1.4
    person = Person.of("short")
    gait = recorded.scaled_to(person.anthropometry.stature_m)
    itinerary = Itinerary(Path.through([(0, 0), (7, 0)]))
    motion = animate(person.shape, gait, itinerary, np.random.default_rng(0))
    found = measure_gait(
        Recording(motion.positions[:, [JOINT[r] for r in ROLES]], motion.rate_hz, name)
    )
    phase = np.arange(64) / 64
    for curve, least in (("thigh_curve", 0.88), ("knee_curve", 0.5)):
        a, b = (evaluate(getattr(g, curve), phase) for g in (gait, found.gait))
        assert np.corrcoef(a, b)[0, 1] > least
    assert found.gait.cadence_steps_min == pytest.approx(gait.cadence_steps_min, rel=0.04)
    assert found.gait.arm_swing[0] == pytest.approx(gait.arm_swing[0], rel=0.25, abs=0.03)


def test_bvh_gives_the_same_gait_as_the_joints_it_was_made_from(tmp_path: FilePath) -> None:
    actor = walker("bvh", ((0.0, 0.0), (7.0, 0.0)))
    recording = recording_of(actor)
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_of(recording), encoding="utf-8")
    read = load_bvh(path)
    assert np.allclose(
        np.ptp(read.positions, axis=0), np.ptp(recording.positions, axis=0), atol=5e-3
    )
    a, b = measure_gait(recording).gait, measure_gait(read).gait
    assert b.cadence_steps_min == pytest.approx(a.cadence_steps_min, rel=1e-3)
    assert b.stride_m == pytest.approx(a.stride_m, rel=1e-3)


def bvh_of(recording: Recording) -> str:
    """Write joints as a BVH file in which every joint has its own translation."""
    names = [
        "Hips",
        "LeftUpLeg",
        "LeftLeg",
        "LeftFoot",
        "LeftToeBase",
        "RightUpLeg",
        "RightLeg",
        "RightFoot",
        "RightToeBase",
        "Neck",
        "LeftArm",
        "LeftForeArm",
        "LeftHand",
        "RightArm",
        "RightForeArm",
        "RightHand",
    ]
    lines = ["HIERARCHY", f"ROOT {names[0]}", "{", "OFFSET 0 0 0"]
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    lines.append(channels)
    for name in names[1:]:
        lines += [f"JOINT {name}", "{", "OFFSET 0 0 0", channels]
        lines += ["End Site", "{", "OFFSET 0 0 1", "}", "}"]
    lines += ["}", "MOTION", f"Frames: {len(recording.positions)}"]
    lines.append(f"Frame Time: {1.0 / recording.rate_hz}")
    for frame in recording.positions:
        y_up = np.stack([frame[:, 1], frame[:, 2], frame[:, 0]], axis=1) * 100.0
        local = y_up - np.vstack([np.zeros(3), np.repeat(y_up[:1], len(names) - 1, 0)])
        lines.append(" ".join(f"{v:.5f}" for row in local for v in (*row, 0, 0, 0)))
    return "\n".join(lines) + "\n"


def test_bad_recordings_are_refused_by_name(tmp_path: FilePath) -> None:
    bad = tmp_path / "bad.npz"
    np.savez(bad, names=np.array(["root"]), pos=np.zeros((9, 1, 3)), fps=np.array(60.0))
    with pytest.raises(ValueError, match=r"bad\.npz has no bone"):
        load_npz(bad)
    text = tmp_path / "bad.bvh"
    for content, message in (
        ("hello", "not a BVH file"),
        ("HIERARCHY ROOT Hips { OFFSET 0 0 0 CHANNELS 3 X Y Z } MOTION Frames: x", "MOTION has no"),
    ):
        text.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            load_bvh(text)


def test_rest_does_not_move_the_feet() -> None:
    actor = walker("d", ((0.0, 0.0), (4.0, 0.0)), pauses=(Pause(2.0, 3.0),))
    still = actor.motion.planted.all(axis=1)
    runs = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(int), [0]])))
    longest = max(pairwise(runs), key=lambda r: (r[1] - r[0]) if still[r[0]] else 0)
    assert longest[1] - longest[0] > 250
    middle = slice(longest[0] + 60, longest[1] - 60)
    feet = actor.motion.positions[middle][:, [LEG["left"][2], LEG["right"][2]]]
    assert np.ptp(feet, axis=0).max() < 0.005
