"""Joint angles over the gait cycle as Fourier series.

Phase 0 is the heel strike of the leg in question, phase 1 its next. The mean curves are those of
40 straight walks of the CMU Graphics Lab Motion Capture Database, both legs of each. The least
flexion of the knee in a walk is set to 4 degrees: skeletons do not agree on where a knee is
straight. They have the course that Perry and Burnfield (Gait Analysis, 2nd ed., 2010) and Winter
(Biomechanics and Motor Control of Human Movement, 4th ed., 2009) describe for level walking.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline, PchipInterpolator

from gait_reid.core.types import Float64

NUM_HARMONICS = 6
_PHASES = np.arange(25) / 25
THIGH_DEG = (
    30.9, 30.8, 29.3, 25.7, 21.2, 16.9, 13.1, 10.0, 6.2, 1.1, -5.2, -10.7, -14.5,
    -16.9, -16.0, -9.4, -0.5, 8.2, 16.1, 23.0, 28.5, 31.6, 32.1, 31.0, 30.0,
)  # fmt: skip
"""Of the thigh against the vertical, positive forwards."""
KNEE_FLEXION_DEG = (
    14.3, 20.4, 24.5, 25.8, 24.5, 23.3, 22.4, 22.7, 21.8, 18.2, 12.6, 8.6, 8.2,
    11.0, 19.0, 34.3, 49.5, 60.2, 64.8, 64.1, 58.6, 47.8, 32.8, 17.7, 10.0,
)  # fmt: skip

Complex = npt.NDArray[np.complex128]


def fit(phases: npt.ArrayLike, values: npt.ArrayLike, harmonics: int = NUM_HARMONICS) -> Complex:
    """Return the (harmonics + 1,) coefficients of a periodic curve through control points."""
    phases, values = np.asarray(phases, np.float64), np.asarray(values, np.float64)
    spline = CubicSpline(
        np.append(phases, phases[0] + 1.0), np.append(values, values[0]), bc_type="periodic"
    )
    grid = np.arange(128) / 128
    return fit_uniform(spline(grid), harmonics)


def fit_uniform(values: npt.ArrayLike, harmonics: int = NUM_HARMONICS) -> Complex:
    """Return the coefficients of one cycle sampled at even phases."""
    values = np.asarray(values, np.float64)
    spectrum = np.fft.rfft(values) / len(values)
    spectrum[1:] *= 2.0
    return spectrum[: harmonics + 1]


def evaluate(coefficients: Complex, phase: npt.ArrayLike) -> Float64:
    """Return the curve at any phases, in the unit of the coefficients."""
    phase = np.asarray(phase, np.float64)
    order = np.arange(len(coefficients))
    waves = np.exp(2j * np.pi * phase[..., None] * order)
    return np.real(waves @ coefficients)


THIGH = np.deg2rad(1.0) * fit(_PHASES, THIGH_DEG)
KNEE_FLEXION = np.deg2rad(1.0) * fit(_PHASES, KNEE_FLEXION_DEG)


def residual(rng: np.random.Generator, sd_rad: float, harmonics: int = NUM_HARMONICS) -> Complex:
    """Draw a person's or a walk's own deviation from the mean curve.

    Harmonics 1 to 4 have relative amplitudes 1, 0.7, 0.45, 0.3; the whole has the standard
    deviation ``sd_rad`` over phases, on average.
    """
    weights = np.array([1.0, 0.7, 0.45, 0.3])
    scale = sd_rad / np.sqrt(np.sum(weights**2))
    drawn = rng.normal(size=4) + 1j * rng.normal(size=4)
    out = np.zeros(harmonics + 1, np.complex128)
    out[1:5] = scale * weights * drawn
    return out


RISE = np.array([0.50, 0.68, 0.80, 0.90, 1.0])
"""Parts of the stance at which the rise of the heel is given."""
MEAN_RISE = np.array([0.014, 0.058, 0.145, 0.33, 0.75])
"""Mean rise of the heel at `RISE` over the push-off."""
_LANDING = ((0.0, 1.0), (0.035, 0.58), (0.07, 0.24), (0.11, 0.06), (0.15, 0.0), (0.2, 0.0))
_SWING = (
    (0.073, -0.99), (0.122, -1.07), (0.17, -1.055), (0.268, -0.91), (0.415, -0.61), (0.561, -0.25),
)  # fmt: skip
_ARRIVAL = ((0.756, 0.55), (0.854, 1.15), (0.91, 1.27), (1.0, 1.0))


def foot_pitch(
    phase: npt.ArrayLike, duty: float, strike_rad: float, push_off_rad: float, rise_rad: Float64
) -> Float64:
    """Return the pitch of the foot against the ground, positive with the toes up.

    Args:
        phase: Phase of the leg, any shape.
        duty: Part of the cycle that the foot is on the ground.
        strike_rad: Pitch at heel strike, positive.
        push_off_rad: Heel-up pitch of the foot that has just left the ground, positive.
        rise_rad: (5,) heel-up rotation at `RISE`, zero or positive, the last at toe-off.
    """
    swing = 1.0 - duty
    knots = [x for x, _ in _LANDING] + [float(x) * duty for x in RISE]
    knots += [duty + swing * x for x, _ in (*_SWING, *_ARRIVAL)]
    values = [y * strike_rad for _, y in _LANDING] + [-float(y) for y in rise_rad]
    values += [y * push_off_rad for _, y in _SWING] + [y * strike_rad for _, y in _ARRIVAL]
    return PchipInterpolator(knots, values)(np.mod(np.asarray(phase, np.float64), 1.0))
