"""Layers that tests use where they can be had: training of networks, TensorRT's engine builder.

They stay outside the lock, and an environment without them is complete: what tests them says why it
was skipped.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ros_pip import stamp
from ros_pip.console import SetupError, say, step
from ros_pip.installer import Installer
from ros_pip.layout import Layout
from ros_pip.ros import Ros

EXTRA_LAYERS = ("training", "tensorrt")
_PIP_OPTIONS = {"training": [], "tensorrt": ["--no-deps"]}
_TRIALS = {
    "training": "import torch, lightning, onnxscript, pytorch_metric_learning, tensorboard",
    "tensorrt": "import tensorrt as t; assert t.Builder(t.Logger(t.Logger.ERROR))",
}
_TENSORRT_LIBRARIES = {
    "libnvinfer.so": "libtensorrt_rtx.so.*",
    "libnvonnxparser.so": "libtensorrt_onnxparser_rtx.so.*",
}
"""Library that the bindings load, and the one of TensorRT-RTX that takes its place."""

_NO_PLUGINS = 'extern "C" int initLibNvInferPlugins(void*, const char*) { return 1; }\n'


def ensure_extras(layout: Layout, ros: Ros, layers: Sequence[str], insist: bool) -> list[str]:
    """Installs extra layers that are not up to date and returns those that were not to be had.

    A layer that could not be installed is tried again when its list changes, or when it is insisted
    on.

    Args:
        layout: the checkout, with an installed environment.
        ros: the ROS 2 that the environment rests on.
        layers: names from ``EXTRA_LAYERS``.
        insist: whether a layer that cannot be had is an error.

    Raises:
        SetupError: a layer that is insisted on cannot be installed.
    """
    known = stamp.read(layout.extras_stamp)
    reasons = {}
    for name in layers:
        key = extra_key(layout, ros, name)
        before = known.get(name, {})
        if before.get("key") != key or (insist and not before.get("installed")):
            reasons[name] = _try(layout, ros, name)
            known[name] = {"key": key, "installed": not reasons[name]}
            stamp.write(layout.extras_stamp, known)
    failures = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
    if failures and insist:
        raise SetupError(" ".join(failures))
    for failure in failures:
        option = failure.partition(":")[0]
        say(f"warning: {failure} What needs it is skipped; to try again: ./run setup --{option}")
    return [name for name in layers if not known[name]["installed"]]


def extra_key(layout: Layout, ros: Ros, name: str) -> str:
    """Changes whenever the layer would be installed differently."""
    files = [layout.requirements / f"{file}.txt" for file in (name, "constraints")]
    contents = [path.read_bytes() for path in files]
    return stamp.digest([name, sys.version, ros.distribution, *contents])


def _try(layout: Layout, ros: Ros, name: str) -> str:
    """Installs a layer and returns why it cannot be had, or nothing."""
    try:
        with step(f"installing Python packages ({name})"):
            _install(layout, ros, name)
    except SetupError as error:
        return str(error)
    return ""


def _install(layout: Layout, ros: Ros, name: str) -> None:
    requirements = layout.requirements
    constraints = requirements / "constraints.txt" if ros.from_wheels else layout.held
    arguments: list[str | Path] = [*_PIP_OPTIONS[name], "-c", constraints]
    arguments += ["-r", requirements / f"{name}.txt"]
    installer = Installer(layout.python, ros)
    installer.install(["--quiet", *arguments], f"The packages of {name}.txt")
    if name == "tensorrt":
        _join_tensorrt(layout, ros)
    _run([layout.python, "-c", _TRIALS[name]], ros, f"{name}.txt was installed but does not run")


def _join_tensorrt(layout: Layout, ros: Ros) -> None:
    """Puts TensorRT-RTX's libraries where the bindings of TensorRT look for theirs."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(_run([layout.python, "-c", code], ros, f"{layout.python} does not run").strip())
    bindings, libraries = site / "tensorrt_bindings", site / "onnxruntime_ep_nv_tensorrt_rtx"
    for name, pattern in _TENSORRT_LIBRARIES.items():
        found = sorted(libraries.glob(pattern))
        if not found:
            raise SetupError(f"{libraries} has no {pattern}.")
        link = bindings / f"{name}.11"
        link.unlink(missing_ok=True)
        link.symlink_to(found[-1])
    source = bindings / "no_plugins.cpp"
    source.write_text(_NO_PLUGINS)
    library = bindings / "libnvinfer_plugin.so.11"
    named = f"-Wl,-soname,{library.name}"
    _run(
        ["g++", "-shared", "-fPIC", source, "-o", library, named],
        ros,
        f"{source} cannot be compiled",
    )


def _run(command: Sequence[str | Path], ros: Ros, failure: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env=ros.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise SetupError(f"{failure}: {reason[-1] if reason else f'status {done.returncode}'}.")
    return done.stdout
