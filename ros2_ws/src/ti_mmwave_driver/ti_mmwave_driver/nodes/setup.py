"""From parameters to the source of frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ti_mmwave_driver.core.check import check_profile
from ti_mmwave_driver.core.chirp import ChirpDesign
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.connection import DeviceSettings, PortLocator
from ti_mmwave_driver.core.design import frame_designs
from ti_mmwave_driver.core.device import RadarDevice
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.ports import RadarPorts, select_radar
from ti_mmwave_driver.core.profile import Profile, read_profile
from ti_mmwave_driver.core.recording import RecordingInfo
from ti_mmwave_driver.core.recovery import WatchdogSettings
from ti_mmwave_driver.core.session import Timeouts
from ti_mmwave_driver.core.source import ReplaySource
from ti_mmwave_driver.core.tlv import Demo
from ti_mmwave_driver.core.types import RadarFrame
from ti_mmwave_driver.nodes.parameters import LimitParameters, RadarParameters

_MARGIN = 1.02
_EXTENDED = 3.0

Source = RadarDevice | ReplaySource


def find_profile(name: str) -> Profile:
    """Read a profile by path, or by the name of one that the package ships.

    Raises:
        OSError: There is no such file.
        ValueError: It is not a profile.
    """
    path = Path(name).expanduser()
    if path.is_absolute() or path.exists():
        return read_profile(path)
    from ament_index_python.packages import get_package_share_directory

    shipped = Path(get_package_share_directory("ti_mmwave_driver")) / "config"
    if not (shipped / name).exists():
        known = ", ".join(sorted(found.name for found in shipped.glob("*.cfg")))
        raise FileNotFoundError(f"there is no profile {name!r}; the package ships {known}")
    return read_profile(shipped / name)


def port_locator(parameters: RadarParameters) -> PortLocator:
    """How to find the ports: as given, or anew on USB at every connection."""
    given = parameters.ports
    if given.cli:
        return lambda: RadarPorts(given.cli, given.data, given.serial_number)
    return lambda: select_radar(given.serial_number)


def plausibility(profile: Profile, given: LimitParameters) -> PlausibilityLimits:
    """Limits as given, and what the profile can see where they are 0."""
    designs = [frame.design for frame in frame_designs(profile)]
    extended = any(command.integer(1) for command in profile.all("extendedMaxVelocity"))
    usual = PlausibilityLimits()
    longest = max((design.max_range_m for design in designs), default=usual.max_range_m)
    fastest = max((design.max_velocity_m_s for design in designs), default=usual.max_velocity_m_s)
    factor = _MARGIN * (_EXTENDED if extended else 1.0)
    return PlausibilityLimits(
        given.max_range_m or longest * _MARGIN,
        given.max_velocity_m_s or fastest * factor,
        given.max_snr_db,
    )


def device_settings(parameters: RadarParameters, profile: Profile) -> DeviceSettings:
    """Settings of a live radar."""
    firmware = parameters.firmware
    return DeviceSettings(
        demo=Demo(parameters.demo),
        firmware=None if firmware == "auto" else Firmware(firmware),
        limits=plausibility(profile, parameters.limits),
        timeouts=Timeouts(parameters.command_timeout_s, parameters.start_timeout_s),
        watchdog=WatchdogSettings(parameters.watchdog_periods, parameters.first_frame_timeout_s),
        retry_s=parameters.reconnect_s,
    )


def make_source(parameters: RadarParameters, on_frame: Callable[[RadarFrame], None]) -> Source:
    """Make the source that the parameters ask for.

    Raises:
        OSError: Profile or recording cannot be read.
        ValueError: The profile breaks a rule, or the recording is none.
    """
    replay = parameters.replay
    if replay.path:
        limits = PlausibilityLimits(
            parameters.limits.max_range_m or PlausibilityLimits.max_range_m,
            parameters.limits.max_velocity_m_s or PlausibilityLimits.max_velocity_m_s,
            parameters.limits.max_snr_db,
        )
        parser = FrameParser(Demo(parameters.demo), limits)
        return ReplaySource(
            Path(replay.path).expanduser(), on_frame, parser, replay.rate, replay.loop
        )
    profile = find_profile(parameters.profile)
    settings = device_settings(parameters, profile)
    return RadarDevice(port_locator(parameters), profile, on_frame, settings)


def design_of(profile: Profile) -> ChirpDesign | None:
    """First frame design of a profile, ``None`` when it has none."""
    frames = check_profile(profile).frames
    return frames[0].design if frames else None


def recording_path(directory: str) -> Path:
    """A new file in the folder for recordings, which is made when it is missing.

    Raises:
        ValueError: No folder is configured.
        OSError: The folder cannot be made.
    """
    if not directory:
        raise ValueError("recording_directory is empty: name a folder for recordings")
    folder = Path(directory).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"radar_{time.strftime('%Y%m%dT%H%M%S')}_{time.time_ns() % 10**9:09d}.dat"


def recording_info(source: Source) -> RecordingInfo:
    """What a recording that begins now will be."""
    text = "".join(f"{command.text}\n" for command in source.profile)
    return RecordingInfo(time.time_ns(), source.period_s, text, source.identity)
