"""A one-slot mailbox: the newest item wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands the newest item from a callback to a worker thread.

    A queue lets results grow older than the sensor's period as soon as the worker is slower than
    the input; one slot bounds the age by one processing time plus one period.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._full = False
        self._closed = False

    def put(self, item: T) -> bool:
        """Store ``item`` and return whether an older one that nobody took was overwritten.

        Raises:
            RuntimeError: The mailbox was closed.
        """
        return bool(self.exchange(item))

    def exchange(self, item: T) -> tuple[T, ...]:
        """Store ``item`` and return the older one that nobody took, if there was one.

        Raises:
            RuntimeError: The mailbox was closed.
        """
        with self._condition:
            if self._closed:
                raise RuntimeError("put into a closed mailbox")
            overwritten = self._content()
            self._item, self._full = item, True
            self._condition.notify()
            return overwritten

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item and return it; None after ``timeout_s`` or when the mailbox closes."""
        with self._condition:
            self._condition.wait_for(lambda: self._full or self._closed, timeout_s)
            if not self._full:
                return None
            item, self._item, self._full = self._item, None, False
            return item

    def close(self) -> tuple[T, ...]:
        """Wake the worker, refuse further items and return the one that is thrown away, if any."""
        with self._condition:
            discarded = self._content()
            self._item, self._full, self._closed = None, False, True
            self._condition.notify_all()
            return discarded

    def _content(self) -> tuple[T, ...]:
        return (self._item,) if self._full else ()  # type: ignore[return-value]

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def __len__(self) -> int:
        return int(self._full)
