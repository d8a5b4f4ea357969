"""Streams damaged in every way that real links damage them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ti_mmwave_driver.core.header import MAGIC
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.types import HeaderFormat, RadarFrame
from ti_mmwave_driver.emulator import damage
from ti_mmwave_driver.emulator.packets import encode_packet
from ti_mmwave_driver.emulator.streams import (
    compressed_packet,
    legacy_packet,
    out_of_box_packets,
)


def numbers(frames: list[RadarFrame]) -> list[int]:
    return [frame.header.frame_number for frame in frames]


def test_one_damaged_byte_costs_at_most_its_frame_and_the_next():
    packets = out_of_box_packets(4, points=3)
    stream = b"".join(packets)
    start, end = len(packets[0]), len(packets[0]) + len(packets[1])
    for index in range(start, end):
        for value in (0x00, 0xFF, stream[index] ^ 0x01, stream[index] ^ 0x80):
            damaged = stream[:index] + bytes([value]) + stream[index + 1 :]
            found = numbers(FrameParser().feed(damaged))
            assert (found[0], found[-1]) == (1, 4), (index, value, found)


@pytest.mark.parametrize("layout", list(HeaderFormat))
def test_absurd_lengths_cost_only_their_own_frames(layout):
    source = random.Random(1)
    if layout is HeaderFormat.OUT_OF_BOX:
        packets = out_of_box_packets(200)
    elif layout is HeaderFormat.LEGACY_PEOPLE_COUNTING:
        packets = [legacy_packet(number) for number in range(1, 201)]
    elif layout is HeaderFormat.PEOPLE_COUNTING:
        packets = [compressed_packet(layout, number) for number in range(1, 201)]
    else:
        block = (1, np.array([[2, 0.1, 0, 0]], "<f4").tobytes())
        packets = [encode_packet(layout, number, [block]) for number in range(1, 201)]
    clean = []
    for index in range(len(packets)):
        if index % 10 == 4:
            packets[index] = damage.absurd_length(packets[index], source, layout)
        else:
            clean.append(index + 1)
    assert numbers(FrameParser().feed(b"".join(packets))) == clean


@pytest.mark.parametrize(
    "harm", [damage.lose_bytes, damage.insert_bytes, damage.cut_short, damage.split_magic]
)
def test_every_clean_frame_between_damaged_ones_is_recovered(harm):
    source = random.Random(2)
    packets = out_of_box_packets(400)
    clean = set()
    for index in range(len(packets)):
        if source.random() < 0.1:
            packets[index] = harm(packets[index], source)
        else:
            clean.add(index + 1)
    found = numbers(FrameParser().feed(b"".join(packets)))
    assert clean <= set(found)
    assert found == sorted(found)


def test_memory_stays_bounded_while_a_frame_never_ends():
    header = bytearray(out_of_box_packets(1)[0][:40])
    header[12:16] = (4096).to_bytes(4, "little")
    parser = FrameParser(max_packet_bytes=4096)
    parser.feed(header)
    for _ in range(1000):
        parser.feed(bytes(1000))
        assert parser.buffered_bytes <= 4096
    assert parser.counters.bytes_received == 1_000_040


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=200) | st.sampled_from([MAGIC, MAGIC[:5]]), max_size=20))
def test_random_bytes_never_raise(pieces):
    parser = FrameParser(max_packet_bytes=8192)
    for piece in pieces:
        parser.feed(piece)
    accounted = parser.counters.bytes_rejected + parser.buffered_bytes
    assert accounted == parser.counters.bytes_received


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [damage.flip_bits, damage.lose_bytes, damage.insert_bytes, damage.absurd_length]
    ),
    st.integers(1, 700),
)
def test_mutated_streams_never_raise_and_never_grow(seed, harm, chunk):
    source = random.Random(seed)
    packets = [
        *out_of_box_packets(3),
        compressed_packet(HeaderFormat.PEOPLE_COUNTING, 4),
        legacy_packet(5),
        compressed_packet(HeaderFormat.OUT_OF_BOX, 6),
    ]
    stream = b"".join(harm(packet, source) for packet in packets)
    parser = FrameParser(max_packet_bytes=8192)
    frames = []
    for start in range(0, len(stream), chunk):
        frames += parser.feed(stream[start : start + chunk])
        assert parser.buffered_bytes <= 8192 + chunk
    used = sum(len(frame.packet) for frame in frames)
    accounted = used + parser.counters.bytes_rejected + parser.buffered_bytes
    # The last bytes of a frame may be looked at again as the start of the next.
    assert len(stream) <= accounted <= len(stream) + 7 * len(frames)
    for frame in frames:
        assert np.isfinite(frame.points.xyz).all()


def test_two_million_random_and_mutated_bytes_leave_nothing_behind():
    source = random.Random(7)
    packets = [
        *out_of_box_packets(20),
        *(compressed_packet(HeaderFormat.OUT_OF_BOX, number) for number in range(4)),
        *(legacy_packet(number) for number in range(4)),
    ]
    harms = [
        damage.flip_bits,
        damage.lose_bytes,
        damage.insert_bytes,
        damage.absurd_length,
        damage.split_magic,
    ]
    parser = FrameParser(max_packet_bytes=16384)
    while parser.counters.bytes_received < 2_000_000:
        if source.random() < 0.4:
            data = source.choice([b"", MAGIC]) + source.randbytes(source.randint(0, 4000))
        else:
            data = source.choice(harms)(source.choice(packets), source)
        for frame in parser.feed(data):
            assert np.isfinite(frame.points.xyz).all()
        assert parser.buffered_bytes <= 16384 + len(data)
    # Any amount of damage behind it, the next clean frame but one is found.
    assert numbers(parser.feed(b"".join(packets[:3])))[-1] == 3
