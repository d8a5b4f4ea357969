"""Which topics of a recording belong to which sensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gait_reid.adapters.bags.errors import BagError
from gait_reid.adapters.bags.storage import TopicInfo

POINT_CLOUD = "sensor_msgs/msg/PointCloud2"
VELODYNE_SCAN = "velodyne_msgs/msg/VelodyneScan"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

NONE = "none"
_TYPES = {
    "lidar": (POINT_CLOUD, VELODYNE_SCAN),
    "radar": (POINT_CLOUD,),
    "camera": (IMAGE, COMPRESSED_IMAGE),
    "camera_info": (CAMERA_INFO,),
}
_USUAL = {
    "lidar": "lidar/points",
    "radar": "radar/points",
    "camera": "camera/image_raw",
    "camera_info": "camera/camera_info",
}
# What this suite publishes itself is no input.
_OWN_OUTPUTS = ("overlay",)


@dataclass(frozen=True)
class SensorTopics:
    """Topic of each sensor; an empty string leaves the choice to `select_topics`, or means none.

    Attributes:
        lidar: sensor_msgs/PointCloud2 or velodyne_msgs/VelodyneScan.
        camera: sensor_msgs/Image or CompressedImage.
        camera_info: sensor_msgs/CameraInfo of the camera.
        radar: sensor_msgs/PointCloud2.
    """

    lidar: str = ""
    camera: str = ""
    camera_info: str = ""
    radar: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All topics that are used."""
        return tuple(n for n in (self.lidar, self.camera, self.camera_info, self.radar) if n)

    @property
    def sensors(self) -> tuple[str, ...]:
        """Sensors that have a topic, slowest first."""
        return tuple(s for s in ("lidar", "camera", "radar") if getattr(self, s))


def select_topics(
    topics: Mapping[str, TopicInfo], wanted: SensorTopics | None = None, source: str = "recording"
) -> SensorTopics:
    """Return the topic of each sensor.

    Without a wish the only topic of a fitting type is taken, or the one with the usual name
    (``.../lidar/points``, ``.../camera/image_raw``). A wish of ``none`` leaves a sensor out.

    Raises:
        BagError: A wanted topic is missing or of another type, several topics fit, or none at all.
    """
    wanted = wanted or SensorTopics()
    chosen = {
        sensor: _choose(topics, sensor, getattr(wanted, sensor), source)
        for sensor in ("lidar", "camera", "radar")
    }
    info = wanted.camera_info or _sibling(chosen["camera"], topics)
    chosen["camera_info"] = _choose(topics, "camera_info", info, source) if chosen["camera"] else ""
    if not any(chosen.values()):
        listed = ", ".join(f"{t.name} ({t.type_name})" for t in topics.values()) or "no topics"
        raise BagError(
            source, f"has no cloud and no picture, only {listed}", "record a sensor's topic"
        )
    return SensorTopics(**chosen)


def select_site_topics(
    topics: Mapping[str, TopicInfo], wanted: SensorTopics | None = None, source: str = "recording"
) -> SensorTopics:
    """Return the topics of one site: of LiDAR and camera, or of a radar alone.

    A radar is taken where the recording has neither LiDAR nor camera, or where it is wished for;
    then the others are left out unless they are wished for, too.

    Raises:
        BagError: As `select_topics`.
    """
    wanted = wanted or SensorTopics()
    if wanted.radar not in ("", NONE):
        others = {name: getattr(wanted, name) or NONE for name in ("lidar", "camera")}
        return select_topics(topics, replace(wanted, **others), source)
    has_others = any(any(_fitting(topics.values(), name)) for name in ("lidar", "camera"))
    alone = not wanted.radar and not has_others and not (wanted.lidar or wanted.camera)
    return select_topics(topics, wanted if alone else replace(wanted, radar=NONE), source)


def _choose(topics: Mapping[str, TopicInfo], sensor: str, wanted: str, source: str) -> str:
    if wanted == NONE:
        return ""
    fitting = list(_fitting(topics.values(), sensor))
    if wanted:
        return _checked(topics, sensor, wanted, source)
    for preferred in _TYPES[sensor]:
        names = [topic.name for topic in fitting if topic.type_name == preferred]
        usual = [name for name in names if name.endswith(_USUAL[sensor])]
        if len(names) == 1 or len(usual) == 1:
            return usual[0] if len(usual) == 1 else names[0]
        if names:
            option = f"--{sensor.replace('_', '-')}-topic"
            raise BagError(
                source,
                f"has several topics for the {sensor.replace('_', ' ')}: {', '.join(names)}",
                f"choose one with {option}, or leave the sensor out with {option} {NONE}",
            )
    return ""


def _fitting(topics: Iterable[TopicInfo], sensor: str) -> Iterable[TopicInfo]:
    for topic in topics:
        if topic.type_name not in _TYPES[sensor] or topic.count == 0:
            continue
        if topic.name.rpartition("/")[2] in _OWN_OUTPUTS:
            continue
        is_radar = "radar" in topic.name
        if sensor in ("lidar", "radar") and is_radar != (sensor == "radar"):
            continue
        yield topic


def _checked(topics: Mapping[str, TopicInfo], sensor: str, wanted: str, source: str) -> str:
    topic = topics.get(wanted) or topics.get(f"/{wanted}")
    if topic is None:
        listed = ", ".join(t.name for t in topics.values() if t.type_name in _TYPES[sensor])
        raise BagError(source, f"has no topic {wanted}", f"choose one of: {listed or 'none fits'}")
    if topic.type_name not in _TYPES[sensor]:
        raise BagError(
            wanted,
            f"carries {topic.type_name}, which is not what a {sensor} sends",
            f"choose a topic of type {' or '.join(_TYPES[sensor])}",
        )
    return topic.name


def _sibling(camera: str, topics: Mapping[str, TopicInfo]) -> str:
    """Return the CameraInfo topic beside the picture, as image_transport places it."""
    folder = camera
    while folder:
        folder = folder.rpartition("/")[0]
        name = f"{folder}/camera_info"
        if name in topics and topics[name].type_name == CAMERA_INFO:
            return name
    return ""
