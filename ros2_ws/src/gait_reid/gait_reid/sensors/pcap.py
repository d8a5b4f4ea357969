"""UDP payloads of a capture file: pcap and pcapng, the link layers of common tools, IP fragments.

LiDAR packets are often larger than an Ethernet frame and are captured as several IP fragments
(RFC 791), which are put together here. Every length is checked before it is believed.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gait_reid.sensors.base import SourceError

MAX_RECORD_BYTES = 1 << 20
MAX_DATAGRAMS_IN_PIECES = 64
MAX_DATAGRAM_BYTES = 65535
_PCAP_MAGIC = {0xA1B2C3D4: 1_000, 0xA1B23C4D: 1}
_PCAPNG_MAGIC = 0x0A0D0D0A
_UDP = 17
_ETHERNET, _COOKED, _COOKED2, _LOOPBACK = 1, 113, 276, 0
_RAW_IP = (12, 14, 101, 228, 229)


class UdpPacket(NamedTuple):
    """One UDP datagram of a capture.

    Attributes:
        stamp_ns: Time of capture, Unix nanoseconds.
        port: Destination port.
        payload: What was sent.
    """

    stamp_ns: int
    port: int
    payload: bytes


class _Record(NamedTuple):
    stamp_ns: int
    link: int
    data: bytes


@dataclass
class _Pieces:
    """Fragments of one datagram, by offset."""

    parts: dict[int, bytes]
    total: int | None = None

    def joined(self) -> bytes | None:
        """Return the whole datagram, or None while pieces are missing."""
        if self.total is None:
            return None
        data, position = bytearray(), 0
        while position < self.total:
            part = self.parts.get(position)
            if not part:
                return None
            data += part
            position += len(part)
        return bytes(data[: self.total])


def read_udp(path: str | Path) -> Iterator[UdpPacket]:
    """Yield the UDP datagrams of a capture file in order.

    Packets of other protocols are passed over.

    Raises:
        SourceError: The file is missing, not a capture, or ends within a packet; in the last case
            after everything that is whole was delivered.
    """
    try:
        stream = open(path, "rb")  # noqa: SIM115 (closed by the generator's own with)
    except OSError as error:
        fix = f"{error.strerror}; give the path of a .pcap or .pcapng file"
        raise SourceError("pcap file", path, fix) from error
    with stream:
        pieces: OrderedDict[tuple[bytes, bytes, int], _Pieces] = OrderedDict()
        for record in _records(stream, path):
            datagram = _ip_payload(_network_layer(record), pieces)
            if datagram is not None and len(datagram) >= 8:
                port, length = struct.unpack_from(">HH", datagram, 2)
                if 8 <= length <= len(datagram):
                    yield UdpPacket(record.stamp_ns, port, datagram[8:length])


def _records(stream: BinaryIO, path: str | Path) -> Iterator[_Record]:
    head = stream.read(4)
    for order in "<>":
        magic = struct.unpack(order + "I", head)[0] if len(head) == 4 else 0
        if magic in _PCAP_MAGIC:
            yield from _pcap_records(stream, path, order, _PCAP_MAGIC[magic])
            return
        if magic == _PCAPNG_MAGIC:
            stream.seek(0)
            yield from _pcapng_records(stream, path)
            return
    kind = f"starts with 0x{head.hex()}" if head else "is empty"
    fix = f"{kind}, which is neither pcap nor pcapng; record one with 'tcpdump -w FILE udp'"
    raise SourceError("pcap file", path, fix)


def _take(stream: BinaryIO, size: int, path: str | Path) -> bytes:
    """Read exactly ``size`` bytes or say that the file is cut off."""
    if size > MAX_RECORD_BYTES:
        fix = f"a packet claims {size} bytes at byte {stream.tell()}; the file is damaged there"
        raise SourceError("pcap file", path, fix)
    data = stream.read(size)
    if len(data) < size:
        fix = f"ends within a packet at byte {stream.tell()}; all whole packets before were read"
        raise SourceError("pcap file", path, fix)
    return data


def _pcap_records(
    stream: BinaryIO, path: str | Path, order: str, tick_ns: int
) -> Iterator[_Record]:
    link = struct.unpack(order + "I", _take(stream, 20, path)[16:])[0] & 0xFFFF
    while head := stream.read(16):
        if len(head) < 16:
            _take(stream, 16, path)
        seconds, fraction, captured, _ = struct.unpack(order + "IIII", head)
        data = _take(stream, captured, path)
        yield _Record(seconds * 1_000_000_000 + fraction * tick_ns, link, data)


def _pcapng_records(stream: BinaryIO, path: str | Path) -> Iterator[_Record]:
    order, interfaces = "<", list[tuple[int, int]]()
    while head := stream.read(8):
        if len(head) < 8:
            _take(stream, 8, path)
        if head[:4] == b"\x0a\x0d\x0d\x0a":
            mark = _take(stream, 4, path)
            order, interfaces = ("<" if mark == b"\x4d\x3c\x2b\x1a" else ">"), []
            size = struct.unpack(order + "I", head[4:])[0]
            _take(stream, max(size - 12, 0), path)
            continue
        kind, size = struct.unpack(order + "II", head)
        body = _take(stream, max(size - 8, 0), path)[:-4]
        if kind == 1 and len(body) >= 8:
            link = struct.unpack_from(order + "H", body)[0]
            interfaces.append((link, _ticks_per_second(body[8:], order)))
        elif kind == 6 and len(body) >= 20:
            index, high, low, captured = struct.unpack_from(order + "IIII", body)
            if index < len(interfaces) and captured <= len(body) - 20:
                link, ticks = interfaces[index]
                stamp_ns = ((high << 32) | low) * 1_000_000_000 // ticks
                yield _Record(stamp_ns, link, body[20 : 20 + captured])


def _ticks_per_second(options: bytes, order: str) -> int:
    """Return the resolution of an interface's stamps (pcapng option if_tsresol)."""
    position = 0
    while position + 4 <= len(options):
        code, size = struct.unpack_from(order + "HH", options, position)
        if code == 9 and size == 1 and position + 4 < len(options):
            value = options[position + 4]
            exponent = min(value & 0x7F, 30)
            return int(2**exponent if value & 0x80 else 10**exponent)
        if code == 0:
            break
        position += 4 + (size + 3) // 4 * 4
    return 1_000_000


def _network_layer(record: _Record) -> bytes:
    """Return the IP packet of a captured frame, or nothing."""
    data, link = record.data, record.link
    if link in _RAW_IP:
        return data
    if link == _LOOPBACK:
        return data[4:]
    if link in (_COOKED, _COOKED2):
        return data[16:] if link == _COOKED else data[20:]
    if link != _ETHERNET:
        return b""
    position = 12
    while data[position : position + 2] in (b"\x81\x00", b"\x88\xa8"):
        position += 4
    is_ip = data[position : position + 2] in (b"\x08\x00", b"\x86\xdd")
    return data[position + 2 :] if is_ip else b""


def _ip_payload(
    packet: bytes, pieces: OrderedDict[tuple[bytes, bytes, int], _Pieces]
) -> bytes | None:
    """Return the UDP datagram of an IP packet, once all of its fragments are there."""
    version = packet[0] >> 4 if packet else 0
    if version == 6 and len(packet) >= 40 and packet[6] == _UDP:
        length = struct.unpack_from(">H", packet, 4)[0]
        return packet[40 : 40 + length] if length <= len(packet) - 40 else None
    if version != 4 or len(packet) < 20 or packet[9] != _UDP:
        return None
    header = 4 * (packet[0] & 15)
    total, identification, fragment = struct.unpack_from(">HHH", packet, 2)
    if not 20 <= header <= total <= len(packet):
        return None
    data, offset, more = packet[header:total], 8 * (fragment & 0x1FFF), bool(fragment & 0x2000)
    if not offset and not more:
        return data
    if offset + len(data) > MAX_DATAGRAM_BYTES:
        return None
    key = (packet[12:16], packet[16:20], identification)
    entry = pieces.setdefault(key, _Pieces({}))
    entry.parts[offset] = data
    if not more:
        entry.total = offset + len(data)
    whole = entry.joined()
    if whole is not None:
        del pieces[key]
    while len(pieces) > MAX_DATAGRAMS_IN_PIECES:
        pieces.popitem(last=False)
    return whole
