"""Python, libraries and back ends."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from gait_reid.cli.checks.finding import Finding, error, good, warning

_AREA = "software"
_OLDEST, _NEWEST = (3, 10), (3, 14)

# Module, distribution on PyPI.
REQUIRED = (
    ("numpy", "numpy"), ("scipy", "scipy"), ("cv2", "opencv-python-headless"), ("yaml", "PyYAML"),
    ("sqlalchemy", "SQLAlchemy"), ("cryptography", "cryptography"), ("typer", "typer"),
    ("rich", "rich"), ("rosbags", "rosbags"), ("mcap", "mcap"),
)  # fmt: skip
OPTIONAL = (
    ("numba", "numba", "compiled detection and tracking"),
    ("velodyne_decoder", "velodyne-decoder", "Velodyne sensors and packets in bags"),
    ("ouster.sdk", "ouster-sdk", "Ouster sensors (freeware licence for parts)"),
    ("onnxruntime", "onnxruntime", "learned models and ONNX person detectors"),
    ("tensorrt", "tensorrt", "learned models on NVIDIA GPUs"),
    ("psycopg", "psycopg[binary]", "galleries in PostgreSQL"),
)
_GPU_DEVICES = ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu/igpu0")


def check_software() -> Iterator[Finding]:
    """Yield what is installed, in which version, and what is missing."""
    version = platform.python_version()
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        yield good(_AREA, "Python", version)
    else:
        yield error(_AREA, "Python", version, "use Python 3.10 to 3.14")
    for module, distribution in REQUIRED:
        state = installed_version(module, distribution)
        if state is None:
            yield error(_AREA, distribution, "missing", f"pip install '{distribution}'")
        else:
            yield good(_AREA, distribution, state)
    for module, distribution, purpose in OPTIONAL:
        state = installed_version(module, distribution)
        text = f"not installed (optional: {purpose})" if state is None else state
        yield good(_AREA, distribution, text)


def installed_version(module: str, distribution: str) -> str | None:
    """Return the version of a module, ``"installed"`` when it has none, or None."""
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except ModuleNotFoundError:
        return None
    try:
        return importlib.metadata.version(distribution.partition("[")[0])
    except importlib.metadata.PackageNotFoundError:
        found = getattr(importlib.import_module(module), "__version__", "installed")
        return str(found)


def check_backends() -> Iterator[Finding]:
    """Yield which accelerations work."""
    yield _numba()
    yield from _opencv()
    yield _onnxruntime()
    device = next((path for path in _GPU_DEVICES if Path(path).exists()), None)
    yield good("back ends", "NVIDIA GPU", device or "none, the processor is used")
    yield from _models()


def _models() -> Iterator[Finding]:
    try:
        from gait_reid.core.models import ModelError, available_models, load_model
    except ImportError as problem:
        yield warning("back ends", "models", f"cannot be looked at: {problem}", "see software")
        return
    names = available_models()
    if not names:
        yield good("back ends", "models", "none installed; the gait energy image needs none")
    for name in names:
        try:
            yield good("back ends", f"model {name}", load_model(name).model_id)
        except ModelError as problem:
            yield error("back ends", f"model {name}", str(problem), "install the suite again")


def _numba() -> Finding:
    if importlib.util.find_spec("numba") is not None:
        return good("back ends", "numba", "detection and tracking run compiled")
    return warning(
        "back ends", "numba", "missing: detection and tracking run slowly", "pip install numba"
    )


def _opencv() -> Iterator[Finding]:
    try:
        import cv2
    except ImportError:
        return
    if hasattr(cv2, "HOGDescriptor_getDefaultPeopleDetector"):
        yield good("back ends", "camera people detector", "HOG of OpenCV")
    else:
        yield warning(
            "back ends",
            "camera people detector",
            f"OpenCV {cv2.__version__} has no HOG people detector",
            "pip install 'opencv-python-headless<5', or configure an ONNX person detector",
        )
    from gait_reid.sensors.capture import has_gstreamer

    if has_gstreamer():
        yield good("back ends", "GStreamer", "this OpenCV reads GStreamer pipelines")
    else:
        yield good(
            "back ends", "GStreamer", "not in this OpenCV (files, devices and RTSP work without)"
        )


def _onnxruntime() -> Finding:
    try:
        import onnxruntime
    except ImportError:
        return good("back ends", "onnxruntime", "not installed (optional)")
    providers = ", ".join(
        p.replace("ExecutionProvider", "") for p in onnxruntime.get_available_providers()
    )
    return good("back ends", "onnxruntime", providers)
