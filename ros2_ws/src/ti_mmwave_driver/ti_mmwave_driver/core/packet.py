"""One complete packet to one frame: pick the layout, walk the chain of blocks, decode."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

import numpy as np

from ti_mmwave_driver.core.header import LAYOUTS, HeaderLayout
from ti_mmwave_driver.core.points import AXES, PointDecoder
from ti_mmwave_driver.core.tlv import HANDLERS, Blocks, Demo, Handler, TargetLayout, TlvError
from ti_mmwave_driver.core.types import (
    FloatArray,
    FrameHeader,
    HeaderFormat,
    RadarFrame,
    RadarPoints,
    RadarTargets,
)

_TLV_HEADER = Struct("<2I")
_PADDING_UNIT_BYTES = 32
_MAX_TLV_TYPE = 0xFFFF


class Codec(NamedTuple):
    """A header layout with the blocks that may follow it."""

    layout: HeaderLayout
    handlers: dict[int, Handler]


_CODECS = {kind: Codec(LAYOUTS[kind], HANDLERS[kind]) for kind in HeaderFormat}
_OUT_OF_BOX = _CODECS[HeaderFormat.OUT_OF_BOX]
_AREA_SCANNER = _CODECS[HeaderFormat.AREA_SCANNER]
_CHECKED = (
    _CODECS[HeaderFormat.PEOPLE_COUNTING],
    _CODECS[HeaderFormat.LEGACY_PEOPLE_COUNTING],
)

CODECS: dict[Demo, tuple[Codec, ...]] = {
    Demo.AUTO: (*_CHECKED, _OUT_OF_BOX, _AREA_SCANNER),
    Demo.OUT_OF_BOX: (_OUT_OF_BOX,),
    Demo.PEOPLE_TRACKING: (*_CHECKED, _OUT_OF_BOX),
    Demo.AREA_SCANNER: (_AREA_SCANNER,),
}
"""Codecs to try for each demo; those with a checksum first, they cannot be mistaken."""


def decode_packet(packet: bytes, codec: Codec, decoder: PointDecoder) -> RadarFrame:
    """Decode one packet whose length is known.

    Args:
        packet: The bytes from the magic word to the end that the header claims.
        codec: Layout to assume.
        decoder: Decodes the points.

    Returns:
        The frame, not yet stamped.

    Raises:
        TlvError: The packet does not have this layout; ``reason`` says in which respect.
    """
    layout = codec.layout
    header = layout.decode(packet) if len(packet) >= layout.size_bytes else None
    if header is None:
        raise TlvError("header")
    return _assemble(_walk(packet, header, codec), decoder)


def _walk(packet: bytes, header: FrameHeader, codec: Codec) -> Blocks:
    layout, handlers = codec
    counted = 8 if layout.tlv_length_includes_header else 0
    offset, end = layout.size_bytes, len(packet)
    blocks = Blocks(packet, header)
    for _ in range(header.num_tlvs):
        if offset + 8 > end:
            raise TlvError("tlv_chain")
        kind, length = _TLV_HEADER.unpack_from(packet, offset)
        length -= counted
        offset += 8
        if length < 0 or offset + length > end:
            raise TlvError("tlv_chain")
        handler = handlers.get(kind)
        if handler is not None:
            handler(blocks, offset, length)
        elif kind > _MAX_TLV_TYPE:
            raise TlvError("tlv_type")
        else:
            blocks.unknown += (kind,)
        offset += length
    _check_padding(end - offset, end, layout)
    return blocks


def _check_padding(left_over_bytes: int, packet_bytes: int, layout: HeaderLayout) -> None:
    if left_over_bytes == 0:
        return
    # A wrong length must not swallow the start of the next packet as padding.
    if left_over_bytes > layout.max_padding_bytes or packet_bytes % _PADDING_UNIT_BYTES:
        raise TlvError("tlv_chain")


def _assemble(blocks: Blocks, decoder: PointDecoder) -> RadarFrame:
    fields = blocks.fields
    points, implausible = _points(blocks, decoder)
    if blocks.static_points is not None:
        side_info = _matching(blocks.static_side_info, len(blocks.static_points))
        fields["static_points"], rejected = decoder.cartesian(blocks.static_points, side_info)
        implausible += rejected
    if blocks.targets is not None:
        fields["targets"] = _targets(*blocks.targets, blocks.heights)
    if blocks.unknown:
        fields["unknown_tlvs"] = blocks.unknown
    return RadarFrame(blocks.header, points, blocks.packet, 0, implausible, **fields)


def _matching(side_info: np.ndarray | None, point_count: int) -> np.ndarray | None:
    if side_info is not None and len(side_info) != point_count:
        raise TlvError("point_count")
    return side_info


def _points(blocks: Blocks, decoder: PointDecoder) -> tuple[RadarPoints, int]:
    if blocks.cartesian is not None and len(blocks.cartesian):
        side_info = _matching(blocks.side_info, len(blocks.cartesian))
        return decoder.cartesian(blocks.cartesian, side_info)
    if blocks.compressed is not None:
        return decoder.compressed(*blocks.compressed)
    if blocks.spherical is not None:
        side_info = _matching(blocks.side_info, len(blocks.spherical))
        if side_info is None:
            snr_db = np.nan if blocks.spherical_snr_db is None else blocks.spherical_snr_db
            return decoder.spherical(blocks.spherical, snr_db, np.nan)
        decibel = side_info * np.float32(0.1)
        return decoder.spherical(blocks.spherical, decibel[:, 0], decibel[:, 1])
    return RadarPoints.empty(), 0


def _targets(layout: TargetLayout, words: FloatArray, heights: FloatArray | None) -> RadarTargets:
    """Targets in REP-103 axes; one with a coordinate that is not finite is corrupt."""
    if not np.isfinite(words[:, 1:10]).all():
        raise TlvError("target_values")
    target_id = words[:, 0].view(np.uint32)
    height = np.full((len(words), 2), np.nan, np.float32)
    if heights is not None:
        highest_and_lowest = dict(zip(heights[:, 0].view(np.uint32).tolist(), heights[:, 1:]))
        for index, key in enumerate(target_id.tolist()):
            height[index] = highest_and_lowest.get(key, height[index])[::-1]
    if layout.confidence is None:
        confidence = np.full(len(words), np.nan, np.float32)
    else:
        confidence = words[:, layout.confidence]
    return RadarTargets(
        target_id,
        np.dot(words[:, layout.position], AXES),
        np.dot(words[:, layout.velocity], AXES),
        np.dot(words[:, layout.acceleration], AXES),
        confidence,
        height,
    )
