"""Conversation with the firmware over the command port."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from ti_mmwave_driver.core.errors import (
    CommandRefusedError,
    DeviceFailedError,
    DeviceRestartedError,
    NoReplyError,
    RebootRequiredError,
)
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.replies import (
    PROMPT,
    CommandReply,
    DeviceEvent,
    DeviceEventKind,
    Outcome,
    ReplyCollector,
    TokenSplitter,
    device_event,
)

LOG = logging.getLogger(__name__)

UNTIL_REBOOT = ("channelCfg", "adcCfg", "lowPower", "dfeDataOutputMode", "calibData")
"""Commands whose value the firmware fixes at the first sensorStart after a reset."""

_START_STOP = ("sensorStart", "sensorStop")
_MAX_EVENTS = 100


class BytePort(Protocol):
    """The part of ``serial.Serial`` that the session uses."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """Read up to ``size`` bytes, waiting for the port's timeout at most."""

    def write(self, data: bytes, /) -> int | None:
        """Write bytes."""

    def reset_input_buffer(self) -> None:
        """Drop what was received."""


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for replies.

    Attributes:
        command_s: Ordinary commands, above 0.
        start_s: sensorStart, which calibrates the RF front end, above 0.
        prompt_s: The prompt after a bare line end, above 0.
    """

    command_s: float = 1.0
    start_s: float = 5.0
    prompt_s: float = 0.5

    def __post_init__(self) -> None:
        for name in ("command_s", "start_s", "prompt_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}; it must be above 0")


class CliSession:
    """One command at a time, one reply per command.

    Args:
        port: The command port, opened with a read timeout of a few ten milliseconds.
        timeouts: How long to wait.

    Safe to use from several threads; a command waits for the one before it.
    """

    def __init__(self, port: BytePort, timeouts: Timeouts | None = None) -> None:
        self._port = port
        self._timeouts = timeouts or Timeouts()
        self._splitter = TokenSplitter()
        self._lock = threading.RLock()
        self._events: deque[DeviceEvent] = deque(maxlen=_MAX_EVENTS)
        self._fixed: dict[str, str] = {}
        self._sent: dict[str, str] = {}

    def synchronise(self, attempts: int = 3) -> None:
        """Get rid of stray bytes on both sides and find the prompt.

        Raises:
            NoReplyError: No prompt after all attempts.
        """
        with self._lock:
            for _ in range(attempts):
                self._port.reset_input_buffer()
                self._splitter.clear()
                self._port.write(b"\n")
                if self._wait_for_prompt():
                    return
        raise NoReplyError(
            "no prompt on the command port: check that the board runs from flash (SOP switches), "
            "that the port is the command port and that nobody else has it open"
        )

    def send(self, command: str, timeout_s: float | None = None) -> CommandReply:
        """Send a command and wait for its reply.

        Args:
            command: One line without its end.
            timeout_s: How long to wait; by default what the command usually needs.

        Returns:
            The reply of a command that was taken; a warning is logged when it was ignored.

        Raises:
            ValueError: The command has a line end or a character beyond ASCII.
            NoReplyError: No complete reply in time.
            CommandRefusedError: The firmware refused it.
            DeviceFailedError: The firmware stopped at an exception.
            DeviceRestartedError: The board was reset meanwhile.
        """
        if not command.isascii() or not command.isprintable():
            raise ValueError(f"command {command!r} must be one line of printable ASCII")
        with self._lock:
            self._collect_events()
            self._port.write(command.encode("ascii") + b"\n")
            reply = self._await_reply(command, timeout_s or self._usual_timeout_s(command))
            if not reply.is_success:
                raise CommandRefusedError(reply)
            self._remember(reply)
        if reply.ignored and not command.startswith("sensorStop"):
            LOG.warning("%s: %s", command, reply.ignored)
        return reply

    def apply(self, profile: Profile) -> None:
        """Send a profile, sensorStop and sensorStart excepted.

        Args:
            profile: A profile that passed the check.

        Raises:
            RebootRequiredError: It changes what the firmware fixed at the first start.
            SessionError: As :meth:`send`.
        """
        self.refuse_reboot_changes(profile)
        with self._lock:
            for command in profile:
                if command.name not in _START_STOP:
                    self.send(" ".join(command.text.split()))

    def refuse_reboot_changes(self, profile: Profile) -> None:
        """Check a profile against what the running firmware cannot change.

        Raises:
            RebootRequiredError: It differs from what the board was started with.
        """
        for name, fixed in self._fixed.items():
            command = profile.last(name)
            if command is not None and " ".join(command.text.split()) != fixed:
                raise RebootRequiredError(
                    f"line {command.line_number}: {command.text!r} differs from {fixed!r}, with "
                    "which the board was started; the firmware can change it only after a reset: "
                    "press NRST or power-cycle the board"
                )

    def start(self) -> None:
        """Start with the configuration just sent; takes longest of all commands."""
        self.send("sensorStart")

    def restart(self) -> None:
        """Start again with the old configuration; nothing may have been sent since the stop."""
        self.send("sensorStart 0")

    def stop(self) -> None:
        """Stop the sensor; stopping a stopped one is not an error."""
        self.send("sensorStop")

    def identify(self) -> dict[str, str]:
        """What ``version`` says: platform, SDK version, device, lot and so on."""
        lines = self.send("version").lines
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        return {key.strip(): value.strip() for key, value in pairs}

    def sensor_state(self) -> int | None:
        """State by queryDemoStatus: 0 init, 1 opened, 2 started, 3 stopped; None if unknown."""
        try:
            reply = self.send("queryDemoStatus")
        except CommandRefusedError:
            return None
        found = re.search(r"Sensor State:\s*(\d+)", reply.text)
        if found is None:
            return None
        if int(found.group(1)) == 0:
            self.forget_start()
        return int(found.group(1))

    def events(self) -> list[DeviceEvent]:
        """What the firmware said unasked since the last call; returns at once."""
        if self._lock.acquire(blocking=False):
            try:
                self._collect_events()
            finally:
                self._lock.release()
        found = []
        while self._events:
            found.append(self._events.popleft())
        return found

    def forget_start(self) -> None:
        """The board was reset: everything can be configured again."""
        self._fixed.clear()
        self._sent.clear()

    def _usual_timeout_s(self, command: str) -> float:
        starts = command.startswith("sensorStart")
        return self._timeouts.start_s if starts else self._timeouts.command_s

    def _remember(self, reply: CommandReply) -> None:
        name = reply.command.split(None, 1)[0] if reply.command else ""
        if name in UNTIL_REBOOT and reply.ignored is None:
            self._sent[name] = reply.command
        if name == "sensorStart" and reply.ignored is None and not self._fixed:
            self._fixed = dict(self._sent)

    def _read_tokens(self) -> list[str]:
        data = self._port.read(self._port.in_waiting or 1)
        tokens = self._splitter.feed(data) if data else []
        for token in tokens:
            event = device_event(token)
            if event is not None:
                self._events.append(event)
                if event.kind is DeviceEventKind.RESTART:
                    self.forget_start()
        return tokens

    def _collect_events(self) -> None:
        while self._port.in_waiting:
            self._read_tokens()

    def _wait_for_prompt(self) -> bool:
        end_s = time.monotonic() + self._timeouts.prompt_s
        while time.monotonic() < end_s:
            if PROMPT in self._read_tokens():
                return True
        return False

    def _await_reply(self, command: str, timeout_s: float) -> CommandReply:
        collector = ReplyCollector(command)
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            for token in self._read_tokens():
                self._raise_on_event(token, command)
                reply = collector.add(token)
                if reply is not None and self._is_final(reply):
                    return reply
        raise NoReplyError(
            f"no reply to {command!r} within {timeout_s:g} s; received {collector.lines}"
        )

    def _is_final(self, reply: CommandReply) -> bool:
        return reply.outcome is not Outcome.PROMPT_ONLY or not reply.command.startswith(_START_STOP)

    def _raise_on_event(self, token: str, command: str) -> None:
        event = device_event(token)
        if event is None:
            return
        if event.kind is DeviceEventKind.EXCEPTION:
            raise DeviceFailedError(f"{event.text} (during {command!r}); press NRST on the board")
        raise DeviceRestartedError(f"the board was reset during {command!r}: {event.text}")
