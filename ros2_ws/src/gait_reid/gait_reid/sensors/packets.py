"""Packets of a sensor, from the network or from a capture file."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

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
        stamp_ns: Arrival at the computer that listens or that captured it, Unix time.
        payload: What was sent.
    """

    stamp_ns: int
    payload: bytes


class PacketSource(Protocol):
    """Where packets come from; ``overflowed`` counts those that the system had to throw away."""

    live: bool
    ended: bool
    overflowed: int

    @property
    def name(self) -> str:
        """Source in words."""

    def open(self) -> None:
        """Start; raises `SourceError`."""

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet, or None when none came in time or there are no more."""

    def close(self) -> None:
        """Release port or file."""


class UdpReceiver:
    """Receives packets from the network, with the kernel's time stamps and count of losses."""

    live = True
    ended = False

    def __init__(self, sensor: str, port: int) -> None:
        """Prepare.

        Args:
            sensor: Address of the sensor; packets from elsewhere are not taken. Empty: anywhere.
            port: UDP port.
        """
        self.sensor, self.port = sensor, port
        self.overflowed = 0
        self._socket: socket.socket | None = None

    @property
    def name(self) -> str:
        """Port and sensor in words."""
        return f"udp port {self.port} ({self.sensor or 'any sensor'})"

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
            udp.bind(("", self.port))
        except OSError as error:
            udp.close()
            raise self._refusal(error) from error
        self._socket = udp

    def _refusal(self, error: OSError) -> SourceError:
        port = self.port
        if error.errno == errno.EADDRINUSE:
            holder = _holder_of(port) or f"see who with 'ss -ulpn sport = :{port}'"
            fix = (
                f"is in use ({holder}); stop that program, or send to another port and set ip_port"
            )
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
            if not self.sensor or sender[0] == self.sensor:
                return Packet(stamp_ns, payload)
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
    for entry in map(Path, glob.iglob("/proc/[0-9]*/fd/*")):
        # Files are opened and closed, and processes end, while this looks.
        with contextlib.suppress(OSError):
            if os.readlink(entry) in inodes:
                process = entry.parents[1]
                return f"by {(process / 'comm').read_text().strip()}, process {process.name}"
    return ""


class PcapReader:
    """Reads the packets of a capture file, as fast as they are asked for."""

    live = False
    overflowed = 0

    def __init__(self, path: str, port: int = 0) -> None:
        """Prepare; ``port`` 0 takes the packets to every port."""
        self.path = path
        self.ended = False
        self._port = port
        self._packets: Iterator[UdpPacket] = iter(())
        self._next: UdpPacket | None = None

    @property
    def name(self) -> str:
        """File in words."""
        return f"pcap file {self.path}"

    def open(self) -> None:
        """Open the file at its first packet.

        Raises:
            SourceError: The file is missing, no capture, or holds no packet of the sensor.
        """
        self.ended = False
        self._packets = (p for p in read_udp(self.path) if self._port in (0, p.port))
        self._next = next(self._packets, None)
        if self._next is None:
            wanted = f"no UDP packets to port {self._port}" if self._port else "no UDP packets"
            fix = f"holds {wanted}; see 'tcpdump -nr FILE', and set ip_port to the port shown there"
            raise SourceError("pcap file", self.path, fix)

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet, or None at the end.

        Raises:
            SourceError: The file is cut off or damaged here; it has ended then.
        """
        packet, self._next = self._next, None
        if packet is None:
            self.ended = True  # and stays so when the file is damaged here
            packet = next(self._packets, None)
            self.ended = packet is None
        return None if packet is None else Packet(packet.stamp_ns, packet.payload)

    def close(self) -> None:
        """Release the file."""
        self._packets, self._next = iter(()), None
