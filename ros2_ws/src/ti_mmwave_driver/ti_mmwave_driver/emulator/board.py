"""An IWR6843 board on two pseudo terminals: real replies, real timing, faults on demand."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.header import CPU_CLOCK_HZ
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.types import FrameStatistics, HeaderFormat
from ti_mmwave_driver.emulator.damage import Damage
from ti_mmwave_driver.emulator.firmware import EmulatedFirmware, FirmwareAssertionError, SensorState
from ti_mmwave_driver.emulator.packets import (
    encode_packet,
    point_tlvs,
    statistics_tlv,
    temperature_tlv,
)
from ti_mmwave_driver.emulator.scene import Scene, walking_person
from ti_mmwave_driver.emulator.terminal import EmulatedUart

CHUNK_S = 0.004
BITS_PER_BYTE = 10
_POLL_S = 0.005


@dataclass(frozen=True)
class BoardOptions:
    """How the emulated board behaves.

    Attributes:
        firmware: Which build of the out-of-box demo.
        calibration_s: Time that the first sensorStart takes.
        processing_s: Time from the end of a frame to its first byte on the data port.
        temperature_deg_c: Reported temperature.
        seed: Seed of what is random about faults.
    """

    firmware: Firmware = Firmware.OUT_OF_BOX_68XX
    calibration_s: float = 0.2
    processing_s: float = 0.006
    temperature_deg_c: int = 45
    seed: int = 0


class EmulatedBoard:
    """A board that any program can open through ``folder/cli`` and ``folder/data``.

    Args:
        folder: Where the two ports appear.
        scene: What the radar sees.
        options: How the board behaves.

    Use as a context manager, or call :meth:`plug` and :meth:`close`. Every method may be called
    from any thread.
    """

    def __init__(
        self, folder: Path, scene: Scene | None = None, options: BoardOptions | None = None
    ) -> None:
        self.options = options or BoardOptions()
        self._scene = scene or walking_person(30)
        self._cli = EmulatedUart(folder / "cli")
        self._data = EmulatedUart(folder / "data")
        self._lock = threading.RLock()
        self._firmware = EmulatedFirmware(self.options.firmware)
        self._random = random.Random(self.options.seed)
        self._boot_s = time.monotonic()
        self._dead = False
        self._silent_starts = 0
        self._stalled = False
        self._damages: deque[Damage] = deque()
        self._received = b""
        self._frame_number = 0
        self._start_s: float | None = None
        self._frames_sent = 0
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve_cli, name="emulated-cli", daemon=True),
            threading.Thread(target=self._serve_data, name="emulated-data", daemon=True),
        ]

    def __enter__(self) -> EmulatedBoard:
        self.plug()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def cli_port(self) -> Path:
        """Path of the command port."""
        return self._cli.link

    @property
    def data_port(self) -> Path:
        """Path of the data port."""
        return self._data.link

    @property
    def frames_sent(self) -> int:
        """Frames written since the emulator began, damaged ones included."""
        return self._frames_sent

    @property
    def state(self) -> SensorState:
        """State of the sensor."""
        return self._firmware.state

    @property
    def profile(self) -> Profile | None:
        """Profile of the last start."""
        return self._firmware.profile

    @property
    def data_baud(self) -> int:
        """Baud rate of the data port."""
        return self._firmware.data_baud

    def plug(self) -> None:
        """Connect USB, which also powers the board: it boots."""
        with self._lock:
            if not self._cli.is_plugged:
                self._cli.plug()
                self._data.plug()
                self._boot()
        for thread in self._threads:
            if not thread.is_alive() and not self._closing.is_set():
                thread.start()

    def unplug(self) -> None:
        """Pull the USB plug."""
        with self._lock:
            self._start_s = None
            self._cli.unplug()
            self._data.unplug()

    def reboot(self) -> None:
        """Press NRST."""
        with self._lock:
            self._boot()

    def fail(self, message: str = "Exception: objectdetection.c, line 1244.") -> None:
        """Let the firmware run into an assertion: a message, then silence until a reboot."""
        with self._lock:
            self._cli.write(f"\n\r{message}\n\r".encode("ascii"))
            self._dead = True
            self._start_s = None

    def stall(self) -> None:
        """Stop sending frames while the firmware believes that the sensor runs."""
        with self._lock:
            self._stalled = True

    def start_silently(self, count: int = 1) -> None:
        """Let the next starts succeed without a frame ever coming."""
        with self._lock:
            self._silent_starts = count

    def damage_next(self, damage: Damage, count: int = 1) -> None:
        """Damage the next packets."""
        with self._lock:
            self._damages.extend([damage] * count)

    def write_garbage(self, data: bytes) -> None:
        """Send bytes on the command port that no command asked for."""
        with self._lock:
            self._cli.write(data)

    def close(self) -> None:
        """Stop and take the ports away."""
        self._closing.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self.unplug()

    def _boot(self) -> None:
        self._firmware = EmulatedFirmware(self.options.firmware)
        self._boot_s = time.monotonic()
        self._dead = self._stalled = False
        self._start_s = None
        self._received = b""
        self._cli.write(self._firmware.banner.encode("ascii"))

    def _serve_cli(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                plugged = self._cli.is_plugged
                data = self._cli.read(0) if plugged else b""
            if not data:
                self._closing.wait(_POLL_S if plugged else 2 * _POLL_S)
                continue
            with self._lock:
                if not self._dead:
                    self._take(data)

    def _take(self, data: bytes) -> None:
        *lines, self._received = (self._received + data.replace(b"\r", b"\n")).split(b"\n")
        for line in lines:
            self._cli.write(line + b"\n")
            self._execute(line.decode("latin-1"))

    def _execute(self, line: str) -> None:
        before = self._firmware.state
        try:
            reply = self._firmware.execute(line)
        except FirmwareAssertionError as error:
            self.fail(str(error))
            return
        after = self._firmware.state
        if after is SensorState.STARTED and before is not SensorState.STARTED:
            if before is SensorState.INIT:
                self._closing.wait(self.options.calibration_s)
            self._begin()
        elif after is not SensorState.STARTED:
            self._start_s = None
        self._cli.write(reply.encode("latin-1"))
        if line.startswith("configDataPort") and line.split()[-1] == "1":
            self._data.write(b"\xff" * 16)

    def _begin(self) -> None:
        self._frame_number = 0
        self._stalled = self._silent_starts > 0
        self._silent_starts = max(self._silent_starts - 1, 0)
        self._start_s = time.monotonic()

    def _serve_data(self) -> None:
        due_s: float | None = None
        started_s: float | None = None
        while not self._closing.is_set():
            with self._lock:
                period_s = self._firmware.period_s
                if self._start_s != started_s:
                    started_s = self._start_s
                    due_s = None if started_s is None else started_s + period_s
            if due_s is None:
                self._closing.wait(_POLL_S)
                continue
            build_s = due_s + self.options.processing_s
            # Short waits, so that a stop or a restart in between is noticed.
            if self._closing.wait(min(max(build_s - time.monotonic(), 0.0), _POLL_S)):
                return
            if time.monotonic() >= build_s:
                self._send_frame(started_s, build_s)
                due_s += period_s

    def _send_frame(self, started_s: float | None, build_s: float) -> None:
        with self._lock:
            if self._start_s != started_s or started_s is None or self._stalled:
                return
            self._frame_number += 1
            packet = self._packet(self._frame_number, build_s, build_s - started_s)
            if self._damages:
                packet = self._damages.popleft()(packet, self._random)
            baud = self._firmware.data_baud
            self._frames_sent += 1
        step = max(int(baud / BITS_PER_BYTE * CHUNK_S), 1)
        for index, start in enumerate(range(0, len(packet), step), start=1):
            with self._lock:
                if self._start_s != started_s:
                    return
                self._data.write(packet[start : start + step])
            self._closing.wait(max(build_s + index * CHUNK_S - time.monotonic(), 0.0))

    def _packet(self, number: int, build_s: float, time_s: float) -> bytes:
        points = self._scene(number, time_s)
        statistics = FrameStatistics(
            int(self.options.processing_s * 1e6), 20 * len(points), 70_000, 20, 25, 5
        )
        time_ms = int((build_s - self._boot_s) * 1e3)
        blocks = [
            *point_tlvs(points),
            statistics_tlv(statistics),
            temperature_tlv(time_ms, self.options.temperature_deg_c),
        ]
        cycles = int((build_s - self._boot_s) * CPU_CLOCK_HZ)
        return encode_packet(HeaderFormat.OUT_OF_BOX, number, blocks, cpu_cycles=cycles)
