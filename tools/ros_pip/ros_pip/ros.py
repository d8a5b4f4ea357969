"""Which ROS 2 the environment rests on: wheels from PyPI, or an installation that is sourced."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

WHEELS = "wheels"
SUPPORTED_DISTRIBUTIONS = ("humble", "jazzy")


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


def find_ros(environment: Mapping[str, str] = os.environ) -> Ros:
    """Looks for a sourced ROS 2.

    ``GAIT_REID_ROS`` is set inside the environment itself (``./run shell``), where the wheels'
    own prefix is on AMENT_PREFIX_PATH as well.
    """
    entered = environment.get("GAIT_REID_ROS")
    if entered:
        return Ros(entered)
    distribution = environment.get("ROS_DISTRO", "")
    sourced = distribution and environment.get("AMENT_PREFIX_PATH")
    return Ros(distribution if sourced else WHEELS)
