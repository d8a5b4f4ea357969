"""Command line: ``python tools/ros_pip setup [--no-dev]`` and ``python tools/ros_pip lock``."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ros_pip.console import SetupError, say
from ros_pip.extras import EXTRA_LAYERS, ensure_extras
from ros_pip.install import ALL_LAYERS, RUN_TIME_LAYERS, ensure_installed
from ros_pip.layout import Layout
from ros_pip.lock import lock
from ros_pip.ros import Ros, find_ros
from ros_pip.workspace import ensure_built

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds the lock file; waits, and says so, while another process changes the environment."""
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is setting up this checkout; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def set_up(layout: Layout, ros: Ros, options: argparse.Namespace) -> None:
    """Installs and builds what is not up to date.

    Args:
        layout: the checkout.
        ros: the ROS 2 to rest on.
        options: the options of ``setup``.
    """
    insisted = [name for name in EXTRA_LAYERS if getattr(options, name)]
    tried = ["training"] if options.try_training and "training" not in insisted else []
    with only_one(layout.lock):
        ensure_installed(layout, ros, RUN_TIME_LAYERS if options.no_dev else ALL_LAYERS)
        ensure_extras(layout, ros, insisted, insist=True)
        ensure_extras(layout, ros, tried, insist=False)
        try:
            ensure_built(layout, ros)
        except SetupError as error:
            if not options.tolerant:
                raise
            say(f"warning: {error}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    parser = argparse.ArgumentParser(prog="ros_pip", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="make or update the environment and the build")
    setup.add_argument("--no-dev", action="store_true", help="leave out test and lint tools")
    setup.add_argument("--tolerant", action="store_true", help="a failing build is a warning")
    setup.add_argument("--training", action="store_true", help="also what training needs")
    setup.add_argument("--try-training", action="store_true", help="the same, where it can be had")
    setup.add_argument("--tensorrt", action="store_true", help="also TensorRT's engine builder")
    commands.add_parser("lock", help="pin every version anew, after an edit of a list")
    options = parser.parse_args(arguments)
    layout, ros = Layout(ROOT), find_ros()
    try:
        if options.command == "lock":
            lock(layout, ros)
        else:
            set_up(layout, ros, options)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0
