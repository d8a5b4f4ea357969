"""What the machine must have before anything is installed."""

from __future__ import annotations

import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from ros_pip.console import SetupError

OLDEST_PYTHON = (3, 10)
NEWEST_PYTHON = (3, 14)
MEBIBYTE = 1024 * 1024
NEEDED_SPACE_MIB = 2500


def check_python(version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> None:
    """Raises SetupError unless wheels exist for this interpreter."""
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        raise SetupError(
            f"Python {version[0]}.{version[1]} ({sys.executable}) is not supported: "
            "3.10 to 3.14 are. Name another one: GAIT_REID_PYTHON=/path/to/python3 ./run setup"
        )


def check_architecture(machine: str | None = None, system: str | None = None) -> None:
    """Raises SetupError where no ROS 2 wheels exist: they are for x86_64 Linux with glibc."""
    machine = machine or platform.machine()
    system = system or platform.system()
    if (system, machine) != ("Linux", "x86_64"):
        raise SetupError(
            f"PyPI has ROS 2 wheels for Linux x86_64 only, and this machine is {system} {machine}. "
            "Install ROS 2 Humble or Jazzy (apt or docker), source it and run this again."
        )


def check_space(folder: Path, needed_mib: int = NEEDED_SPACE_MIB) -> None:
    """Raises SetupError when the disk that holds ``folder`` is too full for the environment."""
    free_mib = shutil.disk_usage(folder).free // MEBIBYTE
    if free_mib < needed_mib:
        raise SetupError(
            f"{folder} has {free_mib} MiB free, and the environment needs {needed_mib} MiB: "
            "free some space or move the checkout to a larger disk."
        )


def check_build_tools() -> None:
    """Raises SetupError when the message package cannot be compiled."""
    missing = [name for name in ("cmake", "g++", "make") if shutil.which(name) is None]
    if missing:
        raise SetupError(
            f"{', '.join(missing)} not found: the ROS 2 messages are compiled. "
            "On Debian and Ubuntu: apt-get install cmake g++ make"
        )
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not headers.is_file():
        raise SetupError(
            f"{headers} not found: the ROS 2 messages are compiled against the Python headers. "
            "On Debian and Ubuntu: apt-get install python3-dev"
        )
