"""The way of the hips over one stride, from what the legs that stand ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.curves import Complex
from gait_reid_sim.core.gait.legs import about_x, about_y, about_z
from gait_reid_sim.core.gait.parameters import GaitParameters

TAU = 2.0 * np.pi
RATIOS = np.arange(5) / 3.0
"""Lengths of strides against the preferred one at which the way of the hips is known."""
SURGE_HARMONICS = 4
HEIGHT_HARMONICS = 6
HEIGHT_RIDGE, SURGE_RIDGE = 2e-4, 1e-2
"""Keep high harmonics small where the legs that stand do not agree."""


@dataclass(frozen=True)
class HipPath:
    """How the hips move against a point that follows the path evenly.

    Attributes:
        surge: (5, k) coefficients at `RATIOS` of how far they are ahead, metres.
        height: (5, k) of their height above the ground, metres.
    """

    surge: Complex
    height: Complex

    def at(self, phase: Float64, ratio: Float64) -> tuple[Float64, Float64]:
        """Return surge and height, metres, at phases of the left leg."""
        place = np.clip(ratio, 0.0, RATIOS[-1]) / RATIOS[1]
        weight = np.maximum(1.0 - np.abs(place[:, None] - np.arange(len(RATIOS))), 0.0)
        once = np.exp(1j * TAU * phase)[:, None]
        waves = np.cumprod(np.repeat(once, HEIGHT_HARMONICS, axis=1), axis=1)
        waves = np.concatenate([np.ones_like(once), waves], axis=1)
        surge, height = (
            (weight * np.real(waves[:, : rows.shape[1]] @ rows.T)).sum(axis=1)
            for rows in (self.surge, self.height)
        )
        return surge, height


def pelvis_rotation(gait: GaitParameters, phase: Float64, ratio: npt.ArrayLike) -> Float64:
    """Return (t, 3, 3) rotations of the pelvis against the heading, at phases of the left leg."""
    cycle, size = TAU * phase, np.minimum(ratio, 1.2)
    yaw = -gait.pelvis_rotation * size * np.cos(cycle)
    roll = gait.pelvis_obliquity * size * np.cos(cycle - TAU * 0.17)
    pitch = 0.03 + 0.02 * size * np.cos(2.0 * cycle - TAU * 0.2)
    return about_z(yaw) @ about_y(pitch) @ about_x(roll)


def sway(gait: GaitParameters, phase: Float64, ratio: npt.ArrayLike) -> Float64:
    """Return (t,) metres that the pelvis is left of the path."""
    size = np.sqrt(np.minimum(ratio, 1.2))
    return gait.sway_m * size * np.cos(TAU * phase - TAU * 0.30)


def print_aside_m(gait: GaitParameters, side: int, ratio: float) -> float:
    """Return how far left of the path a foot stands; apart a little more in short strides."""
    outwards = 1.0 if side == 0 else -1.0
    return outwards * (max(0.5 * gait.step_width_m, 0.035) + 0.03 * max(1.0 - ratio, 0.0))


def fit_wave(
    phase: Float64, values: Float64, weight: Float64, harmonics: int, ridge: float
) -> Complex:
    """Return the coefficients of the periodic curve nearest to weighted values."""
    order = np.arange(1, harmonics + 1)
    wave = TAU * phase[:, None] * order
    basis = np.concatenate([np.ones((len(phase), 1)), np.cos(wave), np.sin(wave)], axis=1)
    cost = ridge * len(phase) * np.concatenate([[0.0], order**2.0, order**2.0])
    normal = (basis.T * weight) @ basis + np.diag(cost)
    found = np.linalg.solve(normal, basis.T @ (weight * values))
    return np.append(found[:1], found[1 : harmonics + 1] - 1j * found[harmonics + 1 :])
