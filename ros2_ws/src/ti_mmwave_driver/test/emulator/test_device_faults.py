"""The whole driver against the emulated board: every fault is survived and counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gait_reid_common.testing import wait_until
from ti_mmwave_driver.core.check import ProfileError
from ti_mmwave_driver.core.connection import DeviceSettings
from ti_mmwave_driver.core.device import RadarDevice
from ti_mmwave_driver.core.errors import CommandRefusedError, RebootRequiredError
from ti_mmwave_driver.core.ports import PortError, RadarPorts
from ti_mmwave_driver.core.profile import Profile, parse_profile
from ti_mmwave_driver.core.recording import Recorder, RecordingInfo
from ti_mmwave_driver.core.recovery import WatchdogSettings
from ti_mmwave_driver.core.session import Timeouts
from ti_mmwave_driver.core.status import DeviceState
from ti_mmwave_driver.core.types import RadarFrame, RadarPoints
from ti_mmwave_driver.emulator import damage
from ti_mmwave_driver.emulator.board import BoardOptions, EmulatedBoard
from ti_mmwave_driver.emulator.firmware import SensorState
from ti_mmwave_driver.emulator.scene import walking_person

CONFIG = Path(__file__).parents[2] / "config"
# 25 frames a second keep the tests short; the duty cycle allows no more.
TEXT = (
    (CONFIG / "mission_isk.cfg")
    .read_text()
    .replace("frameCfg 0 2 32 0 100", "frameCfg 0 2 32 0 40")
)
PATIENCE_S = 10.0
SETTINGS = DeviceSettings(
    timeouts=Timeouts(command_s=0.4, start_s=1.0, prompt_s=0.2),
    watchdog=WatchdogSettings(first_frame_s=0.25, retry_s=0.2),
    retry_s=0.1,
)


def profile(text: str = TEXT) -> Profile:
    return parse_profile(text, "fast.cfg")


@dataclass
class Rig:
    board: EmulatedBoard
    device: RadarDevice
    frames: list[RadarFrame] = field(default_factory=list)

    def more_frames(self, count: int = 5) -> bool:
        wanted = len(self.frames) + count
        return wait_until(lambda: len(self.frames) >= wanted, PATIENCE_S)

    def reaches(self, *states: DeviceState, timeout_s: float = PATIENCE_S) -> bool:
        return wait_until(lambda: self.device.state in states, timeout_s)


def make_rig(folder: Path, scene=None, settings: DeviceSettings = SETTINGS) -> Rig:
    board = EmulatedBoard(folder, scene, BoardOptions(calibration_s=0.02))
    frames: list[RadarFrame] = []
    ports = RadarPorts(str(board.cli_port), str(board.data_port))
    return Rig(board, RadarDevice(lambda: ports, profile(), frames.append, settings), frames)


@pytest.fixture
def rig(tmp_path) -> Iterator[Rig]:
    rig = make_rig(tmp_path, walking_person(10))
    with rig.board:
        rig.device.open()
        try:
            assert rig.more_frames(3)
            yield rig
        finally:
            rig.device.close()


def test_frames_come_complete_stamped_and_in_order(rig):
    assert rig.more_frames(10)
    numbers = [frame.header.frame_number for frame in rig.frames]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {len(frame.points) for frame in rig.frames} == {10}
    stamps = np.array([frame.stamp_ns for frame in rig.frames])
    assert np.median(np.diff(stamps)) / 1e6 == pytest.approx(40.0, abs=1.0)
    assert rig.device.identity["mmWave SDK Version"] == "03.05.00.04"
    assert rig.device.temperature is not None
    assert rig.device.temperature.hottest_deg_c == 45
    assert rig.device.parser.counters.bytes_rejected == 0


def test_empty_frames_are_frames(tmp_path):
    rig = make_rig(tmp_path, lambda number, time_s: RadarPoints.empty())
    with rig.board:
        rig.device.open()
        assert rig.more_frames(5)
        rig.device.close()
    assert {len(frame.points) for frame in rig.frames} == {0}


def test_unplugging_is_noticed_within_a_second_and_survived(rig):
    rig.board.unplug()
    assert rig.reaches(DeviceState.DISCONNECTED, timeout_s=1.0)
    assert "port" in rig.device.message
    with pytest.raises(PortError, match="not connected"):
        rig.device.send_command("version")
    rig.board.plug()
    assert rig.more_frames()
    assert rig.device.state is DeviceState.RUNNING
    assert (rig.device.counters.connects, rig.device.counters.disconnects) == (2, 1)


def test_a_radar_that_is_plugged_in_later_is_found(tmp_path):
    rig = make_rig(tmp_path)
    rig.device.open()
    assert rig.reaches(DeviceState.DISCONNECTED)
    assert wait_until(lambda: "not plugged in" in rig.device.message, PATIENCE_S)
    with rig.board:
        assert rig.more_frames()
        rig.device.close()


@pytest.mark.parametrize(
    ("harm", "lost"),
    [
        (damage.lose_bytes, 2),
        (damage.absurd_length, 1),
        (damage.cut_short, 2),
        (damage.split_magic, 1),
        (damage.insert_bytes, 1),
    ],
)
def test_damaged_packets_cost_only_themselves(rig, harm, lost):
    before = len(rig.frames)
    rig.board.damage_next(harm)
    assert rig.more_frames(10)
    numbers = [frame.header.frame_number for frame in rig.frames[before - 1 :]]
    assert numbers[-1] - numbers[0] + 1 - len(numbers) <= lost
    assert rig.device.counters.sequence.dropped <= lost
    assert rig.device.counters.recoveries == {}
    assert rig.device.state is DeviceState.RUNNING


def test_flipped_bits_leave_no_impossible_point(rig):
    rig.board.damage_next(damage.flip_bits, 5)
    assert rig.more_frames(12)
    for frame in rig.frames:
        assert np.isfinite(frame.points.xyz).all()
        assert (np.linalg.norm(frame.points.xyz, axis=1) <= 150.0).all()


def test_a_stall_is_cured_by_a_restart(rig):
    rig.board.stall()
    assert rig.more_frames()
    assert rig.device.counters.recoveries == {"restart": 1}


def test_silent_starts_climb_the_ladder(rig):
    rig.board.start_silently(2)
    rig.board.stall()
    assert rig.more_frames()
    assert rig.device.counters.recoveries == {"restart": 1, "reconfigure": 1, "reopen": 1}
    assert rig.device.counters.connects == 2


def test_a_radar_that_stays_silent_is_reported(rig):
    rig.board.start_silently(1000)
    rig.board.stall()
    assert rig.reaches(DeviceState.FAILED)
    assert "every step has failed" in rig.device.message
    rig.board.start_silently(0)
    assert rig.more_frames()
    assert rig.reaches(DeviceState.RUNNING)


def test_a_reset_board_is_configured_again(rig):
    rig.board.reboot()
    assert rig.more_frames()
    assert rig.device.counters.restarts == 1
    assert rig.device.counters.sequence.restarts == 1
    assert rig.device.counters.connects == 1


def test_an_assertion_asks_for_a_reset_and_ends_with_it(rig):
    rig.board.fail("Exception: objectdetection.c, line 1244.")
    assert rig.reaches(DeviceState.NEEDS_RESET)
    assert "line 1244" in rig.device.message
    assert "press NRST" in rig.device.message
    rig.board.reboot()
    assert rig.more_frames()
    assert rig.device.counters.exceptions == 1


def test_garbage_on_the_command_port_is_harmless(rig):
    rig.board.write_garbage(b"\xff\xfe????~\n\rnoise")
    assert rig.device.send_command("version").is_success
    assert rig.more_frames()
    assert rig.device.counters.recoveries == {}


def test_close_leaves_the_board_restartable(rig):
    rig.device.close()
    assert rig.board.state is SensorState.STOPPED
    assert rig.device.state is DeviceState.CLOSED
    ports = RadarPorts(str(rig.board.cli_port), str(rig.board.data_port))
    again = RadarDevice(lambda: ports, profile(), rig.frames.append, SETTINGS)
    again.open()
    assert rig.more_frames()
    again.close()


def test_commands_stop_and_start_without_the_watchdog_biting(rig):
    rig.device.send_command("sensorStop")
    assert rig.device.state is DeviceState.STOPPED
    count = rig.device.counters.frames
    assert not wait_until(lambda: rig.device.counters.recoveries, 0.8)
    assert rig.device.counters.frames <= count + 1
    rig.device.send_command("sensorStart 0")
    assert rig.more_frames()
    assert rig.device.counters.recoveries == {}
    with pytest.raises(CommandRefusedError, match="not recognized"):
        rig.device.send_command("nonsense 1")


def test_the_profile_can_be_changed(rig):
    rig.device.set_profile(profile(TEXT.replace("frameCfg 0 2 32 0 40", "frameCfg 0 2 32 0 50")))
    assert rig.more_frames(8)
    stamps = [frame.stamp_ns for frame in rig.frames[-6:]]
    assert np.median(np.diff(stamps)) / 1e6 == pytest.approx(50.0, abs=1.0)


def test_a_wrong_profile_changes_nothing(rig):
    with pytest.raises(ProfileError, match="duty_cycle"):
        rig.device.set_profile(profile(TEXT.replace("0 2 32 0 40", "0 2 32 0 20")))
    text = TEXT.replace("channelCfg 15 7 0", "channelCfg 7 7 0")
    with pytest.raises(RebootRequiredError, match="press NRST"):
        rig.device.set_profile(profile(text))
    assert rig.more_frames()
    assert rig.device.state is DeviceState.RUNNING


def test_the_data_port_follows_a_change_of_speed(rig):
    rig.device.set_profile(profile(TEXT.replace("flushCfg", "flushCfg\nconfigDataPort 1843200 1")))
    assert rig.more_frames()
    assert rig.board.data_baud == 1843200


def test_a_port_in_use_is_named(rig):
    ports = RadarPorts(str(rig.board.cli_port), str(rig.board.data_port))
    second = RadarDevice(lambda: ports, profile(), lambda frame: None, SETTINGS)
    second.open()
    assert wait_until(lambda: "another program uses it" in second.message, PATIENCE_S)
    second.close()
    assert rig.more_frames()


def test_a_recording_holds_what_came(rig, tmp_path):
    recorder = Recorder(tmp_path / "walk.dat", RecordingInfo())
    rig.device.record(recorder)
    assert rig.more_frames(10)
    rig.device.record(None)
    recorder.close()
    from ti_mmwave_driver.core.parser import FrameParser

    assert len(FrameParser().feed((tmp_path / "walk.dat").read_bytes())) >= 8


def test_several_radars_run_side_by_side(tmp_path):
    folders = [tmp_path / name for name in ("left", "right")]
    rigs = []
    for folder in folders:
        folder.mkdir()
        rigs.append(make_rig(folder, walking_person(5)))
    for rig in rigs:
        rig.board.plug()
        rig.device.open()
    assert all(rig.more_frames() for rig in rigs)
    rigs[0].board.unplug()
    assert rigs[0].reaches(DeviceState.DISCONNECTED)
    assert rigs[1].more_frames()
    for rig in rigs:
        rig.device.close()
        rig.board.close()
