"""Joins and checks ROS namespaces."""

from __future__ import annotations

import re

from gait_reid_launch.errors import LaunchError

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def join(base: str | None, name: str | None) -> str | None:
    """The absolute namespace that ``name`` has below ``base``; an absolute name stands alone.

    Raises:
        LaunchError: the result is no ROS namespace.
    """
    if base is None and name is None:
        return None
    joined = name if name is not None and name.startswith("/") else f"{base or ''}/{name or ''}"
    absolute = "/" + joined.strip("/")
    tokens = absolute[1:].split("/") if absolute != "/" else []
    if not all(_TOKEN.fullmatch(token) for token in tokens):
        raise LaunchError(
            f"{absolute!r} is no ROS namespace: letters, digits and _ between slashes, "
            "no part starting with a digit"
        )
    return absolute


def check_node_name(name: str) -> None:
    """Raises LaunchError unless the text is a ROS node name."""
    if not _TOKEN.fullmatch(name):
        raise LaunchError(
            f"{name!r} is no ROS node name: letters, digits and _, not starting with a digit"
        )
