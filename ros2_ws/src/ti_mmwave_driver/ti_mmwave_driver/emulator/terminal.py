"""A UART on a pseudo terminal, under a path that stays the same."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import tty
from pathlib import Path


class EmulatedUart:
    """One end of a pseudo terminal; the other end is found through a symbolic link.

    Args:
        link: Path under which the port appears while it is plugged in.
    """

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master = -1
        self._slave = -1

    @property
    def is_plugged(self) -> bool:
        """Whether the port exists."""
        return self._master >= 0

    def plug(self) -> None:
        """Make the port appear."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        temporary = self.link.with_name(self.link.name + ".new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.ttyname(self._slave))
        temporary.replace(self.link)

    def unplug(self) -> None:
        """Make the port disappear; whoever has it open gets an input/output error."""
        self.link.unlink(missing_ok=True)
        for descriptor in (self._slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1

    def read(self, timeout_s: float) -> bytes:
        """What the host wrote; empty when nothing came in time."""
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        if not ready:
            return b""
        try:
            return os.read(self._master, 4096)
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        """Send bytes; what does not fit into a full buffer is lost, as on a real line."""
        with contextlib.suppress(BlockingIOError, OSError):
            return os.write(self._master, data)
        return 0
