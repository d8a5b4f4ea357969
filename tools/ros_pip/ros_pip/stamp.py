"""Stamps: small JSON files that say what a folder was made from.

A stamp is removed before its folder is changed and written when the change is complete, so an
interrupted step is repeated and never taken for done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest(parts: Iterable[str | bytes]) -> str:
    """SHA-256 over parts, each with its length, so that no two sequences collide by joining."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()


def read(path: Path) -> dict[str, Any]:
    """The stamp's content, or an empty dictionary when there is none that can be read."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes a stamp so that a reader sees the old one or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)
