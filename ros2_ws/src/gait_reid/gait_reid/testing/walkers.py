"""Walking figures with a body and a gait of their own, seen by a LiDAR and by a camera.

They are simple solids that move like people, made for tests: who is who can be told from their
proportions and their swing, and where everybody is at any time is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gait_reid.core.geometry import Pose, project
from gait_reid.core.types import CameraFrame, CameraIntrinsics, Float64, UInt8
from gait_reid.testing.lidar_scene import Capsule


@dataclass(frozen=True)
class Body:
    """Proportions and gait of one figure.

    Attributes:
        stature_m: Height.
        shoulder_m: Distance of the arms from the middle of the body.
        girth: Thickness of trunk and limbs, 1 for the usual one.
        stride_m: Length of a gait cycle.
        arm_swing: Swing of the arms against the legs, 1 for the usual one.
        lean: How far the trunk leans forward, metres at the shoulder.
        colour: BGR of the clothes.
    """

    stature_m: float = 1.75
    shoulder_m: float = 0.2
    girth: float = 1.0
    stride_m: float = 1.4
    arm_swing: float = 1.0
    lean: float = 0.02
    colour: tuple[int, int, int] = (60, 60, 60)


@dataclass(frozen=True)
class Walk:
    """One straight walk of one person.

    Attributes:
        person: Who walks.
        start_s: Time at which the person appears.
        end_s: Time at which the person is gone.
        start_m: (x, y) of the beginning.
        velocity_m_s: (x, y) speed.
    """

    person: str
    start_s: float
    end_s: float
    start_m: tuple[float, float]
    velocity_m_s: tuple[float, float]

    def is_present(self, time_s: float) -> bool:
        """Return whether the person is there at a time."""
        return self.start_s <= time_s < self.end_s

    def position(self, time_s: float) -> Float64:
        """Return (2,) x and y in metres at a time."""
        elapsed_s = time_s - self.start_s
        return np.asarray(self.start_m) + elapsed_s * np.asarray(self.velocity_m_s)


def figure(body: Body, walk: Walk, time_s: float) -> list[Capsule]:
    """Return the solids of a walking person at a time, in the frame of the site."""
    speed = float(np.hypot(*walk.velocity_m_s))
    x, y = walk.position(time_s)
    forward = np.array([*walk.velocity_m_s, 0.0]) / max(speed, 1e-9)
    left = np.array([-forward[1], forward[0], 0.0])
    phase = 2 * np.pi * (time_s - walk.start_s) * speed / body.stride_m

    def at(along: float, across: float, up: float) -> Float64:
        base = np.array([x, y, 0.0]) + along * forward + across * left
        return base + np.array([0.0, 0.0, up * body.stature_m])

    girth = body.girth * body.stature_m
    parts = [
        Capsule(at(body.lean, 0, 0.91), at(body.lean, 0, 0.94), 0.06 * body.stature_m),
        Capsule(at(0, 0, 0.55), at(body.lean, 0, 0.80), 0.085 * girth),
    ]
    for side, shift in ((1, 0.0), (-1, np.pi)):
        thigh = 0.22 * body.stride_m * np.sin(phase + shift)
        lift = 0.06 * max(0.0, np.cos(phase + shift))
        hip, foot = 0.045 * body.stature_m * side, at(thigh, 0.04 * side, 0.035 + lift)
        knee = at(0.55 * thigh + 0.08, hip, 0.29 + 0.5 * lift)
        parts += [
            Capsule(at(0, hip, 0.52), knee, 0.045 * girth),
            Capsule(knee, foot, 0.032 * girth),
        ]
        hand = -body.arm_swing * 0.17 * body.stride_m * np.sin(phase + shift)
        across = body.shoulder_m * side
        elbow = at(0.4 * hand, across, 0.62)
        parts += [
            Capsule(at(body.lean, across, 0.79), elbow, 0.026 * girth),
            Capsule(elbow, at(hand + 0.05, across, 0.47), 0.021 * girth),
        ]
    return parts


def room(intrinsics: CameraIntrinsics, seed: int = 0) -> UInt8:
    """Return a background picture with texture: (h, w, 3) uint8 BGR."""
    rng = np.random.default_rng(seed)
    shape = (intrinsics.height, intrinsics.width)
    coarse = rng.normal(0.0, 14.0, (shape[0] // 8, shape[1] // 8)).astype(np.float32)
    texture = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    shade = np.linspace(190.0, 130.0, shape[0])[:, None] + texture
    return np.repeat(shade.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def picture(
    figures: Sequence[tuple[Body, Sequence[Capsule]]],
    background: UInt8,
    intrinsics: CameraIntrinsics,
    camera_pose: Pose,
    stamp_ns: int,
    frame_id: str,
) -> CameraFrame:
    """Draw figures in front of a background, the nearest last, with a little noise.

    Args:
        figures: Body and solids of each person.
        background: (h, w, 3) uint8 BGR.
        intrinsics: Of the camera.
        camera_pose: Of the optical frame, in the frame of the site.
        stamp_ns: Acquisition time; the noise depends on it alone.
        frame_id: Optical frame.
    """
    canvas = background.copy()
    eye = camera_pose.translation
    for body, solids in sorted(figures, key=lambda item: -_distance(item[1], eye)):
        for index, solid in enumerate(solids):
            ends = np.stack([solid.start, solid.end])
            optical = camera_pose.inverse().apply(ends)
            pixels, in_front = project(intrinsics, optical)
            if not in_front.all():
                continue
            radius = solid.radius * intrinsics.fx / float(optical[:, 2].mean())
            colour = (150, 170, 200) if index == 0 else body.colour
            start, end = (tuple(int(v) for v in np.rint(16 * p)) for p in pixels)
            width = max(1, round(2 * radius))
            cv2.line(canvas, start, end, colour, width, cv2.LINE_AA, shift=4)
    noise = np.random.default_rng(stamp_ns).normal(0.0, 2.0, canvas.shape)
    noisy = np.rint(canvas + noise).clip(0, 255).astype(np.uint8)
    return CameraFrame(stamp_ns, frame_id, noisy, intrinsics)


def _distance(solids: Sequence[Capsule], eye: Float64) -> float:
    return float(np.linalg.norm(solids[1].start - eye))
