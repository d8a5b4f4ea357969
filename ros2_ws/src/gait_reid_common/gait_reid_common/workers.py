"""Worker threads behind one-slot mailboxes."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from gait_reid_common.mailbox import Mailbox

T = TypeVar("T")


class Way(Protocol[T]):
    """The way of items through a mailbox to the function that uses them."""

    mailbox: Mailbox[T]

    def work(self, item: T) -> None:
        """Use one item; called in the worker's thread."""

    def close(self) -> None:
        """Account for the item that still waits."""


class Worker(Generic[T]):
    """Calls a function with each item of a mailbox, in a thread of its own.

    An exception in the function is reported and costs that item alone.
    """

    def __init__(
        self,
        name: str,
        mailbox: Mailbox[T],
        function: Callable[[T], None],
        report_error: Callable[[str], None],
    ) -> None:
        self.name = name
        self.mailbox = mailbox
        self._function = function
        self._report_error = report_error
        # A thread that hangs in a driver must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Close the mailbox, wait for the item at work and return whether the thread has ended."""
        self.mailbox.close()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.mailbox.closed:
            item = self.mailbox.take()
            if item is None:
                continue
            try:
                self._function(item)
            except Exception:
                self._report_error(f"worker '{self.name}' failed:\n{traceback.format_exc()}")
