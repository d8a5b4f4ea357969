"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gait_reid.adapters.bags.topics import SensorTopics
from gait_reid.cli.console import CommandError
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
RadarTopic = Annotated[
    str,
    typer.Option(
        "--radar-topic",
        help="radar topic of a bag, or none; default: where there is no LiDAR and no camera",
        rich_help_panel="Bags",
    ),
]
EncoderName = Annotated[
    str,
    typer.Option("--encoder", help="encoder of walks, for example mission; default: of --params"),
]
ModelName = Annotated[
    str, typer.Option("--model", help="model of the encoder; default: of --params")
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
    lidar_topic: str,
    camera_topic: str,
    camera_info_topic: str,
    calibration: str,
    metadata: str,
    radar_topic: str = "none",
) -> RecordingOptions:
    """Return what the user said about a recording."""
    topics = SensorTopics(lidar_topic, camera_topic, camera_info_topic, radar_topic)
    return RecordingOptions(topics, calibration, metadata)


def encoder_options(encoder: str, model: str) -> dict[str, str]:
    """Return the parameters of the chain that choose an encoder and its model.

    Raises:
        CommandError: A model is named without its encoder.
    """
    if model and not encoder:
        raise CommandError(f"--model {model}: give --encoder as well, for example mission")
    chosen = {"reidentification.encoder": encoder} if encoder else {}
    return {**chosen, f"reidentification.{encoder}.model": model} if model else chosen
