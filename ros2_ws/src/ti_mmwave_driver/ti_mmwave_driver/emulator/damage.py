"""Damage that real links and firmware do to packets, as functions of the bytes.

Each mode was seen on hardware: lost bytes (UART overruns on small hosts), flipped bits, packets
cut short, bytes inserted, and lengths that the firmware itself wrote wrongly.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ti_mmwave_driver.core.header import MAGIC
from ti_mmwave_driver.core.types import HeaderFormat

Damage = Callable[[bytes, random.Random], bytes]

_LENGTH_OFFSET = {
    HeaderFormat.OUT_OF_BOX: 12,
    HeaderFormat.AREA_SCANNER: 12,
    HeaderFormat.PEOPLE_COUNTING: 12,
    HeaderFormat.LEGACY_PEOPLE_COUNTING: 20,
}
ABSURD_LENGTHS = (0x7FFF0000, 0xFFFFFFFF, 0, 1, 7, 39, 100_000, 3_000_000)


def lose_bytes(packet: bytes, random_source: random.Random) -> bytes:
    """Remove 1 to 16 bytes somewhere."""
    count = random_source.randint(1, min(16, len(packet)))
    start = random_source.randrange(len(packet) - count + 1)
    return packet[:start] + packet[start + count :]


def insert_bytes(packet: bytes, random_source: random.Random) -> bytes:
    """Insert 1 to 16 random bytes somewhere."""
    start = random_source.randrange(len(packet) + 1)
    return packet[:start] + random_source.randbytes(random_source.randint(1, 16)) + packet[start:]


def flip_bits(packet: bytes, random_source: random.Random) -> bytes:
    """Flip four bits anywhere, the magic word included."""
    damaged = bytearray(packet)
    for _ in range(4):
        damaged[random_source.randrange(len(damaged))] ^= 1 << random_source.randrange(8)
    return bytes(damaged)


def cut_short(packet: bytes, random_source: random.Random) -> bytes:
    """Keep only the beginning."""
    return packet[: random_source.randrange(1, len(packet))]


def absurd_length(
    packet: bytes,
    random_source: random.Random,
    layout: HeaderFormat = HeaderFormat.OUT_OF_BOX,
) -> bytes:
    """Write an impossible or far too long packet length into the header."""
    offset = _LENGTH_OFFSET[layout]
    length = random_source.choice(ABSURD_LENGTHS)
    return packet[:offset] + length.to_bytes(4, "little") + packet[offset + 4 :]


def split_magic(packet: bytes, random_source: random.Random) -> bytes:
    """Damage one byte of the magic word."""
    index = random_source.randrange(len(MAGIC))
    return packet[:index] + bytes([packet[index] ^ 0x10]) + packet[index + 1 :]
