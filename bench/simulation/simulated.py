"""The same figures of simulated people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.simulation.recorded import Floats, RadarFrames
from gait_reid.core.geometry import Pose
from gait_reid_sim.core.body.model import JOINT
from gait_reid_sim.core.gait.itinerary import Itinerary, Path
from gait_reid_sim.core.gait.recording import ROLES, Recording
from gait_reid_sim.core.gait.retarget import (
    RecordedGait,
    gait_cycles,
    measure_gait,
    sagittal_angles,
)
from gait_reid_sim.core.person import Person
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.beams import BeamTable
from gait_reid_sim.core.sensors.lidar import Lidar
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES, Radar

PHASES = np.arange(51) / 50


def walk(person: str, start: npt.ArrayLike, end: npt.ArrayLike, seed: int = 0) -> Actor:
    """Return a straight walk in the person's own clothes."""
    itinerary = Itinerary(Path.through(np.array([start, end])))
    return Person.of(person).walk(itinerary, np.random.default_rng(seed), "own")


def walks(count: int) -> list[Recording]:
    """Return the joints of straight walks of as many people."""
    out = []
    for number in range(count):
        motion = walk(f"figure-{number}", (0.0, 0.0), (6.0, 0.0)).motion
        joints = motion.positions[:, [JOINT[role] for role in ROLES]]
        out.append(Recording(joints, motion.rate_hz, f"figure-{number}"))
    return out


@dataclass(frozen=True)
class GaitFigures:
    """Gait of many walks.

    Attributes:
        names: Names of the scalar figures.
        values: (walks, figures).
        curves: Of ``thigh``, ``knee`` and ``ankle``: (walks, 51) degrees over the cycle.
    """

    names: tuple[str, ...]
    values: Floats
    curves: dict[str, Floats]


def gait_figures(recordings: Sequence[Recording]) -> GaitFigures:
    """Measure walks, recorded or simulated, alike; those without a whole cycle are left out."""
    rows: list[dict[str, float]] = []
    curves: dict[str, list[Floats]] = {"thigh": [], "knee": [], "ankle": []}
    for recording in recordings:
        try:
            gait = measure_gait(recording)
        except ValueError:
            continue
        angles = cycle_angles(recording)
        for name, curve in angles.items():
            curves[name].append(curve)
        rows.append(_scalars(recording, gait, angles))
    names = tuple(rows[0])
    values = np.array([[row[name] for name in names] for row in rows])
    return GaitFigures(names, values, {name: np.array(c) for name, c in curves.items()})


def _scalars(
    recording: Recording, measured: RecordedGait, angles: dict[str, Floats]
) -> dict[str, float]:
    gait, pelvis = measured.gait, recording.joint("pelvis")
    swing = np.rad2deg(0.5 * (gait.arm_swing[0] + gait.arm_swing[1]))
    inner = slice(len(pelvis) // 6, -len(pelvis) // 6)
    return {
        "stride period, s": gait.cycle_s,
        "stride length, m": gait.stride_m,
        "stride length over stature": gait.stride_m / measured.stature_m,
        "speed, m/s": gait.speed_m_s,
        "step width, m": gait.step_width_m,
        "thigh range, degrees": float(np.ptp(angles["thigh"])),
        "knee range, degrees": float(np.ptp(angles["knee"])),
        "knee at mid-stance, degrees": float(angles["knee"][10:16].mean()),
        "ankle range, degrees": float(np.ptp(angles["ankle"])),
        "arm swing, degrees": 2.0 * float(swing),
        "rise and fall of the pelvis, cm": 100.0 * float(np.ptp(pelvis[inner, 2])),
    }


def cycle_angles(recording: Recording) -> dict[str, Floats]:
    """Return thigh, knee and ankle, degrees, averaged over the cycles of both legs.

    The least flexion of the knee is set to 4 degrees: neither markers nor skeletons agree on where
    a knee is straight. The ankle's mean is taken off for the same reason.
    """
    rows: dict[str, list[Floats]] = {"thigh": [], "knee": [], "ankle": []}
    for side in ("left", "right"):
        thigh, knee = sagittal_angles(recording, side)
        shin = recording.joint(f"{side}_ankle") - recording.joint(f"{side}_knee")
        foot = recording.joint(f"{side}_toe") - recording.joint(f"{side}_ankle")
        shank = np.arctan2(shin[:, 0], -shin[:, 2])
        ankle = np.arctan2(foot[:, 2], foot[:, 0]) - shank
        for first, last in gait_cycles(recording, side):
            at = first + (last - first) * PHASES
            for name, curve in (("thigh", thigh), ("knee", knee), ("ankle", ankle)):
                rows[name].append(np.rad2deg(np.interp(at, np.arange(len(curve)), curve)))
    mean = {name: np.mean(curves, axis=0) for name, curves in rows.items()}
    mean["knee"] = mean["knee"] - mean["knee"].min() + 4.0
    mean["ankle"] = mean["ankle"] - mean["ankle"].mean()
    return mean


def lidar_points(
    table: BeamTable, ranges_m: Sequence[float], people: int, mount_m: float = 2.0
) -> Floats:
    """Return (ranges, people) points on people who pass at these distances."""
    scanner = Lidar(table, Pose.from_xyz_rpy(0, 0, mount_m, 0, 0, 0), Scenery.of([]))
    counts = np.zeros((len(ranges_m), people))
    for row, range_m in enumerate(ranges_m):
        for column in range(people):
            heading = 2.0 * np.pi * column / people
            step = 2.0 * np.array([np.cos(heading), np.sin(heading)])
            middle = np.array([range_m, 0.0])
            actor = walk(f"figure-{column}", middle - step, middle + step, column)
            start = 0.5 * actor.leave_s
            rng = np.random.default_rng(column)
            scan = scanner.scan([actor], start, rng, scanner.window_of(actor, start))
            counts[row, column] = (scan.owner == 0).sum()
    return counts


def radar_frames(profile: str, ranges_m: Sequence[float], people: int) -> RadarFrames:
    """Return radar frames of people who walk to and fro, across, and aslant at these distances."""
    radar = Radar(RADAR_PROFILES[profile], Pose.from_xyz_rpy(0, 0, 1.2, 0, 0, 0))
    frame, velocity, number = [], [], 0
    for range_m in ranges_m:
        for column in range(people):
            heading = np.pi * column / 2.0 + 0.2
            step = np.array([np.cos(heading), np.sin(heading)])
            middle = np.array([range_m, 0.0])
            actor = walk(f"figure-{column}", middle - step, middle + step, column)
            rng = np.random.default_rng(column)
            for time_s in np.arange(0.3, actor.leave_s - 0.3, 0.1):
                cloud = radar.measure([actor], float(time_s), rng).cloud
                assert cloud.velocity is not None
                frame.append(np.full(len(cloud.xyz), number))
                velocity.append(np.asarray(cloud.velocity, np.float64))
                number += 1
    where = f"{min(ranges_m):g} to {max(ranges_m):g}" if len(ranges_m) > 1 else f"{ranges_m[0]:g}"
    name = f"simulated, {profile} profile, walking at {where} m"
    return RadarFrames.of(name, np.concatenate(frame), np.concatenate(velocity))
