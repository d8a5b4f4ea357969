"""A radar's health in figures and words, for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

from gait_reid_common.diagnostics import Level, Status
from ti_mmwave_driver.core.parser import ParserCounters
from ti_mmwave_driver.core.status import DeviceCounters, DeviceState
from ti_mmwave_driver.core.types import Temperature

LEVELS = {
    DeviceState.RUNNING: Level.OK,
    DeviceState.STOPPED: Level.WARN,
    DeviceState.CONFIGURING: Level.WARN,
    DeviceState.RECOVERING: Level.ERROR,
    DeviceState.DISCONNECTED: Level.ERROR,
    DeviceState.NEEDS_RESET: Level.ERROR,
    DeviceState.FAILED: Level.ERROR,
    DeviceState.CLOSED: Level.STALE,
}
"""Severity of each state."""
_SLOW = 0.8


@dataclass(frozen=True)
class HealthLimits:
    """When a running radar is not healthy.

    Attributes:
        temperature_warn_deg_c: Hottest sensor of the chip that is a warning.
        temperature_error_deg_c: The same for an error.
    """

    temperature_warn_deg_c: float = 90.0
    temperature_error_deg_c: float = 100.0


@dataclass(frozen=True)
class Health:
    """What is known of a radar at one moment.

    Attributes:
        state: What it is doing.
        message: The same in words.
        rate_hz: Frames per second now.
        period_s: Frame period of the profile.
        counters: What has happened to the device.
        parser: What has happened in the byte stream.
        temperature: Newest report.
        uart_load: Share of the data port's capacity that the newest frame used, 0 to 1.
    """

    state: DeviceState
    message: str
    rate_hz: float
    period_s: float
    counters: DeviceCounters
    parser: ParserCounters
    temperature: Temperature | None = None
    uart_load: float = 0.0

    def status(self, limits: HealthLimits) -> Status:
        """Return the report for /diagnostics."""
        level, message = self._judge(limits)
        return Status("radar", level, message, self._values())

    def _judge(self, limits: HealthLimits) -> tuple[Level, str]:
        level = LEVELS[self.state]
        if level is not Level.OK:
            return level, self.message
        if self.temperature is not None:
            hottest = self.temperature.hottest_deg_c
            if hottest >= limits.temperature_error_deg_c:
                return Level.ERROR, f"chip at {hottest} deg C: cool the board or lower the rate"
            if hottest >= limits.temperature_warn_deg_c:
                return Level.WARN, f"chip at {hottest} deg C"
        if 0 < self.rate_hz < _SLOW / self.period_s:
            wanted = 1 / self.period_s
            return Level.WARN, f"{self.rate_hz:.1f} frames/s, the profile asks for {wanted:.1f}"
        return Level.OK, self.message

    def _values(self) -> dict[str, str]:
        counters, parser = self.counters, self.parser
        values = {
            "state": self.state.value,
            "frame rate [1/s]": f"{self.rate_hz:.2f}",
            "frames": str(counters.frames),
            "frames lost": str(counters.sequence.dropped),
            "data port load [%]": f"{100 * self.uart_load:.0f}",
            "bytes received": str(parser.bytes_received),
            "bytes rejected": str(parser.bytes_rejected),
            "implausible points": str(parser.implausible_points),
            "connections": str(counters.connects),
            "disconnections": str(counters.disconnects),
            "board resets": str(counters.restarts),
            "firmware exceptions": str(counters.exceptions),
        }
        # Another thread may add a reason meanwhile.
        for reason, count in sorted(dict(parser.rejected_packets).items()):
            values[f"packets rejected, {reason}"] = str(count)
        for step, count in sorted(dict(counters.recoveries).items()):
            values[f"recoveries, {step}"] = str(count)
        if self.temperature is not None:
            for name, deg_c in self.temperature.sensors_deg_c.items():
                values[f"temperature {name} [deg C]"] = str(deg_c)
        return values
