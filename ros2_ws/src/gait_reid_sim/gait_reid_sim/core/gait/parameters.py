"""What makes a walk a person's own, and how much it differs from day to day.

Means and spreads between people: Perry and Burnfield (2010) for joint angles; Oberg, Karsznia and
Oberg (J. Rehabil. Res. Dev. 30, 1993) for cadence and stride; the spread within people is that of
repeated walks of the same person in motion-capture recordings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gait_reid_sim.core.body.anthropometry import STATURE_M, Anthropometry
from gait_reid_sim.core.body.outfit import UMBRELLA_ARM, Outfit
from gait_reid_sim.core.gait.curves import KNEE_FLEXION, THIGH, Complex, residual

CADENCE_STEPS_MIN = (111.5, 117.5)
STRIDE_OVER_STATURE = (0.83, 0.815)
CADENCE_PER_METRE = -28.0


@dataclass(frozen=True)
class GaitParameters:
    """How one person walks.

    Angles are radians, pairs are (left, right).

    Attributes:
        cadence_steps_min: Steps per minute at the preferred speed.
        stride_m: Length of two steps at the preferred speed.
        step_width_m: Distance between the lines that the feet follow.
        toe_out: Yaw of each foot outwards.
        duty: Part of the cycle that a foot is on the ground.
        strike: Pitch of the foot at heel strike, toes up.
        push_off: Heel-up pitch of the foot just after toe-off.
        knee_scale: Amplitude of the knee against the mean curve.
        side_scale: Amplitude of each leg's thigh against the other's.
        phase_lag: Phase of the right leg against the left.
        pelvis_rotation: Amplitude of the pelvis' rotation about the vertical.
        pelvis_obliquity: Amplitude of its drop towards the swinging leg.
        trunk_rotation: Amplitude of the shoulders' rotation against the heading.
        trunk_lean: Mean lean forwards.
        head_pitch: Mean pitch of the head, positive downwards.
        sway_m: Amplitude of the pelvis from side to side.
        arm_swing: Amplitude of each upper arm.
        arm_lag: Phase of the arms behind the opposite leg.
        arm_abduction: Of each upper arm, away from the body.
        arm_raise: Mean flexion of each shoulder, as when something is carried in front.
        elbow: Mean flexion.
        thigh_residual: Own deviation of the thigh curve.
        knee_residual: Own deviation of the knee curve.
        thigh_curve: Mean thigh curve that the residual is added to.
        knee_curve: Mean knee curve that the residual is added to.
    """

    cadence_steps_min: float
    stride_m: float
    step_width_m: float = 0.10
    toe_out: tuple[float, float] = (0.12, 0.12)
    duty: float = 0.59
    strike: float = 0.33
    push_off: float = 1.05
    knee_scale: float = 1.0
    side_scale: tuple[float, float] = (1.0, 1.0)
    phase_lag: float = 0.5
    pelvis_rotation: float = 0.08
    pelvis_obliquity: float = 0.065
    trunk_rotation: float = 0.07
    trunk_lean: float = 0.05
    head_pitch: float = 0.0
    sway_m: float = 0.022
    arm_swing: tuple[float, float] = (0.3, 0.3)
    arm_lag: float = 0.0
    arm_abduction: tuple[float, float] = (0.03, 0.03)
    arm_raise: tuple[float, float] = (0.0, 0.0)
    elbow: tuple[float, float] = (0.35, 0.35)
    thigh_residual: Complex = field(default_factory=lambda: THIGH * 0.0)
    knee_residual: Complex = field(default_factory=lambda: KNEE_FLEXION * 0.0)
    thigh_curve: Complex = field(default_factory=lambda: THIGH)
    knee_curve: Complex = field(default_factory=lambda: KNEE_FLEXION)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("cadence_steps_min", 40.0, 200.0),
            ("stride_m", 0.3, 2.5),
            ("step_width_m", 0.0, 0.4),
            ("duty", 0.5, 0.8),
            ("phase_lag", 0.48, 0.52),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"GaitParameters.{name} is {value}, expected {low} to {high}")

    @property
    def speed_m_s(self) -> float:
        """Preferred speed."""
        return self.stride_m * self.cadence_steps_min / 120.0

    @property
    def cycle_s(self) -> float:
        """Duration of two steps at the preferred speed."""
        return 120.0 / self.cadence_steps_min


def _positive(rng: np.random.Generator, mean: float, sd: float, least: float) -> float:
    return float(max(rng.normal(mean, sd), least))


def sample_gait(
    rng: np.random.Generator, body: Anthropometry, spread: float = 1.0
) -> GaitParameters:
    """Draw how one person walks; ``spread`` multiplies the deviations between people."""
    deg = np.deg2rad(spread)
    taller = body.stature_m - STATURE_M[body.sex][0]
    cadence = CADENCE_STEPS_MIN[body.sex] + CADENCE_PER_METRE * taller
    ratio = STRIDE_OVER_STATURE[body.sex] + np.clip(rng.normal(0.0, 0.055 * spread), -0.15, 0.11)
    swing = np.deg2rad(17.0) * np.exp(rng.normal(0.0, 0.38 * spread))
    asymmetry = np.exp(0.5 * rng.normal(0.0, 0.16 * spread))
    toe_out = np.deg2rad(7.0) + rng.normal(0.0, 5.0) * deg
    side = 1.0 + 0.5 * rng.normal(0.0, 0.022 * spread)
    elbow = _positive(rng, np.deg2rad(20.0), 8.0 * deg, 0.03)
    return GaitParameters(
        cadence_steps_min=float(np.clip(rng.normal(cadence, 6.5 * spread), 80.0, 145.0)),
        stride_m=float(ratio * body.stature_m),
        step_width_m=float(np.clip(rng.normal(0.10, 0.03 * spread), 0.03, 0.22)),
        toe_out=(toe_out + rng.normal(0.0, 1.5) * deg, toe_out + rng.normal(0.0, 1.5) * deg),
        # Longer strides leave less time on both feet.
        duty=float(np.clip(rng.normal(0.713 - 0.15 * ratio, 0.010 * spread), 0.55, 0.64)),
        strike=_positive(rng, np.deg2rad(19.0), 3.5 * deg, 0.1),
        push_off=float(np.clip(rng.normal(1.0, 0.12 * spread), 0.7, 1.25) * np.deg2rad(60.0)),
        knee_scale=float(np.clip(rng.normal(1.0, 0.08 * spread), 0.75, 1.25)),
        side_scale=(side, 2.0 - side),
        phase_lag=float(np.clip(rng.normal(0.5, 0.006 * spread), 0.48, 0.52)),
        pelvis_rotation=_positive(
            rng, np.deg2rad(4.5 + 30.0 * (ratio - STRIDE_OVER_STATURE[body.sex])), 2.0 * deg, 0.01
        ),
        pelvis_obliquity=_positive(rng, np.deg2rad(4.0), 1.3 * deg, 0.01),
        trunk_rotation=_positive(rng, np.deg2rad(4.0), 1.7 * deg, 0.0),
        trunk_lean=np.deg2rad(3.0) + rng.normal(0.0, 2.8) * deg,
        head_pitch=rng.normal(0.0, 5.0) * deg,
        sway_m=_positive(rng, 0.022, 0.006 * spread, 0.005),
        arm_swing=(swing * asymmetry, swing / asymmetry),
        arm_lag=float(rng.normal(0.0, 0.02 * spread)),
        arm_abduction=(
            np.deg2rad(2.0) + rng.normal(0.0, 2.0) * deg,
            np.deg2rad(2.0) + rng.normal(0.0, 2.0) * deg,
        ),
        elbow=(elbow, max(elbow + rng.normal(0.0, 3.0) * deg, 0.03)),
        thigh_residual=residual(rng, 2.6 * deg),
        knee_residual=residual(rng, 3.2 * deg),
    )


def vary(gait: GaitParameters, rng: np.random.Generator, spread: float = 1.0) -> GaitParameters:
    """Return the same person's gait on another walk; ``spread`` multiplies the differences."""
    deg = np.deg2rad(spread)

    def factor(sd: float) -> float:
        return float(np.exp(rng.normal(0.0, sd * spread)))

    def pair(values: tuple[float, float], sd_deg: float) -> tuple[float, float]:
        return (
            values[0] + rng.normal(0.0, sd_deg) * deg,
            values[1] + rng.normal(0.0, sd_deg) * deg,
        )

    swing = factor(0.16)
    return replace(
        gait,
        cadence_steps_min=gait.cadence_steps_min * factor(0.03),
        stride_m=gait.stride_m * factor(0.028),
        step_width_m=float(
            np.clip(gait.step_width_m + rng.normal(0.0, 0.015 * spread), 0.02, 0.24)
        ),
        toe_out=pair(gait.toe_out, 1.5),
        duty=float(np.clip(gait.duty + rng.normal(0.0, 0.005 * spread), 0.54, 0.65)),
        strike=max(gait.strike + rng.normal(0.0, 1.2) * deg, 0.08),
        push_off=gait.push_off * factor(0.03),
        knee_scale=gait.knee_scale * factor(0.02),
        phase_lag=float(np.clip(gait.phase_lag + rng.normal(0.0, 0.004 * spread), 0.48, 0.52)),
        pelvis_rotation=gait.pelvis_rotation * factor(0.15),
        pelvis_obliquity=gait.pelvis_obliquity * factor(0.12),
        trunk_rotation=gait.trunk_rotation * factor(0.18),
        trunk_lean=gait.trunk_lean + rng.normal(0.0, 1.2) * deg,
        head_pitch=gait.head_pitch + rng.normal(0.0, 3.0) * deg,
        sway_m=gait.sway_m * factor(0.1),
        arm_swing=(gait.arm_swing[0] * swing, gait.arm_swing[1] * swing),
        arm_abduction=pair(gait.arm_abduction, 1.0),
        elbow=tuple(max(e + rng.normal(0.0, 4.0) * deg, 0.02) for e in gait.elbow),
        thigh_residual=gait.thigh_residual + residual(rng, 1.3 * deg),
        knee_residual=gait.knee_residual + residual(rng, 1.8 * deg),
    )


def carrying(gait: GaitParameters, outfit: Outfit) -> GaitParameters:
    """Return the gait of a person whose hands are not free: they swing less."""
    swing, elbow, lift = list(gait.arm_swing), list(gait.elbow), list(gait.arm_raise)
    if outfit.bag == "handbag":
        swing[outfit.bag_side] *= 0.35
        elbow[outfit.bag_side] *= 0.4
    if outfit.umbrella:
        side = 1 - outfit.bag_side
        swing[side], (lift[side], elbow[side]) = 0.02, UMBRELLA_ARM
    if outfit.bag == "backpack":
        swing = [0.85 * s for s in swing]
    return replace(
        gait,
        arm_swing=(swing[0], swing[1]),
        elbow=(elbow[0], elbow[1]),
        arm_raise=(lift[0], lift[1]),
    )


def without_identity(gait: GaitParameters) -> GaitParameters:
    """Return the mean gait at the same cadence and stride, for studies of what carries identity."""
    return GaitParameters(gait.cadence_steps_min, gait.stride_m)
