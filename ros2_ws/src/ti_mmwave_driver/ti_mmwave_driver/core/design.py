"""From the commands of a profile to its frame design: which chirps, how often, what is sent."""

from __future__ import annotations

from dataclasses import dataclass

from ti_mmwave_driver.core.chirp import ChirpDesign
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.profile import Profile, ProfileCommand
from ti_mmwave_driver.core.uart import DEFAULT_BAUD, OutputSelection

ALL_SUBFRAMES = -1
ADVANCED_FRAME_MODE = 3


@dataclass(frozen=True)
class FrameDesign:
    """One frame, or one subframe of an advanced frame.

    Attributes:
        subframe: 0 to 3; 0 for a plain frame.
        frame: The frameCfg or subFrameCfg command.
        ramp: The profileCfg command that its chirps use.
        chirps: The chirpCfg commands that it sends.
        design: What they amount to.
        output: What is sent over the data port.
    """

    subframe: int
    frame: ProfileCommand
    ramp: ProfileCommand
    chirps: tuple[ProfileCommand, ...]
    design: ChirpDesign
    output: OutputSelection


def detect_firmware(profile: Profile) -> Firmware:
    """Tell from its commands which firmware a profile is written for."""
    if profile.has("heatmapGenCfg", "staticDetectionCfg"):
        return Firmware.AREA_SCANNER
    if profile.has("dynamicRACfarCfg", "staticRACfarCfg", "antGeometry0"):
        return Firmware.PEOPLE_COUNTING
    return Firmware.OUT_OF_BOX_68XX if profile.has("bpmCfg") else Firmware.OUT_OF_BOX_64XX


def applies_to(command: ProfileCommand, subframe: int) -> bool:
    """Whether a command whose first argument is a subframe counts for that subframe."""
    return command.integer(0) in (ALL_SUBFRAMES, subframe)


def transmit_mask(profile: Profile) -> int:
    """Enabled transmit antennas."""
    channel = profile.last("channelCfg")
    return channel.integer(1) if channel else 0


def receiver_count(profile: Profile) -> int:
    """Number of enabled receive antennas."""
    channel = profile.last("channelCfg")
    return bin(channel.integer(0)).count("1") if channel else 0


def data_port_baud(profile: Profile) -> int:
    """Baud rate of the data port while this profile runs."""
    command = profile.last("configDataPort")
    return command.integer(0) if command else DEFAULT_BAUD


def output_selection(profile: Profile, subframe: int) -> OutputSelection:
    """What guiMonitor selects for a subframe."""
    command = next((c for c in profile.all("guiMonitor") if applies_to(c, subframe)), None)
    if command is None:
        return OutputSelection(statistics=False)
    return OutputSelection(
        command.integer(1), *(command.integer(index) == 1 for index in range(2, 7))
    )


def frame_designs(profile: Profile) -> list[FrameDesign]:
    """Frame designs of a profile; those that refer to commands that are not there are left out."""
    mode = profile.last("dfeDataOutputMode")
    if mode is not None and mode.integer(0) == ADVANCED_FRAME_MODE:
        frames = [
            (c, c.integer(0), c.integer(2), c.integer(2) + c.integer(3) - 1, 4, 9)
            for c in profile.all("subFrameCfg")
        ]
    else:
        frames = [(c, 0, c.integer(0), c.integer(1), 2, 4) for c in profile.all("frameCfg")[-1:]]
    designs = []
    for command, subframe, first, last, loops_at, period_at in frames:
        chirps = tuple(
            chirp
            for chirp in profile.all("chirpCfg")
            if chirp.integer(0) <= last and chirp.integer(1) >= first
        )
        ramp = _ramp(profile, chirps)
        if ramp is None:
            continue
        design = _design(
            profile, ramp, chirps, command.integer(loops_at), command.number(period_at)
        )
        output = output_selection(profile, subframe)
        designs.append(FrameDesign(subframe, command, ramp, chirps, design, output))
    return designs


def _ramp(profile: Profile, chirps: tuple[ProfileCommand, ...]) -> ProfileCommand | None:
    if not chirps:
        return None
    wanted = chirps[0].integer(2)
    ramps = [ramp for ramp in profile.all("profileCfg") if ramp.integer(0) == wanted]
    return ramps[-1] if ramps else None


def chirps_per_loop(chirps: tuple[ProfileCommand, ...]) -> int:
    """Number of chirps that one loop sends."""
    return sum(max(chirp.integer(1) - chirp.integer(0) + 1, 0) for chirp in chirps)


def _design(
    profile: Profile,
    ramp: ProfileCommand,
    chirps: tuple[ProfileCommand, ...],
    loops: int,
    period_ms: float,
) -> ChirpDesign:
    return ChirpDesign(
        start_ghz=ramp.number(1),
        idle_us=ramp.number(2),
        adc_start_us=ramp.number(3),
        ramp_us=ramp.number(4),
        slope_mhz_us=ramp.number(7),
        samples=ramp.integer(9),
        sample_rate_ksps=ramp.number(10),
        transmitters=chirps_per_loop(chirps),
        receivers=receiver_count(profile),
        loops=loops,
        period_ms=period_ms,
    )
