"""The out-of-box demo's command line, as far as a host can see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ti_mmwave_driver.core.check import check_profile
from ti_mmwave_driver.core.commands import COMMANDS, OPTIONAL_LAST_ARGUMENT, Firmware
from ti_mmwave_driver.core.design import frame_designs
from ti_mmwave_driver.core.mandatory import DIRECTIONAL, MANDATORY
from ti_mmwave_driver.core.profile import Profile, ProfileCommand
from ti_mmwave_driver.core.replies import PROMPT
from ti_mmwave_driver.core.session import UNTIL_REBOOT
from ti_mmwave_driver.emulator.packets import SDK_VERSION

LINE_END = "\n\r"
_PLATFORM = {Firmware.OUT_OF_BOX_68XX: "xWR68xx", Firmware.OUT_OF_BOX_64XX: "xWR64xx"}
_DPC_MEMORY_ERROR = -40311


class SensorState(IntEnum):
    """States as queryDemoStatus numbers them."""

    INIT = 0
    OPENED = 1
    STARTED = 2
    STOPPED = 3


class FirmwareAssertionError(Exception):
    """The firmware stopped at an assertion and answers nothing any more."""


@dataclass
class EmulatedFirmware:
    """State of the command line.

    Attributes:
        kind: Which build of the demo.
        state: Sensor state.
        profile: Configuration of the last start.
        data_baud: Baud rate of the data port.
    """

    kind: Firmware = Firmware.OUT_OF_BOX_68XX
    state: SensorState = SensorState.INIT
    profile: Profile | None = None
    data_baud: int = 921_600
    _sent: list[ProfileCommand] = field(default_factory=list)
    _since_stop: set[str] = field(default_factory=set)
    _fixed: dict[str, str] = field(default_factory=dict)

    @property
    def banner(self) -> str:
        """What the firmware prints at reset."""
        version = ".".join(f"{byte:02d}" for byte in SDK_VERSION.to_bytes(4, "big"))
        rule = "*" * 34
        text = f"{_PLATFORM[self.kind]} MMW Demo {version}"
        return f"{LINE_END}{rule}{LINE_END}{text}{LINE_END}{rule}{LINE_END}{PROMPT}"

    def execute(self, line: str) -> str:
        """Run one command.

        Args:
            line: What was received up to the line end.

        Returns:
            What the firmware writes behind the echo, prompt included.

        Raises:
            FirmwareAssertionError: It stops at an assertion; the argument is its last message.
        """
        text = line.strip()
        if not text:
            return PROMPT
        if text.startswith("%"):
            return f"Skipped{LINE_END}{PROMPT}"
        lines = self._run(ProfileCommand(0, text))
        return "".join(f"{part}{LINE_END}" for part in lines) + PROMPT

    def _run(self, command: ProfileCommand) -> list[str]:
        name = command.name
        if name not in COMMANDS[self.kind] and name not in OPTIONAL_LAST_ARGUMENT:
            return [f"'{name}' is not recognized as a CLI command"]
        if name == "sensorStop":
            return self._stop()
        if name == "sensorStart":
            return self._start(command)
        if name == "version":
            return [*self._version(), "Done"]
        if name == "queryDemoStatus":
            state = f"Sensor State: {int(self.state)}"
            return [state, f"Data port baud rate: {self.data_baud}", "Done"]
        return self._configure(command)

    def _configure(self, command: ProfileCommand) -> list[str]:
        name = command.name
        if self.state is SensorState.STARTED:
            return ["Ignored: This command is not supported after sensorStart", "Done"]
        if len(command.arguments) != len(COMMANDS[self.kind][name]):
            return ["Error: Invalid usage of the CLI command", "Error -1"]
        names = {sent.name for sent in self._sent}
        if name in ("profileCfg", "chirpCfg", "frameCfg") and "dfeDataOutputMode" not in names:
            return ["Error: Configuration is valid only after dfeDataOutputMode", "Error -1"]
        if name == "flushCfg":
            self._sent = [sent for sent in self._sent if sent.name in UNTIL_REBOOT]
        elif name == "configDataPort":
            self.data_baud = command.integer(0)
        else:
            if name in UNTIL_REBOOT:
                self._sent = [sent for sent in self._sent if sent.name != name]
            self._sent.append(command)
        self._since_stop.add(name)
        if name in DIRECTIONAL:
            self._since_stop.add(f"{name} {command.integer(1)}")
        return ["Done"]

    def _stop(self) -> list[str]:
        if self.state is not SensorState.STARTED:
            return ["Ignored: Sensor is already stopped", "Done"]
        self.state = SensorState.STOPPED
        self._since_stop.clear()
        return ["Done"]

    def _start(self, command: ProfileCommand) -> list[str]:
        if self.state is SensorState.STARTED:
            return ["Ignored: Sensor is already started", "Done"]
        if command.arguments == ("0",):
            return self._start_again()
        missing = self._missing()
        if missing:
            extent = "Full" if self.state is SensorState.INIT else "partial"
            text = f"Error: {extent} configuration must be provided before sensor can be started"
            return [text, "Error -1"]
        self._assert_unchanged()
        profile = Profile(tuple(self._sent))
        rules = {violation.rule for violation in check_profile(profile, self.kind, 0).errors}
        if "l3_memory" in rules:
            return ["Error: DPM_ioctl failed", f"Error {_DPC_MEMORY_ERROR}"]
        if rules & {"band", "sampling_window"}:
            return ["mmWave Config failed [Error code: -3109 Subsystem: 71]", "Error -1"]
        first = self.state is SensorState.INIT
        self.profile = profile
        self.state = SensorState.STARTED
        return [*(["Debug: Init Calibration Status = 0x1ffe"] if first else []), "Done"]

    def _start_again(self) -> list[str]:
        if self.profile is None or self._since_stop:
            text = "Error: You have provided new configuration, use sensorStart without argument"
            return [text, "Error -1"]
        self.state = SensorState.STARTED
        return ["Done"]

    def _missing(self) -> list[str]:
        kept = set(UNTIL_REBOOT) if self._fixed else set()
        needed = [*MANDATORY[self.kind], *(f"{n} {d}" for n in DIRECTIONAL for d in (0, 1))]
        return [name for name in needed if name not in self._since_stop | kept]

    def _assert_unchanged(self) -> None:
        values = {sent.name: sent.text for sent in self._sent if sent.name in UNTIL_REBOOT}
        if self._fixed and any(
            self._fixed.get(name, text) != text for name, text in values.items()
        ):
            raise FirmwareAssertionError("Exception: mss_main.c, line 635.")
        self._fixed = values

    @property
    def period_s(self) -> float:
        """Frame period of the running configuration."""
        designs = frame_designs(self.profile) if self.profile else []
        return designs[0].design.period_ms * 1e-3 if designs else 0.1

    def _version(self) -> list[str]:
        sdk = ".".join(f"{byte:02d}" for byte in SDK_VERSION.to_bytes(4, "big"))
        return [
            f"Platform                : {_PLATFORM[self.kind]}",
            f"mmWave SDK Version      : {sdk}",
            "Device Info             : IWR68XX QM non-secure ES 02.00",
            "RF F/W Version          : 06.03.02.06.20.08.11",
            "Lot number              : 1000001",
            "Wafer number            : 7",
            "Die coordinates in wafer: X = 19, Y = 9",
        ]
