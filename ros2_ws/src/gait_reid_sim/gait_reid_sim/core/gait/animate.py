"""Put it together: a body, a gait and an itinerary become the motion of a skeleton."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import ARM, JOINT, LEG, BodyShape
from gait_reid_sim.core.body.skinning import joint_positions
from gait_reid_sim.core.gait.feet import Base, FootMotion, make_base, move_foot
from gait_reid_sim.core.gait.hips import pelvis_rotation, sway
from gait_reid_sim.core.gait.itinerary import Itinerary
from gait_reid_sim.core.gait.legs import LegGeometry, about_x, about_y, about_z, solve_leg
from gait_reid_sim.core.gait.motion import Motion
from gait_reid_sim.core.gait.parameters import GaitParameters
from gait_reid_sim.core.gait.progress import RATE_HZ, Progress, plan_progress
from gait_reid_sim.core.gait.stride import Stride

TAU = 2.0 * np.pi
SEAT_TO_HIP_M = 0.09
PAD = int(2.0 * RATE_HZ)


def animate(
    body: BodyShape,
    gait: GaitParameters,
    itinerary: Itinerary,
    rng: np.random.Generator,
    sole_m: float = 0.028,
) -> Motion:
    """Return the motion of one person along an itinerary.

    Args:
        body: Shape of the person.
        gait: How the person walks today.
        itinerary: Where the person goes.
        rng: Source of the rhythm's small variations.
        sole_m: Thickness of the soles.
    """
    stride = Stride.of(gait, LegGeometry.of(body, sole_m))
    progress = plan_progress(itinerary, gait, rng)
    base = make_base(itinerary.path, progress, stride.hips, PAD)
    seated = np.pad(progress.seated, PAD, mode="edge")
    feet = [move_foot(stride, base, side) for side in range(2)]
    pelvis = _pelvis_rotation(stride, base, seated)
    root = _root(stride, base, pelvis, feet, (seated, progress))
    local = _upper_body(stride, base, pelvis, seated)
    legs = [_leg(stride, side, root, pelvis, feet[side], base) for side in range(2)]
    rotations, positions = _assemble(body, local, pelvis, root, legs)
    keep = slice(PAD, len(base.phase) - PAD)
    planted = np.stack([foot.planted for foot in feet], axis=1)
    return Motion(RATE_HZ, rotations[keep], positions[keep], planted[keep], base.heading[keep])


def _pelvis_rotation(stride: Stride, base: Base, seated: Float64) -> Float64:
    own = pelvis_rotation(stride.gait, base.phase, base.ratio)
    return about_z(base.heading) @ own @ about_y(0.25 * _rising(seated))


def _rising(seated: Float64) -> Float64:
    """Return 1 half-way between standing and sitting, 0 at both."""
    return 4.0 * seated * (1.0 - seated)


def _root(
    stride: Stride,
    base: Base,
    pelvis: Float64,
    feet: list[FootMotion],
    sitting: tuple[Float64, Progress],
) -> Float64:
    """Return (t, 3) positions of the pelvis joint from which both feet are in reach."""
    legs, (seated, progress) = stride.legs, sitting
    aside = sway(stride.gait, base.phase, base.ratio)
    ahead = base.surge - seated * legs.thigh_m * 0.92
    c, s = np.cos(base.heading), np.sin(base.heading)
    seat = progress.seat_height_m + SEAT_TO_HIP_M - float(legs.hip_offset[:, 2].mean())
    height = (1.0 - seated) * base.height + seated * seat
    xy = base.xy + np.column_stack([c * ahead - s * aside, s * ahead + c * aside])
    root = np.column_stack([xy, height])
    drop = np.zeros(len(root))
    for side, foot in enumerate(feet):
        hip = root + pelvis @ legs.hip_offset[side]
        aside2 = ((hip - foot.ankle)[:, :2] ** 2).sum(axis=1)
        highest = foot.ankle[:, 2] + np.sqrt(np.maximum(legs.stretch_m**2 - aside2, 0.0))
        drop = np.maximum(drop, hip[:, 2] - highest)
    half = int(0.07 * RATE_HZ)
    envelope = maximum_filter1d(drop, 2 * half + 1)
    root[:, 2] -= gaussian_filter1d(envelope, half / 2.0, truncate=2.0)
    return root


def _leg(
    stride: Stride, side: int, root: Float64, pelvis: Float64, foot: FootMotion, base: Base
) -> list[Float64]:
    """Return world rotations of thigh, shank, foot and toes."""
    hip = root + pelvis @ stride.legs.hip_offset[side]
    turn = np.angle(np.exp(1j * (foot.yaw - base.heading)))
    thigh, shank = solve_leg(stride.legs, hip, foot.ankle, base.heading + 0.7 * turn)
    yaw = about_z(foot.yaw)
    weight = gaussian_filter1d(foot.planted.astype(np.float64), 2.0)
    toe_pitch = np.where(foot.pitch < 0.0, foot.pitch * (1.0 - 0.9 * weight), foot.pitch)
    return [thigh, shank, yaw @ about_y(-foot.pitch), yaw @ about_y(-toe_pitch)]


def _upper_body(stride: Stride, base: Base, pelvis: Float64, seated: Float64) -> dict[str, Float64]:
    """Return world rotations of thorax and head, and arm rotations relative to the thorax."""
    gait, cycle, size = stride.gait, TAU * base.phase, np.minimum(base.ratio, 1.2)
    breath = 0.006 * np.sin(TAU * np.arange(len(cycle)) / RATE_HZ * 0.25)
    yaw = gait.trunk_rotation * size * np.cos(cycle)
    roll = -0.25 * gait.pelvis_obliquity * size * np.cos(cycle - TAU * 0.17)
    lean = gait.trunk_lean + 0.015 * size * np.cos(2.0 * cycle - TAU * 0.35) + breath
    lean = lean + 0.55 * _rising(seated)
    thorax = about_z(base.heading + yaw) @ about_y(lean) @ about_x(roll)
    nod = gait.head_pitch + 0.01 * size * np.cos(2.0 * cycle) + 0.2 * _rising(seated)
    out = {
        "pelvis": pelvis,
        "thorax": thorax,
        "head": about_z(base.heading + 0.2 * yaw) @ about_y(nod),
    }
    for side, name in enumerate(("left", "right")):
        own = base.phase - 0.5 - gait.arm_lag + (gait.phase_lag if side else 0.0)
        swing = gait.arm_swing[side] * size * np.cos(TAU * own)
        # What is held up in front stays there, however slow the walk.
        held = gait.arm_raise[side] > 0.0
        easy = np.ones_like(size) if held else 0.45 + 0.55 * size
        flexion = swing * np.where(swing > 0.0, 0.8, 1.0) + 0.35 * seated
        flexion = flexion + (gait.arm_raise[side] if held else -0.04 * size)
        outwards = 1.0 if side == 0 else -1.0
        abduction = about_x(outwards * np.full(len(cycle), gait.arm_abduction[side]))
        bend = gait.elbow[side] * easy + 0.45 * np.maximum(swing, -0.3 * size)
        out[f"{name}_shoulder"] = about_y(-flexion) @ abduction
        out[f"{name}_elbow"] = about_y(-np.maximum(bend, 0.03) - 0.9 * seated)
    return out


def half_way(a: Float64, b: Float64) -> Float64:
    """Return the rotations half-way between two near ones: the mean, made orthonormal."""
    u, _, vt = np.linalg.svd(0.5 * (a + b))
    return u @ vt


def _assemble(
    body: BodyShape,
    upper: dict[str, Float64],
    pelvis: Float64,
    root: Float64,
    legs: list[list[Float64]],
) -> tuple[Float64, Float64]:
    """Return world rotations and positions of all joints."""
    count = len(root)
    world = np.tile(np.eye(3), (count, 21, 1, 1))
    world[:, JOINT["pelvis"]] = pelvis
    world[:, JOINT["spine"]] = half_way(pelvis, upper["thorax"])
    world[:, JOINT["thorax"]] = upper["thorax"]
    world[:, JOINT["neck"]] = half_way(upper["thorax"], upper["head"])
    world[:, JOINT["head"]] = upper["head"]
    for side, rotations in zip(("left", "right"), legs):
        for joint, rotation in zip(LEG[side], rotations):
            world[:, joint] = rotation
    for side in ("left", "right"):
        collar, shoulder, elbow, wrist = ARM[side]
        world[:, collar] = upper["thorax"]
        world[:, shoulder] = upper["thorax"] @ upper[f"{side}_shoulder"]
        world[:, elbow] = world[:, shoulder] @ upper[f"{side}_elbow"]
        world[:, wrist] = world[:, elbow]
    return world, joint_positions(body.joints, world, root)
