"""Profiles: the command files that configure the radar, as the firmware reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMENT = "%"


@dataclass(frozen=True)
class ProfileCommand:
    """One command of a profile.

    Attributes:
        line_number: Line in the file, from 1.
        text: The line without surrounding blanks.
    """

    line_number: int
    text: str

    @property
    def name(self) -> str:
        """First word."""
        return self.text.split(None, 1)[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Words after the name."""
        return tuple(self.text.split()[1:])

    def number(self, index: int) -> float:
        """Argument ``index`` as a number, NaN when it is missing or not one."""
        try:
            return parse_number(self.arguments[index])
        except (IndexError, ValueError):
            return math.nan

    def integer(self, index: int) -> int:
        """Argument ``index`` cut to an integer as the firmware's ``atoi`` does, 0 when not one."""
        value = self.number(index)
        return int(value) if math.isfinite(value) else 0


@dataclass(frozen=True)
class Profile:
    """A profile as an ordered list of commands, comments and empty lines left out."""

    commands: tuple[ProfileCommand, ...]
    name: str = "profile"

    def __iter__(self) -> Iterator[ProfileCommand]:
        return iter(self.commands)

    def __len__(self) -> int:
        return len(self.commands)

    def all(self, name: str) -> tuple[ProfileCommand, ...]:
        """Every command of that name, in order."""
        return tuple(command for command in self.commands if command.name == name)

    def last(self, name: str) -> ProfileCommand | None:
        """The last command of that name, which is the one that counts."""
        found = self.all(name)
        return found[-1] if found else None

    def has(self, *names: str) -> bool:
        """Whether any of these commands occurs."""
        return any(command.name in names for command in self.commands)


def parse_number(word: str) -> float:
    """A decimal or 0x-hexadecimal number.

    Raises:
        ValueError: The word is not a finite number.
    """
    value = float(int(word, 16)) if word.lower().startswith("0x") else float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word!r} is not a finite number")
    return value


def parse_profile(text: str, name: str = "profile") -> Profile:
    """Split a profile into commands.

    Args:
        text: Content of a .cfg file.
        name: How messages call it.
    """
    commands = []
    for line_number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(COMMENT):
            commands.append(ProfileCommand(line_number, stripped))
    return Profile(tuple(commands), name)


def read_profile(path: Path) -> Profile:
    """Read a profile from a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not text or holds no command.
    """
    try:
        profile = parse_profile(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from None
    if not profile.commands:
        raise ValueError(f"{path} holds no command")
    return profile
