"""Bytes from the data port to frames: framing that always recovers and never grows.

The stream has no escape mechanism and no checksum over the payload. A packet is accepted only when
its header is of a known layout, its claimed length is possible, no second magic word lies inside
it, and its chain of blocks closes exactly. Whatever is rejected is counted with a reason, and the
search goes on behind the magic word that misled, so that a damaged packet never costs the next one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ti_mmwave_driver.core.header import MAGIC, MIN_HEADER_BYTES, PREFIX_BYTES, packet_length
from ti_mmwave_driver.core.packet import CODECS, Codec, assemble, read_blocks
from ti_mmwave_driver.core.points import PlausibilityLimits, PointDecoder
from ti_mmwave_driver.core.tlv import Blocks, Demo, TlvError
from ti_mmwave_driver.core.types import RadarFrame

DEFAULT_MAX_PACKET_BYTES = 131_072
"""Longest packet accepted: 1.4 s of UART at 921600 baud, more than any demo can send per frame."""

_MAX_CHUNK_BYTES = 65_536


@dataclass
class ParserCounters:
    """What the parser has seen so far.

    Attributes:
        bytes_received: Bytes fed.
        bytes_rejected: Bytes that belong to no accepted frame.
        frames: Accepted frames.
        rejected_packets: Magic words that led to no frame, by reason: ``header`` (unknown layout or
            wrong checksum), ``length`` (impossible), ``truncated`` (second magic word inside),
            ``tlv_chain``, ``tlv_length``, ``tlv_type``, ``point_count``, ``point_units``,
            ``target_values``.
        implausible_points: Points left out of accepted frames.
        unknown_tlvs: Blocks of unknown type in accepted frames, by type.
    """

    bytes_received: int = 0
    bytes_rejected: int = 0
    frames: int = 0
    rejected_packets: Counter[str] = field(default_factory=Counter)
    implausible_points: int = 0
    unknown_tlvs: Counter[int] = field(default_factory=Counter)


class FrameParser:
    """Finds and decodes frames in a byte stream.

    Args:
        demo: Which firmware writes the stream.
        limits: What a plausible point is.
        max_packet_bytes: Longest packet to accept; also bounds the memory held between calls.

    Raises:
        ValueError: ``max_packet_bytes`` is below 64.
    """

    def __init__(
        self,
        demo: Demo = Demo.AUTO,
        limits: PlausibilityLimits | None = None,
        max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES,
    ) -> None:
        if max_packet_bytes < 64:
            raise ValueError(f"max_packet_bytes is {max_packet_bytes}; it must be at least 64")
        self.counters = ParserCounters()
        self._decoder = PointDecoder(limits or PlausibilityLimits())
        self._max_packet_bytes = max_packet_bytes
        self._codecs = CODECS[demo]
        self._buffer = bytearray()
        self._searched = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held back because their frame is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[RadarFrame]:
        """Take the next bytes of the stream.

        Args:
            data: Bytes in the order of arrival, any amount.

        Returns:
            Frames that these bytes completed, oldest first.
        """
        frames: list[RadarFrame] = []
        for start in range(0, len(data), _MAX_CHUNK_BYTES):
            self._buffer += data[start : start + _MAX_CHUNK_BYTES]
            packets = self._drain()
            if packets:
                frames += self._assemble(packets)
        self.counters.bytes_received += len(data)
        return frames

    def use_limits(self, limits: PlausibilityLimits) -> None:
        """Change what a plausible point is."""
        self._decoder = PointDecoder(limits)

    def reset(self) -> None:
        """Drop what is buffered, for instance because the port was opened anew."""
        self.counters.bytes_rejected += len(self._buffer)
        self._buffer.clear()
        self._searched = 0

    def _assemble(self, packets: list[Blocks]) -> list[RadarFrame]:
        frames = assemble(packets, self._decoder)
        counters = self.counters
        counters.frames += len(frames)
        for frame in frames:
            if frame.implausible_points:
                counters.implausible_points += frame.implausible_points
            if frame.unknown_tlvs:
                counters.unknown_tlvs.update(frame.unknown_tlvs)
        return frames

    def _drain(self) -> list[Blocks]:
        buffer, counters = self._buffer, self.counters
        packets: list[Blocks] = []
        position = 0
        while True:
            start = buffer.find(MAGIC, position)
            if start < 0:
                keep = _magic_prefix_length(buffer, position)
                counters.bytes_rejected += len(buffer) - keep - position
                position = len(buffer) - keep
                break
            counters.bytes_rejected += start - position
            position = start
            length = self._complete_length(start)
            if length == 0:
                break
            blocks = self._read(start, length) if length > 0 else None
            if blocks is None:
                position = start + len(MAGIC)
                counters.bytes_rejected += len(MAGIC)
            else:
                position = start + length
                if position == len(buffer):
                    # A packet cut short by a few bytes ends with the start of the next one.
                    position -= _magic_prefix_length(buffer, start + len(MAGIC))
                packets.append(blocks)
            self._searched = position
        del buffer[:position]
        self._searched = max(self._searched - position, 0)
        return packets

    def _complete_length(self, start: int) -> int:
        """Length of the packet at ``start``; 0 while it is incomplete, -1 when it is damaged."""
        buffer = self._buffer
        available = len(buffer) - start
        if available < PREFIX_BYTES:
            return 0
        length = packet_length(buffer, start)
        if length is None:
            self.counters.rejected_packets["header"] += 1
            return -1
        if not MIN_HEADER_BYTES <= length <= self._max_packet_bytes:
            self.counters.rejected_packets["length"] += 1
            return -1
        # A magic word that begins before the claimed end reaches up to 7 bytes beyond it.
        end = start + min(length + len(MAGIC) - 1, available)
        if buffer.find(MAGIC, max(start + len(MAGIC), self._searched), end) >= 0:
            self.counters.rejected_packets["truncated"] += 1
            return -1
        self._searched = end - len(MAGIC) + 1
        return length if length <= available else 0

    def _read(self, start: int, length: int) -> Blocks | None:
        packet = bytes(memoryview(self._buffer)[start : start + length])
        try:
            return read_blocks(packet, self._codecs[0])
        except TlvError as error:
            reason = error.reason
        for codec in self._codecs[1:]:
            try:
                blocks = read_blocks(packet, codec)
            except TlvError as error:
                # The layout whose header at least fits tells most about the damage.
                reason = error.reason if reason == "header" else reason
                continue
            self._prefer(codec)
            return blocks
        self.counters.rejected_packets[reason] += 1
        return None

    def _prefer(self, codec: Codec) -> None:
        """Try the layout that fitted last time first."""
        self._codecs = (codec, *(other for other in self._codecs if other is not codec))


def _magic_prefix_length(buffer: bytearray, position: int) -> int:
    """Length of the longest end of the buffer that could be the start of a magic word."""
    for length in range(min(len(MAGIC) - 1, len(buffer) - position), 0, -1):
        if buffer.endswith(MAGIC[:length]):
            return length
    return 0
