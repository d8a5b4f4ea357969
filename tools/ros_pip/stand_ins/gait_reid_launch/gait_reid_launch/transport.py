"""What makes large messages fast: a shared-memory segment that holds them, and reused buffers.

The launch files say the same for ``ros2 launch``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gait_reid_launch.errors import LaunchError
from gait_reid_launch.substitutions import package_share

PROFILE_PACKAGE = "gait_reid_bringup"
PROFILE_FILE = "config/fastdds_shm.xml"
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_MALLOC_BYTES = {
    "MALLOC_MMAP_THRESHOLD_": 256 * 1024 * 1024,
    "MALLOC_TRIM_THRESHOLD_": 512 * 1024 * 1024,
}


def with_transport(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the transport's variables, where they are not set already."""
    result = {name: str(size) for name, size in _MALLOC_BYTES.items()}
    try:
        profile = Path(package_share(PROFILE_PACKAGE)) / PROFILE_FILE
    except LaunchError:
        profile = Path()
    if profile.is_file():
        result.update({name: str(profile) for name in _PROFILE_VARIABLES})
    return {**result, **environment}


def clean_shared_memory(say: Callable[[str], None]) -> None:
    """Removes shared-memory segments that dead processes have left, where the suite is there."""
    try:
        from gait_reid_common.shared_memory import remove_abandoned_segments
    except ModuleNotFoundError:
        return
    removed = remove_abandoned_segments()
    if removed.names:
        size_mib = removed.size_bytes // 2**20
        say(f"removed {size_mib} MiB of shared memory that dead processes left")
