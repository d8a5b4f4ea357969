"""ROS, its transport, and the devices."""

from __future__ import annotations

import contextlib
import grp
import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from gait_reid.cli.checks.finding import Finding, error, good, warning

_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_MALLOC_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
_SEGMENT_BYTES = 64 * 2**20
_DISTRIBUTIONS = ("humble", "jazzy", "kilted", "lyrical", "rolling")


def check_ros(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield whether ROS and the suite's messages are there."""
    source = "source ROS and the workspace, or use ./run exec gait-reid doctor"
    if importlib.util.find_spec("rclpy") is None:
        yield warning(
            "ROS", "rclpy", "not importable: replay, enroll and list work, nodes do not", source
        )
        return
    distribution = environment.get("ROS_DISTRO", "")
    known = distribution in _DISTRIBUTIONS
    yield good("ROS", "rclpy", f"importable, {distribution if known else 'from Python packages'}")
    if importlib.util.find_spec("gait_reid_msgs") is None:
        yield error(
            "ROS",
            "gait_reid_msgs",
            "not importable",
            "build with ./run setup or colcon, and source it",
        )
    else:
        yield good("ROS", "gait_reid_msgs", "importable")
    yield good("ROS", "middleware", environment.get("RMW_IMPLEMENTATION", "the default"))
    yield good("ROS", "domain", environment.get("ROS_DOMAIN_ID", "0 (default)"))
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "") or (
        "LOCALHOST" if environment.get("ROS_LOCALHOST_ONLY") == "1" else "SUBNET (default)"
    )
    yield good("ROS", "discovery range", reach)


def check_transport(
    environment: Mapping[str, str] = os.environ, shared_memory: Path = Path("/dev/shm")
) -> Iterator[Finding]:
    """Yield whether large messages will cross processes quickly and completely."""
    if importlib.util.find_spec("rclpy") is None:
        return
    yield _profile(environment)
    unset = [name for name in _MALLOC_VARIABLES if not environment.get(name)]
    if unset:
        values = "MALLOC_MMAP_THRESHOLD_=268435456 MALLOC_TRIM_THRESHOLD_=536870912"
        fix = f"start with the launch files, or: export {values}"
        yield warning("transport", "malloc thresholds", f"not set: {', '.join(unset)}", fix)
    else:
        yield good("transport", "malloc thresholds", "set")
    yield _shared_memory(shared_memory)


def _profile(environment: Mapping[str, str]) -> Finding:
    thing, middleware = "Fast DDS profile", environment.get("RMW_IMPLEMENTATION", "")
    if middleware and "fastrtps" not in middleware:
        return good("transport", thing, f"not used by {middleware}")
    fix = "start with the launch files, or name launch/config/fastdds_shm.xml in it"
    paths = [environment[name] for name in _PROFILE_VARIABLES if environment.get(name)]
    if not paths:
        state = "not set: pictures and clouds are slow and get lost"
        return warning("transport", thing, state, f"{_PROFILE_VARIABLES[0]}: {fix}")
    path = Path(paths[0])
    if not path.is_file():
        return error("transport", thing, f"{path} does not exist", fix)
    if "<segment_size>" not in path.read_text(errors="replace"):
        return warning("transport", thing, f"{path} sets no shared-memory segment", fix)
    return good("transport", thing, str(path))


def _shared_memory(folder: Path) -> Finding:
    if not folder.is_dir():
        return warning("transport", "shared memory", f"{folder} is missing", "mount a tmpfs there")
    segments = [
        path for path in folder.iterdir() if path.name.startswith(("fastrtps_", "fastdds_"))
    ]
    used = sum(path.stat().st_size for path in segments if path.is_file())
    free = shutil.disk_usage(folder).free
    state = f"{free // 2**20} MiB free, {len(segments)} files of Fast DDS ({used // 2**20} MiB)"
    if free < 4 * _SEGMENT_BYTES:
        return warning(
            "transport",
            "shared memory",
            state,
            "every process needs 64 MiB: gait-reid-clean-shm removes what dead processes left; "
            "docker run --ipc=host or --shm-size=1g",
        )
    return good("transport", "shared memory", state)


def check_devices(devices: Path = Path("/dev")) -> Iterator[Finding]:
    """Yield cameras and serial ports, and whether this user may open them."""
    for thing, patterns, group in (
        ("camera", ("video[0-9]*",), "video"),
        ("serial port", ("ttyUSB*", "ttyACM*"), "dialout"),
    ):
        found = sorted(path for pattern in patterns for path in devices.glob(pattern))
        if not found:
            yield good("devices", thing, "none found")
        for path in found:
            yield _device(thing, path, group)


def _device(thing: str, path: Path, group: str) -> Finding:
    if os.access(path, os.R_OK | os.W_OK):
        return good("devices", thing, f"{path} can be opened")
    with contextlib.suppress(KeyError, OSError):
        group = grp.getgrgid(path.stat().st_gid).gr_name
    return error(
        "devices",
        thing,
        f"{path} may not be opened by this user",
        f"sudo usermod -aG {group} $USER, then log in again",
    )


def check_gallery(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield whether the user's gallery is there and private."""
    try:
        from gait_reid.core.gallery.location import data_folder
    except ImportError:
        return  # named among the software
    folder = data_folder(environment)
    galleries = sorted(folder.glob("*.sqlite")) if folder.is_dir() else []
    if not galleries:
        yield good("gallery", "gallery", f"none yet in {folder}")
    for path in (*galleries, *(folder.glob("*.key") if folder.is_dir() else ())):
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            state = f"{path} can be read by others (mode {mode:03o})"
            yield error("gallery", path.suffix.strip("."), state, f"chmod 600 {path}")
        else:
            yield good("gallery", path.suffix.strip("."), str(path))
