"""Bags with their straps and handles, and umbrellas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import ARM, JOINT, LEG, BodyShape
from gait_reid_sim.core.body.outfit import UMBRELLA_ARM, Outfit
from gait_reid_sim.core.body.solids import Surface, ellipsoid, tube

BAG, STRAP, UMBRELLA = 34, 35, 36
"""Regions of what is carried, see `gait_reid_sim.core.body.dressing`."""
_HAND_M = 0.085
"""From the wrist to what the hand holds."""
_TORSO = [JOINT["pelvis"], JOINT["spine"], JOINT["thorax"], ARM["left"][0], ARM["right"][0]]
_TORSO += [LEG["left"][0], LEG["right"][0]]


@dataclass(frozen=True)
class Hung:
    """A surface that hangs on the joints.

    Attributes:
        surface: In the zero pose.
        region: Which part it is.
        skin_joints: (v, 4) int32.
        skin_weights: (v, 4).
    """

    surface: Surface
    region: int
    skin_joints: npt.NDArray[np.int32]
    skin_weights: Float64

    @classmethod
    def on(cls, surface: Surface, region: int, joint: int) -> Hung:
        """Return a surface that follows one joint."""
        return cls.between(surface, region, (joint, joint), np.ones(len(surface.vertices)))

    @classmethod
    def between(
        cls, surface: Surface, region: int, joints: tuple[int, int], first: Float64
    ) -> Hung:
        """Return a surface that follows two joints, the first by the share ``first``."""
        none = np.zeros_like(first)
        pair = np.array([*joints, joints[0], joints[0]], np.int32)
        weights = np.stack([first, 1.0 - first, none, none], axis=1)
        return cls(surface, region, np.tile(pair, (len(first), 1)), weights)


def bag_parts(
    shape: BodyShape, outfit: Outfit, vertices: Float64, region: npt.NDArray[np.int32]
) -> list[Hung]:
    """Return the bag of an outfit and what it hangs by."""
    torso = vertices[np.isin(region, _TORSO)]
    if outfit.bag == "backpack":
        return _backpack(shape, torso)
    return _handbag(shape, outfit) if outfit.bag == "handbag" else _satchel(shape, outfit, torso)


def _backpack(shape: BodyShape, torso: Float64) -> list[Hung]:
    shoulder, thorax = shape.joints[ARM["left"][1], 2], JOINT["thorax"]
    back = torso[torso[:, 2] > shape.joints[JOINT["spine"], 2], 0].min()
    bag = ellipsoid((back - 0.055, 0.0, shoulder - 0.20), (0.085, 0.155, 0.235), 4.0)
    parts = [Hung.on(bag, BAG, thorax)]
    heights = np.linspace(shoulder - 0.26, shoulder + 0.02, 7)
    for y in (0.09, -0.09):
        line = np.column_stack([np.zeros(7), np.full(7, y), heights])
        line[:, 0] = [_skin_x(torso, y, z, 1.0) for z in heights]
        parts.append(Hung.on(_band(line, (0.0, 1.0, 0.0), 0.02), STRAP, thorax))
    return parts


def _handbag(shape: BodyShape, outfit: Outfit) -> list[Hung]:
    size, wrist = shape.stature_m / 1.75, ARM[("left", "right")[outfit.bag_side]][3]
    at = shape.joints[wrist] + size * np.array([0.02, 0.0, -0.36])
    bag = ellipsoid(at, size * np.array([0.17, 0.06, 0.15]), 4.0)
    hand = shape.joints[wrist] - (0.0, 0.0, _HAND_M)
    reach = hand[2] - (at[2] + 0.13 * size)
    bow = np.linspace(0.0, np.pi, 9)
    line = at + (0.0, 0.0, 0.13 * size) + np.column_stack(
        [0.08 * size * np.cos(bow), np.zeros(9), reach * np.sin(bow)]
    )  # fmt: skip
    return [Hung.on(bag, BAG, wrist), Hung.on(_band(line, (0.0, 1.0, 0.0), 0.010), STRAP, wrist)]


def _satchel(shape: BodyShape, outfit: Outfit, torso: Float64) -> list[Hung]:
    """Return a bag at the hip and its strap, over chest and back to the other shoulder."""
    side, sign = ("left", "right")[outfit.bag_side], 1.0 if outfit.bag_side == 0 else -1.0
    size, hip = shape.stature_m / 1.75, shape.joints[LEG[side][0]]
    at = hip + size * np.array([-0.03, sign * 0.15, 0.0])
    bag = ellipsoid(at, size * np.array([0.17, 0.055, 0.13]), 4.0)
    shoulder = shape.joints[ARM["left"][1]]
    rise = np.linspace(0.0, 1.0, 9)
    y = at[1] * (1.0 - rise) - sign * 0.45 * shoulder[1] * rise
    z = at[2] + 0.10 * size + (shoulder[2] + 0.035 - at[2] - 0.10 * size) * rise
    lines = []
    for front in (1.0, -1.0):
        x = np.array([_skin_x(torso, *point, front) for point in zip(y, z)])
        x[0] = at[0] + front * 0.12 * size
        lines.append(np.column_stack([x, y, z]))
    line = np.concatenate([lines[0], lines[1][::-1]])
    band = _band(line, (0.0, 0.8, sign * 0.6), 0.018)
    high = shape.joints[JOINT["thorax"], 2]
    low = float(z[0]) + 0.03
    first = np.clip((high - band.vertices[:, 2]) / (high - low), 0.0, 1.0)
    return [
        Hung.on(bag, BAG, JOINT["pelvis"]),
        Hung.between(band, STRAP, (JOINT["pelvis"], JOINT["thorax"]), first),
    ]


def _skin_x(torso: Float64, y: float, z: float, front: float) -> float:
    """Return how far ahead (front 1) or behind (front -1) the torso reaches near a point."""
    near = torso[(np.abs(torso[:, 2] - z) < 0.05) & (np.abs(torso[:, 1] - y) < 0.06)]
    return float(front * (front * near[:, 0]).max() if len(near) else 0.0) + front * 0.004


def _band(line: Float64, across: npt.ArrayLike, half_m: float) -> Surface:
    """Return a band along (n, 3) points: ``half_m`` to either side, and half as thick."""
    along = np.gradient(line, axis=0)
    wide = np.asarray(across, np.float64) - along * (
        (along @ np.asarray(across, np.float64)) / np.maximum((along**2).sum(axis=1), 1e-9)
    )[:, None]  # fmt: skip
    wide = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    out = np.cross(along, wide)
    out = out / np.linalg.norm(out, axis=1, keepdims=True)
    corners = [(-1.0, -0.25), (1.0, -0.25), (1.0, 0.25), (-1.0, 0.25)]
    rings = np.stack([line + half_m * (w * wide + o * out) for w, o in corners], axis=1)
    return tube(rings, both_sides=True)


def umbrella_parts(shape: BodyShape, outfit: Outfit) -> list[Hung]:
    """Return canopy and stick; they follow the thorax, because the arm holds them still."""
    side = 1 - outfit.bag_side
    grip = _held(shape, side)
    top = shape.stature_m + 0.28
    turn = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(16)], axis=1)
    radii = ((0.52, -0.20), (0.42, -0.10), (0.25, -0.03), (0.002, 0.0))
    centre = np.array([grip[0] - 0.08, 0.7 * grip[1], top])
    canopy = tube(np.array([circle * r + centre + (0.0, 0.0, z) for r, z in radii]), True)
    slope = (centre - grip) / (centre[2] - grip[2])
    stick = tube(np.array([circle * 0.009 + grip - 0.09 * slope, circle * 0.009 + centre]))
    thorax = JOINT["thorax"]
    return [Hung.on(canopy, UMBRELLA, thorax), Hung.on(stick, STRAP, thorax)]


def _held(shape: BodyShape, side: int) -> Float64:
    """Return where the hand is that holds an umbrella, the thorax being upright."""
    _, shoulder, elbow, wrist = ARM[("left", "right")[side]]
    raised, bent = UMBRELLA_ARM
    at, turn = shape.joints[shoulder], 0.0
    bones = [(shoulder, elbow, raised), (elbow, wrist, bent)]
    for start, end, angle in bones:
        turn += angle
        bone = shape.joints[end] - shape.joints[start]
        if end == wrist:
            bone = bone * (1.0 + _HAND_M / np.linalg.norm(bone))
        c, s = np.cos(turn), np.sin(turn)
        at = at + np.array([c * bone[0] - s * bone[2], bone[1], s * bone[0] + c * bone[2]])
    return at
