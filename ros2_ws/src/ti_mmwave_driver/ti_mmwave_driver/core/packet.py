"""One complete packet to one frame: pick the layout, walk the chain of blocks, decode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def read_blocks(packet: bytes, codec: Codec) -> Blocks:
    """Take a packet apart and check everything about it but the points' values.

    Args:
        packet: The bytes from the magic word to the end that the header claims.
        codec: Layout to assume.

    Returns:
        Its blocks, ready for :func:`assemble`.

    Raises:
        TlvError: The packet does not have this layout; ``reason`` says in which respect.
    """
    layout = codec.layout
    header = layout.decode(packet) if len(packet) >= layout.size_bytes else None
    if header is None:
        raise TlvError("header")
    blocks = _walk(packet, header, codec)
    if blocks.needs_check:
        _check_counts(blocks)
    return blocks


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
            blocks.needs_check = True
        offset += length
    if offset < end:
        _check_padding(end - offset, end, layout)
    return blocks


def _check_padding(left_over_bytes: int, packet_bytes: int, layout: HeaderLayout) -> None:
    # A wrong length must not swallow the start of the next packet as padding.
    if left_over_bytes > layout.max_padding_bytes or packet_bytes % _PADDING_UNIT_BYTES:
        raise TlvError("tlv_chain")


def _check_counts(blocks: Blocks) -> None:
    for points, side_info in (
        (blocks.spherical, blocks.side_info),
        (blocks.static_points, blocks.static_side_info),
    ):
        if points is not None and side_info is not None and len(points) != len(side_info):
            raise TlvError("point_count")
    if blocks.targets is not None:
        layout, words = blocks.targets
        if not np.isfinite(words[:, 1:10]).all():
            raise TlvError("target_values")


def assemble(packets: Sequence[Blocks], decoder: PointDecoder) -> list[RadarFrame]:
    """Make frames of packets that were taken apart, the points of all of them in one go.

    Args:
        packets: Blocks in the order of arrival.
        decoder: Decodes the points.

    Returns:
        One frame per packet, not yet stamped.
    """
    tables = _cartesian_tables(packets, decoder)
    frames = []
    for blocks in packets:
        if blocks.is_cartesian:
            points, implausible = next(tables)
        elif blocks.spherical is None and blocks.compressed is None:
            points, implausible = RadarPoints.empty(), 0
        else:
            points, implausible = _select(*_polar(blocks, decoder))
        if blocks.needs_check:
            implausible += _add_rare_fields(blocks, decoder)
        frames.append(
            RadarFrame(blocks.header, points, blocks.packet, 0, implausible, **blocks.fields)
        )
    return frames


def _cartesian_tables(
    packets: Sequence[Blocks], decoder: PointDecoder
) -> Iterator[tuple[RadarPoints, int]]:
    """Points of each packet that has cartesian ones, with the number left out."""
    for complete, group in groupby(
        (blocks for blocks in packets if blocks.is_cartesian),
        key=lambda blocks: blocks.side_info is not None,
    ):
        members = list(group)
        raws = [blocks.cartesian for blocks in members if blocks.cartesian is not None]
        sides = [blocks.side_info for blocks in members] if complete else None
        table, keep = decoder.cartesian(_join(raws), None if sides is None else _join(sides))
        start = 0
        for raw in raws:
            end = start + len(raw)
            part = table[start:end]
            yield (RadarPoints(part), 0) if keep is None else _select(part, keep[start:end])
            start = end


def _join(arrays: list[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _select(table: FloatArray, keep: NDArray[np.bool_] | None) -> tuple[RadarPoints, int]:
    if keep is None or keep.all():
        return RadarPoints(table), 0
    plausible = table[keep]
    return RadarPoints(plausible), len(table) - len(plausible)


def _polar(blocks: Blocks, decoder: PointDecoder) -> tuple[FloatArray, NDArray[np.bool_]]:
    if blocks.compressed is not None:
        return decoder.compressed(*blocks.compressed)
    assert blocks.spherical is not None
    if blocks.side_info is None:
        snr_db = np.nan if blocks.spherical_snr_db is None else blocks.spherical_snr_db
        return decoder.spherical(blocks.spherical, snr_db, np.nan)
    decibel = blocks.side_info * np.float32(0.1)
    return decoder.spherical(blocks.spherical, decibel[:, 0], decibel[:, 1])


def _add_rare_fields(blocks: Blocks, decoder: PointDecoder) -> int:
    """Static points, targets and unknown types; returns the number of implausible points."""
    fields, implausible = blocks.fields, 0
    if blocks.static_points is not None:
        raw, side_info = blocks.static_points, blocks.static_side_info
        fields["static_points"], implausible = _select(*decoder.cartesian(raw, side_info))
    if blocks.targets is not None:
        fields["targets"] = _targets(*blocks.targets, blocks.heights)
    if blocks.unknown:
        fields["unknown_tlvs"] = blocks.unknown
    return implausible


def _targets(layout: TargetLayout, words: FloatArray, heights: FloatArray | None) -> RadarTargets:
    """Targets in REP-103 axes."""
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
