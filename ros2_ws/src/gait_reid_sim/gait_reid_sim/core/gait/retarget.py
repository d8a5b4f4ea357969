"""Real gait on any body: measure how a recorded person walks, and let somebody else walk so.

What carries over are the curves of thigh and knee, cadence, stride over stature, step width, arm
swing and posture. Feet, and the height of the hips, follow from the other body; so nothing slides
when legs are longer or shorter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.curves import THIGH, fit_uniform
from gait_reid_sim.core.gait.parameters import GaitParameters
from gait_reid_sim.core.gait.recording import Recording

LEG_OVER_STATURE = 0.53
ANKLE_HEIGHT_M = 0.08
STRIKE_LAG = 0.035
"""The ankle is farthest ahead this part of a cycle before the heel strikes."""
_GRID = 64


@dataclass(frozen=True)
class RecordedGait:
    """How a recorded person walks.

    Attributes:
        gait: Parameters for a body of the recorded stature.
        stature_m: Estimated from the legs.
        cycles: Whole cycles that the figures are means of.
    """

    gait: GaitParameters
    stature_m: float
    cycles: int

    def scaled_to(self, stature_m: float) -> GaitParameters:
        """Return the gait for a body of another stature: the stride grows with it."""
        factor = stature_m / self.stature_m
        return replace(
            self.gait,
            stride_m=self.gait.stride_m * factor,
            cadence_steps_min=self.gait.cadence_steps_min / np.sqrt(factor),
            step_width_m=min(self.gait.step_width_m * factor, 0.35),
        )


def measure_gait(recording: Recording) -> RecordedGait:
    """Measure a recorded walk.

    Raises:
        ValueError: It shows no whole cycle.
    """
    strikes = {side: _strikes(recording, side) for side in ("left", "right")}
    cycles = {side: gait_cycles(recording, side) for side in ("left", "right")}
    every = cycles["left"] + cycles["right"]
    if not every:
        raise ValueError(f"{recording.source} shows no whole gait cycle")
    period_s = float(np.mean([b - a for a, b in every])) / recording.rate_hz
    pelvis = recording.joint("pelvis")
    stride = float(np.mean([_at(pelvis[:, 0], b) - _at(pelvis[:, 0], a) for a, b in every]))
    thigh, knee = (
        np.mean([_mean_cycle(recording, s, c)[i] for s, c in cycles.items() if c], axis=0)
        for i in range(2)
    )
    thigh_curve = fit_uniform(thigh)
    # Markers do not show where a thigh is upright: the mean is that of people in general.
    thigh_curve[0] = THIGH[0]
    knee_curve = fit_uniform(knee - max(float(knee.min()) - np.deg2rad(4.0), 0.0))
    lag = [(r - a) / (b - a) for a, b in cycles["left"] for r in strikes["right"] if a < r < b]
    gait = GaitParameters(
        cadence_steps_min=120.0 / period_s,
        stride_m=stride,
        phase_lag=float(np.clip(np.mean(lag), 0.48, 0.52)) if lag else 0.5,
        thigh_curve=thigh_curve,
        knee_curve=knee_curve,
        **_posture(recording, every),  # type: ignore[arg-type]
    )
    return RecordedGait(gait, _stature(recording), len(every))


def _at(column: Float64, index: float) -> float:
    return float(np.interp(index, np.arange(len(column)), column))


def _strikes(recording: Recording, side: str) -> list[float]:
    ahead = recording.joint(f"{side}_ankle")[:, 0] - recording.joint("pelvis")[:, 0]
    ahead = gaussian_filter1d(ahead, 0.02 * recording.rate_hz)
    peaks, _ = find_peaks(ahead, distance=int(0.7 * recording.rate_hz), prominence=0.15)
    return [float(p) for p in peaks]


def gait_cycles(recording: Recording, side: str) -> list[tuple[float, float]]:
    """Return the samples at which whole cycles of a leg begin and end."""
    strikes, rate_hz = _strikes(recording, side), recording.rate_hz
    pairs = list(zip(strikes, strikes[1:]))
    return [(a, b) for a, b in pairs if 0.7 * rate_hz < b - a < 1.7 * rate_hz]


def sagittal_angles(recording: Recording, side: str) -> tuple[Float64, Float64]:
    """Return (t,) angle of the thigh against the vertical and flexion of the knee, radians."""
    hip, knee, ankle = (recording.joint(f"{side}_{n}") for n in ("hip", "knee", "ankle"))
    thigh = np.arctan2(knee[:, 0] - hip[:, 0], hip[:, 2] - knee[:, 2])
    shank = np.arctan2(ankle[:, 0] - knee[:, 0], knee[:, 2] - ankle[:, 2])
    return thigh, thigh - shank


def _mean_cycle(
    recording: Recording, side: str, cycles: list[tuple[float, float]]
) -> tuple[Float64, Float64]:
    """Return thigh and knee over `_GRID` even phases from heel strike."""
    curves = sagittal_angles(recording, side)
    phase = np.arange(_GRID) / _GRID
    out = []
    for curve in curves:
        rows = [np.interp(a + (b - a) * phase, np.arange(len(curve)), curve) for a, b in cycles]
        mean = np.mean(rows, axis=0)
        shifted = np.interp(
            (phase + STRIKE_LAG) % 1.0, np.append(phase, 1.0), np.append(mean, mean[0])
        )
        out.append(shifted)
    return out[0], out[1]


def _half_range(column: Float64, cycles: list[tuple[float, float]]) -> float:
    ranges = [np.ptp(column[int(a) : int(b) + 1]) for a, b in cycles]
    return 0.5 * float(np.mean(ranges))


def _posture(recording: Recording, cycles: list[tuple[float, float]]) -> dict[str, object]:
    joint = recording.joint
    hips = joint("left_hip") - joint("right_hip")
    shoulders = joint("left_shoulder") - joint("right_shoulder")
    trunk = joint("neck") - joint("pelvis")
    width = joint("left_ankle")[:, 1] - joint("right_ankle")[:, 1]
    pelvis_y = joint("pelvis")[:, 1]
    drift = np.polyval(np.polyfit(np.arange(len(pelvis_y)), pelvis_y, 1), np.arange(len(pelvis_y)))
    swings, elbows = [], []
    for side in ("left", "right"):
        arm = joint(f"{side}_elbow") - joint(f"{side}_shoulder")
        fore = joint(f"{side}_wrist") - joint(f"{side}_elbow")
        swings.append(_half_range(np.arctan2(arm[:, 0], -arm[:, 2]), cycles))
        cosine = (arm * fore).sum(1) / np.linalg.norm(arm, axis=1) / np.linalg.norm(fore, axis=1)
        elbows.append(float(np.arccos(np.clip(cosine, -1.0, 1.0)).mean()))
    return {
        "step_width_m": float(np.clip(np.abs(np.median(width)), 0.02, 0.3)),
        "pelvis_rotation": min(_half_range(np.arctan2(-hips[:, 0], hips[:, 1]), cycles), 0.25),
        "pelvis_obliquity": min(_half_range(np.arctan2(hips[:, 2], hips[:, 1]), cycles), 0.2),
        "trunk_rotation": min(
            _half_range(np.arctan2(-shoulders[:, 0], shoulders[:, 1]), cycles), 0.3
        ),
        "trunk_lean": float(np.arctan2(trunk[:, 0], trunk[:, 2]).mean()),
        "sway_m": float(np.clip(_half_range(pelvis_y - drift, cycles), 0.005, 0.05)),
        "arm_swing": (swings[0], swings[1]),
        "elbow": (elbows[0], elbows[1]),
    }


def _stature(recording: Recording) -> float:
    joint = recording.joint
    legs = [
        np.linalg.norm(joint(f"{s}_hip") - joint(f"{s}_knee"), axis=1).mean()
        + np.linalg.norm(joint(f"{s}_knee") - joint(f"{s}_ankle"), axis=1).mean()
        for s in ("left", "right")
    ]
    return float((np.mean(legs) + ANKLE_HEIGHT_M) / LEG_OVER_STATURE)
