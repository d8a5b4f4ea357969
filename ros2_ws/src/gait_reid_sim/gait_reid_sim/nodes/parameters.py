"""Parameters of the simulator node."""

from __future__ import annotations

from dataclasses import dataclass, field

from gait_reid_common.parameters import ParameterError, param, validate
from gait_reid_sim.core.playback.devices import DeviceConfig


@dataclass(frozen=True)
class SimulatorParameters:
    """Parameters of the simulator node."""

    scenario: str = param("entrance", "Scenario of the library, or a YAML file")
    seed: int = param(-1, "Seed of everything random; -1: the scenario's own", "", -1)
    rate: float = param(
        1.0, "Pace in multiples of real time; 0: as fast as possible", "", 0.0, 100.0
    )
    publish_clock: bool = param(
        False, "Whether the scene's time is published on /clock; needed for a rate other than 1"
    )
    epoch_s: float = param(
        1.0e9, "Time at which the scene begins where /clock is published", "s", 1.0, 4.0e9
    )
    start_delay_s: float = param(0.0, "Pause before the scene begins", "s", 0.0, 3600.0)
    wait_for_subscriber: bool = param(
        True, "Whether the scene begins only when a node or a driver wants something of it"
    )
    loop: bool = param(False, "Whether the scene begins again at its end, with new track ids")
    workers: int = param(2, "Processes that render; 0: the node's own thread", "", 0, 64)
    lookahead_s: float = param(
        0.5, "Frames are rendered at most so long before they are due", "s", 0.01, 10.0
    )
    max_lateness_s: float = param(
        0.1, "Frames that cannot be ready so soon after they are due are dropped", "s", 0.0, 10.0
    )
    wait_for: str = param(
        "nothing",
        "Topic whose messages the scene waits for, so that nothing is lost on a slow machine",
        choices=("nothing", "tracks", "matches"),
    )
    max_ahead_s: float = param(
        0.4, "How far the scene may be ahead of the topic that it waits for", "s", 0.1, 60.0
    )
    lidar: str = param(
        "points",
        "What LiDARs give: point clouds, or Velodyne packets over UDP for the LiDAR node",
        choices=("points", "velodyne", "off"),
    )
    camera: str = param("image", "What cameras give", choices=("image", "off"))
    radar: str = param(
        "points",
        "What radars give: point clouds, or ports of an emulated IWR6843 for the radar node",
        choices=("points", "emulator", "off"),
    )
    truth: bool = param(True, "Whether the truth is published")
    frame_id: str = param("site", "Fixed frame of the truth, and of the sensors' poses")
    tf: bool = param(True, "Whether sensor poses go to /tf_static, where tf2_msgs is installed")
    devices: DeviceConfig = field(default_factory=DeviceConfig)

    def __post_init__(self) -> None:
        validate(self)
        if self.rate != 1.0 and not self.publish_clock:
            raise ParameterError("rate", self.rate, "1.0 while publish_clock is false")
        if self.wait_for != "nothing" and not (self.publish_clock and self.rate):
            raise ParameterError(
                "wait_for", self.wait_for, "nothing, unless publish_clock is true and rate not 0"
            )
        emulated = [n for n in ("lidar", "radar") if getattr(self, n) in ("velodyne", "emulator")]
        if emulated and self.publish_clock:
            # Drivers stamp with the host's clock.
            allowed = f"false while {emulated[0]} is {getattr(self, emulated[0])}"
            raise ParameterError("publish_clock", True, allowed)
