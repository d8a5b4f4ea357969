"""Quality of service by name, and topics declared once.

Drivers publish reliably and consumers ask for best effort (REP-2003), so the two always match;
results are reliable; what late joiners need is latched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy

from gait_reid_common.parameters import param, validate

M = TypeVar("M")

_RELIABILITY = {
    "reliable": QoSReliabilityPolicy.RELIABLE,
    "best_effort": QoSReliabilityPolicy.BEST_EFFORT,
}
_DURABILITY = {
    "volatile": QoSDurabilityPolicy.VOLATILE,
    "transient_local": QoSDurabilityPolicy.TRANSIENT_LOCAL,
}


@dataclass(frozen=True)
class Qos:
    """The three policies that matter here, with the names that ROS parameters use."""

    reliability: str = param("reliable", "Delivery guarantee", choices=tuple(_RELIABILITY))
    depth: int = param(10, "Messages kept for a slow peer", minimum=1)
    durability: str = param(
        "volatile", "Whether late joiners get the last messages", choices=tuple(_DURABILITY)
    )

    def __post_init__(self) -> None:
        validate(self)

    def profile(self) -> QoSProfile:
        """Return the profile for rclpy."""
        return QoSProfile(
            history=QoSHistoryPolicy.KEEP_LAST,
            depth=self.depth,
            reliability=_RELIABILITY[self.reliability],
            durability=_DURABILITY[self.durability],
        )

    @classmethod
    def from_profile(cls, profile: QoSProfile) -> Qos:
        """Return the policies of an endpoint; a depth that is not known becomes 1."""
        reliable = profile.reliability == QoSReliabilityPolicy.RELIABLE
        latched = profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL
        return cls(
            "reliable" if reliable else "best_effort",
            max(1, profile.depth),
            "transient_local" if latched else "volatile",
        )

    def describe(self) -> str:
        """Return for example ``reliable, volatile, depth 10``."""
        return f"{self.reliability}, {self.durability}, depth {self.depth}"


SENSOR_OUT = Qos("reliable", 5)
SENSOR_IN = Qos("best_effort", 1)
RESULT = Qos("reliable", 10)
LATCHED = Qos("reliable", 1, "transient_local")


def mismatches(offered: Qos, requested: Qos) -> list[tuple[str, str, str]]:
    """Return ``(policy, offered, requested)`` of each policy that keeps two endpoints apart."""
    found = []
    if (offered.reliability, requested.reliability) == ("best_effort", "reliable"):
        found.append(("reliability", offered.reliability, requested.reliability))
    if (offered.durability, requested.durability) == ("volatile", "transient_local"):
        found.append(("durability", offered.durability, requested.durability))
    return found


@dataclass(frozen=True)
class Topic(Generic[M]):
    """A topic of the suite, for the side that publishes and the side that subscribes.

    Attributes:
        name: Relative name, or absolute where all sites share the topic.
        type: Message class.
        description: One sentence for the documentation.
        offered: Quality of service of publishers.
        requested: Quality of service of subscribers.
        timed: Whether the stamps of the headers follow the course of time.
    """

    name: str
    type: type[M]
    description: str
    offered: Qos = RESULT
    requested: Qos = RESULT
    timed: bool = True

    @property
    def parameter_group(self) -> str:
        """Name of the parameters that override the quality of service: ``qos.<this>.depth``."""
        return f"qos.{self.name.strip('/').replace('/', '_')}"

    @property
    def type_name(self) -> str:
        """ROS name of the type, for example ``sensor_msgs/msg/Image``."""
        return interface_name(self.type)


@dataclass(frozen=True)
class ServiceInterface:
    """A service of the suite.

    Attributes:
        name: Relative name.
        type: Service class.
        description: One sentence for the documentation.
    """

    name: str
    type: Any
    description: str

    @property
    def type_name(self) -> str:
        """ROS name of the type, for example ``std_srvs/srv/Trigger``."""
        return interface_name(self.type)


def interface_name(interface: type) -> str:
    """Return ``package/msg/Name`` of a generated message or service class."""
    package, kind, *_ = interface.__module__.split(".")
    return f"{package}/{kind}/{interface.__name__}"
