"""One opened pair of ports: the command session and the reader of the data port."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import serial

from ti_mmwave_driver.core.chirp import ChirpDesign
from ti_mmwave_driver.core.clock import DeviceClock
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.design import data_port_baud
from ti_mmwave_driver.core.errors import SessionError
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.ports import CLI_BAUD, PortError, RadarPorts, open_port
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.reader import DataReader
from ti_mmwave_driver.core.recovery import WatchdogSettings
from ti_mmwave_driver.core.session import CliSession, Timeouts
from ti_mmwave_driver.core.tlv import Demo
from ti_mmwave_driver.core.types import RadarFrame
from ti_mmwave_driver.core.uart import DEFAULT_BAUD

LOG = logging.getLogger(__name__)

PortLocator = Callable[[], RadarPorts]


@dataclass(frozen=True)
class DeviceSettings:
    """How to run a radar.

    Attributes:
        demo: Firmware that writes the data stream.
        firmware: Firmware whose rules the profile must obey; ``None``: told from the profile.
        limits: What a plausible point is.
        timeouts: How long to wait for replies.
        watchdog: When a radar counts as silent.
        retry_s: Pause between attempts to connect, above 0.
    """

    demo: Demo = Demo.AUTO
    firmware: Firmware | None = None
    limits: PlausibilityLimits = field(default_factory=PlausibilityLimits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    watchdog: WatchdogSettings = field(default_factory=WatchdogSettings)
    retry_s: float = 0.25

    def __post_init__(self) -> None:
        if not self.retry_s > 0:
            raise ValueError(f"retry_s is {self.retry_s}; it must be above 0")


class Connection:
    """Opens both ports, talks to the board and reads frames until it is closed.

    Args:
        ports: The two ports.
        settings: How to run the radar.
        design: Frame design, for the time of acquisition.
        parser: Decodes the data stream.
        on_frame: Called in the reader's thread with each frame.
        on_bytes: Called in the reader's thread with each piece of the stream.
    """

    def __init__(
        self,
        ports: RadarPorts,
        settings: DeviceSettings,
        design: ChirpDesign,
        parser: FrameParser,
        on_frame: Callable[[RadarFrame], None],
        on_bytes: Callable[[bytes], None],
    ) -> None:
        self.ports = ports
        self.identity: dict[str, str] = {}
        self._parser = parser
        self._on_frame = on_frame
        self._on_bytes = on_bytes
        self._lead_s = design.active_ms * 0.5e-3
        self.clock = DeviceClock()
        self._baud = DEFAULT_BAUD
        self._cli = open_port(ports.cli, CLI_BAUD)
        try:
            self._data = open_port(ports.data, self._baud)
        except PortError:
            self._cli.close()
            raise
        self.session = CliSession(self._cli, settings.timeouts)
        self.reader = self._new_reader()

    def open(self) -> None:
        """Find the prompt, ask for the firmware's identity and begin to read.

        Raises:
            SessionError: The board does not answer.
        """
        self.session.synchronise()
        self.identity = self.session.identify()
        self.reader.start()

    def configure(self, profile: Profile) -> None:
        """Stop the sensor, send the profile and start.

        Raises:
            SessionError: The board did not take it.
        """
        self.session.synchronise()
        self.session.stop()
        self.session.apply(profile)
        self._follow_baud(data_port_baud(profile))
        self.clock.reset()
        self.session.start()

    def close(self, stop_sensor: bool) -> None:
        """Stop reading and give back both ports.

        Args:
            stop_sensor: Whether to stop the sensor first, which leaves the board restartable.
        """
        if stop_sensor:
            with contextlib.suppress(SessionError, serial.SerialException, OSError):
                self.session.stop()
        self.reader.close()
        for port in (self._cli, self._data):
            with contextlib.suppress(serial.SerialException, OSError):
                port.close()

    def _new_reader(self) -> DataReader:
        return DataReader(
            self._data,
            self._baud,
            self._parser,
            self.clock,
            self._on_frame,
            self._on_bytes,
            self._lead_s,
        )

    def _follow_baud(self, baud: int) -> None:
        """Change the speed of the data port as configDataPort has changed the board's."""
        bridge = self.ports.bridge
        if bridge is not None and baud > bridge.max_data_baud:
            raise PortError(
                f"configDataPort asks for {baud} baud, the {bridge.name} of this board reaches "
                f"{bridge.max_data_baud}"
            )
        if baud == self._baud:
            return
        self.reader.close()
        self._baud = baud
        self._data.baudrate = baud
        self.reader = self._new_reader()
        self.reader.start()
