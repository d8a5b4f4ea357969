"""The one error that a launch file can cause."""

from __future__ import annotations


class LaunchError(Exception):
    """Something in a launch file or on the command line that cannot be done.

    Attributes:
        located: whether the message starts with the file and line already.
    """

    def __init__(self, message: str, located: bool = False) -> None:
        """The message names the thing, its value and what is possible."""
        super().__init__(message)
        self.located = located
