"""Builds the colcon workspace when something that a build depends on has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ros_pip import stamp
from ros_pip.console import SetupError, step
from ros_pip.layout import Layout
from ros_pip.ros import Ros

_COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"
_DESCRIPTIONS = {"package.xml", "setup.py", "setup.cfg", "pyproject.toml", "CMakeLists.txt"}
_INTERFACES = {".msg", ".srv", ".action"}
_SKIPPED_FOLDERS = {"__pycache__", "test", "build", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def ensure_built(layout: Layout, ros: Ros) -> bool:
    """Builds the packages below src when they changed; whether anything was built.

    Raises:
        SetupError: a package does not build; the others are built all the same.
    """
    source = layout.workspace / "src"
    if not any(source.glob("*/package.xml")):
        return False
    key = source_key(source, str(stamp.read(layout.installed_stamp).get("key")))
    if stamp.read(layout.built_stamp).get("key") == key:
        return False
    layout.built_stamp.unlink(missing_ok=True)
    _forget_another_environment(layout)
    with step("building the workspace with colcon"):
        _build(layout, ros)
    stamp.write(layout.built_stamp, {"key": key})
    return True


def source_key(source: Path, environment_key: str) -> str:
    """Changes when a build would give something else.

    The build links to the sources, so that an edited Python file or configuration file needs no
    build; a new file, an edited interface and an edited build description do.
    """
    parts: list[str | bytes] = [environment_key]
    for path in sorted(_files(source)):
        relative = path.relative_to(source)
        if path.name in _DESCRIPTIONS or path.suffix in _INTERFACES:
            parts += [str(relative), path.read_bytes()]
        elif path.suffix != ".py":
            parts.append(str(relative))
    return stamp.digest(parts)


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(source, followlinks=True):
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS and not name.endswith(".egg-info")
        ]
        for name in files:
            if not name.endswith((".pyc", "~", ".swp")):
                yield Path(folder) / name


def _forget_another_environment(layout: Layout) -> None:
    """CMake caches name the interpreter: a new environment needs new build folders."""
    marker = layout.workspace / "build" / "environment.json"
    base = {"base": stamp.read(layout.installed_stamp).get("base")}
    if stamp.read(marker) != base:
        for name in ("build", "install"):
            shutil.rmtree(layout.workspace / name, ignore_errors=True)
    stamp.write(marker, base)


def _build(layout: Layout, ros: Ros) -> None:
    command = [str(layout.python), "-c", _COLCON, "build", "--symlink-install"]
    command += ["--base-paths", "src", "--continue-on-error", "--event-handlers", "summary-"]
    command += ["--cmake-args", f"-DPython3_EXECUTABLE={layout.python}"]
    command += ["-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release", "--no-warn-unused-cli"]
    done = subprocess.run(
        command,
        cwd=layout.workspace,
        env=_build_environment(layout, ros),
        stdin=subprocess.DEVNULL,
        stdout=2,
    )
    if done.returncode:
        raise SetupError(
            "The workspace does not build; the reason is above and in "
            f"{layout.workspace / 'log' / 'latest_build'}."
        )


def _build_environment(layout: Layout, ros: Ros) -> dict[str, str]:
    environment = ros.environment()
    environment["VIRTUAL_ENV"] = str(layout.venv)
    environment["PATH"] = f"{layout.venv / 'bin'}:{environment.get('PATH', os.defpath)}"
    if ros.from_wheels:
        environment["AMENT_PREFIX_PATH"] = str(layout.venv)
        environment["CMAKE_PREFIX_PATH"] = str(layout.venv)
    return environment
