"""A thread that reads a live sensor and keeps the newest frame only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gait_reid_common.mailbox import Mailbox

T = TypeVar("T")


class NewestFrame(Generic[T]):
    """Calls ``grab`` in a loop until it fails or the reader is closed.

    Attributes:
        overwritten: Frames that nobody took before the next one came.
        failed: Whether ``grab`` returned None: the device is gone.
    """

    def __init__(self, grab: Callable[[], tuple[T, int] | None]) -> None:
        self.overwritten = 0
        self.failed = False
        self._grab = grab
        self._stop = threading.Event()
        self._slot: Mailbox[tuple[T, int]] = Mailbox()
        # A driver that hangs in a read must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="camera reader", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> tuple[T, int] | None:
        """Return the newest frame and its stamp, or None when none came in time."""
        return self._slot.take(timeout_s)

    def close(self) -> bool:
        """Stop the thread and return whether it has ended; a read at work has five seconds."""
        self._stop.set()
        self._slot.close()
        self._thread.join(5.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            item = self._grab()
            if item is None:
                self.failed = True
                self._slot.close()
                return
            try:
                self.overwritten += self._slot.put(item)
            except RuntimeError:
                return  # closed meanwhile
