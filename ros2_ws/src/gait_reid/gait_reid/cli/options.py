"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gait_reid.adapters.bags.topics import SensorTopics
from gait_reid.cli.recordings import RecordingOptions

RecordingPath = Annotated[
    Path,
    typer.Argument(
        metavar="PATH",
        help="rosbag2 (folder, .mcap, .db3), LiDAR capture (.pcap), video or folder of pictures",
    ),
]
ParamsFile = Annotated[
    Path | None,
    typer.Option("--params", metavar="FILE", help="ROS parameter file of the nodes"),
]
WindowText = Annotated[
    str,
    typer.Option("--window", metavar="START:END", help="part of the recording, seconds"),
]
LidarTopic = Annotated[
    str, typer.Option("--lidar-topic", help="cloud topic of a bag, or none", rich_help_panel="Bags")
]
CameraTopic = Annotated[
    str,
    typer.Option("--camera-topic", help="picture topic of a bag, or none", rich_help_panel="Bags"),
]
CameraInfoTopic = Annotated[
    str,
    typer.Option("--camera-info-topic", help="calibration topic of a bag", rich_help_panel="Bags"),
]
Calibration = Annotated[
    str,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="calibration of a video's camera (ROS format)",
        rich_help_panel="Videos and captures",
    ),
]
LidarMetadata = Annotated[
    str,
    typer.Option(
        "--lidar-metadata",
        metavar="FILE",
        help="metadata of an Ouster capture; default: the .json beside the .pcap",
        rich_help_panel="Videos and captures",
    ),
]


def recording_options(
    lidar_topic: str, camera_topic: str, camera_info_topic: str, calibration: str, metadata: str
) -> RecordingOptions:
    """Return what the user said about a recording."""
    topics = SensorTopics(lidar_topic, camera_topic, camera_info_topic, radar="none")
    return RecordingOptions(topics, calibration, metadata)
