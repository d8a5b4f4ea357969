"""Where a node's frames come from: a radar, or a recording in its place."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ti_mmwave_driver.core.errors import SessionError
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.profile import Profile, parse_profile
from ti_mmwave_driver.core.recording import Recorder, RecordingInfo, read_info, replay
from ti_mmwave_driver.core.replies import CommandReply
from ti_mmwave_driver.core.status import DeviceCounters, DeviceState
from ti_mmwave_driver.core.types import RadarFrame, Temperature

LOG = logging.getLogger(__name__)
_RATE_WINDOW = 20


class NotLiveError(SessionError):
    """A recording takes no commands."""


class ReplaySource:
    """Plays a recording with the interface of :class:`~ti_mmwave_driver.core.device.RadarDevice`.

    Args:
        path: Recorded bytes of the data port.
        on_frame: Called in the player's thread with each frame.
        parser: Decodes the bytes.
        rate: 1 is the rhythm of the recording, 0 as fast as possible.
        loop: Begin again at the end.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file beside it does not describe a recording.
    """

    def __init__(
        self,
        path: Path,
        on_frame: Callable[[RadarFrame], None],
        parser: FrameParser,
        rate: float = 1.0,
        loop: bool = False,
    ) -> None:
        with path.open("rb"):
            self.info: RecordingInfo = read_info(path)
        self.parser = parser
        self.counters = DeviceCounters()
        self.temperature: Temperature | None = None
        self.profile: Profile = parse_profile(self.info.profile, path.name)
        self.state, self.message = DeviceState.CLOSED, "not opened"
        self._path = path
        self._on_frame = on_frame
        self._rate, self._loop = rate, loop
        self._arrivals_s: deque[float] = deque(maxlen=_RATE_WINDOW)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, name="radar-replay", daemon=True)

    @property
    def identity(self) -> dict[str, str]:
        """What the recorded board said of itself."""
        return dict(self.info.firmware)

    @property
    def period_s(self) -> float:
        """Frame period of the recording."""
        return self.info.period_s

    @property
    def rate_hz(self) -> float:
        """Frames per second that are played now."""
        return rate_of(self._arrivals_s, self.period_s)

    def open(self) -> None:
        """Begin to play."""
        self.state, self.message = DeviceState.RUNNING, f"playing {self._path.name}"
        self._thread.start()

    def close(self) -> None:
        """Stop playing; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.state, self.message = DeviceState.CLOSED, "closed"

    def send_command(self, command: str) -> CommandReply:
        """Refuse a command.

        Raises:
            NotLiveError: Always.
        """
        raise NotLiveError(f"cannot send {command!r}: a recording is being played")

    def set_profile(self, profile: Profile, limits: PlausibilityLimits | None = None) -> None:
        """Refuse a profile.

        Raises:
            NotLiveError: Always.
        """
        raise NotLiveError(f"cannot change to {profile.name}: a recording is being played")

    def record(self, recorder: Recorder | None) -> None:
        """Refuse to record.

        Raises:
            NotLiveError: ``recorder`` is not ``None``.
        """
        if recorder is not None:
            raise NotLiveError("cannot record: a recording is being played")

    def _take(self, frame: RadarFrame) -> None:
        self._arrivals_s.append(time.monotonic())
        self.counters.frames += 1
        self.counters.sequence.add(frame.header)
        if frame.temperature is not None:
            self.temperature = frame.temperature
        self._on_frame(frame)

    def _play(self) -> None:
        try:
            played = replay(
                self._path, self.parser, self._take, self._stop, rate=self._rate, loop=self._loop
            )
            self.state = DeviceState.STOPPED
            self.message = f"played {played} frames to the end"
        except Exception as error:
            LOG.exception("the replay failed")
            self.state, self.message = DeviceState.FAILED, str(error)


def rate_of(arrivals_s: deque[float], period_s: float) -> float:
    """Frames per second of the last arrivals (steady clock), 0 when they have stopped."""
    times = list(arrivals_s)
    if len(times) < 2 or time.monotonic() - times[-1] > max(3 * period_s, 0.5):
        return 0.0
    return (len(times) - 1) / max(times[-1] - times[0], 1e-6)
