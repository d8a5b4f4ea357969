"""What substitutions and actions see: configurations, environment, and the present file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAMESPACE_CONFIGURATION = "ros_namespace"


class Context:
    """The state while launch files are read, in the order of their elements.

    Attributes:
        configurations: name to value of every launch argument and ``let``.
        environment: the environment that the next process will get.
        file: the launch file that is being read.
        folder: where files for the processes may be written.
    """

    def __init__(self, environment: Mapping[str, str], file: Path, folder: Path) -> None:
        """Starts with no configurations.

        Args:
            environment: environment variables to start from.
            file: the launch file.
            folder: where files for the processes may be written.
        """
        self.configurations: dict[str, str] = {}
        self.environment = dict(environment)
        self.file = file.absolute()
        self.folder = folder

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Undoes changes of configurations and environment at its end."""
        before = dict(self.configurations), dict(self.environment)
        try:
            yield
        finally:
            self.configurations, self.environment = before

    @contextmanager
    def inside(self, file: Path) -> Iterator[None]:
        """Reads another file for a while; its configurations stay, as upstream."""
        before, self.file = self.file, file.absolute()
        try:
            yield
        finally:
            self.file = before
