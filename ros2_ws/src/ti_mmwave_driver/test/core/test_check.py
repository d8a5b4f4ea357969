"""Every rule of the profile check, on profiles broken one way each, and on profiles that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from gait_reid_common.testing import shared_data
from ti_mmwave_driver.core.check import ProfileError, check_profile, require_valid
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.profile import parse_profile, read_profile

CONFIG = Path(__file__).parents[2] / "config"
MISSION_ISK = (CONFIG / "mission_isk.cfg").read_text()
MISSION_AOP = (CONFIG / "mission_aop.cfg").read_text()

RAMP = "profileCfg 0 60.065 150 3 24 0 0 156 1 256 12500 0 0 158"
FRAME = "frameCfg 0 2 32 0 100 1 0"

# (what is replaced, by what, the rule that must fire, what its message must say)
BROKEN = [
    ("adcCfg 2 1", "adcCfg 2", "argument_count", "1 arguments, exactly 2"),
    (RAMP, RAMP + " 7", "argument_count", "15 arguments, exactly 14"),
    ("lowPower 0 0", "lowPower 0 0 0", "argument_count", "exactly 2"),
    ("clutterRemoval -1 1", "clutterRemoval -1 on", "argument_type", "enable is 'on'"),
    (FRAME, "frameCfg 0 2 32.5 0 100 1 0", "argument_type", "loops is 32.5"),
    (RAMP, RAMP.replace("60.065", "nan"), "argument_type", "start frequency is 'nan'"),
    ("flushCfg", "FlushCfg", "unknown_command", "case-sensitive"),
    ("analogMonitor 0 0", "trackingCfg 1 2 3", "unknown_command", "people_counting"),
    ("adcCfg 2 1", "adcCfg 1 1", "argument_range", "bits is 1, allowed is only 2"),
    ("adcCfg 2 1", "adcCfg 2 0", "argument_range", "output format is 0"),
    ("channelCfg 15 7 0", "channelCfg 15 8 0", "argument_range", "tx mask is 8"),
    ("adcbufCfg -1 0 1 1 1", "adcbufCfg -1 0 1 0 1", "argument_range", "interleave is 0"),
    ("lowPower 0 0", "lowPower 0 1", "argument_range", "ADC mode is 1"),
    (RAMP, RAMP.replace("60.065", "76.5"), "argument_range", "57 to 64 GHz"),
    (RAMP, RAMP.replace(" 156 ", " 300 "), "argument_range", "slope is 300, allowed is 0 to 250"),
    (RAMP, RAMP.replace(" 156 ", " 0 "), "slope", "must be above 0"),
    (RAMP, RAMP.replace("12500", "15000"), "argument_range", "2000 to 12500 ksps"),
    (RAMP, RAMP.replace("156 1 256 12500", "12.48 1 256 1000"), "argument_range", "is 1000"),
    (RAMP, RAMP.replace(" 256 ", " 2048 "), "argument_range", "ADC samples is 2048"),
    (RAMP, RAMP.replace(" 256 ", " 1024 "), "sampling_window", "1024 samples at 12500 ksps"),
    (RAMP, RAMP.replace(" 3 24 ", " 8 24 "), "sampling_window", "sampling ends 28.48 us"),
    (RAMP, RAMP.replace(" 24 0 0 ", " 26 0 0 "), "band", "64.121 GHz"),
    (RAMP, RAMP.replace("60.065", "58.0"), "band", "from 58.000 to 61.744 GHz"),
    (RAMP, RAMP.replace(" 24 0 0 ", " 24 40 0 "), "tx_power", "back-off of transmitter 0 is 40 dB"),
    (RAMP, RAMP.replace(" 158", " 159"), "rx_gain", "gain is 31 dB"),
    (RAMP, RAMP.replace(" 158", " 222"), "rx_gain", "RF gain target 3"),
    (RAMP, RAMP.replace(" 150 3 ", " 600 3 "), "duty_cycle", "allowed is 50 %"),
    (FRAME, "frameCfg 0 2 32 0 20 1 0", "duty_cycle", "16.7 of 20 ms"),
    (FRAME, "frameCfg 0 2 64 0 100 1 0", "l3_memory", "800 KB"),
    (FRAME, "frameCfg 0 2 30 0 100 1 0", "loops", "multiple of 4"),
    (FRAME, "frameCfg 0 3 32 0 100 1 0", "chirp_index", "chirp 3 is not defined"),
    (FRAME, "frameCfg 2 0 32 0 100 1 0", "chirp_index", "below first chirp"),
    (FRAME, "frameCfg 0 2 32 0 2000 1 0", "argument_range", "0.3 to 1342 ms"),
    (FRAME, "frameCfg 0 2 256 0 100 1 0", "argument_range", "loops is 256"),
    (FRAME, "", "mandatory", "frameCfg is missing"),
    ("channelCfg 15 7 0", "channelCfg 15 5 0", "tx_mask", "tx mask 2 uses antennas"),
    ("chirpCfg 2 2 0 0 0 0 0 2", "chirpCfg 2 2 0 0 0 0 0 4", "tx_mask", "twice in one loop"),
    ("chirpCfg 2 2 0 0 0 0 0 2", "chirpCfg 2 2 0 0 0 0 0 3", "tx_mask", "same set in all"),
    ("chirpCfg 2 2 0 0 0 0 0 2", "chirpCfg 2 2 1 0 0 0 0 2", "order", "profile 1 that no line"),
    (
        "chirpCfg 0 0 0 0 0 0 0 1",
        "chirpCfg 0 0 0 1 0 0 0 1",
        "argument_range",
        "frequency variation",
    ),
    ("flushCfg\n", "", "order", "comes before flushCfg"),
    ("dfeDataOutputMode 1\n", "", "mandatory", "dfeDataOutputMode is missing"),
    ("dfeDataOutputMode 1", "dfeDataOutputMode 2", "frame_mode", "not supported"),
    ("dfeDataOutputMode 1", "dfeDataOutputMode 3", "frame_mode", "does not go with"),
    ("guiMonitor -1 1 0 0 0 0 1", "guiMonitor -1 1 1 0 1 0 1", "uart_budget", "at 921600 baud"),
    ("guiMonitor -1 1 0 0 0 0 1", "guiMonitor -1 1 0 0 0 1 1", "uart_budget", "not even room"),
    (
        "guiMonitor -1 1 0 0 0 0 1",
        "guiMonitor -1 3 0 0 0 0 1",
        "argument_range",
        "detected objects",
    ),
    ("guiMonitor -1 1 0 0 0 0 1\n", "", "mandatory", "guiMonitor is missing"),
    ("cfarCfg -1 1 0 4 2 3 1 15.0 0\n", "", "mandatory", "cfarCfg for Doppler"),
    ("cfarFovCfg -1 0 0.25 9.6\n", "", "mandatory", "cfarFovCfg for range"),
    ("cfarCfg -1 1 0 4 2 3 1", "cfarCfg -1 1 0 12 4 5 1", "cfar_window", "span 32 bins"),
    ("cfarCfg -1 0 2 8 4 3 0 15.0", "cfarCfg -1 0 2 8 4 3 0 150", "argument_range", "0 to 100 dB"),
    ("cfarFovCfg -1 0 0.25 9.6", "cfarFovCfg -1 0 13 15", "range_limit", "sees 0 to 12.02 m"),
    ("cfarFovCfg -1 0 0.25 9.6", "cfarFovCfg -1 0 5 4", "field_of_view", "not below"),
    ("cfarFovCfg -1 1 -2.31 2.31", "cfarFovCfg -1 1 4 6", "velocity_limit", "+-2.31 m/s"),
    ("aoaFovCfg -1 -90 90 -90 90", "aoaFovCfg -1 40 -40 -90 90", "field_of_view", "azimuth"),
    (
        "aoaFovCfg -1 -90 90 -90 90",
        "aoaFovCfg -1 -120 90 -90 90",
        "argument_range",
        "-90 to 90 deg",
    ),
    ("calibDcRangeSig -1 0 -5 8 256", "calibDcRangeSig -1 0 -20 20 256", "dc_calibration", "32"),
    ("calibDcRangeSig -1 0 -5 8 256", "calibDcRangeSig -1 0 -5 8 32", "dc_calibration", "above 32"),
    ("bpmCfg -1 0 0 0", "bpmCfg -1 1 0 1", "bpm", "one pair is needed"),
    ("bpmCfg -1 0 0 0\n", "extendedMaxVelocity -1 1\n", "extended_velocity", "not supported"),
    ("lvdsStreamCfg -1 0 0 0", "lvdsStreamCfg -1 0 2 0", "lvds", "0, 1 and 4"),
    ("CQSigImgMonitor 0 127 4", "CQSigImgMonitor 0 127 5", "monitor", "must be even"),
    ("analogMonitor 0 0", "analogMonitor 1 0\n% ", "monitor", None),
    ("calibData 0 0 0", "calibData 1 1 0", "calibration", "saves and restores"),
    ("compRangeBiasAndRxChanPhase 0.0 1", "compRangeBiasAndRxChanPhase 1", "argument_count", "25"),
    ("multiObjBeamForming -1 1 0.5", "multiObjBeamForming -1 1 1.5", "argument_range", "0 to 1"),
    ("sensorStart", "sensorStart 0", "order", "keeps the old configuration"),
    ("calibData 0 0 0\nsensorStart", "sensorStart\ncalibData 0 0 0", "order", "after sensorStart"),
    ("sensorStop", "sensorStop" + " 0" * 45, "token_count", "46 words"),
    ("sensorStop", "sensorStop " + "x" * 260, "line_length", "271 characters"),
]


def broken(old: str, new: str) -> str:
    assert old in MISSION_ISK
    if old == "analogMonitor 0 0":
        return MISSION_ISK.replace("CQRxSatMonitor 0 3 4 63 0\n", "").replace(old, new)
    return MISSION_ISK.replace(old, new, 1)


def test_the_table_is_long_enough():
    assert len(BROKEN) >= 40
    assert len({(old, new) for old, new, _, _ in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize(("old", "new", "rule", "says"), BROKEN)
def test_a_broken_profile_is_refused_with_the_right_reason(old, new, rule, says):
    result = check_profile(parse_profile(broken(old, new), "broken.cfg"))
    reasons = {violation.rule: violation for violation in result.errors}
    messages = [str(v) for v in result.errors if v.rule == rule]
    assert rule in reasons, [str(violation) for violation in result.violations]
    assert says is None or any(says in message for message in messages), messages
    if new.strip() and rule not in ("mandatory", "duty_cycle", "l3_memory", "frame_mode"):
        assert reasons[rule].line_number is not None
    with pytest.raises(ProfileError, match=r"broken\.cfg is refused"):
        require_valid(parse_profile(broken(old, new), "broken.cfg"))


def test_the_reported_line_is_the_line_of_the_file():
    text = MISSION_ISK.replace("adcCfg 2 1", "adcCfg 2 9")
    (violation,) = check_profile(parse_profile(text)).errors
    assert violation.line_number is not None
    assert text.splitlines()[violation.line_number - 1] == "adcCfg 2 9"


def test_a_fifth_profile_is_refused():
    more = "\n".join(RAMP.replace("profileCfg 0", f"profileCfg {index % 4}") for index in range(5))
    result = check_profile(parse_profile(MISSION_ISK.replace(RAMP, more)))
    assert [violation.rule for violation in result.errors] == ["profile_count"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(MISSION_ISK, Firmware.OUT_OF_BOX_68XX), (MISSION_AOP, Firmware.OUT_OF_BOX_64XX)],
)
def test_shipped_profiles_pass_and_achieve_what_they_say(text, expected):
    result = check_profile(parse_profile(text))
    assert (result.firmware, result.violations) == (expected, ())
    design = result.frames[0].design
    assert design.bandwidth_mhz == pytest.approx(3194.71, abs=0.01)
    assert design.range_resolution_m == pytest.approx(0.04695, abs=1e-5)
    assert design.usable_range_m == pytest.approx(9.62, abs=0.01)
    assert design.max_velocity_m_s == pytest.approx(2.313, abs=0.001)
    assert design.velocity_resolution_m_s == pytest.approx(0.1445, abs=1e-4)
    assert design.active_ms == pytest.approx(16.7, abs=0.01)
    assert design.memory_bytes == 400 * 1024


def test_bpm_configuration_is_unknown_to_the_package_antenna_demo():
    result = check_profile(parse_profile(MISSION_ISK), Firmware.OUT_OF_BOX_64XX)
    assert [violation.rule for violation in result.errors] == ["unknown_command"]


def test_missing_receivers_are_refused_on_the_package_antenna():
    text = MISSION_AOP.replace("channelCfg 15 7 0", "channelCfg 7 7 0")
    assert "receivers" in {v.rule for v in check_profile(parse_profile(text)).errors}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("sensorStart\n", "", "order"),
        ("calibData 0 0 0\n", "", "mandatory"),
        ("cfarFovCfg -1 0 0.25 9.6", "cfarFovCfg -1 0 0.25 15", "range_limit"),
        ("cfarFovCfg -1 1 -2.31 2.31", "cfarFovCfg -1 1 -5 5", "velocity_limit"),
        ("cfarCfg -1 0 2 8 4 3", "cfarCfg -1 0 2 8 4 4", "cfar_divisor"),
        (FRAME, "frameCfg 0 2 8 0 100 1 0", "loops"),
    ],
)
def test_questionable_profiles_pass_with_a_warning(old, new, rule):
    result = check_profile(parse_profile(broken(old, new)))
    assert not result.errors
    assert rule in {violation.rule for violation in result.warnings}


def test_a_faster_data_port_makes_room():
    text = MISSION_ISK.replace("guiMonitor -1 1 0 0 0 0 1", "guiMonitor -1 1 1 0 1 0 1")
    assert check_profile(parse_profile(text)).errors
    faster = text.replace("flushCfg", "configDataPort 1843200 1\nflushCfg")
    assert not check_profile(parse_profile(faster)).errors


def test_profiles_of_texas_instruments_pass():
    folder = shared_data("radar/cfg")
    names = sorted(path.name for path in folder.glob("*.cfg"))
    assert len(names) >= 17
    refused = {name: check_profile(read_profile(folder / name)).errors for name in names}
    assert {name: errors for name, errors in refused.items() if errors} == {}


def test_unreadable_files_are_named(tmp_path):
    empty = tmp_path / "empty.cfg"
    empty.write_text("% only a comment\n")
    with pytest.raises(ValueError, match=r"empty\.cfg holds no command"):
        read_profile(empty)
    binary = tmp_path / "binary.cfg"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.cfg is not a text file"):
        read_profile(binary)
