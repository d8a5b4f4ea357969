"""YAML with the line of every entry, so that a mistake is named with its place."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

T = TypeVar("T")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ScenarioError(ValueError):
    """A scenario file says something that cannot be done.

    Attributes:
        line: Line of the file, from 1.
        key: Dotted name of the entry.
    """

    def __init__(self, source: str, line: int, key: str, message: str) -> None:
        super().__init__(
            f"{source}:{line}: {key}: {message}" if key else f"{source}:{line}: {message}"
        )
        self.line, self.key = line, key


@dataclass(frozen=True)
class Entry:
    """A value of a YAML file, its place, and its name.

    Attributes:
        value: Mapping of names to entries, list of entries, or a scalar.
        line: Line of the file, from 1.
        key: Dotted name.
        source: Name of the file.
    """

    value: Any
    line: int
    key: str
    source: str

    def error(self, message: str) -> ScenarioError:
        """Return an error that names this entry."""
        return ScenarioError(self.source, self.line, self.key, message)

    def fields(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Entry]:
        """Return the entries of a mapping.

        Raises:
            ScenarioError: Not a mapping, an unknown name, or a missing one.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"expected a mapping with {', '.join(sorted(known))}")
        for name, entry in self.value.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.5)
                hint = (
                    f"did you mean {near[0]!r}?"
                    if near
                    else f"known are {', '.join(sorted(known))}"
                )
                raise entry.error(f"unknown key, {hint}")
        for name in required:
            if name not in self.value:
                raise self.error(f"{name!r} is missing")
        return dict(self.value)

    def mapping(self) -> dict[str, Entry]:
        """Return the entries of a mapping of any names, at least one.

        Raises:
            ScenarioError: Not a mapping, or an empty one.
        """
        if not isinstance(self.value, dict) or not self.value:
            raise self.error(f"is {self.plain()!r}, expected a mapping of names")
        return dict(self.value)

    def items(self) -> Iterator[Entry]:
        """Return the entries of a list.

        Raises:
            ScenarioError: Not a list.
        """
        if not isinstance(self.value, list):
            raise self.error(f"expected a list, got {self.plain()!r}")
        return iter(self.value)

    def choices(self, read: Callable[[Entry], T]) -> tuple[T, ...]:
        """Return what ``read`` makes of the entries of a list: at least one, none twice.

        Raises:
            ScenarioError: Not such a list, or ``read`` refuses an entry.
        """
        values: list[T] = []
        for entry in self.items():
            value = read(entry)
            if value in values:
                raise entry.error(f"is {entry.value!r}, which the list has already")
            values.append(value)
        if not values:
            raise self.error("is an empty list, expected one entry at least")
        return tuple(values)

    def number(self, low: float = float("-inf"), high: float = float("inf")) -> float:
        """Return a number within limits.

        Raises:
            ScenarioError: Not a number, or outside.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.error(f"is {self.plain()!r}, expected a number")
        if not (low <= self.value <= high and math.isfinite(self.value)):
            finite = "a finite number" if math.isinf(low) else f"at least {low:g}"
            limits = finite if math.isinf(high) else f"{low:g} to {high:g}"
            raise self.error(f"is {self.value!r}, allowed: {limits}")
        return float(self.value)

    def integer(self, low: float, high: float = float("inf")) -> int:
        """Return a whole number within limits.

        Raises:
            ScenarioError: Not a whole number, or outside.
        """
        number = self.number(low, high)
        if number != int(number):
            raise self.error(f"is {self.value!r}, expected a whole number")
        return int(number)

    def file_name(self) -> str:
        """Return a string that can name a folder on every system.

        Raises:
            ScenarioError: Empty, or with other characters than letters, digits, ``. _ -``.
        """
        text = self.text()
        if not _FILE_NAME.fullmatch(text):
            raise self.error(
                f"is {text!r}, allowed: letters, digits, '.', '_', '-', a letter or digit first"
            )
        return text

    def text(self, allowed: Collection[str] | None = None) -> str:
        """Return a string, one of ``allowed`` if given.

        Raises:
            ScenarioError: Not a string, or not allowed.
        """
        if not isinstance(self.value, str):
            raise self.error(f"is {self.plain()!r}, expected a name")
        if allowed is not None and self.value not in allowed:
            raise self.error(f"is {self.value!r}, allowed: {', '.join(allowed)}")
        return self.value

    def flag(self) -> bool:
        """Return true or false.

        Raises:
            ScenarioError: Neither.
        """
        if not isinstance(self.value, bool):
            raise self.error(f"is {self.plain()!r}, allowed: true, false")
        return self.value

    def vector(
        self, length: int, low: float = float("-inf"), high: float = float("inf")
    ) -> tuple[float, ...]:
        """Return a list of numbers of the given length, each within limits.

        Raises:
            ScenarioError: Another length, or not such numbers.
        """
        values = tuple(entry.number(low, high) for entry in self.items())
        if len(values) != length:
            raise self.error(f"has {len(values)} numbers, expected {length}")
        return values

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {name: entry.plain() for name, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value

    def made(self, make: Callable[[], T]) -> T:
        """Return ``make()``; its ValueError becomes one that names this entry.

        Raises:
            ScenarioError: ``make`` raised ValueError.
        """
        try:
            return make()
        except ScenarioError:
            raise
        except ValueError as error:
            raise self.error(str(error)) from error


def parse(text: str, source: str) -> Entry:
    """Read YAML.

    Raises:
        ScenarioError: Not YAML, or a name given twice.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(source, line, "", f"is not YAML: {error.problem}") from error
    if node is None:
        raise ScenarioError(source, 1, "", "is empty")
    return _entry(node, "", source)


def _entry(node: yaml.Node, key: str, source: str) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Entry] = {}
        for name_node, value_node in node.value:
            name = str(name_node.value)
            full = f"{key}.{name}" if key else name
            if name in values:
                raise ScenarioError(source, name_node.start_mark.line + 1, full, "is given twice")
            child = _entry(value_node, full, source)
            values[name] = Entry(child.value, name_node.start_mark.line + 1, full, source)
        return Entry(values, line, key, source)
    if isinstance(node, yaml.SequenceNode):
        children = [_entry(child, f"{key}[{i}]", source) for i, child in enumerate(node.value)]
        return Entry(children, line, key, source)
    value = yaml.SafeLoader("").construct_object(node)
    return Entry(value, line, key, source)
