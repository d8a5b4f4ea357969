"""Makes and updates the virtual environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ros_pip import cmake_files, host, stamp
from ros_pip.console import SetupError, say, step
from ros_pip.extras import EXTRA_LAYERS
from ros_pip.installer import Installer
from ros_pip.layout import Layout
from ros_pip.ros import Ros

RUN_TIME_LAYERS = ("ros", "runtime")
ALL_LAYERS = (*RUN_TIME_LAYERS, "dev")
STAND_INS = {
    "message_filters": "message_filters",
    "sensor_msgs_py": "sensor_msgs_py",
    "gait_reid_launch": "launch_ros",
}
"""Folder of each stand-in, and the upstream module whose absence calls for it."""

_COMPILED_AGAINST = re.compile(r"(ros-|numpy==|colcon-|setuptools==|empy==|lark)")
_PROBE = """
import importlib.util, json, sys, sysconfig
paths = sysconfig.get_paths()
found = {}
for name in sys.argv[1:]:
    spec = importlib.util.find_spec(name)
    if spec is not None:
        found[name] = spec.origin or ""
print(json.dumps({"headers": paths["include"], "site": paths["purelib"], "found": found}))
"""
_TRIAL = "import numpy, scipy, cv2, rclpy; rclpy.init(); rclpy.shutdown()"
_LOCAL_SETUP = """\
# Makes this environment a prefix that colcon's setup files can chain to.
AMENT_PREFIX_PATH="{venv}${{AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}}"
export AMENT_PREFIX_PATH
"""


def ensure_installed(layout: Layout, ros: Ros, layers: Sequence[str]) -> bool:
    """Brings the environment up to date with the requirement lists; whether anything was done.

    Args:
        layout: the checkout.
        ros: the ROS 2 that the environment rests on.
        layers: names of requirement lists; lists that are installed already stay installed.

    Raises:
        SetupError: something is missing; the environment then counts as not installed.
    """
    host.check_python()
    before = stamp.read(layout.installed_stamp)
    key = environment_key(layout, ros)
    held = before.get("layers", []) if layout.python.exists() else []
    if before.get("key") == key and set(layers) <= set(held):
        return False
    _check_host(layout, ros)
    layout.installed_stamp.unlink(missing_ok=True)
    base = environment_base(layout, ros)
    if before.get("base") != base or not layout.python.exists():
        _make_venv(layout, ros)
        held = []
    wanted = [name for name in ALL_LAYERS if name in {*layers, *held}]
    _Environment(layout, ros).install(wanted)
    content = {"key": key, "base": base, "layers": wanted, "ros": ros.distribution}
    stamp.write(layout.installed_stamp, content)
    return True


def environment_base(layout: Layout, ros: Ros) -> list[str]:
    """What the environment is bound to: another value means a new virtual environment."""
    return [str(layout.root), sys.version, sys.base_prefix, ros.distribution]


def environment_key(layout: Layout, ros: Ros) -> str:
    """Changes whenever the environment would be installed differently."""
    lists = sorted(layout.requirements.glob("*.txt"))
    files = [path for path in lists if path.stem not in EXTRA_LAYERS]
    files += sorted(layout.stand_ins.glob("*/pyproject.toml"))
    contents = [path.read_bytes() for path in files]
    return stamp.digest([*environment_base(layout, ros), *map(str, files), *contents])


def build_key(layout: Layout, ros: Ros) -> str:
    """Changes whenever what packages are compiled against does."""
    pins = (layout.requirements / "constraints.txt").read_text().splitlines()
    return stamp.digest([*environment_base(layout, ros), *filter(_COMPILED_AGAINST.match, pins)])


def _check_host(layout: Layout, ros: Ros) -> None:
    if ros.from_wheels:
        host.check_architecture()
    host.check_build_tools()
    if not layout.python.exists():
        host.check_space(layout.root)


def _make_venv(layout: Layout, ros: Ros) -> None:
    with step(f"making {layout.venv} with Python {sys.version.split()[0]}"):
        shutil.rmtree(layout.venv, ignore_errors=True)
        options = [] if ros.from_wheels else ["--system-site-packages"]
        command = [sys.executable, "-m", "venv", *options, str(layout.venv)]
        done = subprocess.run(command, env=ros.environment(), stdin=subprocess.DEVNULL, stdout=2)
        if done.returncode:
            raise SetupError(
                f"{sys.executable} cannot make a virtual environment. "
                "On Debian and Ubuntu: apt-get install python3-venv"
            )
        # colcon must never take the environment for a source tree.
        (layout.venv / "COLCON_IGNORE").touch()


@dataclass(frozen=True)
class _Probe:
    """What the environment's interpreter says of itself.

    Attributes:
        headers: folder of Python.h.
        site: folder that packages are installed into.
        found: the modules asked for that can be imported, and the file of each.
    """

    headers: str
    site: str
    found: dict[str, str]


@dataclass
class _Environment:
    """A virtual environment that is being filled."""

    layout: Layout
    ros: Ros

    def install(self, layers: Sequence[str]) -> None:
        requirements = self.layout.requirements
        installer = Installer(self.layout.python, self.ros, requirements / "installer.txt")
        lists = [name for name in layers if self.ros.from_wheels or name != "ros"]
        with step(f"installing Python packages ({', '.join(lists)})"):
            arguments: list[str | Path] = []
            for name in lists:
                arguments += ["-r", requirements / f"{name}.txt"]
            if self.ros.from_wheels:
                arguments += ["-c", requirements / "constraints.txt"]
            else:
                arguments += self._beside_sourced_ros()
            installer.install(arguments, "The Python packages")
        if self.ros.from_wheels:
            self._adapt_wheels()
        self._install_stand_ins(installer)
        self._python("-c", _TRIAL, failure="The environment was installed but does not run")

    def _python(self, *arguments: str, failure: str) -> str:
        """Runs the environment's interpreter and returns what it printed."""
        done = subprocess.run(
            [str(self.layout.python), *arguments],
            env=self.ros.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SetupError(f"{failure}: {done.stderr.strip()}")
        return done.stdout

    def _probe(self, names: Sequence[str] = ()) -> _Probe:
        """Asks the environment's interpreter where it looks for things."""
        printed = self._python("-c", _PROBE, *names, failure=f"{self.layout.python} does not run")
        return _Probe(**json.loads(printed))

    def _beside_sourced_ros(self) -> list[str | Path]:
        """Keeps the numpy that the distribution's messages were compiled against."""
        version = self._python(
            "-c",
            "import numpy; print(numpy.__version__)",
            failure=f"ROS 2 {self.ros.distribution} is sourced, but {sys.executable} has no numpy",
        ).strip()
        self.layout.held.write_text(f"numpy=={version}\n")
        colcon = self._probe(["colcon_core"]).found
        return ["-c", self.layout.held, *([] if colcon else ["colcon-common-extensions"])]

    def _adapt_wheels(self) -> None:
        venv, probe = self.layout.venv, self._probe()
        changed = cmake_files.repair_tree(venv / "share", Path(probe.headers), Path(probe.site))
        say(f"repaired the paths of the wheels' build machine in {changed} CMake files")
        for shell in ("sh", "bash", "zsh"):
            (venv / f"local_setup.{shell}").write_text(_LOCAL_SETUP.format(venv=venv))

    def _install_stand_ins(self, installer: Installer) -> None:
        """Installs each stand-in whose upstream module is absent."""
        found = self._probe(sorted(STAND_INS.values())).found
        editable: list[str | Path] = []
        for name, upstream in STAND_INS.items():
            origin = found.get(upstream)
            if origin is None or origin.startswith(str(self.layout.stand_ins)):
                editable += ["-e", self.layout.stand_ins / name]
            else:
                say(f"{upstream} is at {origin}: no stand-in for it")
        if editable:
            installer.install(["--no-deps", "--no-build-isolation", *editable], "The stand-ins")
