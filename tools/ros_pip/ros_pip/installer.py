"""Installs requirement lists into the environment: uv where it can stand for pip, else pip.

uv resolves and unpacks the environment several times faster than pip but does not read pip's
configuration. What pip is told about indexes is handed over; when pip is told something that has no
counterpart here (a client certificate, say), pip itself does the work.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ros_pip.console import SetupError, say
from ros_pip.ros import Ros

_OPTIONS_WITHOUT_EFFECT_HERE = frozenset(
    {
        "break-system-packages",
        "cache-dir",
        "config-file",
        "default-timeout",
        "disable-pip-version-check",
        "no-cache-dir",
        "no-color",
        "no-input",
        "no-warn-script-location",
        "prefer-binary",
        "prefix",
        "progress-bar",
        "quiet",
        "require-virtualenv",
        "retries",
        "root-user-action",
        "target",
        "timeout",
        "user",
        "verbose",
    }
)
_SWITCHED_ON = ("1", "true", "yes", "on")
_OFFLINE_HINT = "Is the network reachable, or pip told about a mirror (pip config list)?"


@dataclass(frozen=True)
class UvConfiguration:
    """pip's configuration in uv's terms.

    Attributes:
        arguments: command line options of ``uv pip install``.
        environment: environment variables that uv reads.
        untranslatable: pip options in use that uv cannot be told about.
    """

    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    untranslatable: list[str] = field(default_factory=list)


def parse_pip_configuration(listing: str) -> dict[str, str]:
    """Reads the output of ``pip config list``.

    Options of ``[install]`` win over those of ``[global]``, and environment variables over both, as
    in pip.
    """
    rank = {"global": 0, "install": 1, ":env:": 2}
    chosen: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        name, equals, quoted = line.partition("=")
        section, dot, option = name.rpartition(".")
        if not (equals and dot) or section not in rank:
            continue
        value = str(ast.literal_eval(quoted))
        if rank[section] >= chosen.get(option, (-1, ""))[0]:
            chosen[option] = (rank[section], value)
    return {option: value for option, (_, value) in chosen.items()}


def translate_for_uv(options: Mapping[str, str]) -> UvConfiguration:
    """Turns pip's options into uv's."""
    result = UvConfiguration(arguments=["--index-strategy", "unsafe-best-match"])
    repeated = {
        "extra-index-url": "--extra-index-url",
        "find-links": "--find-links",
        "trusted-host": "--allow-insecure-host",
    }
    for option, value in options.items():
        if option in repeated:
            for item in value.split():
                result.arguments.extend([repeated[option], item])
        elif option == "index-url":
            result.arguments.extend(["--default-index", value])
        elif option == "no-index":
            result.arguments.extend(["--no-index"] if value.lower() in _SWITCHED_ON else [])
        elif option == "cert":
            result.environment["SSL_CERT_FILE"] = value
        elif option == "proxy":
            result.environment.update(HTTPS_PROXY=value, HTTP_PROXY=value)
        elif option not in _OPTIONS_WITHOUT_EFFECT_HERE:
            result.untranslatable.append(option)
    return result


class Installer:
    """Installs into one virtual environment.

    Attributes:
        uv: how uv is told what pip is told, or None where pip does the work.
    """

    def __init__(self, python: Path, ros: Ros, uv_requirement: Path | None = None) -> None:
        """Gets the installer ready.

        Args:
            python: the environment's interpreter.
            ros: the ROS 2 beside which is installed. System packages count as installed where it
                is sourced, which only pip understands.
            uv_requirement: requirement list that pins uv; without it pip does the work.

        Raises:
            SetupError: nothing can be downloaded.
        """
        self._python = python
        self._ros = ros
        self.uv = self._prepare_uv(uv_requirement) if ros.from_wheels and uv_requirement else None

    def install(self, arguments: Sequence[str | Path], what: str) -> None:
        """Installs what the arguments of ``pip install`` name.

        Raises:
            SetupError: the packages could not be had or do not fit together.
        """
        if self.uv is not None:
            uv = self._python.with_name("uv")
            into: list[str | Path] = ["--python", self._python]
            quiet = [] if sys.stderr.isatty() else ["--quiet"]
            command = [uv, "pip", "install", *quiet, *into, *self.uv.arguments, *arguments]
            if self._run(command, self.uv.environment):
                return
            say("uv could not install that; trying again with pip")
        if not self._run([*self._pip("install"), "--no-input", *arguments]):
            raise SetupError(f"{what} could not be installed; the reason is above. {_OFFLINE_HINT}")

    def _pip(self, *words: str) -> list[str | Path]:
        return [self._python, "-m", "pip", "--disable-pip-version-check", *words]

    def _run(self, command: Sequence[str | Path], extra: Mapping[str, str] | None = None) -> bool:
        done = subprocess.run(
            [str(word) for word in command],
            env={**self._ros.environment(), **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=2,
        )
        return done.returncode == 0

    def _prepare_uv(self, requirement: Path) -> UvConfiguration | None:
        listing = subprocess.run(
            [str(word) for word in self._pip("config", "list")],
            env=self._ros.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        ).stdout
        configuration = translate_for_uv(parse_pip_configuration(listing))
        if configuration.untranslatable:
            say(f"pip is told {', '.join(configuration.untranslatable)}: using pip, not uv")
            return None
        if not self._run([*self._pip("install"), "--quiet", "--no-input", "-r", requirement]):
            raise SetupError(f"Nothing can be downloaded; the reason is above. {_OFFLINE_HINT}")
        return configuration
