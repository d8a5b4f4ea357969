"""One person's stride at the preferred speed: the cycle that every walk is made from.

The mean thigh curve is scaled until the foot moves back under the body, while on the ground, as
fast as the body moves forwards; the height of the hips follows from the leg that stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.curves import RISE, Complex, evaluate, foot_pitch
from gait_reid_sim.core.gait.legs import LegGeometry
from gait_reid_sim.core.gait.parameters import GaitParameters

MID_STANCE = 0.30
_FLAT = np.linspace(0.08, 0.45, 24)
_STANDING_KNEE_RAD = 0.07


@dataclass(frozen=True)
class Stride:
    """The cycle of one person.

    Attributes:
        gait: Parameters it was made from.
        legs: Lengths.
        thigh_gain: (2,) factors on the thigh's mean curve, left and right.
        thigh_shift: Added to the mean thigh angle, so that neither the leading nor the trailing
            leg forces the hips down more than the other.
        print_offset_m: (2,) how far ahead of the pelvis, at mid-stance, each foot stands.
        hip_height: Coefficients of the height of the hips over the left leg's phase.
        rise: (2, 5) heel-up rotation of each foot in late stance, see `curves.foot_pitch`.
    """

    gait: GaitParameters
    legs: LegGeometry
    thigh_gain: Float64
    thigh_shift: float
    print_offset_m: Float64
    hip_height: Complex
    rise: Float64

    @classmethod
    def of(cls, gait: GaitParameters, legs: LegGeometry) -> Stride:
        """Find the cycle in which feet and body move at the same speed."""
        gain = np.array([_fit_gain(gait, legs, side) for side in range(2)])
        shifts = np.deg2rad(np.linspace(-7.0, 5.0, 13))
        trials = [cls._trial(gait, legs, gain, float(shift)) for shift in shifts]
        best = trials[int(np.argmax([trial._lowest_reach() for trial in trials]))]
        best = replace(best, hip_height=best._height())
        return replace(best, rise=np.array([best._heel_rise(side) for side in range(2)]))

    @classmethod
    def _trial(cls, gait: GaitParameters, legs: LegGeometry, gain: Float64, shift: float) -> Stride:
        stride = _bare(gait, legs, gain, shift)
        offsets = np.zeros(2)
        for side in range(2):
            forward, _ = legs.hanging_ankle(*stride.angles(side, _FLAT))
            drift = forward + legs.hip_offset[side, 0] + gait.stride_m * (_FLAT - MID_STANCE)
            offsets[side] = drift.mean()
        return replace(stride, print_offset_m=offsets)

    def _lowest_reach(self) -> float:
        """Return the greatest height of the hips at which both feet stay in reach all the time."""
        phase = np.linspace(0.0, self.gait.duty, 40)
        heights = []
        for side in range(2):
            roll, ankle = self.legs.rolling_ankle(self.pitch(side, phase))
            ahead = self.print_offset_m[side] - self.gait.stride_m * (phase - MID_STANCE) + roll
            ahead = ahead - self.legs.hip_offset[side, 0]
            heights.append(ankle + np.sqrt(np.maximum(self.legs.stretch_m**2 - ahead**2, 0.0)))
        return float(np.min(heights))

    def leg_phase(self, side: int, phase: Float64) -> Float64:
        """Return the phase of a leg from that of the left leg."""
        return phase - (self.gait.phase_lag if side else 0.0)

    def angles(self, side: int, phase: Float64) -> tuple[Float64, Float64]:
        """Return thigh angle and knee flexion at phases of the leg itself."""
        gait = self.gait
        hip = self.thigh_gain[side] * evaluate(gait.thigh_curve, phase) + self.thigh_shift
        knee = gait.knee_scale * evaluate(gait.knee_curve, phase)
        knee = knee + evaluate(gait.knee_residual, phase)
        # The knee does not bend backwards: a soft floor at two degrees.
        knee = 0.035 + 0.5 * (knee - 0.035 + np.hypot(knee - 0.035, 0.04))
        return hip + evaluate(gait.thigh_residual, phase), knee

    def scaled_angles(self, side: int, phase: Float64, ratio: Float64) -> tuple[Float64, Float64]:
        """Return thigh angle and knee flexion of strides ``ratio`` times as long (0: standing)."""
        hip, knee = self.angles(side, phase)
        return hip * ratio, knee * ratio + (1.0 - ratio) * _STANDING_KNEE_RAD

    def pitch(self, side: int, phase: Float64) -> Float64:
        """Return the pitch of the foot at phases of the leg itself."""
        gait = self.gait
        return foot_pitch(phase, gait.duty, gait.strike, self.rise[side])

    def _height(self) -> Complex:
        """Return the height of the hips: that of the leg which stands alone, smoothly joined."""
        phase = np.arange(128) / 128
        rows, heights = [], []
        for side in range(2):
            own = np.mod(self.leg_phase(side, phase), 1.0)
            alone = (own > 0.12) & (own < 0.42)
            _, drop = self.legs.hanging_ankle(*self.angles(side, own[alone]))
            rows.append(phase[alone])
            heights.append(self.legs.ankle_height_m - drop)
        wave = 2.0 * np.pi * np.concatenate(rows)
        basis = [np.ones_like(wave), np.cos(wave), np.sin(wave), np.cos(2 * wave), np.sin(2 * wave)]
        fit = np.linalg.lstsq(np.stack(basis, axis=1), np.concatenate(heights), rcond=None)[0]
        return np.array([fit[0], fit[1] - 1j * fit[2], fit[3] - 1j * fit[4]])

    def _heel_rise(self, side: int) -> Float64:
        """Return (5,) how far the heel must be up for the knee to bend as the curve has it."""
        phase = RISE * self.gait.duty
        _, knee = self.angles(side, phase)
        a, b = self.legs.thigh_m, self.legs.shank_m
        wanted = np.sqrt(a * a + b * b + 2.0 * a * b * np.cos(knee))
        height = evaluate(self.hip_height, phase + (self.gait.phase_lag if side else 0.0))
        tries = np.linspace(0.0, 1.25 * self.gait.push_off, 60)
        roll, ankle = self.legs.rolling_ankle(-tries)
        ahead = self.print_offset_m[side] - self.gait.stride_m * (phase - MID_STANCE)
        ahead = ahead[:, None] + roll - self.legs.hip_offset[side, 0]
        length = np.hypot(ahead, height[:, None] - ankle)
        close = np.abs(length - wanted[:, None])
        rise = tries[close.argmin(axis=1)]
        rise[0] = 0.0
        least = self.gait.push_off * np.array([0.0, 0.12, 0.34, 0.62, 0.85])
        return np.maximum.accumulate(np.maximum(rise, least))

    @property
    def standing_hip_m(self) -> float:
        """Height of the hips at rest."""
        knee = np.array(_STANDING_KNEE_RAD)
        _, drop = self.legs.hanging_ankle(knee * 0.5, knee)
        return self.legs.ankle_height_m - float(drop)


def _bare(gait: GaitParameters, legs: LegGeometry, gain: Float64, shift: float) -> Stride:
    """Return a stride of which only the angles are known."""
    rise = np.tile(1.2 * gait.push_off * np.array([0.0, 0.2, 0.5, 0.8, 1.0]), (2, 1))
    return Stride(gait, legs, gain, shift, np.zeros(2), np.zeros(1, np.complex128), rise)


def _fit_gain(gait: GaitParameters, legs: LegGeometry, side: int) -> float:
    """Return the factor on the thigh curve at which the standing foot keeps its place."""
    wanted = gait.stride_m * (_FLAT[-1] - _FLAT[0]) * gait.side_scale[side]
    ends = np.array([_FLAT[0], _FLAT[-1]])
    gain, step = 1.0, 0.05
    for _ in range(6):
        travel = [_travel(gait, legs, side, g, ends) for g in (gain, gain + step)]
        slope = (travel[1] - travel[0]) / step
        gain = float(np.clip(gain + (wanted - travel[0]) / max(slope, 1e-3), 0.4, 2.2))
    return gain


def _travel(
    gait: GaitParameters, legs: LegGeometry, side: int, gain: float, ends: Float64
) -> float:
    trial = _bare(gait, legs, np.full(2, gain), 0.0)
    forward, _ = legs.hanging_ankle(*trial.angles(side, ends))
    turn = 2.0 * gait.pelvis_rotation * abs(legs.hip_offset[side, 1])
    return float(forward[0] - forward[1] + turn)
