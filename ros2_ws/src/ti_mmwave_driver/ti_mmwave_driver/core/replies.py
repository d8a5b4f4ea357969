r"""Replies of the firmware's command line, told apart by tokens.

The firmware echoes what it receives, ends its lines with ``\n\r`` and closes every reply with
the prompt ``mmwDemo:/>`` without a line end, so that the prompt of one reply is glued to the echo
of the next. Source: ``cli.c`` and ``mmw_cli.c`` of mmWave SDK 3.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

PROMPT = "mmwDemo:/>"
_MAX_PENDING_CHARACTERS = 4096
_ERROR = re.compile(r"^Error\s+(-?\d+)$")
_NOT_RECOGNIZED = "is not recognized as a CLI command"
_EXCEPTION = re.compile(r"Exception:\s*(.*)")
_BANNER = re.compile(r"xWR\w+ MMW Demo \S+")


class Outcome(Enum):
    """How a command ended."""

    DONE = "done"
    ERROR = "error"
    NOT_RECOGNIZED = "not recognized"
    SKIPPED = "skipped"
    PROMPT_ONLY = "prompt only"


@dataclass(frozen=True)
class CommandReply:
    """Reply to one command.

    Attributes:
        command: What was sent.
        outcome: How it ended.
        lines: Every line of the reply but the echo.
        error_code: The number behind ``Error``, ``None`` without one.
    """

    command: str
    outcome: Outcome
    lines: tuple[str, ...]
    error_code: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the firmware took the command."""
        return self.outcome not in (Outcome.ERROR, Outcome.NOT_RECOGNIZED)

    @property
    def ignored(self) -> str | None:
        """The firmware's reason for not applying the command although it says Done."""
        return next((line for line in self.lines if line.startswith("Ignored")), None)

    @property
    def text(self) -> str:
        """The lines in one."""
        return "; ".join(self.lines)


class DeviceEventKind(Enum):
    """What the firmware says unasked."""

    EXCEPTION = "exception"
    RESTART = "restart"


@dataclass(frozen=True)
class DeviceEvent:
    """Something that the firmware said unasked."""

    kind: DeviceEventKind
    text: str


@dataclass
class TokenSplitter:
    """Cuts the byte stream into lines and prompts."""

    _pending: str = field(default="", init=False)

    def feed(self, data: bytes) -> list[str]:
        """Return the tokens that these bytes completed; a prompt is a token of its own."""
        text = self._pending + data.decode("latin-1")
        tokens: list[str] = []
        *complete, rest = re.split(r"[\r\n]+", text)
        for line in complete:
            tokens += _split_prompts(line)
        *prompts, rest = rest.split(PROMPT)
        for before in prompts:
            tokens += [*_split_prompts(before), PROMPT]
        self._pending = rest[-_MAX_PENDING_CHARACTERS:]
        return tokens

    def clear(self) -> None:
        """Forget an unfinished line."""
        self._pending = ""


def _split_prompts(line: str) -> list[str]:
    parts = line.split(PROMPT)
    tokens: list[str] = []
    for index, part in enumerate(parts):
        if index:
            tokens.append(PROMPT)
        if part.strip():
            tokens.append(part.strip())
    return tokens


def device_event(token: str) -> DeviceEvent | None:
    """Recognise what the firmware says unasked."""
    if _EXCEPTION.search(token):
        return DeviceEvent(DeviceEventKind.EXCEPTION, token)
    if _BANNER.search(token):
        return DeviceEvent(DeviceEventKind.RESTART, token)
    return None


class ReplyCollector:
    """Collects the tokens of one reply until it is complete.

    Args:
        command: The command that was sent; empty for a bare line end.
    """

    def __init__(self, command: str) -> None:
        self._command = " ".join(command.split())
        self._echo_seen = not self._command
        self._lines: list[str] = []

    def add(self, token: str) -> CommandReply | None:
        """Take the next token; the reply once it is complete."""
        if token == PROMPT:
            return self._finish(Outcome.PROMPT_ONLY) if self._echo_seen else None
        if not self._echo_seen and " ".join(token.split()) == self._command:
            self._echo_seen = True
            return None
        self._lines.append(token)
        if token == "Done":
            return self._finish(Outcome.DONE)
        if token == "Skipped":
            return self._finish(Outcome.SKIPPED)
        if _NOT_RECOGNIZED in token:
            return self._finish(Outcome.NOT_RECOGNIZED)
        error = _ERROR.match(token)
        if error:
            return self._finish(Outcome.ERROR, int(error.group(1)))
        return None

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines so far."""
        return tuple(self._lines)

    def _finish(self, outcome: Outcome, error_code: int | None = None) -> CommandReply:
        return CommandReply(self._command, outcome, tuple(self._lines), error_code)
