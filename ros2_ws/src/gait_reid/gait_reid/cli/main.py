"""The ``gait-reid`` command.

Each command is imported when it is asked for: the start stays quick, and one missing library costs
the commands that need it and no others. Other packages add commands through the entry point group
``gait_reid.commands``: a name, and a module that holds a function called ``command``.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

_PACKAGE = "gait_reid.cli"
_GROUP = "gait_reid.commands"
_GALLERY = ("list", "forget", "merge", "export", "import", "purge", "rotate-key")
MODULES = {
    "replay": "replay",
    "enroll": "enroll",
    "play": "play",
    "record": "record",
    "demo": "demo",
    "build-engines": "engines",
    "doctor": "doctor",
    **dict.fromkeys(_GALLERY, "gallery"),
}


@cache
def modules() -> dict[str, str]:
    """Return the module of every command, those of other packages included."""
    own = {name: f"{_PACKAGE}.{module}" for name, module in MODULES.items()}
    return {**{entry.name: entry.module for entry in entry_points(group=_GROUP)}, **own}


class LazyGroup(TyperGroup):
    """Finds its commands in the modules of this package and in entry points."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(modules())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one command, or one that says which library is missing."""
        if cmd_name not in modules():
            return None
        try:
            return _load(cmd_name)
        except ImportError as error:
            return _unavailable(cmd_name, error)


def _load(name: str) -> Any:
    module = importlib.import_module(modules()[name])
    holder = typer.Typer()
    if hasattr(module, "register"):
        module.register(holder)
    else:
        holder.command(name)(module.command)
    return _only_command(holder, name)


def _unavailable(name: str, error: ImportError) -> Any:
    holder = typer.Typer()
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}

    @holder.command(name, help=f"Not available: {error}.", context_settings=settings)
    def complain() -> None:
        text = f"'{name}' needs a library that is missing: {error}; see: gait-reid doctor"
        typer.secho(f"error: {text}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1)

    return _only_command(holder, name)


def _only_command(holder: typer.Typer, name: str) -> Any:
    holder.callback()(_nothing)
    return get_group(holder).commands[name]


def _nothing() -> None:
    """Make a group of an application with one command."""


app = typer.Typer(
    name="gait-reid",
    help="Recognises people by the way they walk.",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(_nothing)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
