"""What a simulated sensor publishes: the messages of its driver, under the sensor's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gait_reid.adapters import image, matches, pointcloud, tracks
from gait_reid.core.types import CameraFrame, PointCloud
from gait_reid_common.stamps import to_stamp
from gait_reid_sim.core.playback.radar_feed import radar_points
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.scene.simulation import SensorFrame

if TYPE_CHECKING:
    from sensor_msgs.msg import PointCloud2

TRUTH_TRACKS = "truth/tracks"
TRUTH_IDENTITIES = "truth/identities"


class Outgoing(NamedTuple):
    """One message.

    Attributes:
        topic: Relative topic.
        type_name: ROS name of the type.
        message: The message.
    """

    topic: str
    type_name: str
    message: Any


def sensor_topics(sensor: str, type_: str) -> tuple[str, ...]:
    """Return the topics of a sensor, for example ``lidar/points``."""
    if type_ == "camera":
        return (f"{sensor}/camera_info", f"{sensor}/image_raw")
    return (f"{sensor}/points",)


def sensor_messages(frame: SensorFrame, stamp_ns: int) -> list[Outgoing]:
    """Return what the driver of a sensor publishes for one frame, in its order."""
    names = sensor_topics(frame.sensor, frame.type)
    data = frame.data
    if isinstance(data, CameraFrame):
        picture = image.image_message(data.image, stamp_ns, data.frame_id)
        made = [Outgoing(names[1], "sensor_msgs/msg/Image", picture)]
        if data.intrinsics is not None:
            info = image.camera_info(data.intrinsics, stamp_ns, data.frame_id)
            made.insert(0, Outgoing(names[0], "sensor_msgs/msg/CameraInfo", info))
        return made
    make = radar_message if frame.type == "radar" else pointcloud.to_message
    message = make(data)
    message.header.stamp = to_stamp(stamp_ns)
    return [Outgoing(names[0], "sensor_msgs/msg/PointCloud2", message)]


def radar_message(cloud: PointCloud) -> PointCloud2:
    """Return a radar frame in the fields of the radar driver."""
    from ti_mmwave_driver.adapters.messages import to_cloud_message

    return to_cloud_message(radar_points(cloud), cloud.stamp_ns, cloud.frame_id)


def truth_messages(
    keeper: TruthKeeper, frame: SensorFrame, stamp_ns: int, turn: int = 0
) -> list[Outgoing]:
    """Return who is where and who they are, at the time of a frame."""
    now, people = keeper.update(frame, stamp_ns, turn)
    data = frame.data
    optical_frame = data.frame_id if isinstance(data, CameraFrame) else ""
    where = tracks.to_message(now, optical_frame)
    who = matches.to_message(people, stamp_ns, now.frame_id, str(turn))
    return [
        Outgoing(TRUTH_TRACKS, "gait_reid_msgs/msg/PersonTrackArray", where),
        Outgoing(TRUTH_IDENTITIES, "gait_reid_msgs/msg/IdentityMatchArray", who),
    ]
