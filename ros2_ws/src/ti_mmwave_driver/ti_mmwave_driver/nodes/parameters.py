"""Parameters of the radar node."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid_common.parameters import param, validate
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.tlv import Demo


@dataclass(frozen=True)
class PortParameters:
    """Which radar."""

    serial_number: str = param("", "USB serial number; may be empty when there is one radar only")
    cli: str = param("", "Command port; empty: found on USB")
    data: str = param("", "Data port; empty: found on USB")

    def __post_init__(self) -> None:
        validate(self)
        if bool(self.cli) != bool(self.data):
            raise ValueError(
                f"ports.cli is {self.cli!r} and ports.data is {self.data!r}: give both, or neither"
            )


@dataclass(frozen=True)
class LimitParameters:
    """What a plausible point is."""

    max_range_m: float = param(0.0, "Longest range; 0: that of the profile", "m", 0.0, 1000.0)
    max_velocity_m_s: float = param(
        0.0, "Fastest radial velocity; 0: that of the profile", "m/s", 0.0, 1000.0
    )
    max_snr_db: float = param(100.0, "Highest signal to noise ratio", "dB", 1.0, 1000.0)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class ReplayParameters:
    """A recording in place of the radar."""

    path: str = param("", "Recorded bytes of a data port; empty: a live radar")
    rate: float = param(1.0, "1 is the rhythm of the recording, 0 as fast as possible", "", 0.0)
    loop: bool = param(False, "Begin again at the end")

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class RadarParameters:
    """Parameters of the radar node."""

    frame_id: str = param("radar", "Frame of the points: x forward, y left, z up")
    profile: str = param(
        "mission_isk.cfg", "Profile: a path, or the name of one that the package ships"
    )
    demo: str = param(
        Demo.AUTO.value, "Layout of the data stream", choices=tuple(demo.value for demo in Demo)
    )
    firmware: str = param(
        "auto",
        "Firmware whose rules the profile must obey; auto: told from its commands",
        choices=("auto", *(firmware.value for firmware in Firmware)),
    )
    ports: PortParameters = field(default_factory=PortParameters)
    limits: LimitParameters = field(default_factory=LimitParameters)
    replay: ReplayParameters = field(default_factory=ReplayParameters)
    recording_directory: str = param("", "Folder for recordings; empty: recording is refused")
    record_from_start: bool = param(False, "Whether to record as soon as the node is active")
    command_timeout_s: float = param(1.0, "Wait for the reply to a command", "s", 0.05, 60.0)
    start_timeout_s: float = param(5.0, "Wait for the reply to sensorStart", "s", 0.1, 60.0)
    watchdog_periods: float = param(
        3.0, "Frame periods of silence that set off recovery", "", 2.0, 1000.0
    )
    first_frame_timeout_s: float = param(
        0.5, "Wait for the first frame after a start", "s", 0.05, 60.0
    )
    reconnect_s: float = param(0.25, "Pause between attempts to connect", "s", 0.01, 60.0)
    temperature_warn_deg_c: float = param(90.0, "Chip temperature that is a warning", "deg C")
    temperature_error_deg_c: float = param(100.0, "Chip temperature that is an error", "deg C")

    def __post_init__(self) -> None:
        validate(self)
        if not self.frame_id:
            raise ValueError("frame_id is empty; name the frame of the radar, for example radar")
        if self.record_from_start and not self.recording_directory:
            raise ValueError("record_from_start is true, but recording_directory is empty")
