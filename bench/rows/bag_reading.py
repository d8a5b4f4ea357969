"""Reading pictures and clouds from an mcap recording."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, timed
from gait_reid.adapters.bags import BagReader, BagWriter, types

NUM_FRAMES = 20
IMAGE, CLOUD = "sensor_msgs/msg/Image", "sensor_msgs/msg/PointCloud2"
_WIDTH, _HEIGHT = 1280, 720
_POINTS = 131_072


def _messages() -> tuple[Any, Any]:
    known = types.message_types().types
    header = known["std_msgs/msg/Header"](known["builtin_interfaces/msg/Time"](1, 0), "sensor")
    pixels = np.zeros(3 * _WIDTH * _HEIGHT, np.uint8)
    image = known[IMAGE](header, _HEIGHT, _WIDTH, "bgr8", 0, 3 * _WIDTH, pixels)
    field = known["sensor_msgs/msg/PointField"]
    fields = [
        field(name, 4 * index, 7, 1) for index, name in enumerate(("x", "y", "z", "intensity"))
    ]
    data = np.zeros(16 * _POINTS, np.uint8)
    cloud = known[CLOUD](header, 1, _POINTS, fields, False, 16, 16 * _POINTS, data, True)
    return image, cloud


def _write(path: Path) -> None:
    image, cloud = _messages()
    with BagWriter(path, "mcap") as bag:
        for number in range(NUM_FRAMES):
            bag.write("/camera/image_raw", IMAGE, number, image)
            bag.write("/lidar/points", CLOUD, number, cloud)


def _touch(message: Any) -> int:
    return int(message.data[::4096].sum())


def build() -> Case:
    """Write the recording into a temporary folder that lives as long as the case."""
    folder = tempfile.TemporaryDirectory(prefix="bench_bag_")
    path = Path(folder.name) / "bag"
    _write(path)
    size_mb = sum(file.stat().st_size for file in path.iterdir()) / 1e6

    def own() -> int:
        with BagReader(path) as reader:
            return sum(_touch(reader.decode(message)) for message in reader.messages())

    def rosbags() -> int:
        from rosbags.highlevel import AnyReader

        with AnyReader([path]) as reader:
            return sum(
                _touch(reader.deserialize(raw, connection.msgtype))
                for connection, _, raw in reader.messages()
            )

    own.folder = folder  # type: ignore[attr-defined]
    workload = (
        f"{2 * NUM_FRAMES} messages, {size_mb:.0f} MB of 720p pictures and 131,072-point clouds"
    )
    peer = timed("rosbags AnyReader", rosbags, version_of("rosbags"), 0.0)
    return Case(workload, timed("BagReader", own, minimum_s=0.0), (peer,))


BENCHMARK = Benchmark("bag_reading", "Reading a recording", build, rounds=5)
