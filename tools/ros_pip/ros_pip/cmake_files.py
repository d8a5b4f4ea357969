"""Repairs paths of the wheels' build machine in their exported CMake files.

The wheels were built in a manylinux container, and their CMake exports name its Python headers
(``/opt/python/cp311-cp311/include/python3.11``) and its numpy headers.
"""

from __future__ import annotations

import re
from pathlib import Path

_FOREIGN_PREFIX = r"/opt/python/cp\d+-cp\d+t?"
_PYTHON_HEADERS = re.compile(_FOREIGN_PREFIX + r"/include/python\d+\.\d+t?")
_SITE_PACKAGES = re.compile(_FOREIGN_PREFIX + r"/lib/python\d+\.\d+t?/site-packages")


def repair(text: str, python_headers: Path, site_packages: Path) -> str:
    """The text with both foreign folders replaced by the environment's own."""
    text = _PYTHON_HEADERS.sub(lambda _: str(python_headers), text)
    return _SITE_PACKAGES.sub(lambda _: str(site_packages), text)


def repair_tree(share: Path, python_headers: Path, site_packages: Path) -> int:
    """Repairs every ``*.cmake`` file below ``share`` and returns how many were changed.

    A repaired file is a new one in the place of the old: an installer may have hard-linked the old
    one to its cache, which other environments are made from.
    """
    changed = 0
    for path in share.rglob("*.cmake"):
        before = path.read_text()
        after = repair(before, python_headers, site_packages)
        if after != before:
            path.unlink()
            path.write_text(after)
            changed += 1
    return changed
