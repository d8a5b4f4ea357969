"""What the person at the terminal sees: one line per step, and errors that say what to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class SetupError(RuntimeError):
    """A step that cannot be done; the message names the thing and the remedy."""


def say(text: str) -> None:
    """Writes one progress line to standard error, which keeps standard output for results."""
    print(f"[setup] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announces a step before it starts, and its duration once it is done."""
    say(f"{text} ...")
    started = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - started:.0f} s")
