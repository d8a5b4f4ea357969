"""A recorded walk replayed on any body, bone by bone, without a model of gait in between.

Every bone points where the recorded bone pointed. Bodies have other proportions, so the way over
the ground is not the recorded one but follows from the feet: whatever touches the ground stays
where it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import ARM, JOINT, LEG, BodyShape
from gait_reid_sim.core.body.skinning import joint_positions
from gait_reid_sim.core.gait.animate import half_way
from gait_reid_sim.core.gait.legs import LegGeometry, about_y, about_z
from gait_reid_sim.core.gait.motion import Motion
from gait_reid_sim.core.gait.progress import RATE_HZ
from gait_reid_sim.core.gait.recording import ROLES, Recording
from gait_reid_sim.core.gait.retarget import gait_cycles

TOUCHING_M = 0.008
"""Soles so much higher than the lowest point count e times less as what stands still."""
PLANTED_M = 0.02
PLANTED_M_S = 0.4
FLAT = (0.15, 0.35)
"""Phases at which the whole sole is on the ground."""
_LEFT = np.array([0.0, 1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])


def replay(
    recording: Recording, body: BodyShape, sole_m: float, heading: float, middle: Float64
) -> Motion:
    """Return the recorded walk on another body.

    Args:
        recording: What was recorded.
        body: Who walks.
        sole_m: Thickness of the soles.
        heading: Direction to walk in, radians.
        middle: (2,) where the walk is half done, metres.

    Raises:
        ValueError: The recording shows no whole gait cycle.
    """
    pitches = {side: _flat_pitch(recording, side) for side in LEG}
    resampled = _resampled(recording)
    world = _rotations(resampled, body, pitches)
    legs = LegGeometry.of(body, sole_m)
    joints = joint_positions(body.joints, world, np.zeros((len(world), 3)))
    soles = _soles(joints, world, legs)
    root = _root(soles)
    planted = _planted(soles + root[:, None])
    _bend_toes(world, planted)
    travel = root[-1, :2] - root[0, :2]
    turn = about_z(np.array(heading - np.arctan2(travel[1], travel[0])))
    root = root @ turn.T
    root[:, :2] += np.asarray(middle) - root[len(root) // 2, :2]
    world = turn @ world
    headings = np.full(len(root), heading)
    return Motion(RATE_HZ, world, joint_positions(body.joints, world, root), planted, headings)


def _resampled(recording: Recording) -> Float64:
    """Return (t, 16, 3) joints at `RATE_HZ`."""
    flat = recording.positions.reshape(len(recording.positions), -1)
    ends = (len(flat) - 1) / recording.rate_hz
    at = np.arange(0.0, ends, 1.0 / RATE_HZ) * recording.rate_hz
    grid = np.arange(len(flat))
    columns = [np.interp(at, grid, flat[:, i]) for i in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(len(at), len(ROLES), 3)


def _foot(positions: Float64, side: str) -> Float64:
    return np.asarray(
        positions[:, ROLES.index(f"{side}_toe")] - positions[:, ROLES.index(f"{side}_ankle")]
    )


def _pitch(direction: Float64) -> Float64:
    return np.arctan2(direction[..., 2], np.hypot(direction[..., 0], direction[..., 1]))


def _flat_pitch(recording: Recording, side: str) -> float:
    """Return how the recorded foot points up or down while its sole is on the ground."""
    cycles = gait_cycles(recording, side) or [
        c for other in LEG for c in gait_cycles(recording, other)
    ]
    if not cycles:
        raise ValueError(f"{recording.source} shows no whole gait cycle")
    pitch = _pitch(_foot(recording.positions, side))
    if not gait_cycles(recording, side):
        return float(np.percentile(pitch, 60))
    phases = np.linspace(*FLAT, 9)
    at = np.concatenate([a + (b - a) * phases for a, b in cycles])
    return float(np.median(np.interp(at, np.arange(len(pitch)), pitch)))


def _frames(direction: Float64, left: Float64) -> Float64:
    """Return (..., 3, 3) frames whose first axis is a direction and whose second is near left."""
    first = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    third = np.cross(first, left)
    third = third / np.linalg.norm(third, axis=-1, keepdims=True)
    return np.stack([first, np.cross(third, first), third], axis=-1)


def _rotations(positions: Float64, body: BodyShape, flat: dict[str, float]) -> Float64:
    """Return (t, 21, 3, 3) world rotations."""

    def role(name: str) -> Float64:
        return np.asarray(positions[:, ROLES.index(name)])

    def turned(start: int, end: int, direction: Float64, left: Float64) -> Float64:
        rest = body.joints[end] - body.joints[start]
        return np.asarray(_frames(direction, left) @ _frames(rest, _LEFT).T)

    world = np.tile(np.eye(3), (len(positions), 21, 1, 1))
    hips = role("left_hip") - role("right_hip")
    trunk = role("neck") - role("pelvis")
    trunk = trunk / np.linalg.norm(trunk, axis=1, keepdims=True)
    # Hip joints do not show how the pelvis tilts: a third of the trunk's lean.
    upright = _UP + (trunk - _UP) / 3.0
    rest = _frames(_UP, _LEFT).T
    pelvis = _frames(upright, hips) @ rest
    thorax = _frames(trunk, role("left_shoulder") - role("right_shoulder")) @ rest
    head = _frames(np.broadcast_to(_UP, trunk.shape), thorax[:, :, 1]) @ rest
    world[:, JOINT["pelvis"]], world[:, JOINT["thorax"]] = pelvis, thorax
    world[:, JOINT["spine"]] = half_way(pelvis, thorax)
    world[:, JOINT["head"]], world[:, JOINT["neck"]] = head, half_way(thorax, head)
    for side in ("left", "right"):
        hip, knee, ankle, toe = LEG[side]
        bend = pelvis[:, :, 1]
        for start, end, name in ((hip, knee, "hip knee"), (knee, ankle, "knee ankle")):
            first, second = (role(f"{side}_{n}") for n in name.split())
            world[:, start] = turned(start, end, second - first, bend)
        lowered = _foot(positions, side)
        foot = turned(ankle, toe, lowered, bend)
        flat_rest = float(_pitch(body.joints[toe] - body.joints[ankle]))
        world[:, [ankle, toe]] = (foot @ about_y(np.array(flat[side] - flat_rest)))[:, None]
        collar, shoulder, elbow, wrist = ARM[side]
        world[:, collar] = thorax
        arm = role(f"{side}_elbow") - role(f"{side}_shoulder")
        world[:, shoulder] = turned(shoulder, elbow, arm, thorax[:, :, 1])
        fore = role(f"{side}_wrist") - role(f"{side}_elbow")
        world[:, [elbow, wrist]] = turned(elbow, wrist, fore, thorax[:, :, 1])[:, None]
    return world


def _soles(joints: Float64, world: Float64, legs: LegGeometry) -> Float64:
    """Return (t, 4, 3) left heel and ball, right heel and ball, relative to the pelvis."""
    points = []
    for side in ("left", "right"):
        ankle = LEG[side][2]
        for ahead in (-legs.heel_m, legs.ball_m):
            offset = np.array([ahead, 0.0, -legs.ankle_height_m])
            points.append(joints[:, ankle] + world[:, ankle] @ offset)
    return np.stack(points, axis=1)


def _root(soles: Float64) -> Float64:
    """Return (t, 3) the pelvis: the lowest point of the soles is on the ground and stays there."""
    low = soles[:, :, 2].min(axis=1)
    height = gaussian_filter1d(-low, 2.0, mode="nearest")
    weight = np.exp(-(soles[:, :, 2] - low[:, None]) / TOUCHING_M)
    steps, between = -np.diff(soles[:, :, :2], axis=0), 0.5 * (weight[1:] + weight[:-1])
    # What is on the ground falls behind at the speed of the walk; a foot that swings past low
    # above it does not.
    usual = float(np.median(steps[np.arange(len(steps)), between.argmax(axis=1), 0]))
    between = between / (1.0 + np.exp(-12.0 * (steps[:, :, 0] / max(usual, 1e-4) - 0.5)))
    between /= between.sum(axis=1, keepdims=True)
    moved = (between[..., None] * steps).sum(axis=1)
    moved = gaussian_filter1d(moved, 1.5, axis=0, mode="nearest")
    xy = np.concatenate([np.zeros((1, 2)), np.cumsum(moved, axis=0)])
    return np.column_stack([xy, height])


def _planted(soles: Float64) -> npt.NDArray[np.bool_]:
    """Return (t, 2) which feet are on the ground: low, and nearly at rest somewhere."""
    speed = np.linalg.norm(np.gradient(soles[:, :, :2], axis=0), axis=2) * RATE_HZ
    still = (soles[:, :, 2] < PLANTED_M) & (speed < PLANTED_M_S)
    return np.stack([still[:, :2].any(axis=1), still[:, 2:].any(axis=1)], axis=1)


def _bend_toes(world: Float64, planted: npt.NDArray[np.bool_]) -> None:
    """Lay the toes flat, in place, while the heel of a planted foot rises."""
    weight = gaussian_filter1d(planted.astype(np.float64), 2.0, axis=0)
    for column, side in enumerate(("left", "right")):
        ankle, toe = LEG[side][2:]
        forward = world[:, ankle, :, 0]
        down = np.minimum(_pitch(forward), 0.0) * 0.9 * weight[:, column]
        world[:, toe] = world[:, ankle] @ about_y(down)
