"""Simulated scans as the data packets of rotating Velodyne sensors.

Packet layout from the user manuals (VLP-16 63-9243, HDL-32E 63-9113, VLP-32C 63-9325): twelve
blocks of flag, azimuth in hundredths of a degree (clockwise, 0 ahead) and 32 returns of distance
and reflectivity; then the microseconds since the hour, return mode and model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import PointCloud
from gait_reid_sim.core.sensors.beams import HDL32E, VLP16, VLP32C, BeamTable, FiringOrder

BLOCKS = 12
PACKET_BYTES = 1206
_CHANNELS = 32
_FLAG = 0xEEFF
_STRONGEST = 0x37
_HOUR_US = 3_600_000_000
_BLOCK = np.dtype(
    [("flag", "<u2"), ("azimuth", "<u2"), ("returns", [("distance", "<u2"), ("power", "u1")], 32)]
)
_PACKET = np.dtype(
    [("blocks", _BLOCK, BLOCKS), ("time_us", "<u4"), ("mode", "u1"), ("model", "u1")]
)


class Packet(NamedTuple):
    """One packet.

    Attributes:
        time_ns: When its last laser fired, and it is sent.
        payload: The bytes.
    """

    time_ns: int
    payload: bytes


class Product(NamedTuple):
    """What the packets of one model are like.

    Attributes:
        order: Lasers.
        model: Byte that names the model.
        unit_m: Distance of one count.
    """

    order: FiringOrder
    model: int
    unit_m: float

    @property
    def firings_per_block(self) -> int:
        """Firings of all lasers in one block."""
        return _CHANNELS // len(self.order.elevation_deg)


PRODUCTS = {
    "vlp16": Product(VLP16, 0x22, 0.002),
    "hdl32": Product(HDL32E, 0x21, 0.002),
    "vlp32c": Product(VLP32C, 0x28, 0.004),
}
"""Products by the name of their beam table."""


class VelodyneEncoder:
    """Turns scans of one sensor into packets, of which some hold the end of one and begin the next.

    Args:
        product: One of `PRODUCTS`.
        table: Beam table that the scans were made with.
    """

    def __init__(self, product: Product, table: BeamTable) -> None:
        self._product, self._table = product, table
        self._laser = np.argsort(product.order.ring)
        self._firings = BLOCKS * product.firings_per_block
        self._period_ns = 1e9 / table.rate_hz / table.columns
        self._end_ns = -1
        self._left = self._empty(0)

    def encode(self, cloud: PointCloud, start_ns: int) -> Iterator[Packet]:
        """Yield the packets that a turn completes.

        Args:
            cloud: Scan in the sensor's frame.
            start_ns: Time of its first firing.
        """
        grid = self._grid(cloud)
        if abs(start_ns - self._end_ns) > self._period_ns:
            # A turn is missing: what was left of the one before cannot be continued.
            self._left = self._empty(0)
        begun = len(self._left[0])
        distance = np.concatenate([self._left[0], grid[0]])
        power = np.concatenate([self._left[1], grid[1]])
        column = np.arange(-begun, self._table.columns)
        whole = len(column) // self._firings
        for number in range(whole):
            part = slice(number * self._firings, (number + 1) * self._firings)
            yield self._packet(distance[part], power[part], column[part], start_ns)
        self._left = (distance[whole * self._firings :], power[whole * self._firings :])
        self._end_ns = start_ns + round(self._table.columns * self._period_ns)

    def _empty(self, columns: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        shape = (columns, len(self._laser))
        return np.zeros(shape, np.uint16), np.zeros(shape, np.uint8)

    def _grid(self, cloud: PointCloud) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        """Return (columns, lasers) counts of distance and reflectivity; 0 where none returned."""
        table, xyz = self._table, cloud.xyz.astype(np.float64)
        reach = np.linalg.norm(xyz, axis=1)
        level = np.hypot(xyz[:, 0], xyz[:, 1])
        elevation = np.arctan2(xyz[:, 2], level)
        between = 0.5 * (table.elevation[1:] + table.elevation[:-1])
        ring = np.searchsorted(between, elevation)
        azimuth = np.arctan2(xyz[:, 1], xyz[:, 0]) - table.azimuth_offset[ring]
        column = np.rint((np.pi - azimuth) / table.step).astype(np.int64) % table.columns
        counts = np.rint(reach / self._product.unit_m)
        kept = counts <= np.iinfo(np.uint16).max
        distance, power = self._empty(table.columns)
        place = column[kept], self._laser[ring[kept]]
        distance[place] = counts[kept]
        if cloud.intensity is not None:
            power[place] = np.clip(np.rint(cloud.intensity[kept]), 0, 255)
        return distance, power

    def _packet(
        self,
        distance: npt.NDArray[np.uint16],
        power: npt.NDArray[np.uint8],
        column: npt.NDArray[np.int64],
        start_ns: int,
    ) -> Packet:
        packet = np.zeros((), _PACKET)
        blocks, per_block = packet["blocks"], self._product.firings_per_block
        blocks["flag"] = _FLAG
        # Column 0 looks back.
        azimuth = 18000.0 + column[::per_block] * np.rad2deg(self._table.step) * 100.0
        blocks["azimuth"] = np.rint(azimuth).astype(np.int64) % 36000
        blocks["returns"]["distance"] = distance.reshape(BLOCKS, _CHANNELS)
        blocks["returns"]["power"] = power.reshape(BLOCKS, _CHANNELS)
        first_ns = start_ns + round(column[0] * self._period_ns)
        packet["time_us"] = first_ns // 1000 % _HOUR_US
        packet["mode"], packet["model"] = _STRONGEST, self._product.model
        last_ns = start_ns + round((column[-1] + 1) * self._period_ns)
        return Packet(last_ns, packet.tobytes())
