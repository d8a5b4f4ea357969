"""One person's stride at the preferred speed: the cycle that every walk is made from.

The mean thigh curve is scaled until the foot moves back under the body, while on the ground, as
fast as the body moves forwards; the way of the hips follows from the legs that stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.curves import MEAN_RISE, RISE, evaluate, foot_pitch
from gait_reid_sim.core.gait.hips import (
    HEIGHT_HARMONICS,
    HEIGHT_RIDGE,
    RATIOS,
    SURGE_HARMONICS,
    SURGE_RIDGE,
    HipPath,
    fit_wave,
    pelvis_rotation,
    print_aside_m,
    sway,
)
from gait_reid_sim.core.gait.legs import LegGeometry
from gait_reid_sim.core.gait.parameters import GaitParameters

MID_STANCE = 0.30
_FLAT = np.linspace(0.08, 0.45, 24)
_STANDING_KNEE_RAD = 0.07
LARGEST_LIFT = 1.15
"""Of the foot's pitch, in long strides."""
_STANCE = np.linspace(0.0, 1.0, 40)
_WEIGHT = np.clip(np.minimum(_STANCE / 0.2, (1.0 - _STANCE) / 0.25), 0.08, 1.0)
_SHIFTS_RAD = np.deg2rad(np.linspace(-8.0, 4.0, 5))


@dataclass(frozen=True)
class Stride:
    """The cycle of one person.

    Attributes:
        gait: Parameters it was made from.
        legs: Lengths.
        thigh_gain: (2,) factors on the thigh's mean curve, left and right.
        thigh_shift: Added to the mean thigh angle, so that both legs ask for the same height of the
            hips while both are on the ground.
        print_offset_m: (2,) how far ahead of the pelvis, at mid-stance, each foot stands.
        hips: The way of the hips.
        rise: (2, 5) heel-up rotation of each foot in late stance, see `curves.foot_pitch`.
        usual_pitch: (40,) pitch of a foot over the stance with the mean rise.
    """

    gait: GaitParameters
    legs: LegGeometry
    thigh_gain: Float64
    thigh_shift: float
    print_offset_m: Float64
    hips: HipPath
    rise: Float64
    usual_pitch: Float64

    @classmethod
    def of(cls, gait: GaitParameters, legs: LegGeometry) -> Stride:
        """Find the cycle in which feet and body move at the same speed."""
        bare = _bare(gait, legs)
        gain = np.array([_fit_gain(bare, side) for side in range(2)])
        trials = [bare._trial(gain, float(shift)) for shift in _SHIFTS_RAD]
        stride = min(trials, key=lambda trial: trial._hips(1.0)[1])
        ways = [stride._hips(float(ratio))[0] for ratio in RATIOS[1:]]
        rest = np.zeros((1, HEIGHT_HARMONICS + 1), np.complex128)
        surge = np.concatenate([rest[:, : SURGE_HARMONICS + 1], *(way.surge for way in ways)])
        rest[0, 0] = stride.standing_pelvis_m
        height = np.concatenate([rest, *(way.height for way in ways)])
        stride = replace(stride, hips=HipPath(surge, height))
        return replace(stride, rise=np.array([stride._heel_rise(side) for side in range(2)]))

    def _trial(self, gain: Float64, shift: float) -> Stride:
        stride = replace(self, thigh_gain=gain, thigh_shift=shift)
        gait, legs = self.gait, self.legs
        offsets = np.zeros(2)
        for side in range(2):
            forward, _ = legs.hanging_ankle(*stride.angles(side, _FLAT))
            drift = forward + legs.hip_offset[side, 0] + gait.stride_m * (_FLAT - MID_STANCE)
            offsets[side] = drift.mean()
        return replace(stride, print_offset_m=offsets)

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

    def scaled_angles(
        self, side: int, phase: Float64, ratio: npt.ArrayLike
    ) -> tuple[Float64, Float64]:
        """Return thigh angle and knee flexion of strides ``ratio`` times as long (0: standing).

        The knee bends less than in proportion in long strides.
        """
        hip, knee = self.angles(side, phase)
        size = np.asarray(ratio, np.float64)
        stood = np.maximum(1.0 - size, 0.0) * _STANDING_KNEE_RAD
        return hip * size, knee * size * (1.5 - 0.5 * np.minimum(size, 1.5)) + stood

    def pitch(self, side: int, phase: Float64) -> Float64:
        """Return the pitch of the foot at phases of the leg itself."""
        gait = self.gait
        return foot_pitch(phase, gait.duty, gait.strike, gait.push_off, self.rise[side])

    def _hips(self, ratio: float) -> tuple[HipPath, float]:
        """Return the way of the hips at one length of stride, and how much the legs disagree."""
        legs = [self._standing(side, ratio) for side in range(2)]
        phase, ahead, up, hip, reach, weight = (
            np.concatenate(columns) for columns in zip(*legs)
        )  # fmt: skip
        surge = fit_wave(phase, ahead - hip[:, 0], weight, SURGE_HARMONICS, SURGE_RIDGE)
        fore = ahead + reach[:, 0] - hip[:, 0] - evaluate(surge, phase)
        left = reach[:, 1] - hip[:, 1] - sway(self.gait, phase, ratio)
        drop = np.sqrt(np.maximum(reach[:, 2] ** 2 - fore**2 - left**2, 0.01))
        asked = up + drop - hip[:, 2]
        height = fit_wave(phase, asked, weight, HEIGHT_HARMONICS, HEIGHT_RIDGE)
        error = weight @ (asked - evaluate(height, phase)) ** 2
        return HipPath(surge[None], height[None]), float(error)

    def _standing(self, side: int, ratio: float) -> tuple[Float64, ...]:
        """Return of one leg on the ground what its own curves ask of the hips.

        Returns:
            Phases of the left leg, how far ahead of the path's point the hip should be, height of
            the ankle, (t, 3) hip joint against the pelvis, (t, 3) of which the columns are the
            ankle ahead of the hip, left of the path, and far from the hip, and weights.
        """
        gait, legs, own = self.gait, self.legs, _STANCE * self.gait.duty
        phase = own + (gait.phase_lag if side else 0.0)
        forward, drop = legs.hanging_ankle(*self.scaled_angles(side, own, ratio))
        roll, up = legs.rolling_ankle(self.usual_pitch * min(ratio, LARGEST_LIFT))
        way = ratio * (self.print_offset_m[side] - gait.stride_m * (own - MID_STANCE)) + roll
        hip = pelvis_rotation(gait, phase, ratio) @ legs.hip_offset[side]
        aside = np.full_like(own, print_aside_m(gait, side, ratio))
        reach = np.column_stack([forward, aside, np.hypot(forward, drop)])
        return phase, way - forward, up, hip, reach, _WEIGHT

    def _heel_rise(self, side: int) -> Float64:
        """Return (5,) how far the heel must be up for the knee to bend as the curve has it."""
        gait, legs, own = self.gait, self.legs, RISE * self.gait.duty
        phase = own + (gait.phase_lag if side else 0.0)
        _, knee = self.angles(side, own)
        a, b = legs.thigh_m, legs.shank_m
        wanted = np.sqrt(a * a + b * b + 2.0 * a * b * np.cos(knee))
        surge, height = self.hips.at(phase, np.ones_like(phase))
        hip = pelvis_rotation(gait, phase, 1.0) @ legs.hip_offset[side]
        left = print_aside_m(gait, side, 1.0) - hip[:, 1] - sway(gait, phase, 1.0)
        usual = self.rise[side]
        tries = usual[:, None] * np.linspace(0.7, 1.15, 31)
        roll, up = legs.rolling_ankle(-tries)
        ahead = self.print_offset_m[side] - gait.stride_m * (own - MID_STANCE) - surge - hip[:, 0]
        down = (height + hip[:, 2])[:, None] - up
        length = np.sqrt((ahead[:, None] + roll) ** 2 + down**2 + left[:, None] ** 2)
        best = np.abs(length - wanted[:, None]).argmin(axis=1)
        return np.maximum.accumulate(tries[np.arange(len(usual)), best])

    @property
    def standing_pelvis_m(self) -> float:
        """Height of the pelvis at rest."""
        knee = np.array(_STANDING_KNEE_RAD)
        _, drop = self.legs.hanging_ankle(knee * 0.5, knee)
        return self.legs.ankle_height_m - float(drop) - float(self.legs.hip_offset[:, 2].mean())


def _bare(gait: GaitParameters, legs: LegGeometry) -> Stride:
    """Return a stride of which only the angles are known."""
    rise = gait.push_off * MEAN_RISE
    nowhere = HipPath(np.zeros((len(RATIOS), 1), complex), np.zeros((len(RATIOS), 1), complex))
    pitch = foot_pitch(_STANCE * gait.duty, gait.duty, gait.strike, gait.push_off, rise)
    return Stride(
        gait, legs, np.ones(2), 0.0, np.zeros(2), nowhere, np.tile(rise, (2, 1)), pitch
    )  # fmt: skip


def _fit_gain(bare: Stride, side: int) -> float:
    """Return the factor on the thigh curve at which the foot stays behind as the body moves on."""
    gait = bare.gait
    own = _STANCE * gait.duty
    lever = own - own.mean()
    wanted = gait.stride_m * (gait.side_scale[side] - 1.0) * (lever @ own)

    def drift(gain: float) -> float:
        _, ahead, _, hip, _, _ = replace(bare, thigh_gain=np.full(2, gain))._standing(side, 1.0)
        return float(lever @ (ahead - hip[:, 0])) - wanted

    last, gain = 0.8, 1.2
    before, now = drift(last), drift(gain)
    for _ in range(2):
        slope = (now - before) / (gain - last) if abs(gain - last) > 1e-6 else 1.0
        last, before = gain, now
        gain = float(np.clip(gain - now / max(slope, 1e-4), 0.5, 2.0))
        now = drift(gain)
    return gain
