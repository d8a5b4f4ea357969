"""Which networks can be exported, and what is said of each in its model's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from gait_reid.core.models import MISSION, ModelError
from gait_reid.core.network_input import NetworkInputConfig
from gait_reid.core.radar_input import VERSION, RadarInputConfig
from gait_reid.core.types.identity import MAX_TOKEN_BYTES
from gait_reid_common.parameters import to_mapping
from gait_reid_training.export.emgaitnet_graphs import parts_of
from gait_reid_training.export.graphs import Part
from gait_reid_training.export.mission_graphs import mission_parts
from gait_reid_training.nets.emgaitnet import EMGaitNet
from gait_reid_training.nets.mission.mission import Mission

_RADAR_LIMITS = """A radar's few points tell little of who somebody is. This model orders the people
of a gallery by how well their walks before a camera fit a walk before a radar, and says how sure
that is; it names nobody. People walk in the open, apart from each other, and within reach of the
radar; who stands or sits is not compared.

"""


@dataclass(frozen=True)
class Exportable:
    """A network and what its model's folder says of it.

    Attributes:
        network: In evaluation mode.
        architecture: Of `gait_reid.core.models.GRAPHS`.
        frames: Frames of a walk where nobody asks for another number.
        parts: Makes its graphs for a number of frames.
        description: Entries of ``model.yaml`` that other architectures do not have.
        calibration: Thresholds that it does not take from others.
        card: Values of the card.
    """

    network: nn.Module
    architecture: str
    frames: int
    parts: Callable[[int], list[Part]]
    card: Mapping[str, Any]
    description: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)


def exportable(
    network: nn.Module,
    config: NetworkInputConfig,
    radar: RadarInputConfig,
    frame_period_s: float,
    may_confirm: bool,
) -> Exportable:
    """Return how a network is exported.

    Args:
        network: With its weights.
        config: The inputs of camera and LiDAR that it was trained on.
        radar: Those of a radar.
        frame_period_s: Time between the frames that it was trained on.
        may_confirm: Whether a network between camera and radar may name people.

    Raises:
        ModelError: The run time cannot run it, or it takes other inputs.
    """
    if isinstance(network, EMGaitNet):
        return _emgaitnet(network.eval(), config)
    if isinstance(network, Mission):
        return _mission(network.eval(), config, radar, frame_period_s, may_confirm)
    raise ModelError(
        f"{type(network).__name__} cannot be exported: the re-identification node runs EMGaitNet, "
        "its rungs, and Mission alone"
    )


def _emgaitnet(network: EMGaitNet, config: NetworkInputConfig) -> Exportable:
    own = (tuple(network.config.image_size), network.config.num_points)
    given = (tuple(config.image_size), config.num_points)
    if own != given:
        raise ModelError(f"the network takes {own} pixels and points, its inputs are {given}")
    silhouette = (config.silhouette_size[0], config.silhouette_size[1])
    return Exportable(
        network, "emgaitnet", 30, lambda frames: parts_of(network, frames, silhouette),
        {
            "network": f"EMGaitNet, semantics {network.config.semantics}, "
            f"temporal {network.config.temporal}",
            "inputs": f"{_pictures(config)}{', silhouettes' if network.outline else ''}, "
            f"{config.num_points} LiDAR points per frame",
            "embedding": f"{network.parts} parts of {network.dim} numbers", "limits": "",
        },
        {"key_frame": network.config.key_frame},
    )  # fmt: skip


def _mission(
    network: Mission,
    config: NetworkInputConfig,
    radar: RadarInputConfig,
    frame_period_s: float,
    may_confirm: bool,
) -> Exportable:
    width = network.vision.tokens * 3 * network.config.inner + network.dim

    def parts(frames: int) -> list[Part]:
        if network.compares_pairs and 2 * width * frames > MAX_TOKEN_BYTES:
            raise ModelError(
                f"a walk of {frames} frames has {2 * width * frames} bytes, at most "
                f"{MAX_TOKEN_BYTES} are kept in a gallery; choose fewer frames or tokens"
            )
        try:
            return mission_parts(network, config.image_size, radar.num_points, frames)
        except ValueError as error:
            raise ModelError(f"pictures of {tuple(config.image_size)} pixels: {error}") from error

    pairs = f", and {2 * width} bytes a frame to be compared in pairs"
    what = network.config
    return Exportable(
        network, MISSION, 10, parts,
        {
            "network": f"Mission, {what.backbone}, {network.vision.tokens} tokens a picture, "
            f"attention over a {what.scope}" + ("" if what.exchange else ", no exchange (noFU)"),
            "inputs": f"{_pictures(config)} before a camera, {radar.num_points} points per frame "
            f"before a radar, {frame_period_s:g} s apart",
            "embedding": f"{network.dim} numbers" + (pairs if what.exchange else ""),
            "limits": _RADAR_LIMITS,
        },
        {
            "radar_input_version": VERSION, "frame_period_s": frame_period_s,
            "radar_input": to_mapping(radar),
        },
        {"may_confirm": may_confirm},
    )  # fmt: skip


def _pictures(config: NetworkInputConfig) -> str:
    rows, columns = config.image_size
    return f"pictures of {rows} x {columns} pixels"
