"""Packets as the firmware writes them: the inverse of the parser, for each of the four headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from ti_mmwave_driver.core.header import LAYOUTS, MAGIC
from ti_mmwave_driver.core.points import AXES, COMPRESSED_POINT
from ti_mmwave_driver.core.types import FrameStatistics, HeaderFormat, RadarPoints

Tlv = tuple[int, bytes]

PLATFORM = 0x000A6843
SDK_VERSION = 0x03050004
PADDING_UNIT_BYTES = 32

_OUT_OF_BOX = Struct("<8s8I")
_AREA_SCANNER = Struct("<8s9I")
_PEOPLE_COUNTING = Struct("<8s9I2H")
_LEGACY = Struct("<8s10I2H")
_TLV_HEADER = Struct("<2I")
_STATISTICS = Struct("<6I")
_TEMPERATURE = Struct("<iI10h")


def point_tlvs(points: RadarPoints) -> list[Tlv]:
    """Blocks 1 and 7 of the out-of-box demo; without points only an empty block 1, as SDK 3.5 does.

    Args:
        points: Points in REP-103 axes, with SNR and noise in dB.
    """
    raw = np.empty((len(points), 4), "<f4")
    raw[:, :3] = points.xyz @ AXES.T
    raw[:, 3] = points.velocity
    blocks = [(1, raw.tobytes())]
    if len(points):
        side_info = np.empty((len(points), 2), "<i2")
        side_info[:, 0] = np.rint(points.snr_db * 10)
        side_info[:, 1] = np.rint(points.noise_db * 10)
        blocks.append((7, side_info.tobytes()))
    return blocks


def statistics_tlv(statistics: FrameStatistics) -> Tlv:
    """Block 6: timing and load."""
    return 6, _STATISTICS.pack(*statistics)


def temperature_tlv(time_ms: int, deg_c: int) -> Tlv:
    """Block 9 with the same temperature at all ten sensors, in degrees Celsius."""
    return 9, _TEMPERATURE.pack(0, time_ms & 0xFFFFFFFF, *[deg_c] * 10)


def compressed_points_payload(
    spherical: NDArray[np.floating], snr: NDArray[np.floating], units: Sequence[float]
) -> bytes:
    """Payload of block 1020 (and of 6 with the 48-byte header).

    Args:
        spherical: (N, 4): range in metres, azimuth and elevation in radians, radial velocity in
            m/s.
        snr: (N,) linear signal to noise ratio.
        units: Elevation, azimuth, Doppler, range and SNR of one count.
    """
    points = np.empty(len(spherical), COMPRESSED_POINT)
    points["range"] = np.rint(spherical[:, 0] / units[3])
    points["azimuth"] = np.rint(spherical[:, 1] / units[1])
    points["elevation"] = np.rint(spherical[:, 2] / units[0])
    points["doppler"] = np.rint(spherical[:, 3] / units[2])
    points["snr"] = np.rint(snr / units[4])
    return np.asarray(units, "<f4").tobytes() + points.tobytes()


def encode_packet(
    layout: HeaderFormat,
    frame_number: int,
    tlvs: Iterable[Tlv],
    *,
    cpu_cycles: int = 0,
    num_detected: int | None = None,
    subframe_number: int = 0,
    padding_byte: int = 0xA5,
) -> bytes:
    """One packet of the given layout.

    Args:
        layout: Header layout.
        frame_number: Frame number of the header.
        tlvs: Blocks as (type, payload).
        cpu_cycles: 200 MHz counter, taken modulo 2^32.
        num_detected: Announced points; by default what block 1 holds.
        subframe_number: Subframe of an advanced frame.
        padding_byte: Fills the padding; the firmware sends whatever was in memory.

    Returns:
        The bytes from the magic word to the end of the padding.
    """
    blocks = list(tlvs)
    spec = LAYOUTS[layout]
    counted = _TLV_HEADER.size if spec.tlv_length_includes_header else 0
    body = b"".join(_TLV_HEADER.pack(kind, len(data) + counted) + data for kind, data in blocks)
    length = spec.size_bytes + len(body)
    padding = -length % PADDING_UNIT_BYTES if spec.max_padding_bytes else 0
    if num_detected is None:
        num_detected = sum(len(data) // 16 for kind, data in blocks if kind == 1)
    header = _header(
        layout,
        length + padding,
        frame_number,
        cpu_cycles & 0xFFFFFFFF,
        num_detected,
        len(blocks),
        subframe_number,
    )
    return header + body + bytes([padding_byte]) * padding


def _header(
    layout: HeaderFormat,
    total: int,
    number: int,
    cycles: int,
    detected: int,
    tlvs: int,
    subframe: int,
) -> bytes:
    if layout is HeaderFormat.OUT_OF_BOX:
        return _OUT_OF_BOX.pack(
            MAGIC, SDK_VERSION, total, PLATFORM, number, cycles, detected, tlvs, subframe
        )
    if layout is HeaderFormat.AREA_SCANNER:
        return _AREA_SCANNER.pack(
            MAGIC, SDK_VERSION, total, PLATFORM, number, cycles, detected, tlvs, subframe, 0
        )
    if layout is HeaderFormat.PEOPLE_COUNTING:
        header = _PEOPLE_COUNTING.pack(
            MAGIC, SDK_VERSION, total, PLATFORM, number, subframe, 0, 0, 0, 0, tlvs, 0
        )
    else:
        header = _LEGACY.pack(
            MAGIC, SDK_VERSION, PLATFORM, cycles, total, number, subframe, 0, 0, 0, 0, tlvs, 0
        )
    return header[:-2] + _checksum(header).to_bytes(2, "little")


def _checksum(header: bytes) -> int:
    total = sum(np.frombuffer(header, "<u2").tolist())
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total
