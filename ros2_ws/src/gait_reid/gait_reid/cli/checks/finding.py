"""What one check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """How bad it is; the worst one is the exit status."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        area: Part of the system.
        thing: What was looked at.
        severity: How bad it is.
        state: What was found.
        fix: What to do, empty when there is nothing to do.
    """

    area: str
    thing: str
    severity: Severity
    state: str
    fix: str = ""


def good(area: str, thing: str, state: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(area, thing, Severity.OK, state)


def warning(area: str, thing: str, state: str, fix: str) -> Finding:
    """Return a finding that costs something."""
    return Finding(area, thing, Severity.WARNING, state, fix)


def error(area: str, thing: str, state: str, fix: str) -> Finding:
    """Return a finding that keeps the suite from working."""
    return Finding(area, thing, Severity.ERROR, state, fix)
