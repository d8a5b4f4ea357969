"""Reading the points of one sensor_msgs/PointCloud2."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Benchmark, Case, Contender, Missing, timed
from gait_reid.adapters import pointcloud
from gait_reid.adapters.bags import provide_message_modules
from gait_reid.core.types import PointCloud

NUM_POINTS = 131_072


def _message() -> Any:
    provide_message_modules()
    rng = np.random.default_rng(1)
    xyz = rng.normal(0.0, 10.0, (NUM_POINTS, 3)).astype(np.float32)
    intensity = rng.random(NUM_POINTS).astype(np.float32)
    return pointcloud.to_message(PointCloud(1, "lidar", xyz, intensity))


def _read_points(message: Any) -> Contender | Missing:
    name = "sensor_msgs_py read_points, then finite x y z as an array"
    try:
        from sensor_msgs_py.point_cloud2 import read_points
    except ImportError as error:
        return Missing(name, str(error))

    def work() -> object:
        points = read_points(message, field_names=["x", "y", "z", "intensity"], skip_nans=True)
        return np.stack([points[axis] for axis in "xyz"], axis=1), points["intensity"]

    return timed(name, work)


def build() -> Case:
    """Make one cloud with x, y, z and intensity."""
    message = _message()
    layout = np.dtype([(name, "<f4") for name in ("x", "y", "z", "intensity")])

    def copy() -> object:
        points = np.frombuffer(message.data, layout)
        return points.view("<f4").reshape(-1, 4)[:, :3].copy(), points["intensity"].copy()

    options = (
        _read_points(message),
        timed("limit: numpy frombuffer and a copy, without any check", copy),
    )
    return Case(
        f"{NUM_POINTS:,} points with x, y, z, intensity into arrays of finite points",
        timed("adapters.pointcloud.from_message", lambda: pointcloud.from_message(message)),
        tuple(option for option in options if isinstance(option, Contender)),
        tuple(option for option in options if isinstance(option, Missing)),
    )


BENCHMARK = Benchmark("read_cloud", "Reading a PointCloud2", build)
