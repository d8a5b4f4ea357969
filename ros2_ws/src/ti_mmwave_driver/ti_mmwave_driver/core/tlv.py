"""Type-length-value blocks: what each demo puts into a packet, checked before it is used.

Layouts from ``mmw_output.h`` of mmWave SDK 3.5, the people counting and area scanner labs of the
Industrial Toolbox 4.7 and the Radar Toolbox user guides. A type number means different things in
different demos, therefore there is one table per demo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ti_mmwave_driver.core import points as point_codec
from ti_mmwave_driver.core.types import FrameHeader, FrameStatistics, HeaderFormat, Temperature


class Demo(Enum):
    """Which firmware writes the stream; AUTO tells it from the header."""

    AUTO = "auto"
    OUT_OF_BOX = "out_of_box"
    PEOPLE_TRACKING = "people_tracking"
    AREA_SCANNER = "area_scanner"


class TlvError(ValueError):
    """A block contradicts its own layout or the header.

    Attributes:
        reason: Short name under which the rejected packet is counted.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class TargetLayout:
    """Word numbers of a target record: first the id, then the columns of each quantity."""

    words: int
    position: tuple[int, int, int]
    velocity: tuple[int, int, int]
    acceleration: tuple[int, int, int]
    confidence: int | None


class Blocks:
    """Blocks of one packet while it is being decoded; arrays are views of the packet."""

    cartesian: NDArray[np.float32] | None = None
    spherical: NDArray[np.float32] | None = None
    spherical_snr_db: NDArray[np.float32] | None = None
    side_info: NDArray[np.int16] | None = None
    compressed: tuple[tuple[float, ...], NDArray[np.void]] | None = None
    static_points: NDArray[np.float32] | None = None
    static_side_info: NDArray[np.int16] | None = None
    targets: tuple[TargetLayout, NDArray[np.float32]] | None = None
    heights: NDArray[np.float32] | None = None

    is_cartesian = False
    """Whether there are cartesian points, at least one."""
    needs_check = False
    """Whether there is anything beyond the usual blocks of the out-of-box demo."""

    def __init__(self, packet: bytes, header: FrameHeader) -> None:
        self.packet = packet
        self.header = header
        self.unknown: tuple[int, ...] = ()
        self.fields: dict[str, Any] = {}


AREA_SCANNER_TARGET = TargetLayout(10, (1, 2, 7), (3, 4, 8), (5, 6, 9), None)
LEGACY_TARGET = TargetLayout(10, (1, 2, 3), (4, 5, 6), (7, 8, 9), None)
PEOPLE_TARGET = TargetLayout(28, (1, 2, 3), (4, 5, 6), (7, 8, 9), 27)

Handler = Callable[[Blocks, int, int], None]

_FLOAT32 = np.dtype("<f4")
_INT16 = np.dtype("<i2")
_STATISTICS = Struct("<6I")
_TEMPERATURE = Struct("<iI10h")
_UNITS = Struct("<5f")
_WORD = Struct("<I")
_SENSORS = ("rx0", "rx1", "rx2", "rx3", "tx0", "tx1", "tx2", "pm", "dig0", "dig1")
_POINT_BYTES = 16
_SIDE_INFO_BYTES = 4
_LEGACY_POINT_BYTES = 20
_HEIGHT_BYTES = 12
_VITAL_SIGNS_BYTES = 136


def _array(blocks: Blocks, dtype: Any, offset: int, length: int, item_bytes: int) -> Any:
    count, rest = divmod(length, item_bytes)
    if rest:
        raise TlvError("tlv_length")
    items = item_bytes // np.dtype(dtype).itemsize
    flat = np.frombuffer(blocks.packet, dtype, count * items, offset)
    return flat.reshape(count, items) if items > 1 else flat


def _detected_points(blocks: Blocks, offset: int, length: int) -> None:
    detected = blocks.header.num_detected
    if length != _POINT_BYTES * detected:
        raise TlvError("point_count")
    blocks.cartesian = np.ndarray((detected, 4), _FLOAT32, blocks.packet, offset)
    blocks.is_cartesian = detected > 0


def _side_info(blocks: Blocks, offset: int, length: int) -> None:
    detected = blocks.header.num_detected
    if length != _SIDE_INFO_BYTES * detected:
        raise TlvError("point_count")
    blocks.side_info = np.ndarray((detected, 2), _INT16, blocks.packet, offset)


def _spherical_points(blocks: Blocks, offset: int, length: int) -> None:
    blocks.needs_check = True
    blocks.spherical = _array(blocks, "<f4", offset, length, _POINT_BYTES)


def _legacy_points(blocks: Blocks, offset: int, length: int) -> None:
    blocks.needs_check = True
    table = _array(blocks, "<f4", offset, length, _LEGACY_POINT_BYTES)
    blocks.spherical = table[:, :4]
    blocks.spherical_snr_db = point_codec.linear_to_db(table[:, 4])


def _compressed_points(blocks: Blocks, offset: int, length: int) -> None:
    if length < _UNITS.size:
        raise TlvError("tlv_length")
    units = _UNITS.unpack_from(blocks.packet, offset)
    if not point_codec.units_are_plausible(units):
        raise TlvError("point_units")
    raw = _array(
        blocks, point_codec.COMPRESSED_POINT, offset + _UNITS.size, length - _UNITS.size, 8
    )
    blocks.compressed = (units, raw)


def _static_points(blocks: Blocks, offset: int, length: int) -> None:
    blocks.needs_check = True
    blocks.static_points = _array(blocks, "<f4", offset, length, _POINT_BYTES)


def _static_side_info(blocks: Blocks, offset: int, length: int) -> None:
    blocks.needs_check = True
    blocks.static_side_info = _array(blocks, "<i2", offset, length, _SIDE_INFO_BYTES)


def _view(name: str, dtype: str, item_bytes: int) -> Handler:
    def handle(blocks: Blocks, offset: int, length: int) -> None:
        blocks.fields[name] = _array(blocks, dtype, offset, length, item_bytes)

    return handle


def _targets(layout: TargetLayout) -> Handler:
    def handle(blocks: Blocks, offset: int, length: int) -> None:
        blocks.needs_check = True
        blocks.targets = (layout, _array(blocks, "<f4", offset, length, 4 * layout.words))

    return handle


def _heights(blocks: Blocks, offset: int, length: int) -> None:
    blocks.needs_check = True
    blocks.heights = _array(blocks, "<f4", offset, length, _HEIGHT_BYTES)


def _statistics(blocks: Blocks, offset: int, length: int) -> None:
    if length != _STATISTICS.size:
        raise TlvError("tlv_length")
    blocks.fields["statistics"] = FrameStatistics(*_STATISTICS.unpack_from(blocks.packet, offset))


def _temperature(blocks: Blocks, offset: int, length: int) -> None:
    if length != _TEMPERATURE.size:
        raise TlvError("tlv_length")
    status, time_ms, *sensors = _TEMPERATURE.unpack_from(blocks.packet, offset)
    report = Temperature(status == 0, time_ms, dict(zip(_SENSORS, sensors)))
    blocks.fields["temperature"] = report


def _flag(name: str, kind: type) -> Handler:
    def handle(blocks: Blocks, offset: int, length: int) -> None:
        if length != _WORD.size:
            raise TlvError("tlv_length")
        blocks.fields[name] = kind(_WORD.unpack_from(blocks.packet, offset)[0])

    return handle


def _vital_signs(blocks: Blocks, offset: int, length: int) -> None:
    if length != _VITAL_SIGNS_BYTES:
        raise TlvError("tlv_length")
    ids = np.frombuffer(blocks.packet, "<u2", 2, offset).astype(np.float32)
    figures = np.frombuffer(blocks.packet, "<f4", 33, offset + 4)
    blocks.fields["vital_signs"] = np.concatenate((ids, figures))


_RADAR_TOOLBOX: dict[int, Handler] = {
    1000: _spherical_points,
    1010: _targets(PEOPLE_TARGET),
    1011: _view("target_index", "u1", 1),
    1012: _heights,
    1020: _compressed_points,
    1021: _flag("presence", bool),
    1030: _flag("occupancy", int),
    1040: _vital_signs,
}

_OUT_OF_BOX: dict[int, Handler] = {
    1: _detected_points,
    2: _view("range_profile", "<u2", 2),
    3: _view("noise_profile", "<u2", 2),
    4: _view("azimuth_heat_map", "<i2", 4),
    5: _view("range_doppler", "<u2", 2),
    6: _statistics,
    7: _side_info,
    8: _view("elevation_heat_map", "<i2", 4),
    9: _temperature,
    **_RADAR_TOOLBOX,
}

_AREA_SCANNER: dict[int, Handler] = {
    1: _spherical_points,
    2: _view("range_profile", "<u2", 2),
    6: _statistics,
    7: _side_info,
    8: _static_points,
    9: _static_side_info,
    10: _targets(AREA_SCANNER_TARGET),
    11: _view("target_index", "u1", 1),
}

_PEOPLE_COUNTING: dict[int, Handler] = {
    6: _compressed_points,
    7: _targets(PEOPLE_TARGET),
    8: _view("target_index", "u1", 1),
    11: _flag("presence", bool),
}

_LEGACY: dict[int, Handler] = {
    6: _legacy_points,
    7: _targets(LEGACY_TARGET),
    8: _view("target_index", "u1", 1),
}

HANDLERS: dict[HeaderFormat, dict[int, Handler]] = {
    HeaderFormat.OUT_OF_BOX: _OUT_OF_BOX,
    HeaderFormat.AREA_SCANNER: _AREA_SCANNER,
    HeaderFormat.PEOPLE_COUNTING: _PEOPLE_COUNTING,
    HeaderFormat.LEGACY_PEOPLE_COUNTING: _LEGACY,
}
