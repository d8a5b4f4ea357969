"""What all commands share: one console, one way to report errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer
from rich.console import Console

FAILED = 1

OUT = Console()
ERR = Console(stderr=True, highlight=False)


class CommandError(Exception):
    """A command cannot do what was asked; the message names the thing, its value and the fix."""


def report(message: str) -> None:
    """Print an error to standard error, without markup and without breaking the words of a path."""
    ERR.print("error: ", style="bold red", end="")
    ERR.print(message, markup=False, soft_wrap=True)


@contextlib.contextmanager
def reporting_errors() -> Iterator[None]:
    """End the command with one clear line for every error that a user can do something about."""
    from gait_reid.adapters.bags import BagError
    from gait_reid.core.backends.base import BackendError
    from gait_reid.core.gallery.errors import GalleryError
    from gait_reid.core.models import ModelError
    from gait_reid.sensors.base import SourceError
    from gait_reid_common.parameters import ParameterError

    expected = (
        BackendError, BagError, CommandError, GalleryError, ModelError, OSError, ParameterError,
        SourceError,
    )  # fmt: skip
    try:
        yield
    except expected as error:
        report(str(error))
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
