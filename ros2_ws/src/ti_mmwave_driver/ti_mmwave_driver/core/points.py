"""From the firmware's point layouts to plausible points in REP-103 axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ti_mmwave_driver.core.types import FloatArray

AXES = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
"""Row vector in TI's axes (x right, y boresight, z up) times this: REP-103 (forward, left, up)."""

_TURN_AND_SCALE = np.diag(np.array([1, 1, 1, 1, 0.1, 0.1], np.float32))
_TURN_AND_SCALE[:3, :3] = AXES

_SAFE_TO_SQUARE = 1e15


@dataclass(frozen=True)
class PlausibilityLimits:
    """What a detected point may look like; a point outside is left out and counted.

    The UART protocol has no payload checksum, so a flipped bit can only be told by its effect.

    Attributes:
        max_range_m: Longest range in metres, (0, 1000].
        max_velocity_m_s: Highest absolute radial velocity in m/s, (0, 1000].
        max_snr_db: Highest absolute signal to noise ratio in dB, (0, 3276].
    """

    max_range_m: float = 150.0
    max_velocity_m_s: float = 100.0
    max_snr_db: float = 100.0

    def __post_init__(self) -> None:
        for name, highest in (
            ("max_range_m", 1000.0),
            ("max_velocity_m_s", 1000.0),
            ("max_snr_db", 3276.0),
        ):
            value = getattr(self, name)
            if not 0.0 < value <= highest:
                raise ValueError(f"{name} is {value}; it must be above 0 and at most {highest}")

    def weights(self) -> FloatArray:
        """float32 (6, 3): squared table columns times this are at most 1 when plausible."""
        weights = np.zeros((6, 3), np.float32)
        weights[:3, 0] = self.max_range_m**-2
        weights[3, 1] = self.max_velocity_m_s**-2
        weights[4, 2] = self.max_snr_db**-2
        return weights


class PointDecoder:
    """Decodes each point layout and finds the points that no radar can have seen.

    Args:
        limits: What is plausible.

    Every method returns a point table (N, 6) and which points of it are plausible.
    """

    def __init__(self, limits: PlausibilityLimits) -> None:
        self._limits = limits
        self._weights = limits.weights()

    def cartesian(
        self, raw: FloatArray, side_info: NDArray[np.int16] | None
    ) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        """Decode points of the out-of-box demo (TLV 1) with their side information (TLV 7).

        Args:
            raw: float32 (N, 4): x, y, z in TI's axes in metres and radial velocity in m/s; may
                be the points of several frames.
            side_info: int16 (N, 2): SNR and noise in 0.1 dB, or ``None`` when not sent.

        Returns:
            Point table (N, 6), and which points are plausible; ``None`` when all are.
        """
        columns = np.empty((len(raw), 6), np.float32)
        columns[:, :4] = raw
        columns[:, 4:] = 0.0 if side_info is None else side_info
        # argmax is the cheapest reduction, and it finds NaN.
        size = np.abs(columns)
        if side_info is None or not size.item(size.argmax()) < _SAFE_TO_SQUARE:
            return self._carefully(columns, side_info is None)
        table = columns.dot(_TURN_AND_SCALE)
        share = (table * table).dot(self._weights)
        if share.item(share.argmax()) <= 1.0 and np.count_nonzero(table[:, 0]) == len(table):
            return table, None
        return table, self._plausible(table)

    @np.errstate(all="ignore")
    def _carefully(
        self, columns: FloatArray, without_side_info: bool
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        table = columns.dot(_TURN_AND_SCALE)
        if without_side_info:
            table[:, 4:] = np.nan
        return table, self._plausible(table)

    @np.errstate(all="ignore")
    def spherical(
        self, raw: FloatArray, snr_db: ArrayLike, noise_db: ArrayLike
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Decode points given as range, azimuth, elevation and radial velocity.

        Args:
            raw: float32 (N, 4): range in metres, azimuth (positive to the right of boresight) and
                elevation in radians, radial velocity in m/s.
            snr_db: (N,) in dB, or NaN when not sent.
            noise_db: (N,) in dB, or NaN when not sent.
        """
        # A negative range would mirror the point, which its coordinates no longer show.
        distance = np.where(raw[:, 0] > 0, raw[:, 0], np.nan)
        azimuth, elevation = raw[:, 1], raw[:, 2]
        level = distance * np.cos(elevation)
        table = np.empty((len(raw), 6), np.float32)
        table[:, 0] = level * np.cos(azimuth)
        table[:, 1] = -level * np.sin(azimuth)
        table[:, 2] = distance * np.sin(elevation)
        table[:, 3] = raw[:, 3]
        table[:, 4] = snr_db
        table[:, 5] = noise_db
        return table, self._plausible(table)

    @np.errstate(all="ignore")
    def compressed(
        self, units: tuple[float, ...], raw: NDArray[np.void]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Decode compressed points (TLV 1020, or 6 with the 48-byte header).

        Args:
            units: Size of one count: elevation and azimuth in rad, Doppler in m/s, range in m,
                linear signal to noise ratio.
            raw: (N,) of :data:`COMPRESSED_POINT`.
        """
        spherical = np.empty((len(raw), 4), np.float32)
        spherical[:, 0] = raw["range"] * units[3]
        spherical[:, 1] = raw["azimuth"] * units[1]
        spherical[:, 2] = raw["elevation"] * units[0]
        spherical[:, 3] = raw["doppler"] * units[2]
        return self.spherical(spherical, linear_to_db(raw["snr"] * units[4]), np.nan)

    @np.errstate(all="ignore")
    def _plausible(self, table: FloatArray) -> NDArray[np.bool_]:
        limits = self._limits
        xyz, velocity, snr_db = table[:, :3], table[:, 3], table[:, 4]
        range_m = np.sqrt(np.einsum("ij,ij->i", xyz, xyz))
        keep = (range_m > 0) & (range_m <= limits.max_range_m)
        keep &= np.abs(velocity) <= limits.max_velocity_m_s
        keep &= ~(np.abs(snr_db) > limits.max_snr_db)
        return np.asarray(keep)


COMPRESSED_POINT = np.dtype(
    [("elevation", "i1"), ("azimuth", "i1"), ("doppler", "<i2"), ("range", "<u2"), ("snr", "<u2")]
)
"""One 8-byte point of TLV 1020, in the units given at the head of the block."""


@np.errstate(all="ignore")
def linear_to_db(ratio: NDArray[np.floating]) -> FloatArray:
    """Power ratio to decibel; NaN (not reported) for a ratio of zero or less."""
    positive = np.where(ratio > 0, ratio, np.nan)
    return np.asarray(10.0 * np.log10(positive), np.float32)


def units_are_plausible(units: tuple[float, ...]) -> bool:
    """Whether the five unit figures of a compressed block can be meant seriously."""
    return all(math.isfinite(unit) and 0.0 < unit < 1.0 for unit in units)
