"""The ``$(name arguments)`` expressions of launch files.

Arguments are separated by spaces and may be quoted and nested; a backslash takes the next character
as it is.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)

from gait_reid_launch.comparison import evaluate
from gait_reid_launch.context import Context
from gait_reid_launch.errors import LaunchError

_TRUE, _FALSE = ("true", "1"), ("false", "0")


def substitute(text: str, context: Context) -> str:
    """The text with every substitution in it replaced.

    Raises:
        LaunchError: a substitution is malformed, unknown, or has no value.
    """
    return _Scanner(text, context).template()


def expand_words(text: str, context: Context) -> list[str]:
    """Splits a command line at its spaces, as a shell would, and substitutes in each word.

    What a substitution brings is not split, and therefore stands outside quotes, as upstream.

    Raises:
        LaunchError: as with ``substitute``; or a quote is not closed.
    """
    return _Scanner(text, context).words()


def package_executable(package: str, executable: str) -> str:
    """The path of an executable that a package installs.

    Raises:
        LaunchError: there is no such package, or it installs no such executable.
    """
    folder = Path(_package(get_package_prefix, package)) / "lib" / package
    path = shutil.which(executable, path=str(folder))
    if path is None:
        present = sorted(entry.name for entry in folder.glob("*")) if folder.is_dir() else []
        raise LaunchError(
            f"package {package!r} has no executable {executable!r} in {folder}; "
            f"it has: {', '.join(present) or 'none'}"
        )
    return path


def package_share(package: str) -> str:
    """The folder of data files that a package installs.

    Raises:
        LaunchError: there is no such package.
    """
    return _package(get_package_share_directory, package)


def _package(look_up: Callable[[str], str], package: str) -> str:
    try:
        return look_up(package)
    except (PackageNotFoundError, ValueError) as error:
        raise LaunchError(f"package {package!r} not found: is the workspace sourced?") from error


class _Scanner:
    """Reads one text from left to right."""

    def __init__(self, text: str, context: Context) -> None:
        self._text = text
        self._context = context
        self._at = 0

    def template(self) -> str:
        result = ""
        while self._at < len(self._text):
            result += self._piece()
        return result

    def words(self) -> list[str]:
        words: list[str] = []
        word, quote = "", ""
        started = False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == quote:
                quote = ""
                self._at += 1
            elif not quote and character in "'\"":
                quote, started = character, True
                self._at += 1
            elif not quote and character.isspace():
                words += [word] if started else []
                word, started = "", False
                self._at += 1
            elif quote and self._text.startswith("$(", self._at):
                raise self._malformed("a substitution is never split: put it outside the quotes")
            else:
                word += self._piece()
                started = True
        if quote:
            raise self._malformed(f"no closing {quote}")
        return [*words, word] if started else words

    def _piece(self) -> str:
        """A substitution, an escaped character, or a character."""
        if self._text.startswith("$(", self._at):
            self._at += 2
            return self._substitution()
        if self._text[self._at] == "\\" and self._at + 1 < len(self._text):
            self._at += 1
        self._at += 1
        return self._text[self._at - 1]

    def _substitution(self) -> str:
        name = self._until(" )")
        arguments: list[str] = []
        while self._peek() == " ":
            self._at += 1
            if self._peek() not in (" ", ")"):
                arguments.append(self._argument())
        if self._peek() != ")":
            raise self._malformed("no closing parenthesis")
        self._at += 1
        return _perform(name, arguments, self._context)

    def _argument(self) -> str:
        quote = self._peek()
        if quote not in ("'", '"'):
            return self._until(" )")
        self._at += 1
        value = self._until(quote)
        if self._peek() != quote:
            raise self._malformed(f"no closing {quote}")
        self._at += 1
        return value

    def _until(self, ends: str) -> str:
        value = ""
        while self._at < len(self._text) and self._text[self._at] not in ends:
            value += self._piece()
        return value

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _malformed(self, what: str) -> LaunchError:
        return LaunchError(f"{self._text!r}: {what}")


@dataclass(frozen=True)
class _Substitution:
    """A function of the context and its arguments, and how many of these it takes."""

    function: Callable[..., str]
    fewest: int
    most: int


def _var(context: Context, name: str, default: str | None = None) -> str:
    value = context.configurations.get(name, default)
    if value is None:
        known = ", ".join(sorted(context.configurations)) or "none"
        raise LaunchError(f"launch configuration {name!r} does not exist; there are: {known}")
    return value


def _env(context: Context, name: str, default: str | None = None) -> str:
    value = context.environment.get(name, default)
    if value is None:
        raise LaunchError(f"environment variable {name!r} does not exist")
    return value


def _find_exec(context: Context, name: str) -> str:
    path = shutil.which(name, path=context.environment.get("PATH"))
    if path is None:
        raise LaunchError(f"executable {name!r} not found on the PATH")
    return path


def _truth(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in _TRUE + _FALSE:
        raise LaunchError(f"{text!r} is none of true, 1, false, 0")
    return lowered in _TRUE


def _say(value: bool) -> str:
    return "true" if value else "false"


def _same(left: str, right: str) -> bool:
    """Whether two texts are equal; truth values and numbers are compared as what they stand for."""
    lowered = left.lower(), right.lower()
    if all(text in _TRUE + _FALSE for text in lowered):
        return (lowered[0] in _TRUE) == (lowered[1] in _TRUE)
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right


_SUBSTITUTIONS = {
    "var": _Substitution(_var, 1, 2),
    "env": _Substitution(_env, 1, 2),
    "find-pkg-share": _Substitution(lambda _, name: package_share(name), 1, 1),
    "find-pkg-prefix": _Substitution(lambda _, name: _package(get_package_prefix, name), 1, 1),
    "find-exec": _Substitution(_find_exec, 1, 1),
    "exec-in-pkg": _Substitution(lambda _, name, package: package_executable(package, name), 2, 2),
    "dirname": _Substitution(lambda context: str(context.file.parent), 0, 0),
    "filename": _Substitution(lambda context: str(context.file), 0, 0),
    "not": _Substitution(lambda _, value: _say(not _truth(value)), 1, 1),
    "and": _Substitution(lambda _, one, two: _say(_truth(one) and _truth(two)), 2, 2),
    "or": _Substitution(lambda _, one, two: _say(_truth(one) or _truth(two)), 2, 2),
    "eval": _Substitution(lambda _, expression: evaluate(expression), 1, 1),
    "equals": _Substitution(lambda _, one, two: _say(_same(one, two)), 2, 2),
    "not-equals": _Substitution(lambda _, one, two: _say(not _same(one, two)), 2, 2),
}


def _perform(name: str, arguments: list[str], context: Context) -> str:
    known = _SUBSTITUTIONS.get(name)
    if known is None:
        raise LaunchError(
            f"$({name} ...) cannot be used without ROS 2's launch; "
            f"there are: {', '.join(sorted(_SUBSTITUTIONS))}"
        )
    if not known.fewest <= len(arguments) <= known.most:
        raise LaunchError(f"$({name}) does not take {len(arguments)} arguments: {arguments}")
    return known.function(context, *arguments)
