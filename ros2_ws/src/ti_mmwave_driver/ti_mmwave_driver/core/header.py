"""Frame headers of the IWR6843 firmware: four layouts, told apart by their bytes.

Every packet starts with the magic word. The out-of-box demo of the mmWave SDK 3 (and the Radar
Toolbox labs) follows with 32 bytes, the area scanner adds a word, the two generations of people
counting have layouts of their own, with a checksum over the header. Sources: ``mmw_output.h`` of
mmWave SDK 3.5 and the labs of the Industrial Toolbox 4.7.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from ti_mmwave_driver.core.types import FrameHeader, HeaderFormat

MAGIC = bytes.fromhex("0201040306050807")
MIN_HEADER_BYTES = 40
MAX_HEADER_BYTES = 52
MAX_TLVS = 32
CPU_CLOCK_HZ = 200_000_000
"""Clock of the R4F cycle counter in ``timeCpuCycles``."""

_PLATFORM_FAMILY = 0x000A
_OUT_OF_BOX_FORMAT = HeaderFormat.OUT_OF_BOX
_PREFIX = Struct("<8x4I")
_OUT_OF_BOX = Struct("<8x8I")
_AREA_SCANNER = Struct("<8x9I")
_PEOPLE_COUNTING = Struct("<8x9I2H")
_LEGACY = Struct("<8x10I2H")


class HeaderLayout(NamedTuple):
    """What the parser must know about one layout.

    Attributes:
        size_bytes: Header length, magic included.
        tlv_length_includes_header: Whether a block's length field counts its own 8-byte header.
        max_padding_bytes: Most bytes that may follow the last block.
        decode: Decodes the header of a packet of at least ``size_bytes``; ``None`` when the packet
            cannot have this layout: wrong platform word, wrong checksum, too many blocks.
    """

    size_bytes: int
    tlv_length_includes_header: bool
    max_padding_bytes: int
    decode: Callable[[bytes], FrameHeader | None]


PREFIX_BYTES = _PREFIX.size
"""Bytes that :func:`packet_length` needs."""


def packet_length(buffer: bytes | bytearray, start: int) -> int | None:
    """Length the header at ``start`` claims, without trusting it.

    Args:
        buffer: At least :data:`PREFIX_BYTES` bytes from ``start``.
        start: Index of the magic word.

    Returns:
        The claimed packet length in bytes, or ``None`` when the words after the magic are not a
        header of any known layout.
    """
    version, word12, word16, word20 = _PREFIX.unpack_from(buffer, start)
    if not 1 <= version >> 24 <= 4:
        return None
    if word16 >> 16 == _PLATFORM_FAMILY:
        return int(word12)
    if word12 >> 16 == _PLATFORM_FAMILY:
        return int(word20)
    return None


def checksum_is_valid(packet: bytes, size_bytes: int) -> bool:
    """Check the 16-bit one's complement checksum of a header that carries one (RFC 1071)."""
    words = Struct(f"<{size_bytes // 2}H").unpack_from(packet)
    return sum(words) % 0xFFFF == 0


def _decode_out_of_box(packet: bytes) -> FrameHeader | None:
    words = _OUT_OF_BOX.unpack_from(packet)
    version, total, platform, number, cycles, detected, tlvs, subframe = words
    if platform >> 16 != _PLATFORM_FAMILY or tlvs > MAX_TLVS or subframe > 3:
        return None
    return FrameHeader(
        _OUT_OF_BOX_FORMAT, version, total, platform, number, cycles, detected, tlvs, subframe
    )


def _decode_area_scanner(packet: bytes) -> FrameHeader | None:
    words = _AREA_SCANNER.unpack_from(packet)
    version, total, platform, number, cycles, detected, tlvs, subframe, _static = words
    if platform >> 16 != _PLATFORM_FAMILY or tlvs > MAX_TLVS or subframe > 3:
        return None
    return FrameHeader(
        HeaderFormat.AREA_SCANNER,
        version,
        total,
        platform,
        number,
        cycles,
        detected,
        tlvs,
        subframe,
    )


def _decode_people_counting(packet: bytes) -> FrameHeader | None:
    words = _PEOPLE_COUNTING.unpack_from(packet)
    version, total, platform, number, subframe, _, _, _, _, tlvs, _ = words
    if platform >> 16 != _PLATFORM_FAMILY or tlvs > MAX_TLVS:
        return None
    if not checksum_is_valid(packet, _PEOPLE_COUNTING.size):
        return None
    return FrameHeader(
        HeaderFormat.PEOPLE_COUNTING, version, total, platform, number, None, 0, tlvs, subframe
    )


def _decode_legacy(packet: bytes) -> FrameHeader | None:
    words = _LEGACY.unpack_from(packet)
    version, platform, _, total, number, subframe, _, _, _, _, tlvs, _ = words
    if platform >> 16 != _PLATFORM_FAMILY or tlvs > MAX_TLVS:
        return None
    if not checksum_is_valid(packet, _LEGACY.size):
        return None
    return FrameHeader(
        HeaderFormat.LEGACY_PEOPLE_COUNTING,
        version,
        total,
        platform,
        number,
        None,
        0,
        tlvs,
        subframe,
    )


LAYOUTS = {
    HeaderFormat.OUT_OF_BOX: HeaderLayout(40, False, 31, _decode_out_of_box),
    HeaderFormat.AREA_SCANNER: HeaderLayout(44, False, 31, _decode_area_scanner),
    HeaderFormat.PEOPLE_COUNTING: HeaderLayout(48, True, 0, _decode_people_counting),
    HeaderFormat.LEGACY_PEOPLE_COUNTING: HeaderLayout(52, True, 0, _decode_legacy),
}
