"""The emulated command line behaves as the real one is documented to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.profile import parse_profile
from ti_mmwave_driver.emulator.firmware import (
    EmulatedFirmware,
    FirmwareAssertionError,
    SensorState,
)

TEXT = (Path(__file__).parents[2] / "config" / "mission_isk.cfg").read_text()


def started(text: str = TEXT) -> EmulatedFirmware:
    firmware = EmulatedFirmware()
    send_all(firmware, text)
    return firmware


def send_all(firmware: EmulatedFirmware, text: str) -> list[str]:
    return [firmware.execute(command.text) for command in parse_profile(text)]


def test_a_profile_starts_the_sensor():
    firmware = EmulatedFirmware()
    replies = send_all(firmware, TEXT)
    assert replies[0] == "Ignored: Sensor is already stopped\n\rDone\n\rmmwDemo:/>"
    assert replies[-1] == "Debug: Init Calibration Status = 0x1ffe\n\rDone\n\rmmwDemo:/>"
    assert all("Done" in reply for reply in replies)
    assert firmware.state is SensorState.STARTED
    assert firmware.period_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", "mmwDemo:/>"),
        ("% comment", "Skipped\n\rmmwDemo:/>"),
        ("SensorStart", "'SensorStart' is not recognized as a CLI command\n\rmmwDemo:/>"),
        ("sensorStart", "Ignored: Sensor is already started\n\rDone\n\rmmwDemo:/>"),
        (
            "clutterRemoval -1 0",
            "Ignored: This command is not supported after sensorStart\n\rDone\n\rmmwDemo:/>",
        ),
    ],
)
def test_replies_while_running(line, reply):
    assert started().execute(line) == reply


def test_wrong_argument_counts_and_missing_mode_are_errors():
    firmware = EmulatedFirmware()
    assert "Error -1" in firmware.execute("channelCfg 15 7")
    assert "Error -1" in firmware.execute("frameCfg 0 2 32 0 100 1 0")


def test_an_incomplete_configuration_does_not_start():
    firmware = EmulatedFirmware()
    replies = send_all(firmware, TEXT.replace("guiMonitor -1 1 0 0 0 0 1\n", ""))
    assert "Full configuration must be provided" in replies[-1]
    assert firmware.state is SensorState.INIT


def test_restart_needs_an_untouched_configuration():
    firmware = started()
    firmware.execute("sensorStop")
    assert "Done" in firmware.execute("sensorStart 0")
    firmware.execute("sensorStop")
    firmware.execute("clutterRemoval -1 0")
    assert "Error -1" in firmware.execute("sensorStart 0")


def test_a_change_of_channels_asserts():
    firmware = started()
    firmware.execute("sensorStop")
    with pytest.raises(FirmwareAssertionError, match="Exception"):
        send_all(firmware, TEXT.replace("channelCfg 15 7 0", "channelCfg 7 7 0"))


def test_too_large_a_cube_is_a_processing_error():
    replies = send_all(EmulatedFirmware(), TEXT.replace("0 2 32 0 100", "0 2 64 0 100"))
    assert "Error -40311" in replies[-1]


def test_the_package_antenna_demo_does_not_know_bpm():
    firmware = EmulatedFirmware(Firmware.OUT_OF_BOX_64XX)
    assert "not recognized" in firmware.execute("bpmCfg -1 0 0 0")
