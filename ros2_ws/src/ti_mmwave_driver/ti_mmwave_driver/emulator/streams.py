"""Streams of packets to try a parser on, for tests and benchmarks."""

from __future__ import annotations

import numpy as np

from ti_mmwave_driver.core.types import FrameStatistics, HeaderFormat
from ti_mmwave_driver.emulator.packets import (
    compressed_points_payload,
    encode_packet,
    point_tlvs,
    statistics_tlv,
)
from ti_mmwave_driver.emulator.scene import walking_person

_UNITS = (0.01, 0.01, 0.00028, 0.00025, 0.04)


def out_of_box_packets(count: int, points: int = 30) -> list[bytes]:
    """Packets 1 to ``count`` of the out-of-box demo with that many points, 10 a second."""
    scene = walking_person(points)
    statistics = statistics_tlv(FrameStatistics(6000, 8000, 70000, 20, 30, 10))
    return [
        encode_packet(
            HeaderFormat.OUT_OF_BOX,
            number,
            [*point_tlvs(scene(number, 0.1 * number)), statistics],
            cpu_cycles=20_000_000 * number,
        )
        for number in range(1, count + 1)
    ]


def compressed_packet(layout: HeaderFormat, number: int) -> bytes:
    """A packet with two compressed points, as people counting and people tracking send them."""
    spherical = np.array([[2.0, 0.3, 0.1, -0.5], [4.0, -0.2, 0.0, 1.0]])
    payload = compressed_points_payload(spherical, np.array([10.0, 100.0]), _UNITS)
    kind = 6 if layout is HeaderFormat.PEOPLE_COUNTING else 1020
    return encode_packet(layout, number, [(kind, payload)], num_detected=2)


def legacy_packet(number: int) -> bytes:
    """A packet of the older people counting: one point, and one target with id 4."""
    points = np.array([[3.0, 0.5, -0.1, 0.25, 100.0]], "<f4").tobytes()
    target = np.zeros(10, "<f4")
    target[1:4] = 0.5, 3.0, 0.2
    target[:1].view("<u4")[0] = 4
    blocks = [(6, points), (7, target.tobytes()), (8, b"\x04")]
    return encode_packet(HeaderFormat.LEGACY_PEOPLE_COUNTING, number, blocks)
