"""The legs: how a foot rolls on the ground, and the joint angles that put it there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.model import LEG, BodyModel, BodyShape

FULLEST_STRETCH = 0.9993
"""Of thigh and shank together: the knee never locks quite straight."""


@dataclass(frozen=True)
class LegGeometry:
    """Lengths of one body's legs, metres; pairs are (left, right) where the sides differ.

    Attributes:
        thigh_m: Hip to knee.
        shank_m: Knee to ankle.
        ankle_height_m: Ankle joint above the ground, shoes included.
        heel_m: From the ankle back to the heel, along the foot.
        ball_m: From the ankle forwards to the ball.
        hip_offset: (2, 3) hip joints relative to the pelvis joint, in the zero pose.
    """

    thigh_m: float
    shank_m: float
    ankle_height_m: float
    heel_m: float
    ball_m: float
    hip_offset: Float64

    @classmethod
    def of(cls, body: BodyShape, sole_m: float) -> LegGeometry:
        """Measure a body that wears soles of the given thickness."""
        model = BodyModel.load()
        hip, knee, ankle, toe = LEG["left"]
        joints = body.joints
        follows = model.skin_joints[:, 0] == ankle
        heel = joints[ankle, 0] - body.vertices[follows, 0].min()
        hips = joints[[LEG["left"][0], LEG["right"][0]]] - joints[0]
        return cls(
            body.bone(hip, knee),
            body.bone(knee, ankle),
            float(joints[ankle, 2]) + sole_m,
            float(heel) * 0.85,
            float(joints[toe, 0] - joints[ankle, 0]),
            hips,
        )

    @property
    def stretch_m(self) -> float:
        """Longest distance from hip to ankle."""
        return FULLEST_STRETCH * (self.thigh_m + self.shank_m)

    def hanging_ankle(self, hip_rad: Float64, knee_rad: Float64) -> tuple[Float64, Float64]:
        """Return where the ankle is, forwards and up from the hip, for flexion angles."""
        shank = hip_rad - knee_rad
        forward = self.thigh_m * np.sin(hip_rad) + self.shank_m * np.sin(shank)
        return forward, -self.thigh_m * np.cos(hip_rad) - self.shank_m * np.cos(shank)

    def rolling_ankle(self, pitch_rad: Float64) -> tuple[Float64, Float64]:
        """Return where the ankle is while the foot rolls over heel (toes up) or ball (heel up).

        Returns:
            Forwards from where the ankle is over the flat foot, and up from the ground, metres.
        """
        c, s = np.cos(pitch_rad), np.sin(pitch_rad)
        h = self.ankle_height_m
        over_heel = self.heel_m * (c - 1.0) - h * s, self.heel_m * s + h * c
        over_ball = self.ball_m * (1.0 - c) - h * s, -self.ball_m * s + h * c
        toes_up = pitch_rad >= 0.0
        return np.where(toes_up, over_heel[0], over_ball[0]), np.where(
            toes_up, over_heel[1], over_ball[1]
        )


def about_z(angle: Float64) -> Float64:
    """Return (..., 3, 3) rotations about the vertical."""
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [[c, -s, zero], [s, c, zero], [zero, zero, one]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def about_y(angle: Float64) -> Float64:
    """Return (..., 3, 3) rotations about the left axis; positive turns the front downwards."""
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [[c, zero, s], [zero, one, zero], [-s, zero, c]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def about_x(angle: Float64) -> Float64:
    """Return (..., 3, 3) rotations about the forward axis; positive raises the left side."""
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [[one, zero, zero], [zero, c, -s], [zero, s, c]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def solve_leg(
    geometry: LegGeometry, hip: Float64, ankle: Float64, yaw: Float64
) -> tuple[Float64, Float64]:
    """Return world rotations of thigh and shank, (t, 3, 3) each, that join hip and ankle.

    Args:
        geometry: Lengths.
        hip: (t, 3) world.
        ankle: (t, 3) world.
        yaw: (t,) direction that the knee bends towards.
    """
    reach = ankle - hip
    distance = np.linalg.norm(reach, axis=1)
    shortest = abs(geometry.thigh_m - geometry.shank_m) + 0.02
    length = np.clip(distance, shortest, geometry.stretch_m)
    down = reach / np.maximum(distance, 1e-9)[:, None]
    forward = np.stack([np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)], axis=1)
    # A foot lifted behind the body would make "forward" and "down" parallel: lean it upwards.
    forward[:, 2] = 0.25
    left = np.cross(-down, forward)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    front = np.cross(left, -down)
    a, b = geometry.thigh_m, geometry.shank_m
    cosine = (a**2 + length**2 - b**2) / (2.0 * a * length)
    at_hip = np.arccos(np.clip(cosine, -1.0, 1.0))
    thigh_down = np.cos(at_hip)[:, None] * down + np.sin(at_hip)[:, None] * front
    shank_down = length[:, None] * down - a * thigh_down
    shank_down /= np.linalg.norm(shank_down, axis=1, keepdims=True)
    return _frame(thigh_down, left), _frame(shank_down, left)


def _frame(down: Float64, left: Float64) -> Float64:
    up = -down
    return np.stack([np.cross(left, up), left, up], axis=-1)
