"""The nodes of a site as processes of this command."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from gait_reid.cli.console import CommandError

BRINGUP = "gait_reid_bringup"
_STOP_TIMEOUT_S = 15.0


def launch_command() -> list[str]:
    """Return the command that runs launch files: that of ROS 2, or the suite's own.

    Raises:
        CommandError: Neither is there.
    """
    if shutil.which("ros2") and importlib.util.find_spec("launch_xml") is not None:
        return ["ros2", "launch"]
    if importlib.util.find_spec("gait_reid_launch") is not None:
        return [sys.executable, "-m", "gait_reid_launch"]
    raise CommandError("no launch files can be run; source ROS 2, or use ./run exec gait-reid demo")


class Site:
    """Processes that are started together and always stopped, and their output in one file.

    Args:
        log: File for the output of all processes.
    """

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._file = log.open("wb")
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Site:
        # Of itself, SIGTERM would end this command alone and leave its processes behind.
        self._before = signal.signal(signal.SIGTERM, _leave)
        # A shell starts background jobs deaf to SIGINT, which they hand on to what they start.
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        signal.signal(signal.SIGTERM, self._before)

    def launch(self, file: str, **arguments: str) -> None:
        """Start a launch file of the suite; arguments that are empty keep their default."""
        words = [f"{name}:={value}" for name, value in arguments.items() if value]
        self._start(file, [*launch_command(), BRINGUP, file, *words])

    def play(self, bag: Path, rate: float) -> None:
        """Start the player of a bag."""
        words = ["play", "--rate", str(rate), str(bag)]
        self._start("play", [sys.executable, "-m", "gait_reid.cli.main", *words])

    def check(self, may_end: Sequence[str] = ()) -> None:
        """Look whether all processes are well.

        Raises:
            CommandError: One has ended that should not have; with the end of its output.
        """
        for name, process in self._processes:
            code = process.poll()
            if code is not None and (code != 0 or name not in may_end):
                raise CommandError(
                    f"{name} ended with status {code}; the end of {self.log}:\n{self.tail()}"
                )

    def has_ended(self, name: str) -> bool:
        """Return whether a process has ended."""
        return any(n == name and p.poll() is not None for n, p in self._processes)

    def tail(self, lines: int = 12) -> str:
        """Return the end of the output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End everything, the youngest first, and wait for it."""
        for _, process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for _, process in reversed(self._processes):
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()
        self._file.close()

    def _start(self, name: str, command: Sequence[str]) -> None:
        # A group of its own, so that Ctrl-C reaches this command alone and the end is in order.
        process = subprocess.Popen(
            command, stdout=self._file, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._processes.append((name, process))


def _leave(number: int, frame: FrameType | None) -> None:
    """End this command in order, with the status that the shell gives to a signal."""
    raise SystemExit(128 + number)
