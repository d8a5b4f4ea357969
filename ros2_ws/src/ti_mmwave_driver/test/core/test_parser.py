"""Framing and decoding of every header layout and every block."""

from __future__ import annotations

import numpy as np
import pytest

from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.tlv import Demo
from ti_mmwave_driver.core.types import FrameStatistics, HeaderFormat, RadarFrame, RadarPoints
from ti_mmwave_driver.emulator.packets import (
    encode_packet,
    point_tlvs,
    statistics_tlv,
    temperature_tlv,
)
from ti_mmwave_driver.emulator.scene import walking_person
from ti_mmwave_driver.emulator.streams import (
    compressed_packet,
    legacy_packet,
    out_of_box_packets,
)


def numbers(frames: list[RadarFrame]) -> list[int]:
    return [frame.header.frame_number for frame in frames]


def test_points_are_turned_into_rep_103_axes():
    raw = np.array([[1.0, 2.0, 3.0, -0.5]], "<f4")  # TI: right, boresight, up, approaching
    side_info = np.array([[181, 852]], "<i2")
    packet = encode_packet(
        HeaderFormat.OUT_OF_BOX, 1, [(1, raw.tobytes()), (7, side_info.tobytes())]
    )
    (frame,) = FrameParser().feed(packet)
    np.testing.assert_array_equal(frame.points.xyz, [[2.0, -1.0, 3.0]])
    np.testing.assert_array_equal(frame.points.velocity, [-0.5])
    np.testing.assert_allclose(frame.points.snr_db, [18.1], rtol=1e-6)
    np.testing.assert_allclose(frame.points.noise_db, [85.2], rtol=1e-6)


def test_points_survive_a_round_trip():
    points = walking_person(50)(3, 0.3)
    (frame,) = FrameParser().feed(encode_packet(HeaderFormat.OUT_OF_BOX, 1, point_tlvs(points)))
    np.testing.assert_allclose(frame.points.table, points.table, atol=1e-5)
    assert frame.points.table.flags.c_contiguous


def test_every_block_of_the_out_of_box_demo_is_decoded():
    blocks = [
        *point_tlvs(walking_person(5)(1, 0.0)),
        (2, np.arange(256, dtype="<u2").tobytes()),
        (3, np.arange(256, dtype="<u2").tobytes()),
        (4, np.arange(2 * 256 * 8, dtype="<i2").tobytes()),
        (8, np.arange(2 * 256 * 12, dtype="<i2").tobytes()),
        (5, np.arange(256 * 32, dtype="<u2").tobytes()),
        statistics_tlv(FrameStatistics(1, 2, 3, 4, 5, 6)),
        temperature_tlv(1234, 48),
    ]
    (frame,) = FrameParser().feed(encode_packet(HeaderFormat.OUT_OF_BOX, 1, blocks))
    assert len(frame.points) == 5
    assert frame.range_profile is not None
    assert len(frame.range_profile) == 256
    assert frame.noise_profile is not None
    assert frame.noise_profile[255] == 255
    assert frame.azimuth_heat_map is not None
    assert frame.azimuth_heat_map.shape == (2048, 2)
    assert frame.elevation_heat_map is not None
    assert frame.elevation_heat_map.shape == (3072, 2)
    assert frame.range_doppler is not None
    assert len(frame.range_doppler) == 8192
    assert frame.statistics == FrameStatistics(1, 2, 3, 4, 5, 6)
    assert frame.temperature is not None
    assert (frame.temperature.valid, frame.temperature.hottest_deg_c) == (True, 48)
    # Large arrays are views of the packet, not copies.
    assert np.shares_memory(frame.range_doppler, np.frombuffer(frame.packet, np.uint8))


def test_every_block_of_people_tracking_is_decoded():
    target = np.zeros((2, 28), "<f4")
    target[:, 0].view("<u4")[:] = 7, 9
    target[:, 1:4] = [[1.0, 2.0, 0.5], [0.0, 4.0, 0.6]]
    target[:, 4:7] = [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]]
    target[:, 27] = 0.75
    heights = np.zeros((1, 3), "<f4")
    heights[:, 0].view("<u4")[:] = 9
    heights[0, 1:] = 1.8, 0.1
    spherical = np.array([[2.0, 0.3, 0.1, -0.5]], "<f4")
    vital_signs = np.zeros(68, "<u2")
    vital_signs[:2] = 9, 40
    blocks = [
        (1000, spherical.tobytes()),
        (1010, target.tobytes()),
        (1011, bytes([7, 253, 255])),
        (1012, heights.tobytes()),
        (1021, (1).to_bytes(4, "little")),
        (1030, (5).to_bytes(4, "little")),
        (1040, vital_signs.tobytes()),
    ]
    (frame,) = FrameParser().feed(encode_packet(HeaderFormat.OUT_OF_BOX, 1, blocks))
    assert frame.targets is not None
    assert frame.target_index is not None
    assert frame.targets.target_id.tolist() == [7, 9]
    np.testing.assert_allclose(frame.targets.position, [[2.0, -1.0, 0.5], [4.0, 0.0, 0.6]])
    np.testing.assert_allclose(frame.targets.velocity[0], [0.2, -0.1, 0.3])
    np.testing.assert_allclose(frame.targets.height, [[np.nan, np.nan], [0.1, 1.8]])
    assert frame.targets.confidence.tolist() == [0.75, 0.75]
    assert frame.target_index.tolist() == [7, 253, 255]
    assert (frame.presence, frame.occupancy) == (True, 5)
    assert frame.vital_signs is not None
    assert frame.vital_signs[:2].tolist() == [9.0, 40.0]
    expected = [2.0 * np.cos(0.1) * np.cos(0.3), -2.0 * np.cos(0.1) * np.sin(0.3), 2 * np.sin(0.1)]
    np.testing.assert_allclose(frame.points.xyz, [expected], rtol=1e-5)


@pytest.mark.parametrize("layout", [HeaderFormat.OUT_OF_BOX, HeaderFormat.PEOPLE_COUNTING])
def test_compressed_points_are_expanded(layout):
    (frame,) = FrameParser().feed(compressed_packet(layout, 1))
    assert frame.header.format is layout
    np.testing.assert_allclose(np.linalg.norm(frame.points.xyz, axis=1), [2.0, 4.0], atol=1e-3)
    np.testing.assert_allclose(frame.points.velocity, [-0.5, 1.0], atol=2e-4)
    np.testing.assert_allclose(frame.points.snr_db, [10.0, 20.0], atol=0.05)
    assert frame.points.xyz[0, 1] < 0 < frame.points.xyz[1, 1]


def test_layouts_are_told_apart_in_one_stream():
    packets = [
        *out_of_box_packets(2),
        compressed_packet(HeaderFormat.PEOPLE_COUNTING, 3),
        legacy_packet(4),
        encode_packet(
            HeaderFormat.AREA_SCANNER, 5, [(1, np.array([[2, 0.1, 0, 0]], "<f4").tobytes())]
        ),
        *out_of_box_packets(1),
    ]
    frames = FrameParser().feed(b"".join(packets))
    assert [frame.header.format.value for frame in frames] == [
        "out_of_box",
        "out_of_box",
        "people_counting",
        "legacy_people_counting",
        "area_scanner",
        "out_of_box",
    ]
    legacy = frames[3]
    assert legacy.targets is not None
    assert legacy.targets.target_id.tolist() == [4]
    np.testing.assert_allclose(legacy.targets.position, [[3.0, -0.5, 0.2]], rtol=1e-6)
    np.testing.assert_allclose(legacy.points.snr_db, [20.0])


def test_a_fixed_demo_refuses_other_layouts():
    parser = FrameParser(Demo.AREA_SCANNER)
    assert parser.feed(b"".join(out_of_box_packets(3))) == []
    assert sum(parser.counters.rejected_packets.values()) == 3


def test_a_wrong_header_checksum_is_refused():
    packet = bytearray(legacy_packet(1))
    packet[40] ^= 1
    parser = FrameParser()
    assert parser.feed(packet) == []
    assert sum(parser.counters.rejected_packets.values()) == 1


def test_a_frame_without_objects_is_a_frame():
    (frame,) = FrameParser().feed(
        encode_packet(HeaderFormat.OUT_OF_BOX, 1, point_tlvs(RadarPoints.empty()))
    )
    assert len(frame.points) == 0


def test_a_frame_is_delivered_with_its_last_byte():
    packet = out_of_box_packets(1)[0]
    parser = FrameParser()
    assert parser.feed(packet[:-1]) == []
    assert numbers(parser.feed(packet[-1:])) == [1]


def test_one_byte_at_a_time_gives_the_same_frames():
    stream = b"boot text\xff\xff" + b"".join(out_of_box_packets(5))
    parser = FrameParser()
    frames = [frame for byte in stream for frame in parser.feed(bytes([byte]))]
    assert numbers(frames) == [1, 2, 3, 4, 5]
    assert parser.counters.bytes_rejected == 11


def test_a_stream_joined_in_the_middle_of_a_frame_starts_with_the_next():
    stream = b"".join(out_of_box_packets(4))
    assert numbers(FrameParser().feed(stream[300:])) == [2, 3, 4]


def test_implausible_points_are_left_out_and_counted():
    raw = np.array(
        [
            [0.0, 2.0, 0.0, 0.5],
            [np.nan, 2.0, 0.0, 0.5],
            [0.0, np.inf, 0.0, 0.5],
            [0.0, 0.0, 0.0, 0.5],
            [0.0, 12.0, 0.0, 0.5],
            [0.0, 2.0, 0.0, -3.0],
            [0.0, 2.0, 0.0, 0.5],
            [1e30, 2.0, 0.0, 0.5],
        ],
        "<f4",
    )
    side_info = np.full((8, 2), 200, "<i2")
    side_info[6, 0] = -3000
    blocks = [(1, raw.tobytes()), (7, side_info.tobytes())]
    limits = PlausibilityLimits(max_range_m=9.6, max_velocity_m_s=2.3)
    parser = FrameParser(limits=limits)
    (frame,) = parser.feed(encode_packet(HeaderFormat.OUT_OF_BOX, 1, blocks))
    assert len(frame.points) == 1
    assert frame.implausible_points == parser.counters.implausible_points == 7


def test_unknown_blocks_are_skipped_and_counted():
    blocks = [*point_tlvs(walking_person(3)(1, 0.0)), (321, b"1234")]
    parser = FrameParser()
    (frame,) = parser.feed(encode_packet(HeaderFormat.OUT_OF_BOX, 1, blocks))
    assert frame.unknown_tlvs == (321,)
    assert parser.counters.unknown_tlvs == {321: 1}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("max_range_m", 0.0, "max_range_m is 0.0"), ("max_snr_db", float("nan"), "max_snr_db is nan")],
)
def test_limits_are_checked(field, value, message):
    with pytest.raises(ValueError, match=message):
        PlausibilityLimits(**{field: value})


def test_device_restart_is_visible_in_the_frame_numbers():
    packets = out_of_box_packets(3)
    assert numbers(FrameParser().feed(b"".join(packets + packets))) == [1, 2, 3, 1, 2, 3]
