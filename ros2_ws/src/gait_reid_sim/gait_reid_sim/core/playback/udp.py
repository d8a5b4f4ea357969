"""Sends the packets of a simulated LiDAR over UDP, each at its time."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable

from gait_reid_sim.core.playback.velodyne import Packet

_GROUP_S = 0.002


class UdpSender:
    """Sends packets in a thread of its own.

    Attributes:
        sent: Packets sent.
        refused: Packets that the system did not take.

    Args:
        host: Address that packets go to.
        port: Port that packets go to.
    """

    def __init__(self, host: str, port: int) -> None:
        self.sent = self.refused = 0
        self._target = (host, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._waiting: deque[Packet] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="velodyne", daemon=True)
        self._thread.start()

    def put(self, packets: Iterable[Packet]) -> None:
        """Have packets sent at their times, which are those of `time.monotonic_ns`."""
        with self._changed:
            self._waiting.extend(packets)
            self._changed.notify()

    def clear(self) -> None:
        """Forget what was not sent yet."""
        with self._changed:
            self._waiting.clear()

    def close(self) -> None:
        """End the thread; what was not sent is forgotten."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                wait_s = self._until_next_s()
                if wait_s is None or wait_s > 0.0:
                    self._changed.wait(None if wait_s is None else max(wait_s, _GROUP_S))
                    continue
                payload = self._waiting.popleft().payload
            self._send(payload)

    def _until_next_s(self) -> float | None:
        if not self._waiting:
            return None
        return (self._waiting[0].time_ns - time.monotonic_ns()) * 1e-9

    def _send(self, payload: bytes) -> None:
        try:
            self._socket.sendto(payload, self._target)
        except OSError as error:
            if not self.refused:
                logging.getLogger(__name__).error(
                    "LiDAR packets cannot be sent to %s:%d: %s", *self._target, error
                )
            self.refused += 1
        else:
            self.sent += 1
