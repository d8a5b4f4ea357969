"""Packets of a sensor, from the network or from a capture file."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.pcap import UdpPacket, read_udp

RECEIVE_BUFFER_BYTES = 8 << 20
MAX_PACKET_BYTES = 65535
# Linux, asm-generic/socket.h; other systems simply do not deliver these.
_SO_TIMESTAMPNS = 35
_SO_RXQ_OVFL = 40


class Packet(NamedTuple):
    """One datagram.

    Attributes:
        host_ns: Arrival on this computer, Unix nanoseconds; for a recording the time of playing.
        recorded_ns: Time of capture; equal to ``host_ns`` for a live sensor.
        payload: What was sent.
    """

    host_ns: int
    recorded_ns: int
    payload: bytes


@dataclass(frozen=True)
class UdpAddress:
    """Where packets are received.

    Attributes:
        sensor: Address of the sensor; packets from elsewhere are not taken. Empty: from anywhere.
        port: UDP port.
    """

    sensor: str
    port: int


class UdpReceiver:
    """Receives packets from the network, with the kernel's time stamps and count of losses."""

    live = True
    finished = False

    def __init__(self, address: UdpAddress) -> None:
        self.address = address
        self.overflowed = 0
        self._socket: socket.socket | None = None

    @property
    def name(self) -> str:
        """Port and sensor in words."""
        return f"udp port {self.address.port} ({self.address.sensor or 'any sensor'})"

    def open(self) -> None:
        """Bind the port.

        Raises:
            SourceError: The port is in use or may not be used.
        """
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            for option in (_SO_TIMESTAMPNS, _SO_RXQ_OVFL):
                udp.setsockopt(socket.SOL_SOCKET, option, 1)
            udp.bind(("", self.address.port))
        except OSError as error:
            udp.close()
            raise self._refusal(error) from error
        self._socket = udp

    def _refusal(self, error: OSError) -> SourceError:
        port = self.address.port
        if error.errno == errno.EADDRINUSE:
            holder = _holder_of(port) or f"see who with 'ss -ulpn sport = :{port}'"
            fix = f"is in use ({holder}); stop that program, or send to another port and set ip_port"
        elif error.errno == errno.EACCES:
            fix = "needs administrator rights; let the sensor send to a port above 1023"
        else:
            fix = f"{error.strerror}; see 'ip address'"
        return SourceError("udp port", port, fix)

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet, or None when none came in time."""
        if self._socket is None:
            return None
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0.0:
            try:
                self._socket.settimeout(left_s)
                payload, extras, _, sender = self._socket.recvmsg(MAX_PACKET_BYTES, 128)
            except OSError:  # time-out, or closed by another thread
                return None
            stamp_ns = self._extras(extras)
            if not self.address.sensor or sender[0] == self.address.sensor:
                return Packet(stamp_ns, stamp_ns, payload)
        return None

    def _extras(self, extras: list[tuple[int, int, bytes]]) -> int:
        stamp_ns = time.time_ns()
        for level, kind, data in extras:
            if level != socket.SOL_SOCKET:
                continue
            if kind == _SO_TIMESTAMPNS and len(data) >= 16:
                seconds, nanoseconds = struct.unpack("@qq", data[:16])
                stamp_ns = seconds * 1_000_000_000 + nanoseconds
            elif kind == _SO_RXQ_OVFL and len(data) >= 4:
                self.overflowed = struct.unpack("@I", data[:4])[0]
        return stamp_ns

    def close(self) -> None:
        """Release the port."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _holder_of(port: int) -> str:
    """Return the process that holds a UDP port, as far as this user may see it."""
    inodes = set()
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        columns = (line.split() for line in lines)
        inodes |= {f"socket:[{c[9]}]" for c in columns if c[1].endswith(f":{port:04X}")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(entry) in inodes for entry in (process / "fd").iterdir()):
                return f"by {(process / 'comm').read_text().strip()}, process {process.name}"
        except OSError:
            continue
    return ""


class PcapPlayer:
    """Plays the packets of a capture file at the pace at which they were recorded."""

    live = False
    overflowed = 0

    def __init__(self, path: str, port: int = 0, rate: float = 1.0, loop: bool = False) -> None:
        self.path = path
        self.finished = False
        self.loops = 0
        self._port, self._rate, self._loop = port, rate, loop
        self._packets: Iterator[UdpPacket] = iter(())
        self._next: UdpPacket | None = None
        self._first_ns = 0
        self._started_ns = 0

    @property
    def name(self) -> str:
        """File in words."""
        return f"pcap file {self.path}"

    def open(self) -> None:
        """Open the file at its first packet.

        Raises:
            SourceError: The file is missing, no capture, or holds no packet of the sensor.
        """
        self.finished = False
        self._rewind()
        if self._next is None:
            wanted = f"no UDP packets to port {self._port}" if self._port else "no UDP packets"
            fix = f"holds {wanted}; see 'tcpdump -nr FILE', and set ip_port to the port shown there"
            raise SourceError("pcap file", self.path, fix)

    def _rewind(self) -> None:
        packets = read_udp(self.path)
        self._packets = (p for p in packets if not self._port or p.port == self._port)
        self._next = next(self._packets, None)
        self._first_ns = self._next.stamp_ns if self._next is not None else 0
        self._started_ns = time.time_ns()

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet when its time has come.

        Raises:
            SourceError: The file is cut off or damaged here; it counts as finished.
        """
        packet = self._next
        if packet is None:
            self.finished = True
            return None
        due_ns = self._due_ns(packet)
        wait_s = (due_ns - time.time_ns()) / 1e9 if self._rate > 0.0 else 0.0
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            return None
        if wait_s > 0.0:
            time.sleep(wait_s)
        self._advance()
        return Packet(due_ns if self._rate > 0.0 else time.time_ns(), packet.stamp_ns, packet.payload)

    def _due_ns(self, packet: UdpPacket) -> int:
        pace = self._rate if self._rate > 0.0 else 1.0
        return self._started_ns + int((packet.stamp_ns - self._first_ns) / pace)

    def _advance(self) -> None:
        try:
            self._next = next(self._packets, None)
        except SourceError:
            self._next = None
            self.finished = not self._loop
            if self._loop:
                self._rewind()
            raise
        if self._next is None and self._loop:
            self.loops += 1
            self._rewind()

    def close(self) -> None:
        """Release the file."""
        self._packets, self._next = iter(()), None
