"""The radar cube of a few moving scatterers, and what constant-false-alarm detection finds in it.

Compiled loops. The window of both Fourier transforms is Hann's; the virtual array is that of the
IWR6843ISK: eight antennas in a row, half a wavelength apart, and four one row above its middle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64

AZIMUTH_ANTENNAS, ANTENNAS = 8, 12
FIRST_RAISED = 2
"""Azimuth antenna that the first of the raised row stands above."""
HALF_WIDTH = 3
Complex128 = npt.NDArray[np.complex128]


@compiled
def hann_response(offset: float) -> float:
    """Return the amplitude of a Hann-windowed transform ``offset`` bins from a line."""
    x = abs(offset)
    if x < 1e-6:
        return 1.0
    if abs(x - 1.0) < 1e-6:
        return 0.5
    if x > 4.0:
        return 0.0
    return np.sin(np.pi * x) / (np.pi * x) / (1.0 - x * x)


@compiled
def sinc(x: float) -> float:
    """Return the mean of a line ``x`` bins from zero over the frame's chirps."""
    return 1.0 if abs(x) < 1e-9 else np.sin(np.pi * x) / (np.pi * x)


@compiled
def add_scatterers(
    range_bin: Float64,
    doppler_bin: Float64,
    amplitude: Complex128,
    sine_azimuth: Float64,
    sine_elevation: Float64,
    first_bin: int,
    cube: Complex128,
) -> None:
    """Add echoes to the cube, in place, less their mean over the chirps (clutter removal).

    Args:
        range_bin: (n,) distance in range bins.
        doppler_bin: (n,) radial velocity in Doppler bins; wraps around.
        amplitude: (n,) complex, in standard deviations of the noise.
        sine_azimuth: (n,) component of the direction along the array.
        sine_elevation: (n,) component of the direction upwards.
        first_bin: Range bin of the cube's first row.
        cube: (bins, doppler, 12).
    """
    bins, dopplers = cube.shape[0], cube.shape[1]
    phases = np.empty(12, np.complex128)
    for i in range(len(range_bin)):
        along = np.exp(1j * np.pi * sine_azimuth[i])
        phase = 1.0 + 0.0j
        for m in range(8):
            phases[m] = phase
            phase *= along
        raised = np.exp(1j * np.pi * sine_elevation[i])
        for m in range(4):
            phases[8 + m] = phases[2 + m] * raised
        r0, d0 = int(np.floor(range_bin[i])), int(np.floor(doppler_bin[i]))
        still = sinc(doppler_bin[i])
        for r in range(r0 - 2, r0 + 4):
            row = r - first_bin
            if row < 0 or row >= bins:
                continue
            in_range = amplitude[i] * hann_response(r - range_bin[i])
            for k in range(9):
                # Six bins around the line, then those that the mean over chirps is taken from.
                d = d0 - 2 + k if k < 6 else k - 7
                if k >= 6 and d0 - 2 <= d <= d0 + 3:
                    continue
                value = in_range * (hann_response(d - doppler_bin[i]) - still * hann_response(d))
                col = d % dopplers
                for m in range(12):
                    cube[row, col, m] += value * phases[m]


@compiled
def detect(power: Float64, threshold: float, guard: int, train: int) -> npt.NDArray[np.int64]:
    """Return (k, 2) cells that stand out: row and column of ``power``.

    Smallest-of cell averaging along range, then peaks along Doppler, as the demonstration firmware
    of the mmWave SDK does.

    Args:
        power: (bins, doppler) sum over antennas.
        threshold: Factor over the mean of the surroundings.
        guard: Cells left out on each side.
        train: Cells averaged on each side.
    """
    bins, dopplers = power.shape
    found = np.empty((bins * dopplers, 2), np.int64)
    count = 0
    for d in range(dopplers):
        for r in range(bins):
            here = power[r, d]
            if here < power[r, (d - 1) % dopplers] or here < power[r, (d + 1) % dopplers]:
                continue
            sums = np.zeros(2)
            cells = np.zeros(2)
            for side in range(2):
                sign = -1 if side == 0 else 1
                for k in range(guard + 1, guard + train + 1):
                    at = r + sign * k
                    if 0 <= at < bins:
                        sums[side] += power[at, d]
                        cells[side] += 1.0
            floor = np.inf
            for side in range(2):
                if cells[side] >= train / 2:
                    floor = min(floor, sums[side] / cells[side])
            if np.isfinite(floor) and here > threshold * floor:
                found[count, 0], found[count, 1] = r, d
                count += 1
    return found[:count]
