"""Where the output of the processes and of the runner itself goes."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

_SCREEN_AND_FILES = {
    # output: (screen, launch.log, own file) for standard output, and for standard error
    "log": ((False, True, False), (True, True, False)),
    "screen": ((True, False, False), (True, False, False)),
    "both": ((True, True, False), (True, True, False)),
    "own_log": ((False, False, True), (False, False, True)),
    "full": ((True, True, True), (True, True, True)),
}


def log_folder(environment: Mapping[str, str]) -> Path:
    """The folder for the files of one launch, below ROS_LOG_DIR, ROS_HOME/log or ~/.ros/log."""
    home = Path(environment.get("ROS_HOME") or Path.home() / ".ros")
    base = Path(environment.get("ROS_LOG_DIR") or home / "log").expanduser()
    now = datetime.now().strftime("%Y-%m-%d-%H-%M-%S-%f")
    return base / f"{now}-{socket.gethostname()}-{os.getpid()}"


class Console:
    """Writes lines to the screen, to launch.log and to files of single processes."""

    def __init__(self, folder: Path, screen: TextIO = sys.stdout) -> None:
        """Opens launch.log; where that is impossible, says so and does without files.

        Args:
            folder: where the files go; it is made.
            screen: what stands for the screen.
        """
        self._screen = screen
        self._folder: Path | None = folder
        self._files: dict[str, TextIO] = {}
        try:
            folder.mkdir(parents=True)
            self._file("launch.log")
        except OSError as error:
            self._folder = None
            self.say("WARNING", "launch", f"no log files: {folder}: {error.strerror}")
        else:
            self.say("INFO", "launch", f"All log files can be found below {folder}")

    def say(self, severity: str, name: str, text: str) -> None:
        """Writes a line of the runner itself."""
        line = f"[{severity}] [{name}]: {text}"
        self._to_screen(line)
        self._to_file("launch.log", line)

    def output(self, name: str, source: str, destination: str, line: str) -> None:
        """Writes a line that a process has put out.

        Args:
            name: the process's label.
            source: ``stdout`` or ``stderr``.
            destination: the process's ``output``.
            line: without its end.
        """
        screen, launch_log, own = _SCREEN_AND_FILES[destination][source == "stderr"]
        if screen:
            self._to_screen(f"[{name}] {line}")
        if launch_log:
            self._to_file("launch.log", f"[{name}] {line}")
        if own:
            self._to_file(f"{name}-{source}.log", line)
            self._to_file(f"{name}.log", line)

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()

    def _to_screen(self, line: str) -> None:
        print(line, file=self._screen, flush=True)

    def _to_file(self, name: str, line: str) -> None:
        if self._folder is not None:
            print(line, file=self._file(name), flush=True)

    def _file(self, name: str) -> TextIO:
        if name not in self._files:
            assert self._folder is not None
            self._files[name] = (self._folder / name).open("w", encoding="utf-8")
        return self._files[name]
