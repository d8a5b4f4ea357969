"""Recordings and their replay."""

from __future__ import annotations

import json
import threading

import pytest

from gait_reid_common.testing import shared_data
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.recording import (
    Recorder,
    RecordingInfo,
    frame_interval_s,
    read_info,
    replay,
)
from ti_mmwave_driver.core.types import HeaderFormat, RadarFrame
from ti_mmwave_driver.emulator.streams import (
    compressed_packet,
    legacy_packet,
    out_of_box_packets,
)


def test_what_is_recorded_can_be_read_back(tmp_path):
    path = tmp_path / "walk.dat"
    info = RecordingInfo(5, 0.05, "sensorStart\n", {"Platform": "xWR68xx"})
    recorder = Recorder(path, info)
    recorder.write(b"abc")
    recorder.close()
    recorder.write(b"late")
    assert path.read_bytes() == b"abc"
    assert recorder.byte_count == 3
    assert read_info(path) == info


def test_a_recording_is_never_overwritten(tmp_path):
    path = tmp_path / "walk.dat"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        Recorder(path, RecordingInfo())
    assert path.read_bytes() == b"precious"


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path):
    recorder = Recorder(tmp_path / "walk.dat", RecordingInfo())
    recorder._file.close()
    with open("/dev/full", "wb", buffering=0) as full:
        recorder._file = full  # type: ignore[assignment]
        recorder.write(b"abc")
        recorder.write(b"def")
        recorder.close()
    assert recorder.byte_count == 0
    assert "No space left" in str(recorder.error)


def test_wrong_information_is_named(tmp_path):
    path = tmp_path / "walk.dat"
    path.write_bytes(b"")
    assert read_info(path) == RecordingInfo()
    path.with_suffix(".json").write_text(json.dumps({"colour": "red"}))
    with pytest.raises(ValueError, match=r"walk\.json does not describe a recording"):
        read_info(path)


def frames_of(*packets: bytes) -> list[RadarFrame]:
    return FrameParser().feed(b"".join(packets))


def test_the_rhythm_is_that_of_the_device_clock():
    first, second, third = frames_of(*out_of_box_packets(3))
    assert frame_interval_s(first, second, 1.0) == pytest.approx(0.1)
    assert frame_interval_s(first, third, 1.0) == pytest.approx(0.2)
    assert frame_interval_s(third, first, 0.05) == 0.05
    old = frames_of(legacy_packet(3), legacy_packet(5))
    assert frame_interval_s(*old, 0.1) == pytest.approx(0.2)
    mixed = frames_of(compressed_packet(HeaderFormat.PEOPLE_COUNTING, 1), legacy_packet(90))
    assert frame_interval_s(*mixed, 0.1) == 2.0


class FakeTime:
    """A clock that runs only while the player waits; stands in for the event that ends a replay."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return round(self.now_s * 1e9)

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float) -> bool:
        self.now_s += timeout
        return False


def test_replay_keeps_order_and_rhythm(tmp_path, monkeypatch):
    path = tmp_path / "walk.dat"
    path.write_bytes(b"".join(out_of_box_packets(6)))
    fake = FakeTime()
    monkeypatch.setattr("ti_mmwave_driver.core.recording.time", fake)
    frames: list[RadarFrame] = []
    assert replay(path, FrameParser(), frames.append, fake, rate=10.0) == 6
    assert [frame.header.frame_number for frame in frames] == [1, 2, 3, 4, 5, 6]
    stamps_ms = [frame.stamp_ns / 1e6 for frame in frames]
    assert stamps_ms == pytest.approx([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])


def test_a_loop_begins_again_until_it_is_stopped(tmp_path):
    path = tmp_path / "walk.dat"
    path.write_bytes(b"".join(out_of_box_packets(3)))
    stop = threading.Event()
    numbers: list[int] = []

    def take(frame: RadarFrame) -> None:
        numbers.append(frame.header.frame_number)
        if len(numbers) == 7:
            stop.set()

    replay(path, FrameParser(), take, stop, rate=0.0, loop=True)
    assert numbers == [1, 2, 3, 1, 2, 3, 1]


def test_replay_refuses_what_cannot_work(tmp_path):
    path = tmp_path / "empty.dat"
    path.write_bytes(bytes(100))
    nothing = threading.Event()
    with pytest.raises(ValueError, match=r"empty\.dat holds no frame"):
        replay(path, FrameParser(), lambda _: None, nothing, loop=True)
    with pytest.raises(ValueError, match="rate is -1"):
        replay(path, FrameParser(), lambda _: None, nothing, rate=-1)


def test_a_real_capture_replays():
    path = shared_data("radar/uart/ti_toolbox47_xwr68xx_automated_doors_oob.dat")
    frames: list[RadarFrame] = []
    assert replay(path, FrameParser(), frames.append, threading.Event(), rate=0.0) == 101
