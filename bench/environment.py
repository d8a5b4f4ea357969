"""What a measurement was made on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy", "scipy", "numba", "scikit-learn", "filterpy", "opencv-python-headless", "ros-rclpy",
    "ros-fastrtps", "rosbags", "mcap",
)  # fmt: skip


def version_of(package: str) -> str:
    """Return the installed version of a distribution, or an empty string."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def processor() -> str:
    """Return the name of the processor as the kernel reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Return processor, cores, load, Python and the versions that matter; no host or user names."""
    versions = {package: version_of(package) for package in PACKAGES}
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": usable_cores(),
        "load_average_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "ros_distro": os.environ.get("ROS_DISTRO", ""),
        "rmw": os.environ.get("RMW_IMPLEMENTATION", ""),
        "versions": {package: version for package, version in versions.items() if version},
    }
