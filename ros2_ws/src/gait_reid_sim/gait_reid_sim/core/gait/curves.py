"""Joint angles over the gait cycle as Fourier series.

Phase 0 is the heel strike of the leg in question, phase 1 its next. The mean curves interpolate the
angles that Perry and Burnfield (Gait Analysis, 2nd ed., 2010) and Winter (Biomechanics and Motor
Control of Human Movement, 4th ed., 2009) give for level walking at a free speed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline, PchipInterpolator

from gait_reid.core.types import Float64

NUM_HARMONICS = 6
_PHASES = (0.0, 0.07, 0.15, 0.25, 0.35, 0.45, 0.53, 0.60, 0.66, 0.73, 0.80, 0.87, 0.94)
THIGH_DEG = (24, 22, 16, 7, -4, -14, -18, -12, -1, 11, 20, 25, 25)
"""Of the thigh against the vertical, positive forwards."""
KNEE_FLEXION_DEG = (5, 12, 17, 13, 7, 8, 18, 40, 62, 73, 60, 30, 6)

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


RISE = np.array([0.54, 0.68, 0.80, 0.90, 1.0])
"""Parts of the stance at which the rise of the heel is given."""


def foot_pitch(phase: npt.ArrayLike, duty: float, strike_rad: float, rise_rad: Float64) -> Float64:
    """Return the pitch of the foot against the ground, positive with the toes up.

    Args:
        phase: Phase of the leg, any shape.
        duty: Part of the cycle that the foot is on the ground.
        strike_rad: Pitch at heel strike, positive.
        rise_rad: (5,) heel-up rotation at `RISE`, zero or positive, the last at toe-off.
    """
    swing, last = 1.0 - duty, float(rise_rad[-1])
    knots = [0.0, 0.13 * duty, 0.35 * duty, *(RISE * duty)]
    knots += [duty + swing * x for x in (0.13, 0.45, 0.72, 0.9, 1.0)]
    values = [strike_rad, 0.0, 0.0, *(-rise_rad)]
    values += [-1.08 * last, -0.32 * last, 0.25 * strike_rad, 0.85 * strike_rad, strike_rad]
    return PchipInterpolator(knots, values)(np.mod(np.asarray(phase, np.float64), 1.0))
