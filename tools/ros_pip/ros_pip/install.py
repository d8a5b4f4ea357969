"""Makes and updates the virtual environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ros_pip import cmake_files, host, stamp
from ros_pip.console import SetupError, say, step
from ros_pip.installer import Installer, clean_environment, run
from ros_pip.layout import Layout
from ros_pip.ros import Ros

RUN_TIME_LAYERS = ("ros", "runtime")
ALL_LAYERS = (*RUN_TIME_LAYERS, "dev")
_PROBE = """
import importlib.util, json, sysconfig
paths = sysconfig.get_paths()
present = [name for name in {names!r} if importlib.util.find_spec(name)]
print(json.dumps(dict(headers=paths["include"], site=paths["purelib"], present=present)))
"""


def ensure_installed(layout: Layout, ros: Ros, layers: Sequence[str]) -> bool:
    """Brings the environment up to date with the requirement lists; whether anything was done.

    Args:
        layout: the checkout.
        ros: the ROS 2 that the environment rests on.
        layers: names of requirement lists; lists that are already installed stay installed.

    Raises:
        SetupError: something is missing; the environment then counts as not installed.
    """
    host.check_python()
    before = stamp.read(layout.installed_stamp)
    key = environment_key(layout, ros)
    same = before.get("key") == key and layout.python.exists()
    installed = before.get("layers", []) if before.get("key") == key else []
    if same and set(layers) <= set(installed):
        return False
    wanted = [name for name in ALL_LAYERS if name in {*layers, *installed}]
    _check_host(layout, ros, first_time=not layout.python.exists())
    layout.installed_stamp.unlink(missing_ok=True)
    if before.get("base") != _base(layout, ros) or not layout.python.exists():
        _make_venv(layout, ros)
    _install(layout, ros, wanted)
    stamp.write(
        layout.installed_stamp,
        {"key": key, "base": _base(layout, ros), "layers": wanted, "ros": ros.distribution},
    )
    return True


def environment_key(layout: Layout, ros: Ros) -> str:
    """Changes whenever the environment would be installed differently."""
    files = sorted(layout.requirements.glob("*.txt"))
    files += sorted(layout.stand_ins.glob("*/pyproject.toml"))
    texts = [path.read_bytes() for path in files]
    return stamp.digest([*_base(layout, ros), *map(str, files), *texts])


def _base(layout: Layout, ros: Ros) -> list[str]:
    """What the environment itself depends on: another value means a new virtual environment."""
    return [str(layout.root), sys.version, sys.base_prefix, ros.distribution]


def _check_host(layout: Layout, ros: Ros, first_time: bool) -> None:
    if ros.from_wheels:
        host.check_architecture()
    host.check_build_tools()
    if first_time:
        host.check_space(layout.root)


def _make_venv(layout: Layout, ros: Ros) -> None:
    with step(f"making {layout.venv} with Python {sys.version.split()[0]}"):
        shutil.rmtree(layout.venv, ignore_errors=True)
        options = [] if ros.from_wheels else ["--system-site-packages"]
        if not run([sys.executable, "-m", "venv", *options, layout.venv]):
            raise SetupError(
                f"{sys.executable} cannot make a virtual environment. "
                "On Debian and Ubuntu: apt-get install python3-venv"
            )
        # colcon must never take the environment for a source tree.
        (layout.venv / "COLCON_IGNORE").touch()


def _install(layout: Layout, ros: Ros, layers: Iterable[str]) -> None:
    lists = [name for name in layers if ros.from_wheels or name != "ros"]
    installer = Installer(
        layout.python, layout.requirements / "installer.txt", allow_uv=ros.from_wheels
    )
    with step(f"installing Python packages ({', '.join(lists)})"):
        arguments: list[str | Path] = []
        for name in lists:
            arguments += ["-r", layout.requirements / f"{name}.txt"]
        if ros.from_wheels:
            arguments += ["-c", layout.requirements / "constraints.txt"]
        else:
            arguments += _beside_sourced_ros(layout)
        installer.install(arguments, "The Python packages")
    if ros.from_wheels:
        paths = _probe(layout, [])
        changed = cmake_files.repair_tree(
            layout.venv / "share", Path(paths["headers"]), Path(paths["site"])
        )
        say(f"repaired the build machine's paths in {changed} CMake files")
    _install_stand_ins(layout, installer)
    _try_out(layout)


def _beside_sourced_ros(layout: Layout) -> list[str | Path]:
    """Arguments that keep the numpy that the distribution's messages were compiled against."""
    code = "import numpy, importlib.util as u; print(numpy.__version__, bool(u.find_spec('colcon_core')))"
    answer = subprocess.run([str(layout.python), "-c", code], capture_output=True, text=True)
    if answer.returncode:
        raise SetupError(
            f"{sys.executable} has no numpy although ROS 2 is sourced: is it the distribution's own "
            "interpreter? Name that one: GAIT_REID_PYTHON=/usr/bin/python3 ./run setup"
        )
    version, has_colcon = answer.stdout.split()
    held = layout.venv / "held.txt"
    held.write_text(f"numpy=={version}\n")
    return ["-c", held, *([] if has_colcon == "True" else ["colcon-common-extensions"])]


def _probe(layout: Layout, names: Sequence[str]) -> dict:
    """Headers and site-packages of the environment, and which modules can be imported there."""
    answer = subprocess.run(
        [str(layout.python), "-c", _PROBE.format(names=list(names))],
        env=_sourced_environment(layout),
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise SetupError(f"{layout.python} does not run: {answer.stderr.strip()}")
    return dict(json.loads(answer.stdout))


def _sourced_environment(layout: Layout) -> dict[str, str]:
    """A sourced ROS 2 lies on PYTHONPATH; without one that variable is the user's own business."""
    import os

    environment = clean_environment()
    if (layout.venv / "held.txt").exists() and "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return environment


def _install_stand_ins(layout: Layout, installer: Installer) -> None:
    """Installs each stand-in whose upstream module is absent; each is named after that module."""
    stand_ins = {path.parent.name: path.parent for path in layout.stand_ins.glob("*/pyproject.toml")}
    present = set(_probe(layout, sorted(stand_ins))["present"])
    for name in sorted(present & set(stand_ins)):
        say(f"{name} is there already: no stand-in")
    folders = [stand_ins[name] for name in sorted(set(stand_ins) - present)]
    if folders:
        options = ["--no-deps", "--no-build-isolation"]
        editable = [word for folder in folders for word in ("-e", folder)]
        installer.install([*options, *editable], "The stand-ins")


def _try_out(layout: Layout) -> None:
    answer = subprocess.run(
        [str(layout.python), "-c", "import numpy, scipy, cv2, rclpy; rclpy.init(); rclpy.shutdown()"],
        env=_sourced_environment(layout),
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise SetupError(f"The environment was installed but does not run:\n{answer.stderr.strip()}")
