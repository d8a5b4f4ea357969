"""mmwave-decode from the outside."""

from __future__ import annotations

import json

from ti_mmwave_driver.cli.decode import main
from ti_mmwave_driver.core.types import FrameStatistics, HeaderFormat
from ti_mmwave_driver.emulator.packets import encode_packet, point_tlvs, statistics_tlv
from ti_mmwave_driver.emulator.scene import walking_person


def packet(number: int) -> bytes:
    blocks = [
        *point_tlvs(walking_person(4)(number, 0.1)),
        statistics_tlv(FrameStatistics(1, 2, 3, 4, 5, 6)),
        (2, bytes(64)),
    ]
    return encode_packet(HeaderFormat.OUT_OF_BOX, number, blocks)


def test_one_line_per_frame_and_a_summary(tmp_path, capsys):
    path = tmp_path / "capture.dat"
    path.write_bytes(b"noise" + packet(1) + packet(2)[:100] + packet(3))
    assert main([str(path), "--arrays"]) == 0
    shown = capsys.readouterr()
    frames = [json.loads(line) for line in shown.out.splitlines()]
    assert [frame["frame"] for frame in frames] == [1, 3]
    assert len(frames[0]["points"]["xyz"]) == 4
    assert frames[0]["statistics"]["active_frame_cpu_percent"] == 5
    assert frames[0]["range_profile"] == [0] * 32
    assert "2 frames from" in shown.err
    assert "105 bytes rejected" in shown.err
    assert "1 packets rejected: truncated 1" in shown.err


def test_a_file_without_frames_is_a_failure(tmp_path, capsys):
    path = tmp_path / "empty.dat"
    path.write_bytes(bytes(1000))
    assert main([str(path)]) == 1
    assert "0 frames from 1000 bytes, 1000 bytes rejected" in capsys.readouterr().err


def test_wrong_limits_and_missing_files_are_named(tmp_path, capsys):
    assert main([str(tmp_path / "none.dat")]) == 2
    assert main([str(tmp_path / "none.dat"), "--max-range", "-1"]) == 2
    assert "max_range_m is -1.0" in capsys.readouterr().err
