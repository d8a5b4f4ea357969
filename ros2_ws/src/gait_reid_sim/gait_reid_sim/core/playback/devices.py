"""Stand-ins for devices, behind which the real drivers run: radar boards and LiDAR packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gait_reid.core.types import PointCloud
from gait_reid_common.parameters import param, validate
from gait_reid_sim.core.playback.radar_feed import RadarFeed
from gait_reid_sim.core.playback.udp import UdpSender
from gait_reid_sim.core.playback.velodyne import PRODUCTS, VelodyneEncoder
from gait_reid_sim.core.scene.scenario import SensorPlan
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.sensors.beams import beam_table
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.emulator.board import BoardOptions, EmulatedBoard
from ti_mmwave_driver.emulator.firmware import SensorState


@dataclass(frozen=True)
class DeviceConfig:
    """Where the drivers find the emulated devices."""

    radar_ports: str = param(
        "", "Folder of the emulated radars: each has RADAR/cli and RADAR/data in it"
    )
    lidar_host: str = param("127.0.0.1", "Address that LiDAR packets are sent to")
    lidar_port: int = param(2368, "UDP port of the first LiDAR, others count up", "", 1, 65535)

    def __post_init__(self) -> None:
        validate(self)


class Devices:
    """The emulated devices of a scenario.

    Attributes:
        boards: Radar boards, by sensor.
        senders: LiDARs, by sensor.
    """

    def __init__(self, simulation: Simulation, config: DeviceConfig) -> None:
        self.boards: dict[str, EmulatedBoard] = {}
        self.senders: dict[str, UdpSender] = {}
        self._encoders: dict[str, VelodyneEncoder] = {}
        self._simulation, self._config = simulation, config

    @property
    def wanted(self) -> bool:
        """Whether a driver has started one of the radars."""
        return any(board.state is SensorState.STARTED for board in self.boards.values())

    def add_radar(self, sensor: str, scene_s: Callable[[], float | None]) -> None:
        """Plug in a board.

        Args:
            sensor: Name of the radar.
            scene_s: Returns the scene's time, None while there is none.

        Raises:
            ValueError: No folder is given.
            OSError: The ports cannot be made.
        """
        if not self._config.radar_ports:
            raise ValueError(
                "devices.radar_ports is empty; give a folder for the ports of the emulated radar"
            )
        folder = Path(self._config.radar_ports).expanduser() / sensor
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

        def configured() -> Profile | None:
            return self.boards[sensor].profile

        feed = RadarFeed(self._simulation, sensor, configured, scene_s)
        seed = self._simulation.scenario.seed
        self.boards[sensor] = EmulatedBoard(folder, feed, BoardOptions(seed=seed))
        self.boards[sensor].plug()

    def add_lidar(self, plan: SensorPlan) -> None:
        """Prepare to send packets.

        Raises:
            ValueError: There is no packet format for its beams.
        """
        if plan.beams not in PRODUCTS:
            raise ValueError(
                f"LiDAR {plan.name} has beams {plan.beams}, which no Velodyne has; packets exist "
                f"for {', '.join(PRODUCTS)}"
            )
        port = self._config.lidar_port + len(self.senders)
        self.senders[plan.name] = UdpSender(self._config.lidar_host, port)
        self._encoders[plan.name] = VelodyneEncoder(PRODUCTS[plan.beams], beam_table(plan.beams))

    def send(self, sensor: str, cloud: PointCloud, start_ns: int) -> None:
        """Send a scan whose first firing is at ``start_ns`` of `time.monotonic_ns`."""
        self.senders[sensor].put(self._encoders[sensor].encode(cloud, start_ns))

    def values(self) -> dict[str, str]:
        """Return counters for diagnostics."""
        found = {f"{n} packets sent": str(s.sent) for n, s in self.senders.items()}
        found |= {f"{n} packets refused": str(s.refused) for n, s in self.senders.items()}
        return found | {f"{n} frames sent": str(b.frames_sent) for n, b in self.boards.items()}

    def stop(self) -> None:
        """Forget packets that were not sent yet."""
        for sender in self.senders.values():
            sender.clear()

    def close(self) -> None:
        """Take the devices away."""
        for board in self.boards.values():
            board.close()
        for sender in self.senders.values():
            sender.close()
        self.boards.clear()
        self.senders.clear()
