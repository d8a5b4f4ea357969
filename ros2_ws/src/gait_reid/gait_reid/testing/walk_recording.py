"""A small recording of two people who cross a room twice: the same bytes every time.

Both walk once while they can be enrolled and once more to be recognised; `TIMETABLE` says who is
where at any time. ``python -m gait_reid.testing.walk_recording FOLDER`` writes it.

The site's frame has its origin on the ground below the sensors: a LiDAR of 32 rings at
`LIDAR_HEIGHT_M` and a camera of 320 x 180 pixels at `CAMERA_HEIGHT_M`, both facing +x.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gait_reid.adapters import image, pointcloud
from gait_reid.adapters.bags import BagWriter, provide_message_modules
from gait_reid.adapters.bags.topics import CAMERA_INFO, IMAGE, POINT_CLOUD
from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.types import CameraFrame, CameraIntrinsics, PointCloud
from gait_reid.testing.lidar_scene import Box, RotatingLidar, Scene
from gait_reid.testing.walkers import Body, Walk, figure, picture, room

START_NS = 1_700_000_000_000_000_000
DURATION_S = 14.5
LIDAR_HZ, CAMERA_HZ = 10.0, 15.0
LIDAR_HEIGHT_M, CAMERA_HEIGHT_M = 1.6, 1.2
LIDAR_FRAME, CAMERA_FRAME = "lidar", "camera_optical"
SENSORS = ("lidar", "camera")

PEOPLE = {
    "ada": Body(1.62, 0.17, 0.85, 1.25, 1.3, 0.0, (150, 40, 40)),
    "ben": Body(1.88, 0.26, 1.25, 1.6, 0.5, 0.08, (40, 40, 140)),
}
TIMETABLE = (
    Walk("ada", 0.5, 6.0, (6.0, 2.6), (0.0, -1.0)),
    Walk("ben", 2.5, 7.0, (6.5, 2.8), (0.0, -1.15)),
    Walk("ada", 7.5, 13.0, (6.2, 2.6), (0.0, -1.0)),
    Walk("ben", 9.5, 14.0, (6.4, 2.8), (0.0, -1.15)),
)
INTRINSICS = CameraIntrinsics.from_field_of_view(320, 180, 0.95)

_LIDAR = RotatingLidar(np.linspace(-24.0, 6.0, 32), 600)
_WALLS = [
    [Box(np.array([12.0, 0.0, 0.0]), np.array([0.2, 24.0, 3.0]))],
    [Box(np.array([-6.0, 0.0, 0.0]), np.array([0.2, 24.0, 3.0]))],
    [Box(np.array([3.0, 9.0, 0.0]), np.array([20.0, 0.2, 3.0]))],
    [Box(np.array([3.0, -9.0, 0.0]), np.array([20.0, 0.2, 3.0]))],
]


def present(time_s: float) -> list[Walk]:
    """Return who walks at a time, in seconds from the beginning."""
    return [walk for walk in TIMETABLE if walk.is_present(time_s)]


def lidar_scan(time_s: float) -> PointCloud:
    """Return the cloud of one turn, in the sensor's frame."""
    people = [figure(PEOPLE[walk.person], walk, time_s) for walk in present(time_s)]
    stamp_ns = START_NS + round(1e9 * time_s)
    cloud, _ = Scene([*_WALLS, *people]).scan(
        _LIDAR, LIDAR_HEIGHT_M, seed=round(1e3 * time_s), stamp_ns=stamp_ns
    )
    return PointCloud(stamp_ns, LIDAR_FRAME, cloud.xyz)


def camera_frame(time_s: float) -> CameraFrame:
    """Return one picture."""
    figures = [
        (PEOPLE[walk.person], figure(PEOPLE[walk.person], walk, time_s)) for walk in present(time_s)
    ]
    pose = optical_pose(Pose(translation=np.array([0.0, 0.0, CAMERA_HEIGHT_M])))
    stamp_ns = START_NS + round(1e9 * time_s)
    return picture(figures, room(INTRINSICS), INTRINSICS, pose, stamp_ns, CAMERA_FRAME)


def frames(
    sensors: Sequence[str] = SENSORS, duration_s: float = DURATION_S
) -> Iterator[tuple[str, CameraFrame | PointCloud]]:
    """Yield sensor name and frame in order of time."""
    lidar = [(t, "lidar") for t in np.arange(0.0, duration_s, 1.0 / LIDAR_HZ)]
    camera = [(t, "camera") for t in np.arange(0.01, duration_s, 1.0 / CAMERA_HZ)]
    for time_s, sensor in sorted(lidar + camera):
        if sensor in sensors:
            yield sensor, (lidar_scan if sensor == "lidar" else camera_frame)(float(time_s))


def write(
    path: Path | str,
    sensors: Sequence[str] = SENSORS,
    storage: str = "mcap",
    duration_s: float = DURATION_S,
) -> Path:
    """Write the recording as a new rosbag2 folder and return its path.

    Raises:
        BagError: The folder exists, or the storage is unknown.
    """
    provide_message_modules()
    with BagWriter(path, storage) as bag:
        for _, frame in frames(sensors, duration_s):
            log_ns = frame.stamp_ns + 2_000_000
            if isinstance(frame, PointCloud):
                bag.write("/lidar/points", POINT_CLOUD, log_ns, pointcloud.to_message(frame))
                continue
            info = image.camera_info(INTRINSICS, frame.stamp_ns, frame.frame_id)
            bag.write("/camera/camera_info", CAMERA_INFO, log_ns, info)
            bag.write("/camera/image_raw", IMAGE, log_ns, image.to_message(frame))
    return Path(path)


def main() -> None:
    """Write the recording."""
    parser = argparse.ArgumentParser(description="Write the recording of two people who walk.")
    parser.add_argument("folder", type=Path, help="rosbag2 folder to make")
    parser.add_argument("--sensors", nargs="+", choices=SENSORS, default=list(SENSORS))
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap")
    parser.add_argument("--duration", type=float, default=DURATION_S, help="seconds")
    options = parser.parse_args()
    path = write(options.folder, options.sensors, options.storage, options.duration)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
