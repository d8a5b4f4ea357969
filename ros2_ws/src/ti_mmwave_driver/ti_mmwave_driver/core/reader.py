"""The thread that reads the data port, decodes frames and stamps them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import serial

from ti_mmwave_driver.core.clock import DeviceClock
from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.session import BytePort
from ti_mmwave_driver.core.types import FrameHeader, RadarFrame
from ti_mmwave_driver.core.uart import BITS_PER_BYTE

LOG = logging.getLogger(__name__)

_NS = 1_000_000_000
_MAX_CREDIBLE_GAP = 10_000
_READ_LIMIT_BYTES = 65_536


@dataclass
class FrameCounter:
    """Counts lost frames by the gaps in ``frameNumber``.

    Attributes:
        dropped: Frames that the device numbered but that never came.
        restarts: Times the numbers began anew.
    """

    dropped: int = 0
    restarts: int = 0
    _last: int | None = None

    def add(self, header: FrameHeader) -> None:
        """Take the next frame; subframes share a number."""
        number = header.frame_number
        if self._last is not None and number != self._last:
            gap = number - self._last
            if 0 < gap <= _MAX_CREDIBLE_GAP:
                self.dropped += gap - 1
            elif gap < 0:
                self.restarts += 1
        self._last = number


class DataReader:
    """Reads until it is closed or the port fails.

    Args:
        port: The data port, opened with a read timeout of a few ten milliseconds.
        baud: Its speed, to know when a packet began.
        parser: Decodes the bytes.
        clock: Turns device time into host time.
        on_frame: Called in the reader's thread with each stamped frame.
        on_bytes: Called in the reader's thread with each piece of the stream.
        acquisition_to_build_s: Time from the middle of the chirps to their end, by which the
            stamp is earlier than the packet apart from the processing that the packet reports.
    """

    def __init__(
        self,
        port: BytePort,
        baud: int,
        parser: FrameParser,
        clock: DeviceClock,
        on_frame: Callable[[RadarFrame], None],
        on_bytes: Callable[[bytes], None] | None = None,
        acquisition_to_build_s: float = 0.0,
    ) -> None:
        self._port = port
        self._ns_per_byte = BITS_PER_BYTE * _NS / baud
        self._parser = parser
        self._clock = clock
        self._on_frame = on_frame
        self._on_bytes = on_bytes
        self._lead_ns = round(acquisition_to_build_s * _NS)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="radar-data", daemon=True)
        self.failed = threading.Event()
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading; returns when the thread has ended."""
        self._closing.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                data = self._port.read(min(self._port.in_waiting, _READ_LIMIT_BYTES) or 1)
                if data:
                    self._take(data, time.time_ns())
        except (serial.SerialException, OSError, TypeError) as error:
            # TypeError: pyserial reads from a descriptor that another thread has just closed.
            if not self._closing.is_set():
                self.error = error
        except Exception as error:
            LOG.exception("the reader of the data port failed")
            self.error = error
        finally:
            if self.error is not None:
                self.failed.set()

    def _take(self, data: bytes, arrival_ns: int) -> None:
        if self._on_bytes is not None:
            self._on_bytes(data)
        for frame in self._parser.feed(data):
            self._on_frame(frame._replace(stamp_ns=self._stamp_ns(frame, arrival_ns)))

    def _stamp_ns(self, frame: RadarFrame, arrival_ns: int) -> int:
        begun_ns = arrival_ns - round(len(frame.packet) * self._ns_per_byte)
        cycles = frame.header.cpu_cycles
        built_ns = begun_ns if cycles is None else self._clock.stamp_ns(cycles, begun_ns)
        processing_us = frame.statistics.interframe_processing_us if frame.statistics else 0
        # A damaged figure must not move the stamp by more than a frame can last.
        return built_ns - self._lead_ns - min(processing_us, 1_000_000) * 1000
