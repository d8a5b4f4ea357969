"""Networks by name, for configuration files and checkpoints."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from gait_reid_common.parameters import from_mapping
from gait_reid_training.batch import WalkNetwork
from gait_reid_training.nets.baselines.gaitbase import GaitBase, GaitBaseConfig
from gait_reid_training.nets.baselines.hmrnet import HMRNet, HMRNetConfig
from gait_reid_training.nets.baselines.licaf import LiCAF, LiCAFConfig
from gait_reid_training.nets.baselines.lidargait import LidarGait, LidarGaitConfig
from gait_reid_training.nets.baselines.lidargait_pp import (
    LidarGaitPlusPlus,
    LidarGaitPlusPlusConfig,
)
from gait_reid_training.nets.emgaitnet import EMGaitNet
from gait_reid_training.nets.emgaitnet_config import RUNGS, EMGaitNetConfig

BASELINES: dict[str, tuple[type[Any], Callable[..., WalkNetwork]]] = {
    "gaitbase": (GaitBaseConfig, GaitBase),
    "lidargait": (LidarGaitConfig, LidarGait),
    "lidargait_pp": (LidarGaitPlusPlusConfig, LidarGaitPlusPlus),
    "licaf": (LiCAFConfig, LiCAF),
    "hmrnet": (HMRNetConfig, HMRNet),
}
LADDER = {
    "emgaitnet_baseline": "baseline",
    "emgaitnet_sga": "sga",
    "emgaitnet_semi": "semi",
    "emgaitnet_st": "st",
    "emgaitnet": "outline",
}
NETWORKS = (*LADDER, *BASELINES)


def build_network(name: str, settings: Mapping[str, Any], num_classes: int) -> WalkNetwork:
    """Make a network.

    Args:
        name: One of `NETWORKS`; the rungs of EMGaitNet's ladder are networks of their own, whose
            switches hold unless the settings say otherwise.
        settings: Values by field of the network's configuration; EMGaitNet also takes ``preset``.
        num_classes: Identities of the training set; 0 for a network that only embeds.

    Raises:
        ValueError: For an unknown name or setting, naming the nearest, and for a value that is not
            allowed.
    """
    if num_classes < 0:
        raise ValueError(f"num_classes is {num_classes}: it must not be negative")
    try:
        if name in LADDER:
            rung = {**RUNGS[LADDER[name]], **settings}
            return EMGaitNet(EMGaitNetConfig.from_settings(rung, num_classes))
        if name in BASELINES:
            config, network = BASELINES[name]
            return network(from_mapping(config, settings), num_classes)
    except ValueError as error:
        raise ValueError(f"network {name!r}: {error}") from error
    close = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(NETWORKS)}"
    raise ValueError(f"there is no network {name!r}, {hint}")
