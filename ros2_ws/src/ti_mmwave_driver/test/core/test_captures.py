"""Real captures of IWR6843 boards decode to the number of frames they hold."""

from __future__ import annotations

import numpy as np
import pytest

from gait_reid_common.testing import shared_data
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.types import HeaderFormat, RadarFrame


def decode(name: str) -> tuple[list[RadarFrame], FrameParser]:
    parser = FrameParser()
    return parser.feed(shared_data(f"radar/uart/{name}").read_bytes()), parser


def test_out_of_box_capture():
    frames, parser = decode("ti_toolbox47_xwr68xx_automated_doors_oob.dat")
    assert len(frames) == 101
    assert parser.counters.bytes_rejected == parser.counters.implausible_points == 0
    assert {frame.header.format for frame in frames} == {HeaderFormat.OUT_OF_BOX}
    assert [frame.header.frame_number for frame in frames] == list(range(209, 310))
    assert sum(len(frame.points) == 0 for frame in frames) == 4
    assert frames[0].header.sdk_version == "03.03.00.02"
    cycles = np.array([frame.header.cpu_cycles for frame in frames], np.uint32)
    period_ms = np.diff(cycles).astype(np.uint32) / 200_000
    assert period_ms.mean() == pytest.approx(100.0, abs=0.1)
    for frame in frames:
        assert frame.range_profile is not None
        assert len(frame.range_profile) == 256
        assert frame.statistics is not None
        assert (frame.points.xyz[:, 0] > 0).all()


def test_area_scanner_capture():
    frames, parser = decode("e2e_1236655_area_scanner_awr6843isk_44Bhdr.bin")
    assert len(frames) == 1
    assert parser.counters.bytes_rejected == 0
    frame = frames[0]
    assert frame.header.format is HeaderFormat.AREA_SCANNER
    assert len(frame.points) == 26
    assert frame.static_points is not None
    assert len(frame.static_points) == 1
    np.testing.assert_allclose(frame.static_points.xyz, [[1.1895, -0.1250, 0.0]], atol=1e-3)
    assert frame.targets is not None
    np.testing.assert_allclose(frame.targets.position, [[0.2605, 0.0283, 0.0588]], atol=1e-3)
    np.testing.assert_allclose(frame.targets.velocity, [[0.1845, 0.0268, 0.2408]], atol=1e-3)


def test_people_counting_capture():
    frames, _ = decode("e2e_994264_3d_people_counting_tb47_48Bhdr.bin")
    assert [frame.header.frame_number for frame in frames] == [1, 2, 3]
    assert {frame.header.format for frame in frames} == {HeaderFormat.PEOPLE_COUNTING}
    assert [len(frame.points) for frame in frames] == [4, 7, 8]
    ranges = np.linalg.norm(frames[0].points.xyz, axis=1)
    np.testing.assert_allclose(ranges[0], 2782 * 0.00025, rtol=1e-4)


def test_capture_with_lost_bytes_yields_no_frame():
    frames, parser = decode("juhasch_xwr68xxisk_raw_20250808_162518.bin")
    assert frames == []
    assert sum(parser.counters.rejected_packets.values()) == 27
