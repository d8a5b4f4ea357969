"""Beam tables of rotating LiDARs.

Elevations: data sheets and manuals of Velodyne VLP-16 (63-9243), HDL-32E (63-9113) and VLP-32C
(63-9325), Ouster OS0 and OS1, and Hesai AT128; measured units differ by hundredths of a degree. The
lasers of a Velodyne fire one after the other while the sensor turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64


@dataclass(frozen=True)
class BeamTable:
    """Directions of a scanner's beams.

    Attributes:
        elevation: (rings,) radians, rising.
        columns: Firings in a full turn.
        rate_hz: Turns per second.
        field_of_view: Azimuth that is seen, radians, centred on the sensor's x axis.
        max_range_m: Nothing is reported from farther away.
        range_noise_m: Standard deviation of the range.
        divergence: Full angle of a beam, radians.
        half_power: Returned power, against a white wall square on at 10 m, that is found in half
            of all cases.
        azimuth_offset: (rings,) radians added to the azimuth of each ring.
    """

    elevation: Float64
    columns: int
    rate_hz: float = 10.0
    field_of_view: float = 2.0 * np.pi
    max_range_m: float = 120.0
    range_noise_m: float = 0.02
    divergence: float = 1.5e-3
    half_power: float = 2.0e-3
    azimuth_offset: Float64 = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if len(self.elevation) < 1 or (np.diff(self.elevation) <= 0.0).any():
            raise ValueError("BeamTable.elevation must rise from ring to ring")
        if not len(self.azimuth_offset):
            object.__setattr__(self, "azimuth_offset", np.zeros(len(self.elevation)))
        if len(self.azimuth_offset) != len(self.elevation):
            raise ValueError(
                f"BeamTable.azimuth_offset has {len(self.azimuth_offset)} entries for "
                f"{len(self.elevation)} rings"
            )

    @property
    def rings(self) -> int:
        """Number of beams."""
        return len(self.elevation)

    @property
    def step(self) -> float:
        """Azimuth between firings, radians; the scanner turns clockwise seen from above."""
        return 2.0 * np.pi / self.columns


@dataclass(frozen=True)
class FiringOrder:
    """How the lasers of a Velodyne take turns.

    Attributes:
        elevation_deg: Elevation of each laser, in the order of firing.
        rotation_deg: Azimuth of each laser against the sensor's, clockwise; empty: none.
        cycle_us: Time from one firing of all lasers to the next.
        laser_us: Time between groups of lasers within it.
        group: Lasers that fire together.
    """

    elevation_deg: tuple[float, ...]
    cycle_us: float
    laser_us: float
    group: int = 1
    rotation_deg: tuple[float, ...] = ()

    @property
    def ring(self) -> npt.NDArray[np.int64]:
        """(lasers,) ring of each laser; rings rise with elevation."""
        return np.argsort(np.argsort(self.elevation_deg))

    def table(self, columns: int, **settings: float) -> BeamTable:
        """Return the beam table of a turn of that many firings."""
        order = np.argsort(self.elevation_deg)
        turn = np.arange(len(order)) // self.group * self.laser_us / self.cycle_us * 360.0 / columns
        clockwise = turn + np.array(self.rotation_deg or np.zeros(len(order)))
        return BeamTable(
            np.deg2rad(np.array(self.elevation_deg)[order]),
            columns,
            azimuth_offset=-np.deg2rad(clockwise[order]),
            **settings,
        )


VLP16 = FiringOrder(
    (-15, 1, -13, 3, -11, 5, -9, 7, -7, 9, -5, 11, -3, 13, -1, 15), 55.296, 2.304
)  # fmt: skip
HDL32E = FiringOrder(
    (
        -30.67, -9.33, -29.33, -8.0, -28.0, -6.67, -26.67, -5.33, -25.33, -4.0, -24.0, -2.67,
        -22.67, -1.33, -21.33, 0.0, -20.0, 1.33, -18.67, 2.67, -17.33, 4.0, -16.0, 5.33, -14.67,
        6.67, -13.33, 8.0, -12.0, 9.33, -10.67, 10.67,
    ),
    46.08,
    1.152,
)  # fmt: skip
VLP32C = FiringOrder(
    (
        -25.0, -1.0, -1.667, -15.639, -11.31, 0.0, -0.667, -8.843, -7.254, 0.333, -0.333, -6.148,
        -5.333, 1.333, 0.667, -4.0, -4.667, 1.667, 1.0, -3.667, -3.333, 3.333, 2.333, -2.667, -3.0,
        7.0, 4.667, -2.333, -2.0, 15.0, 10.333, -1.333,
    ),
    55.296,
    2.304,
    2,
    (
        1.4, -4.2, 1.4, -1.4, 1.4, -1.4, 4.2, -1.4, 1.4, -4.2, 1.4, -1.4, 4.2, -1.4, 4.2, -1.4, 1.4,
        -4.2, 1.4, -4.2, 4.2, -1.4, 1.4, -1.4, 1.4, -1.4, 1.4, -4.2, 4.2, -1.4, 1.4, -1.4,
    ),
)  # fmt: skip


def _even(low_deg: float, high_deg: float, rings: int) -> Float64:
    return np.deg2rad(np.linspace(low_deg, high_deg, rings))


_TABLES: dict[str, Callable[[], BeamTable]] = {
    "vlp16": lambda: VLP16.table(1800, range_noise_m=0.015, divergence=3e-3),
    "hdl32": lambda: HDL32E.table(2250, divergence=3e-3),
    "vlp32c": lambda: VLP32C.table(1800, divergence=3e-3),
    "os0_32": lambda: BeamTable(_even(-45, 45, 32), 1024, divergence=6e-3, max_range_m=50.0),
    "os1_32": lambda: BeamTable(_even(-22.5, 22.5, 32), 1024, divergence=3e-3),
    "os1_64": lambda: BeamTable(_even(-22.5, 22.5, 64), 1024, divergence=3e-3),
    "os1_128": lambda: BeamTable(_even(-22.5, 22.5, 128), 1024, divergence=3e-3),
    "at128": lambda: BeamTable(
        _even(-12.9, 12.5, 128), 3600, field_of_view=np.deg2rad(120.0), max_range_m=200.0
    ),
    "long_128": lambda: BeamTable(_even(-20, 12, 128), 1800, max_range_m=200.0),
}
BEAM_TABLES = tuple(_TABLES)


def beam_table(name: str) -> BeamTable:
    """Return a beam table by name, one of `BEAM_TABLES`.

    Raises:
        ValueError: No such table.
    """
    if name not in _TABLES:
        raise ValueError(f"beam table {name!r} does not exist, known are {', '.join(BEAM_TABLES)}")
    return _TABLES[name]()
