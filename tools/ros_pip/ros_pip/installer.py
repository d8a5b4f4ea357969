"""Installs requirement lists into the environment: uv where it can stand for pip, else pip.

uv resolves and unpacks the environment several times faster than pip but does not read pip's
configuration. What pip is told about indexes is handed over; when pip is told something that has no
counterpart here (a client certificate, say), pip itself does the work.
"""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ros_pip.console import SetupError, say

_HARMLESS_OPTIONS = frozenset(
    "timeout default-timeout retries disable-pip-version-check no-input no-color progress-bar quiet "
    "verbose cache-dir no-cache-dir require-virtualenv break-system-packages root-user-action "
    "prefer-binary no-warn-script-location user target prefix".split()
)
_UNWANTED_VARIABLES = (
    "PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIREMENT PIP_CONSTRAINT "
    "VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE"
).split()
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

    Options of ``[install]`` win over those of ``[global]``, and environment variables over both,
    as in pip.
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
    several = {
        "extra-index-url": "--extra-index-url",
        "find-links": "--find-links",
        "trusted-host": "--allow-insecure-host",
    }
    for option, value in options.items():
        if option in several:
            for item in value.split():
                result.arguments.extend([several[option], item])
        elif option == "index-url":
            result.arguments.extend(["--default-index", value])
        elif option == "no-index" and value.lower() in ("1", "true", "yes", "on"):
            result.arguments.append("--no-index")
        elif option == "cert":
            result.environment["SSL_CERT_FILE"] = value
        elif option == "proxy":
            result.environment.update(HTTPS_PROXY=value, HTTP_PROXY=value)
        elif option not in _HARMLESS_OPTIONS and option != "no-index":
            result.untranslatable.append(option)
    return result


def clean_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what would make pip install somewhere else or something else."""
    return {key: value for key, value in environment.items() if key not in _UNWANTED_VARIABLES}


def run(command: Sequence[str | Path], extra: Mapping[str, str] | None = None) -> bool:
    """Runs a command with its output on standard error; whether it succeeded."""
    environment = {**clean_environment(), **(extra or {})}
    words = [str(word) for word in command]
    return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, stdout=2).returncode == 0


@dataclass
class Installer:
    """Installs into one virtual environment.

    Attributes:
        python: the environment's interpreter.
        uv_requirement: requirement list that pins uv.
        allow_uv: False where system packages count as installed, which only pip understands.
    """

    python: Path
    uv_requirement: Path
    allow_uv: bool = True

    def __post_init__(self) -> None:
        self._uv = self._prepare_uv() if self.allow_uv else None

    def install(self, arguments: Sequence[str | Path], what: str) -> None:
        """Installs what the arguments of ``pip install`` name.

        Raises:
            SetupError: the packages could not be had or do not fit together.
        """
        if self._uv is not None:
            uv = self.python.with_name("uv")
            head = [uv, "pip", "install", "--python", self.python, *self._uv.arguments]
            if run([*head, *arguments], self._uv.environment):
                return
            say("uv could not install that; trying again with pip")
        head = [self.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        if not run([*head, *arguments]):
            raise SetupError(f"{what} could not be installed; the reason is above. {_OFFLINE_HINT}")

    def _prepare_uv(self) -> UvConfiguration | None:
        listing = subprocess.run(
            [str(self.python), "-m", "pip", "config", "list"],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        ).stdout
        configuration = translate_for_uv(parse_pip_configuration(listing))
        if configuration.untranslatable:
            say(f"pip is told {', '.join(configuration.untranslatable)}: using pip, not uv")
            return None
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if not run([*pip, "--no-input", "-r", self.uv_requirement]):
            raise SetupError(f"The installer uv could not be had; the reason is above. {_OFFLINE_HINT}")
        return configuration
