"""Runs a launch file under one implementation and gathers what its processes saw."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

STAND_IN = "stand-in"
UPSTREAM = "upstream"
PACKAGE = "conformance"
_STAND_IN_SOURCE = Path(__file__).parents[2] / "stand_ins" / "gait_reid_launch"

# Writes what it was given into a file, and does what its first argument says.
_DUMP = """#!{python}
import json, os, signal, sys, time
words = sys.argv[1:]
ignored = dict(INT=[signal.SIGINT], TERM=[signal.SIGINT, signal.SIGTERM])
for number in ignored.get(os.environ.get("IGNORE", ""), []):
    signal.signal(number, signal.SIG_IGN)
files = [words[i + 1] for i, word in enumerate(words) if word == "--params-file"]
record = dict(
    words=words, environment=dict(os.environ), folder=os.getcwd(),
    files={{file: open(file).read() for file in files}},
)
name = "%.6f-%d" % (time.time(), os.getpid())
with open(os.path.join(os.environ["DUMPS"], name + ".part"), "w") as file:
    json.dump(record, file)
os.rename(file.name, file.name[:-5] + ".json")
print("out of " + os.environ.get("LABEL", ""), flush=True)
print("err of " + os.environ.get("LABEL", ""), file=sys.stderr, flush=True)
try:
    time.sleep(float(os.environ.get("SLEEP", "0")))
except KeyboardInterrupt:
    sys.exit(0)
sys.exit(int(os.environ.get("STATUS", "0")))
"""


def missing(implementation: str) -> str | None:
    """Why an implementation cannot be run here, or None."""
    if implementation == STAND_IN:
        return None
    if importlib.util.find_spec("launch_ros") is None or shutil.which("ros2") is None:
        return "ROS 2's own launch is not installed"
    return None


@dataclass
class Process:
    """What one process was given.

    Attributes:
        words: its arguments, without parameter files.
        parameters: the content of its parameter files, in order.
        environment: its environment.
        folder: its working directory.
    """

    words: list[str]
    parameters: list[Any]
    environment: dict[str, str]
    folder: str

    @property
    def label(self) -> str:
        return self.environment.get("LABEL", "")

    @property
    def rules(self) -> dict[str, str]:
        """The remapping rules, node name and namespace included."""
        rules = [self.words[i + 1] for i, word in enumerate(self.words) if word == "-r"]
        return dict(rule.split(":=") for rule in rules)

    def parameter_values(self) -> dict[str, Any]:
        """Every parameter of the files, whatever node they name."""
        merged: dict[str, Any] = {}
        for content in self.parameters:
            for node in content.values():
                merged.update(node["ros__parameters"])
        return merged


@dataclass
class Outcome:
    """What came of one launch: exit status, both outputs, and the processes in order."""

    status: int
    screen: str
    errors: str
    processes: list[Process] = field(default_factory=list)

    def by_label(self, label: str) -> Process:
        (found,) = [process for process in self.processes if process.label == label]
        return found


class Launcher:
    """Runs launch files that are written into a folder, with a package of one executable."""

    def __init__(self, implementation: str, folder: Path) -> None:
        self.implementation = implementation
        self.folder = folder
        self.dumps = folder / "dumps"
        self.dumps.mkdir()
        self.prefix = folder / "prefix"
        self._make_package()

    def _make_package(self) -> None:
        marker = self.prefix / "share/ament_index/resource_index/packages" / PACKAGE
        executable = self.prefix / "lib" / PACKAGE / "dump"
        share = self.prefix / "share" / PACKAGE
        for parent in (marker.parent, executable.parent, share):
            parent.mkdir(parents=True)
        marker.touch()
        # The interpreter beneath the environment starts fastest and imports nothing.
        python = getattr(sys, "_base_executable", sys.executable)
        executable.write_text(_DUMP.format(python=python))
        executable.chmod(executable.stat().st_mode | stat.S_IXUSR)

    def write(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def command(self, *words: str) -> list[str]:
        if self.implementation == UPSTREAM:
            return ["ros2", "launch", *words]
        return [sys.executable, "-m", "gait_reid_launch", *words]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        environment = {
            **os.environ,
            "DUMPS": str(self.dumps),
            "ROS_LOG_DIR": str(self.folder / "log"),
            **(extra or {}),
        }
        prefixes = [str(self.prefix), os.environ.get("AMENT_PREFIX_PATH", "")]
        environment["AMENT_PREFIX_PATH"] = os.pathsep.join(filter(None, prefixes))
        if self.implementation == STAND_IN:
            paths = [str(_STAND_IN_SOURCE), os.environ.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        return environment

    def start(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Outcome:
        try:
            screen, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Outcome(process.returncode, screen, errors, self.processes())

    def run(
        self, content: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> Outcome:
        """Runs a launch file, given the inside of its ``<launch>`` element."""
        path = self.write("main.launch.xml", f"<launch>{content}</launch>")
        return self.finish(self.start(str(path), *words, environment=environment))

    def processes(self) -> list[Process]:
        return [self._process(path) for path in sorted(self.dumps.glob("*.json"))]

    def _process(self, path: Path) -> Process:
        record = yaml.safe_load(path.read_text())
        words, files = list(record["words"]), []
        while "--params-file" in words:
            at = words.index("--params-file")
            files.append(yaml.safe_load(record["files"][words[at + 1]]))
            del words[at : at + 2]
        return Process(words, files, record["environment"], record["folder"])


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Returns as soon as the condition holds."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        time.sleep(0.02)
