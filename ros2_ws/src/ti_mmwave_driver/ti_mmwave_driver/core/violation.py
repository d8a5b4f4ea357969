"""What a check of a profile can find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ti_mmwave_driver.core.profile import ProfileCommand


class Severity(Enum):
    """ERROR: the board refuses the profile, fails or sees nothing. WARNING: it runs, but look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Violation:
    """One broken rule.

    Attributes:
        rule: Name of the rule.
        message: What is wrong, with the value and what is allowed.
        line_number: Line of the file, ``None`` when a command is missing.
        severity: Whether the profile can be used all the same.
    """

    rule: str
    message: str
    line_number: int | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = "" if self.line_number is None else f"line {self.line_number}: "
        return f"{self.severity.value}: {where}{self.message} [{self.rule}]"


def error(rule: str, message: str, command: ProfileCommand | None = None) -> Violation:
    """An error at a command."""
    line_number = None if command is None else command.line_number
    prefix = "" if command is None else f"{command.name}: "
    return Violation(rule, prefix + message, line_number)


def warning(rule: str, message: str, command: ProfileCommand | None = None) -> Violation:
    """A warning at a command."""
    found = error(rule, message, command)
    return Violation(found.rule, found.message, found.line_number, Severity.WARNING)
