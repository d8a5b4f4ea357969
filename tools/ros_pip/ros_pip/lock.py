"""Pins every version: makes constraints.txt from the requirement lists."""

from __future__ import annotations

import re
import subprocess

from ros_pip.console import SetupError, step
from ros_pip.install import ALL_LAYERS
from ros_pip.installer import Installer
from ros_pip.layout import Layout
from ros_pip.ros import Ros

_HEADER = """\
# Every version that is installed beside the ROS 2 wheels, for CPython 3.10 to 3.14.
# Made by `python tools/ros_pip lock` from pins.txt and the other lists; do not edit.
"""
_WINDOWS_ONLY = re.compile(r".* ; sys_platform == 'win32'")
_NOT_WINDOWS = re.compile(r" ; sys_platform (!= 'win32'|== 'linux')| or sys_platform == 'win32'")


def lock(layout: Layout, ros: Ros) -> None:
    """Writes constraints.txt anew.

    Raises:
        SetupError: there is no environment yet, or the lists contradict each other.
    """
    uv = layout.python.with_name("uv")
    if not uv.exists():
        raise SetupError(f"{uv} not found: ./run setup first")
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.10"]
    command += ["--no-header", "--no-annotate", "--constraints", "pins.txt"]
    command += [f"{name}.txt" for name in ALL_LAYERS]
    configuration = Installer(layout.python, ros, layout.requirements / "installer.txt").uv
    with step("resolving the requirement lists for CPython 3.10 to 3.14"):
        done = subprocess.run(
            [*command, *(configuration.arguments if configuration else [])],
            cwd=layout.requirements,
            env={**ros.environment(), **(configuration.environment if configuration else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
    if done.returncode:
        raise SetupError("The requirement lists cannot be resolved; the reason is above.")
    (layout.requirements / "constraints.txt").write_text(_HEADER + for_linux(done.stdout))


def for_linux(resolved: str) -> str:
    """Resolved requirements without what concerns Windows alone."""
    lines = [line for line in resolved.splitlines() if not _WINDOWS_ONLY.fullmatch(line)]
    return "".join(f"{_NOT_WINDOWS.sub('', line)}\n" for line in lines)
