"""A radar that keeps running: configuration, reading, watchdog and recovery."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import serial

from ti_mmwave_driver.core.check import CheckResult, require_valid
from ti_mmwave_driver.core.connection import Connection, DeviceSettings, PortLocator
from ti_mmwave_driver.core.errors import DeviceFailedError, SessionError
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.ports import PortError, RadarPorts
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.recording import Recorder
from ti_mmwave_driver.core.recovery import RecoveryLadder, RecoveryStep
from ti_mmwave_driver.core.replies import CommandReply, DeviceEventKind
from ti_mmwave_driver.core.source import rate_of
from ti_mmwave_driver.core.status import DeviceCounters, DeviceState
from ti_mmwave_driver.core.types import RadarFrame, Temperature

LOG = logging.getLogger(__name__)

_SUPERVISE_S = 0.05
_RATE_WINDOW = 20
_AWAITING_FRAMES = (DeviceState.CONFIGURING, DeviceState.RECOVERING, DeviceState.FAILED)
_EXPECTED_ERRORS = (SessionError, PortError, serial.SerialException, OSError)


class RadarDevice:
    """Runs one radar until it is closed, whatever happens to it.

    Args:
        locate: Finds the ports; asked again at every connection, since names change.
        profile: Profile to run.
        on_frame: Called in the reader's thread with every frame, empty ones included.
        settings: How to run it.

    Raises:
        ProfileError: The profile breaks a rule.
    """

    def __init__(
        self,
        locate: PortLocator,
        profile: Profile,
        on_frame: Callable[[RadarFrame], None],
        settings: DeviceSettings | None = None,
    ) -> None:
        self.settings = settings or DeviceSettings()
        self.check: CheckResult = require_valid(profile, self.settings.firmware)
        self.profile = profile
        self.counters = DeviceCounters()
        self.parser = FrameParser(self.settings.demo, self.settings.limits)
        self.temperature: Temperature | None = None
        self._locate = locate
        self._on_frame = on_frame
        self._connection: Connection | None = None
        self._recorder: Recorder | None = None
        self._ladder = self._new_ladder()
        self._arrivals_s: deque[float] = deque(maxlen=_RATE_WINDOW)
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._state, self._message = DeviceState.CLOSED, "not opened"
        self._thread = threading.Thread(
            target=self._supervise, name="radar-supervisor", daemon=True
        )

    @property
    def state(self) -> DeviceState:
        """What the radar is doing."""
        return self._state

    @property
    def message(self) -> str:
        """The state in words."""
        return self._message

    @property
    def identity(self) -> dict[str, str]:
        """What ``version`` said at the last connection."""
        return dict(self._connection.identity) if self._connection else {}

    @property
    def ports(self) -> RadarPorts | None:
        """Ports that are open now."""
        connection = self._connection
        return connection.ports if connection else None

    @property
    def period_s(self) -> float:
        """Frame period of the profile."""
        return self.check.frames[0].design.period_ms * 1e-3

    @property
    def rate_hz(self) -> float:
        """Frames per second over the last two seconds or so, 0 when they have stopped."""
        return rate_of(self._arrivals_s, self.period_s)

    def open(self) -> None:
        """Start; returns at once, connection and recovery go on in the background."""
        self._set_state(DeviceState.DISCONNECTED, "looking for the radar")
        self._thread.start()

    def close(self) -> None:
        """Stop the sensor, so that it can be started again, and give back the ports."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._disconnect(stop_sensor=True)
        self._set_state(DeviceState.CLOSED, "closed")

    def send_command(self, command: str) -> CommandReply:
        """Send one command to the board.

        Raises:
            PortError: The radar is not connected.
            SessionError: The board did not take it.
        """
        with self._lock:
            if self._connection is None:
                raise PortError(f"the radar is not connected: {self._message}")
            reply = self._connection.session.send(command)
            word = (command.split() or [""])[0]
            if word == "sensorStop":
                self._ladder.stopped()
                self._set_state(DeviceState.STOPPED, "stopped by command")
            elif word == "sensorStart":
                self._set_state(DeviceState.CONFIGURING, "started by command")
                self._ladder.started(time.monotonic())
            return reply

    def set_profile(self, profile: Profile, limits: PlausibilityLimits | None = None) -> None:
        """Change the profile of the running radar.

        Args:
            profile: The new profile.
            limits: What a plausible point is with it; by default as before.

        Raises:
            ProfileError: It breaks a rule; the old one goes on.
            RebootRequiredError: It needs a reset; the old one goes on.
            SessionError: The board did not take it; recovery goes on with the new one.
        """
        check = require_valid(profile, self.settings.firmware)
        with self._lock:
            if self._connection is not None:
                self._connection.session.refuse_reboot_changes(profile)
            self.profile, self.check = profile, check
            if limits is not None:
                self.parser.use_limits(limits)
            self._ladder = self._new_ladder()
            if self._connection is not None:
                try:
                    self._configure()
                except _EXPECTED_ERRORS as error:
                    self._handle(error)
                    raise

    def record(self, recorder: Recorder | None) -> None:
        """Copy the bytes of the data port into a recording, or stop that."""
        self._recorder = recorder

    def _new_ladder(self) -> RecoveryLadder:
        return RecoveryLadder(self.period_s, self.settings.watchdog)

    def _set_state(self, state: DeviceState, message: str) -> None:
        if (state, message) != (self._state, self._message):
            LOG.info("%s: %s", state.value, message)
        self._state, self._message = state, message

    def _take_frame(self, frame: RadarFrame) -> None:
        now_s = time.monotonic()
        self._arrivals_s.append(now_s)
        self.counters.frames += 1
        self.counters.sequence.add(frame.header)
        self._ladder.frame(now_s)
        if self._state in _AWAITING_FRAMES:
            self._set_state(DeviceState.RUNNING, "running")
        if frame.temperature is not None:
            self.temperature = frame.temperature
        self._on_frame(frame)

    def _take_bytes(self, data: bytes) -> None:
        recorder = self._recorder
        if recorder is not None:
            recorder.write(data)

    def _supervise(self) -> None:
        while not self._closing.is_set():
            try:
                with self._lock:
                    wait_s = self._step()
            except _EXPECTED_ERRORS as error:
                wait_s = self._handle(error)
            except Exception as error:
                LOG.exception("the supervisor of the radar failed")
                wait_s = self._handle(error)
            self._wake.wait(wait_s)
            self._wake.clear()

    def _step(self) -> float:
        connection = self._connection
        if connection is None:
            self._connect()
            return _SUPERVISE_S
        if connection.reader.failed.is_set():
            raise PortError(f"the data port failed: {connection.reader.error}")
        if self._take_events(connection):
            return _SUPERVISE_S
        if self._state is DeviceState.NEEDS_RESET:
            connection.session.synchronise(attempts=1)
            connection.session.forget_start()
            self._configure()
        step = self._ladder.due(time.monotonic())
        if step is not None:
            self._recover(step)
        return _SUPERVISE_S

    def _connect(self) -> None:
        self._connection = Connection(
            self._locate(),
            self.settings,
            self.check.frames[0].design,
            self.parser,
            self._take_frame,
            self._take_bytes,
        )
        self.counters.connects += 1
        self._connection.open()
        self._configure()

    def _configure(self) -> None:
        assert self._connection is not None
        self._set_state(DeviceState.CONFIGURING, f"sending {self.profile.name}")
        self._connection.configure(self.profile)
        self._ladder.started(time.monotonic())

    def _take_events(self, connection: Connection) -> bool:
        """Whether the firmware said something that changed the state."""
        for event in connection.session.events():
            if event.kind is DeviceEventKind.EXCEPTION:
                raise DeviceFailedError(event.text)
            LOG.warning("the board was reset: %s", event.text)
            self.counters.restarts += 1
            self._configure()
            return True
        return False

    def _recover(self, step: RecoveryStep) -> None:
        assert self._connection is not None
        self.counters.recoveries[step.value] += 1
        if self._ladder.is_exhausted:
            text = f"no frames; every step has failed; trying to {step.value}"
            self._set_state(DeviceState.FAILED, text)
        else:
            self._set_state(DeviceState.RECOVERING, f"no frames; trying to {step.value}")
        if step is RecoveryStep.RESTART:
            self._connection.session.stop()
            self._connection.session.restart()
        elif step is RecoveryStep.RECONFIGURE:
            self._connection.configure(self.profile)
        else:
            self._disconnect(stop_sensor=False)

    def _handle(self, error: Exception) -> float:
        """React to a failure; returns the pause before the next attempt."""
        if isinstance(error, DeviceFailedError):
            self.counters.exceptions += 1
            self._ladder.stopped()
            self._set_state(DeviceState.NEEDS_RESET, f"{error}; press NRST on the board")
            return self.settings.retry_s
        if self._state is DeviceState.NEEDS_RESET and isinstance(error, SessionError):
            return self.settings.retry_s
        if isinstance(error, SessionError):
            self._set_state(DeviceState.RECOVERING, str(error))
            if self._ladder.is_climbing:
                return _SUPERVISE_S
        else:
            self._set_state(DeviceState.DISCONNECTED, str(error))
        with self._lock:
            self._disconnect(stop_sensor=False)
        return self.settings.retry_s

    def _disconnect(self, stop_sensor: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(stop_sensor)
            self.counters.disconnects += 1
            self.parser.reset()
