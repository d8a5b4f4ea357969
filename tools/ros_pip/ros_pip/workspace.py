"""Builds the packages of the colcon workspace that something has changed for."""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from ros_pip import stamp
from ros_pip.console import SetupError, step
from ros_pip.install import build_key
from ros_pip.layout import Layout
from ros_pip.ros import Ros

_COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"
_DESCRIPTIONS = {"package.xml", "setup.py", "setup.cfg", "pyproject.toml", "CMakeLists.txt"}
_LISTS = {"manifest.yaml"}  # of models with their checksums, which the build copies
_INTERFACES = {".msg", ".srv", ".action"}
_SKIPPED_FOLDERS = {"__pycache__", "test", "build", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def ensure_built(layout: Layout, ros: Ros) -> bool:
    """Builds the packages below src that changed; whether anything was built.

    Raises:
        SetupError: a package does not build; the others are built all the same.
    """
    packages = find_packages(layout.workspace / "src")
    environment = stamp.read(layout.installed_stamp)
    before = stamp.read(layout.built_stamp)
    if before.get("base") != environment.get("base"):
        # CMake caches name the interpreter: a new environment needs new build folders.
        _forget(layout, ["."])
        before = {}
    built: dict[str, str] = dict(before.get("packages", {}))
    against = build_key(layout, ros)
    keys = {name: source_key(folder, against) for name, folder in packages.items()}
    gone = sorted(set(built) - set(packages))
    changed = sorted(name for name, key in keys.items() if built.get(name) != key)
    if not gone and not changed:
        return False
    _forget(layout, gone)
    kept = {name: key for name, key in built.items() if keys.get(name) == key}
    content = {"base": environment.get("base"), "packages": kept}
    stamp.write(layout.built_stamp, content)
    if changed:
        with step(f"building {', '.join(changed)}"):
            succeeded = _build(layout, ros, changed)
        kept.update({name: keys[name] for name in succeeded})
        stamp.write(layout.built_stamp, content)
        _check(layout, set(changed) - set(succeeded))
    return True


def find_packages(source: Path) -> dict[str, Path]:
    """Name and folder of every package of a workspace.

    Raises:
        SetupError: a package.xml is no XML or names no package.
    """
    packages: dict[str, Path] = {}
    for description in sorted(source.glob("*/package.xml")):
        try:
            name = ElementTree.parse(description).findtext("name")
        except ElementTree.ParseError as error:
            raise SetupError(f"{description}: {error}") from error
        if not name:
            raise SetupError(f"{description} has no <name>")
        packages[name.strip()] = description.parent
    return packages


def source_key(package: Path, against: str) -> str:
    """Changes when a build of the package against that environment would give something else.

    The build links to the sources, so that an edited Python file or configuration file needs no
    build; a new file, an edited interface, an edited build description and other models do.
    """
    parts: list[str | bytes] = [against]
    for path in sorted(_files(package)):
        relative = path.relative_to(package)
        if path.name in _DESCRIPTIONS | _LISTS or path.suffix in _INTERFACES:
            parts += [str(relative), path.read_bytes()]
        elif path.suffix != ".py":
            parts.append(str(relative))
    return stamp.digest(parts)


def _files(package: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(package, followlinks=True):
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS and not name.endswith(".egg-info")
        ]
        for name in files:
            if not name.endswith((".pyc", "~", ".swp")):
                yield Path(folder) / name


def _forget(layout: Layout, packages: Sequence[str]) -> None:
    for folder in ("build", "install"):
        for name in packages:
            shutil.rmtree(layout.workspace / folder / name, ignore_errors=True)


def _build(layout: Layout, ros: Ros, packages: Sequence[str]) -> list[str]:
    """Builds packages and returns those that succeeded."""
    results = {name: layout.workspace / "build" / name / "colcon_build.rc" for name in packages}
    for result in results.values():
        result.unlink(missing_ok=True)
    command = [str(layout.python), "-c", _COLCON, "build", "--symlink-install"]
    command += ["--base-paths", "src", "--packages-select", *packages, "--continue-on-error"]
    command += ["--event-handlers", "summary-"]
    command += ["--cmake-args", f"-DPython3_EXECUTABLE={layout.python}"]
    command += ["-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release", "--no-warn-unused-cli"]
    subprocess.run(
        command,
        cwd=layout.workspace,
        env=_build_environment(layout, ros),
        stdin=subprocess.DEVNULL,
        stdout=2,
    )
    return [name for name, result in results.items() if _succeeded(result)]


def _succeeded(result: Path) -> bool:
    return result.is_file() and result.read_text().strip() == "0"


def _check(layout: Layout, failed: set[str]) -> None:
    if failed:
        log = layout.workspace / "log" / "latest_build"
        raise SetupError(
            f"{', '.join(sorted(failed))} cannot be built; the reason is above and in {log}."
        )


def _build_environment(layout: Layout, ros: Ros) -> dict[str, str]:
    environment = ros.environment()
    environment["VIRTUAL_ENV"] = str(layout.venv)
    # Else colcon has make wait while the machine is busy with something else.
    environment.setdefault("MAKEFLAGS", f"-j{os.cpu_count() or 1}")
    environment["PATH"] = f"{layout.venv / 'bin'}:{environment.get('PATH', os.defpath)}"
    if ros.from_wheels:
        environment["AMENT_PREFIX_PATH"] = str(layout.venv)
        environment["CMAKE_PREFIX_PATH"] = str(layout.venv)
    return environment
