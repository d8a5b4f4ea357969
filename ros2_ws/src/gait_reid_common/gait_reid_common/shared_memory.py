"""Removes the shared-memory segments that killed processes have left behind.

Fast DDS keeps a segment of each participant (64 MB with this suite's profile) and a queue of each
port in ``/dev/shm``, and holds a flock on ``<name>_el`` as long as their owner lives. A process
that is killed cannot remove its own, and nobody else does: after a day of restarts they fill the
memory.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
"""Where POSIX shared memory lies on Linux (shm_open(3))."""

PROCESSES = Path("/proc")
_SEGMENT = re.compile(r"(fastrtps|fastdds)_(port\d+|[0-9a-f]{16})")
_LOCK_SUFFIX = "_el"


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Attributes:
        names: the segments, by name.
        size_bytes: their size.
        kept: abandoned segments that belong to another user, and cannot be removed.
    """

    names: tuple[str, ...]
    size_bytes: int
    kept: tuple[str, ...]


def remove_abandoned_segments(folder: Path = SHARED_MEMORY, min_age_s: float = 5.0) -> Removed:
    """Removes every segment whose owner is dead and that no process maps.

    Args:
        folder: where the segments lie.
        min_age_s: younger segments stay: their owner may be about to lock them.
    """
    mapped = _mapped_names(PROCESSES)
    newest_s = time.time() - min_age_s
    names: list[str] = []
    kept: list[str] = []
    size_bytes = 0
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if (
                status.st_mtime > newest_s
                or path.name in mapped
                or not _SEGMENT.fullmatch(path.name)
            ):
                continue
            removed = _remove_if_unlocked(path)
            if removed:
                names.append(path.name)
                size_bytes += status.st_size
            elif removed is None:
                kept.append(path.name)
    return Removed(tuple(names), size_bytes, tuple(kept))


def _remove_if_unlocked(path: Path) -> bool | None:
    """Removes a segment and its companions; False if its owner lives, None if not permitted."""
    lock = path.with_name(path.name + _LOCK_SUFFIX)
    try:
        with _locked(lock) as free:
            if free:
                path.unlink()
                lock.unlink(missing_ok=True)
                path.with_name(f"sem.{path.name}_mutex").unlink(missing_ok=True)
            return free
    except PermissionError:
        return None


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[bool]:
    """Holds the owner's lock for a moment; False if the owner holds it. No file counts as free."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _mapped_names(processes: Path) -> set[str]:
    """Names of the segments that some process maps, as far as this user may see (proc(5))."""
    names: set[str] = set()
    for maps in processes.glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            names.update(found.group() for found in _SEGMENT.finditer(maps.read_text()))
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """``gait-reid-clean-shm``: removes abandoned segments and says how much that was."""
    parser = argparse.ArgumentParser(
        prog="gait-reid-clean-shm",
        description="Removes the shared-memory segments that killed ROS 2 processes have left.",
    )
    parser.add_argument(
        "--min-age-s", type=float, default=5.0, help="leave younger segments alone (default: 5)"
    )
    # As a node of a launch file it is given ROS arguments, which mean nothing here.
    options, _ = parser.parse_known_args(arguments)
    removed = remove_abandoned_segments(min_age_s=options.min_age_s)
    print(f"removed {len(removed.names)} abandoned segments, {removed.size_bytes // 2**20} MiB")
    if removed.kept:
        print(f"{len(removed.kept)} belong to another user: run this as that user", file=sys.stderr)
    return 0
