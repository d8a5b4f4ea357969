"""Networks between camera and radar by name, for configuration files and checkpoints."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from gait_reid_common.parameters import from_mapping
from gait_reid_training.nets.mission.baselines.config import RivalConfig
from gait_reid_training.nets.mission.baselines.hrd import HRD
from gait_reid_training.nets.mission.baselines.mmmesh import MmMesh
from gait_reid_training.nets.mission.baselines.two_branch import DGL, PGL, PTL, VCGL
from gait_reid_training.nets.mission.config import MissionConfig
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork
from gait_reid_training.nets.mission.mission import Mission

ABLATED = {
    "mission": "full",
    "mission_no_fu": "noFU",
    "mission_no_at": "noAT",
    "mission_no_tl": "noTL",
}
RIVALS: dict[str, Callable[[RivalConfig], CrossModalNetwork]] = {
    "ptl": PTL,
    "pgl": PGL,
    "vcgl": VCGL,
    "dgl": DGL,
    "hrd": HRD,
    "mmmesh": MmMesh,
}
CROSS_MODAL_NETWORKS = (*ABLATED, *RIVALS)


def cross_modal_settings(name: str, settings: Mapping[str, Any]) -> MissionConfig | RivalConfig:
    """Return the configuration of a network that compares walks of cameras and radars.

    Args:
        name: One of `CROSS_MODAL_NETWORKS`.
        settings: Values by field of its configuration; Mission also takes ``preset``.

    Raises:
        ValueError: For an unknown name or setting, naming the nearest, and for a value that is not
            allowed.
    """
    try:
        if name in ABLATED:
            return MissionConfig.from_settings({"ablation": ABLATED[name], **settings})
        if name in RIVALS:
            return from_mapping(RivalConfig, settings)
    except ValueError as error:
        raise ValueError(f"network {name!r}: {error}") from error
    close = difflib.get_close_matches(name, CROSS_MODAL_NETWORKS, n=1, cutoff=0.5)
    known = ", ".join(CROSS_MODAL_NETWORKS)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {known}"
    raise ValueError(f"there is no network {name!r}, {hint}")


def build_cross_modal_network(name: str, settings: Mapping[str, Any]) -> CrossModalNetwork:
    """Make a network that compares walks of cameras and radars.

    Args:
        name: One of `CROSS_MODAL_NETWORKS`.
        settings: As for `cross_modal_settings`.

    Raises:
        ValueError: As `cross_modal_settings`.
    """
    config = cross_modal_settings(name, settings)
    return Mission(config) if isinstance(config, MissionConfig) else _rival(name, config)


def _rival(name: str, config: RivalConfig) -> CrossModalNetwork:
    try:
        return RIVALS[name](config)
    except ValueError as error:
        raise ValueError(f"network {name!r}: {error}") from error
