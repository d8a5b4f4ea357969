"""Plays a simulated scene: publishes what the drivers of its sensors publish, and the truth."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from rosgraph_msgs.msg import Clock

from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO, LIDAR_POINTS
from gait_reid_common.diagnostics import DropCounters, Level, Status
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.parameters import ParameterError, param, validate
from gait_reid_common.stamps import NS_PER_S, to_stamp
from gait_reid_sim.adapters import outputs
from gait_reid_sim.core.playback.player import Pace, Player, PlayerLimits
from gait_reid_sim.core.playback.rendering import Renderer
from gait_reid_sim.core.playback.schedule import Slot, slots
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.scene.scenario import load_scenario
from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation
from gait_reid_sim.nodes.topics import CLOCK, TRUTH_IDENTITIES, TRUTH_TRACKS
from ti_mmwave_driver.nodes.topics import RADAR_POINTS


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
        True, "Whether the scene begins only when somebody subscribes to a sensor"
    )
    loop: bool = param(False, "Whether the scene begins again at its end, with new track ids")
    workers: int = param(2, "Processes that render; 0: the node's own thread", "", 0, 64)
    lookahead_s: float = param(
        0.5, "Frames are rendered at most so long before they are due", "s", 0.01, 10.0
    )
    max_lateness_s: float = param(
        0.1, "Frames that cannot be ready so soon after they are due are dropped", "s", 0.0, 10.0
    )
    lidar: str = param("points", "What LiDARs publish", choices=("points", "off"))
    camera: str = param("image", "What cameras publish", choices=("image", "off"))
    radar: str = param("points", "What radars publish", choices=("points", "off"))
    truth: bool = param(True, "Whether the truth is published")
    frame_id: str = param("site", "Fixed frame of the truth")

    def __post_init__(self) -> None:
        validate(self)
        if self.rate != 1.0 and not self.publish_clock:
            raise ParameterError("rate", self.rate, "1.0 while publish_clock is false")


class SimulatorNode(ManagedNode[SimulatorParameters]):
    """Renders ahead of time in processes of its own, and publishes each frame when it is due."""

    node_name = "simulator"
    parameter_type = SimulatorParameters
    publishes = (
        LIDAR_POINTS, CAMERA_IMAGE, CAMERA_INFO, RADAR_POINTS,
        TRUTH_TRACKS, TRUTH_IDENTITIES, CLOCK,
    )  # fmt: skip

    def do_configure(self, parameters: SimulatorParameters) -> None:
        """Read the scenario and start the workers."""
        self._held = ExitStack()
        self._player: Player | None = None
        scenario = load_scenario(parameters.scenario)
        if parameters.seed >= 0:
            scenario = replace(scenario, seed=parameters.seed)
        self.simulation = Simulation(scenario)
        self._out: dict[str, Any] = {}
        self.counters: dict[str, DropCounters] = {}
        for plan in scenario.sensors:
            if getattr(parameters, plan.type) != "off":
                self._make_outputs(plan.name, plan.type)
        for topic in (TRUTH_TRACKS, TRUTH_IDENTITIES) if parameters.truth else ():
            self._out[topic.name] = self.publisher(topic)
        self._clock_out = self.publisher(CLOCK) if parameters.publish_clock else None
        self._renderer = Renderer(self.simulation, parameters.workers)
        self._held.callback(self._renderer.close)
        self._renderer.start()
        self.add_status(self._status)
        self.every(0.05, self._begin_when_wanted)

    def do_activate(self) -> None:
        """Prepare to begin."""
        parameters, scenario = self.parameters, self.simulation.scenario
        self._truth = TruthKeeper(parameters.frame_id, len(scenario.walks))
        self._begin_at_s: float | None = None
        off = [plan.name for plan in scenario.sensors if plan.name not in self.counters]
        limits = PlayerLimits(parameters.lookahead_s, parameters.max_lateness_s)
        frames = slots(self.simulation, parameters.loop, off)
        self._player = Player(frames, self._renderer, self, Pace(parameters.rate), limits)

    def do_deactivate(self) -> None:
        """Stop the scene; activating begins it anew."""
        if self._player is not None:
            self._player.stop()

    def do_cleanup(self) -> None:
        """End the workers."""
        self._held.close()

    def _make_outputs(self, sensor: str, type_: str) -> None:
        kinds = {"lidar": (LIDAR_POINTS,), "camera": (CAMERA_INFO, CAMERA_IMAGE)}
        names = outputs.sensor_topics(sensor, type_)
        for topic, name in zip(kinds.get(type_, (RADAR_POINTS,)), names):
            self._out[name] = self.publisher(topic, name)
        self.counters[sensor] = DropCounters(names[-1])

    def _begin_when_wanted(self) -> None:
        if self._player is None or self._player.started:
            return
        now_s = 1e-9 * self.steady_clock.now().nanoseconds
        if self._begin_at_s is None:
            if self.parameters.wait_for_subscriber and not self.wanted(*self._out.values()):
                return
            self._begin_at_s = now_s + self.parameters.start_delay_s
        if now_s >= self._begin_at_s:
            self._zero_ns = self._time_zero_ns()
            self._player.start()

    def _time_zero_ns(self) -> int:
        if self.parameters.publish_clock:
            return round(self.parameters.epoch_s * NS_PER_S)
        return self.now_ns()

    # In the player's thread

    def wants(self, sensor: str) -> bool:
        """Return whether somebody subscribes to what comes of a sensor's frames."""
        truth = (outputs.TRUTH_TRACKS, outputs.TRUTH_IDENTITIES)
        found = [o for n, o in self._out.items() if n in truth or n.startswith(f"{sensor}/")]
        return self.wanted(*found)

    def deliver(self, slot: Slot, frame: SensorFrame) -> None:
        """Publish a frame and who is where."""
        counters = self.counters[slot.sensor]
        counters.receive()
        stamp_ns = self._zero_ns + round(slot.offset_s * NS_PER_S) + frame.stamp_ns
        made = outputs.sensor_messages(frame, stamp_ns)
        if self.parameters.truth:
            made += outputs.truth_messages(self._truth, frame, stamp_ns, slot.round)
        for topic, _, message in made:
            if self.wanted(self._out[topic]):
                self._out[topic].publish(message)
        counters.publish()

    def drop(self, slot: Slot, reason: str) -> None:
        """Count a frame that does not come."""
        self.counters[slot.sensor].receive()
        self.counters[slot.sensor].drop(reason)

    def report(self, error: BaseException) -> None:
        """Log what went wrong with a frame."""
        self.report_error(f"a frame is lost: {error}")

    def tick(self, scene_s: float) -> None:
        """Publish the scene's time."""
        if self._clock_out is not None:
            stamp = to_stamp(self._zero_ns + round(scene_s * NS_PER_S))
            self._clock_out.publish(Clock(clock=stamp))

    # In the executor's thread

    def _status(self) -> Status:
        scenario, player = self.simulation.scenario, self._player
        values: dict[str, str] = {"seed": str(scenario.seed)}
        late = 0
        for sensor, counters in self.counters.items():
            counts = counters.snapshot()
            values[f"{sensor} published"] = str(counts.published)
            late += counts.drops.get("late", 0)
            dropped = sorted(counts.drops.items())
            values |= {f"{sensor} dropped {reason}": str(n) for reason, n in dropped}
        if player is None or not player.started:
            return Status(scenario.name, Level.OK, "waits for a subscriber", values)
        values |= {f"{n} rendering_ms": f"{1e3 * c:.1f}" for n, c in player.costs_s.items()}
        values["scene_s"] = f"{player.pace.now_s():.2f}"
        if player.ended:
            return Status(scenario.name, Level.OK, "played to the end", values)
        if late:
            message = f"{late} frames were not ready in time: lower rate, or add workers"
            return Status(scenario.name, Level.WARN, message, values)
        return Status(scenario.name, Level.OK, "plays", values)


def main() -> int:
    """Run the node."""
    return run_node(SimulatorNode)


if __name__ == "__main__":
    sys.exit(main())
