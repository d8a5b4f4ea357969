"""Which arguments a launch file takes, for ``--show-args``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gait_reid_launch.context import Context
from gait_reid_launch.document import Element, read
from gait_reid_launch.errors import LaunchError
from gait_reid_launch.substitutions import substitute


@dataclass(frozen=True)
class Argument:
    """One declared argument.

    Attributes:
        name: as in ``name:=value``.
        description: what it means.
        default: its value when it is not given, substitutions unmade; None if it must be given.
        choices: the allowed values; any when empty.
        conditional: whether it is declared only under some condition.
    """

    name: str
    description: str
    default: str | None
    choices: tuple[str, ...]
    conditional: bool


def declared_arguments(file: Path, environment: Mapping[str, str]) -> list[Argument]:
    """The arguments of a file and of those that it includes, the first of each name.

    A file whose name depends on what is only known later is left out.
    """
    found: dict[str, Argument] = {}
    for argument in _declared(read(file), Context(environment, file, file.parent), False):
        found.setdefault(argument.name, argument)
    return list(found.values())


def show(arguments: list[Argument]) -> str:
    """The arguments as a text to read."""
    if not arguments:
        return "Arguments (pass arguments as '<name>:=<value>'):\n\n  No arguments."
    lines = ["Arguments (pass arguments as '<name>:=<value>'):"]
    for argument in arguments:
        lines += ["", f"    '{argument.name}':{'*' if argument.conditional else ''}"]
        allowed = f" Valid choices are: {list(argument.choices)}" if argument.choices else ""
        lines.append(f"        {argument.description}{allowed}")
        if argument.default is not None:
            lines.append(f"        (default: {argument.default!r})")
    if any(argument.conditional for argument in arguments):
        lines += ["", "* argument(s) which are only used if specific conditions occur"]
    return "\n".join(lines)


def _declared(parent: Element, context: Context, conditional: bool) -> Iterator[Argument]:
    for element in parent.children:
        depends = conditional or not {"if", "unless"}.isdisjoint(element.attributes)
        if element.tag == "arg":
            yield Argument(
                name=element.require("name"),
                description=element.get("description", "no description given"),
                default=element.get("default"),
                choices=tuple(choice.require("value") for choice in element.take("choice")),
                conditional=depends,
            )
        elif element.tag == "group":
            yield from _declared(element, context, depends)
        elif element.tag == "include":
            yield from _declared_by_include(element, context, depends)


def _declared_by_include(
    element: Element, context: Context, conditional: bool
) -> Iterator[Argument]:
    try:
        file = Path(substitute(element.require("file"), context))
        root = read(file)
    except LaunchError:
        return
    given = {argument.require("name") for argument in element.take("arg")}
    with context.inside(file):
        for argument in _declared(root, context, conditional):
            if argument.name not in given:
                yield argument
