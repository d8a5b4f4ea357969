"""What can be wrong with a recording."""

from __future__ import annotations

from pathlib import Path


class BagError(ValueError):
    """A recording that cannot be used, with the thing, what is wrong with it and what to do.

    Attributes:
        thing: File, folder or topic that the error is about.
        problem: What was found.
        fix: What the user can do.
    """

    def __init__(self, thing: Path | str, problem: str, fix: str) -> None:
        super().__init__(f"{thing}: {problem}; {fix}")
        self.thing = str(thing)
        self.problem = problem
        self.fix = fix


class BagDamagedError(BagError):
    """A recording that ends early or is broken inside; everything readable was delivered before.

    Attributes:
        num_readable: Messages that were delivered before this was raised.
    """

    def __init__(self, thing: Path | str, problem: str, fix: str, num_readable: int) -> None:
        super().__init__(thing, f"{problem}; {num_readable} messages were readable", fix)
        self.num_readable = num_readable


class StorageDamagedError(Exception):
    """One file of a recording is broken from here on; raised by storages, handled by the reader."""
