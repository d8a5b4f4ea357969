"""Recordings of the data port: the raw bytes in one file, what they are in another.

``NAME.dat`` holds the bytes as they came, which Texas Instruments' tools read too; ``NAME.json``
beside it names profile, firmware and start time. A recording can take the place of the device.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ti_mmwave_driver.core.header import CPU_CLOCK_HZ
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.types import RadarFrame

LOG = logging.getLogger(__name__)

_CHUNK_BYTES = 16_384
_MAX_PAUSE_S = 2.0
_WRAP = 1 << 32


@dataclass(frozen=True)
class RecordingInfo:
    """What a recording is.

    Attributes:
        start_ns: Host time of the first byte, nanoseconds since the epoch.
        period_s: Frame period of the profile.
        profile: Text of the profile that ran.
        firmware: What ``version`` said.
    """

    start_ns: int = 0
    period_s: float = 0.1
    profile: str = ""
    firmware: dict[str, str] = field(default_factory=dict)


class Recorder:
    """Writes a recording; safe to call from the reader thread while another one closes it.

    Args:
        path: File for the bytes; the information goes beside it with the suffix ``.json``.
        info: What is being recorded.

    Raises:
        OSError: The files cannot be written.
    """

    def __init__(self, path: Path, info: RecordingInfo) -> None:
        self.path = path
        self.byte_count = 0
        self.error: OSError | None = None
        self._lock = threading.Lock()
        self._file = path.open("xb")
        path.with_suffix(".json").write_text(json.dumps(asdict(info), indent=2) + "\n")

    def write(self, data: bytes) -> None:
        """Append bytes; nothing happens after :meth:`close` or a failure such as a full disk."""
        with self._lock:
            if self.error is not None or self._file.closed:
                return
            try:
                self._file.write(data)
            except OSError as error:
                # The radar must go on when its recording cannot.
                self.error = error
                LOG.error("recording ends, %s cannot be written: %s", self.path, error)
            else:
                self.byte_count += len(data)

    def close(self) -> None:
        """Finish the file."""
        with self._lock, contextlib.suppress(OSError):
            self._file.close()


def read_info(path: Path) -> RecordingInfo:
    """Read what a recording is; defaults when there is nothing beside the bytes.

    Raises:
        ValueError: The file beside the bytes is not such information.
    """
    beside = path.with_suffix(".json")
    if not beside.exists():
        return RecordingInfo()
    try:
        return RecordingInfo(**json.loads(beside.read_text()))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{beside} does not describe a recording: {error}") from error


def frame_interval_s(previous: RadarFrame, frame: RadarFrame, period_s: float) -> float:
    """Time between two frames of a recording, from the device clock where the firmware has one."""
    before, after = previous.header.cpu_cycles, frame.header.cpu_cycles
    steps = frame.header.frame_number - previous.header.frame_number
    if steps < 0:
        return period_s
    if before is None or after is None:
        return min(steps * period_s, _MAX_PAUSE_S)
    return min((after - before) % _WRAP / CPU_CLOCK_HZ, _MAX_PAUSE_S)


def replay(
    path: Path,
    parser: FrameParser,
    on_frame: Callable[[RadarFrame], None],
    stop: threading.Event,
    *,
    rate: float = 1.0,
    loop: bool = False,
) -> int:
    """Play a recording in its own rhythm, stamped with the time of playing.

    Args:
        path: File with the bytes.
        parser: Decodes them.
        on_frame: Receives each frame when it is due.
        stop: Ends the replay.
        rate: 1 is the rhythm of the recording, 2 twice as fast, 0 as fast as possible.
        loop: Begin again at the end.

    Returns:
        Number of frames played.

    Raises:
        OSError: The file cannot be read.
        ValueError: ``rate`` is negative, or a looped file holds no frame.
    """
    if not rate >= 0:
        raise ValueError(f"rate is {rate}; it must be 0 (as fast as possible) or above")
    period_s = read_info(path).period_s
    played = 0
    previous: RadarFrame | None = None
    due_s = time.monotonic()
    while not stop.is_set():
        before = played
        with path.open("rb") as file:
            while (data := file.read(_CHUNK_BYTES)) and not stop.is_set():
                for frame in parser.feed(data):
                    if previous is not None and rate:
                        due_s += frame_interval_s(previous, frame, period_s) / rate
                    if stop.wait(max(due_s - time.monotonic(), 0.0)):
                        return played
                    on_frame(frame._replace(stamp_ns=time.time_ns()))
                    previous = frame
                    played += 1
        parser.reset()
        if not loop:
            return played
        if played == before:
            raise ValueError(f"{path} holds no frame")
    return played
