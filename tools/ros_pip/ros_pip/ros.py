"""Which ROS 2 the environment rests on: wheels from PyPI, or an installation that is sourced."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

WHEELS = "wheels"
_MISLEADING_VARIABLES = frozenset(
    {
        "PYTHONHOME",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIREMENT",
        "PIP_CONSTRAINT",
        "VIRTUAL_ENV",
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
    }
)
_ROS_VARIABLES = frozenset({"PYTHONPATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"})


@dataclass(frozen=True)
class Ros:
    """The ROS 2 that is used.

    Attributes:
        distribution: "wheels" for the Jazzy wheels of PyPI, else the sourced distribution.
    """

    distribution: str

    @property
    def from_wheels(self) -> bool:
        """Whether ROS 2 comes from PyPI."""
        return self.distribution == WHEELS

    def environment(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment without what would make a child install or import something else.

        A sourced ROS 2 stays; beside the wheels, what else is on PYTHONPATH is not ours.
        """
        dropped = _MISLEADING_VARIABLES | (_ROS_VARIABLES if self.from_wheels else set())
        return {key: value for key, value in environment.items() if key not in dropped}


def find_ros(environment: Mapping[str, str] = os.environ) -> Ros:
    """Looks for a sourced ROS 2.

    ``GAIT_REID_ROS`` is set inside the environment itself (``./run shell``), where the wheels' own
    prefix is on AMENT_PREFIX_PATH as well.
    """
    entered = environment.get("GAIT_REID_ROS")
    if entered:
        return Ros(entered)
    distribution = environment.get("ROS_DISTRO", "")
    sourced = distribution and environment.get("AMENT_PREFIX_PATH")
    return Ros(distribution if sourced else WHEELS)
