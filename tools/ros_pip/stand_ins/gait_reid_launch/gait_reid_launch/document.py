"""Reads an XML launch file into elements that know their line and which attributes were used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, overload
from xml.parsers import expat

from gait_reid_launch.errors import LaunchError

T = TypeVar("T", bound=float)


@dataclass
class Element:
    """One XML element.

    Attributes:
        tag: the element's name.
        attributes: attribute name to text.
        file: the launch file.
        line: line of the start tag, from 1.
        children: nested elements, in order.
    """

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list[Element] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def error(self, text: str) -> LaunchError:
        """An error that says where it happened."""
        return LaunchError(f"{self.file}:{self.line}: <{self.tag}>: {text}", located=True)

    @overload
    def get(self, name: str, default: str) -> str: ...

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """An attribute's text, or the default."""
        self.used.add(name)
        return self.attributes.get(name, default)

    def require(self, name: str) -> str:
        """An attribute's text.

        Raises:
            LaunchError: it is not there.
        """
        text = self.get(name)
        if text is None:
            raise self.error(f"attribute {name!r} is missing")
        return text

    def number(self, name: str, kind: type[T]) -> T | None:
        """An attribute as a number, which is not negative if it is a time.

        Raises:
            LaunchError: it is no such number.
        """
        text = self.get(name)
        if text is None:
            return None
        try:
            value = kind(text)
        except ValueError:
            raise self.error(f"{name}={text!r} is not {kind.__name__}") from None
        if kind is float and not value >= 0:
            raise self.error(f"{name}={text!r} is negative")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """An attribute as a truth value.

        Raises:
            LaunchError: it is neither true nor false.
        """
        text = self.get(name)
        return default if text is None else self.truth(text, name)

    def truth(self, text: str, name: str) -> bool:
        """The truth value that a text stands for: true or 1, false or 0, in any case.

        Raises:
            LaunchError: it is none of these.
        """
        lowered = text.strip().lower()
        if lowered not in ("true", "1", "false", "0"):
            raise self.error(f"{name}: {text!r} is none of true, 1, false, 0")
        return lowered in ("true", "1")

    def take(self, tag: str) -> list[Element]:
        """The nested elements of one name."""
        self.used.add(f"<{tag}>")
        return [child for child in self.children if child.tag == tag]

    def take_all(self) -> list[Element]:
        """All nested elements."""
        self.used.update(f"<{child.tag}>" for child in self.children)
        return self.children

    def check_all_used(self) -> None:
        """Raises LaunchError for an attribute or a nested element that means nothing here."""
        unknown = sorted(set(self.attributes) - self.used)
        if unknown:
            raise self.error(f"unexpected attribute {', '.join(map(repr, unknown))}")
        tags = {f"<{child.tag}>" for child in self.children} - self.used
        if tags:
            raise self.error(f"unexpected nested {', '.join(sorted(tags))}")


def read(path: Path) -> Element:
    """Reads a launch file and returns its root element, ``<launch>``.

    Raises:
        LaunchError: the file cannot be read, is no XML, or is no launch file.
    """
    if not path.name.endswith(".xml"):
        raise LaunchError(f"{path}: only XML launch files can be run without ROS 2's launch")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LaunchError(f"{path}: {error.strerror}") from error
    root = _parse(data, path)
    if root.tag != "launch":
        raise root.error("the root of a launch file is <launch>")
    return root


def _parse(data: bytes, path: Path) -> Element:
    parser = expat.ParserCreate()
    top = Element("", {}, path, 0)
    stack = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, path, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise LaunchError(f"{path}:{error.lineno}: {expat.ErrorString(error.code)}") from error
    return top.children[0]
