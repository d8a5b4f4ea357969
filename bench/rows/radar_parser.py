"""Decoding the UART stream of a radar, against a reader that trusts every byte."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, timed
from ti_mmwave_driver.core.header import MAGIC
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.emulator.streams import out_of_box_packets

NUM_FRAMES = 200
NUM_POINTS = 100

_HEADER = struct.Struct("<8x8I")
_TLV_HEADER = struct.Struct("<2I")
_STATISTICS = struct.Struct("<6I")


def trusting_reader(stream: bytes) -> list[dict[str, Any]]:
    """Decode points, side information and statistics; nothing is checked."""
    frames = []
    start = stream.find(MAGIC)
    while start >= 0:
        header = _HEADER.unpack_from(stream, start)
        frame: dict[str, Any] = {"header": header}
        offset = start + 40
        for _ in range(header[6]):
            kind, length = _TLV_HEADER.unpack_from(stream, offset)
            offset += 8
            if kind == 1:
                points = np.frombuffer(stream, "<f4", length // 4, offset).reshape(-1, 4)
                frame["xyz"] = np.column_stack((points[:, 1], -points[:, 0], points[:, 2]))
                frame["velocity"] = points[:, 3]
            elif kind == 7:
                side_info = np.frombuffer(stream, "<i2", length // 2, offset).reshape(-1, 2)
                frame["snr_db"] = side_info[:, 0] * np.float32(0.1)
                frame["noise_db"] = side_info[:, 1] * np.float32(0.1)
            elif kind == 6:
                frame["statistics"] = _STATISTICS.unpack_from(stream, offset)
            offset += length
        frames.append(frame)
        start = stream.find(MAGIC, start + header[1])
    return frames


def build(num_points: int) -> Case:
    """Prepare a stream of frames with that many points."""
    stream = b"".join(out_of_box_packets(NUM_FRAMES, num_points))

    def decode() -> int:
        return len(FrameParser().feed(stream))

    def trust() -> int:
        return len(trusting_reader(stream))

    for function in (decode, trust):
        if function() != NUM_FRAMES:
            raise RuntimeError(f"{function.__name__} does not find all {NUM_FRAMES} frames")
    return Case(
        f"{NUM_FRAMES} frames with {num_points} points and statistics, {len(stream)} bytes",
        timed("ti_mmwave_driver FrameParser", decode, version_of("ti_mmwave_driver")),
        (timed("struct + numpy.frombuffer, no check", trust, version_of("numpy")),),
    )


BENCHMARK = Benchmark(
    "radar_parser", "radar frames, 100 points", lambda: build(NUM_POINTS), rounds=15, promise=1.5
)
