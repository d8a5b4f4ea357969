"""Parameters of re-identification, and the encoders that they name."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid.core.encoders.base import Encoder
from gait_reid.core.encoders.emgaitnet import EMGaitNetConfig, EMGaitNetEncoder
from gait_reid.core.encoders.energy_image import EnergyImageConfig, EnergyImageEncoder
from gait_reid.core.encoders.mission import MissionConfig, MissionEncoder
from gait_reid.core.gallery.decision_config import DecisionConfig
from gait_reid_common.parameters import param, validate

EMGAITNET, ENERGY_IMAGE, MISSION = "emgaitnet", "energy_image", "mission"
DEFAULT_ENCODER = EMGAITNET
_ENCODERS = (EMGAITNET, ENERGY_IMAGE, MISSION)


@dataclass(frozen=True)
class ReidentificationConfig:
    """Parameters of encoding, search and decision."""

    encoder: str = param(
        DEFAULT_ENCODER,
        "Encoder of walks; mission: of rooms with a radar",
        choices=_ENCODERS,
        read_only=True,
    )
    enroll_encoders: tuple[str, ...] = param(
        (),
        "Further encoders that make records of people who are enrolled here, for sites that look "
        "for them with those: mission, where a room with a radar shares the gallery",
        choices=_ENCODERS,
        read_only=True,
    )
    stride_s: float = param(
        0.2, "Least time between two answers about one track", "s", minimum=0.0, maximum=60.0
    )
    enroll_stride_s: float = param(
        1.0, "Least time between two walks of a further encoder", "s", minimum=0.0, maximum=60.0
    )
    top_k: int = param(5, "Candidates in an answer", minimum=1, maximum=100)
    shortlist: int = param(
        50,
        "Records whose vectors are nearest that are compared in pairs, where the model does so",
        minimum=1,
        maximum=10000,
    )
    emgaitnet: EMGaitNetConfig = field(default_factory=EMGaitNetConfig)
    energy_image: EnergyImageConfig = field(default_factory=EnergyImageConfig)
    mission: MissionConfig = field(default_factory=MissionConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)

    def __post_init__(self) -> None:
        validate(self)


def make_encoder(name: str, config: ReidentificationConfig) -> Encoder:
    """Return an encoder with its parameters.

    Args:
        name: One of the choices of ``encoder``.
        config: Parameters of all of them.

    Raises:
        ModelError: Its model is missing, damaged, or does not fit this suite.
        BackendError: Its model cannot be run.
    """
    if name == MISSION:
        return MissionEncoder(config.mission)
    if name == EMGAITNET:
        return EMGaitNetEncoder(config.emgaitnet)
    return EnergyImageEncoder(config.energy_image)
