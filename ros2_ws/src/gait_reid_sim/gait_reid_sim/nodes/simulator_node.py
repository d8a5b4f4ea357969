"""Plays a simulated scene: publishes what the drivers of its sensors publish, and the truth."""

from __future__ import annotations

import math
import sys
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from rosgraph_msgs.msg import Clock

from gait_reid.core.types import PointCloud
from gait_reid.nodes.topics import CAMERA_IMAGE, CAMERA_INFO, LIDAR_POINTS, MATCHES, TRACKS
from gait_reid_common.diagnostics import DropCounters, Level, Status
from gait_reid_common.inputs import Input, Received
from gait_reid_common.lifecycle import ManagedNode, run_node
from gait_reid_common.stamps import NS_PER_S, to_stamp
from gait_reid_sim.adapters import outputs
from gait_reid_sim.core.playback.devices import Devices
from gait_reid_sim.core.playback.player import Pace, Player, PlayerLimits
from gait_reid_sim.core.playback.rendering import Renderer
from gait_reid_sim.core.playback.schedule import Slot, slots
from gait_reid_sim.core.playback.truth import TruthKeeper
from gait_reid_sim.core.playback.waiting import WaitingPace
from gait_reid_sim.core.scene.scenario import SensorPlan, load_scenario
from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation
from gait_reid_sim.nodes.parameters import SimulatorParameters
from gait_reid_sim.nodes.static_frames import publish_frames
from gait_reid_sim.nodes.topics import CLOCK, TRUTH_IDENTITIES, TRUTH_TRACKS
from ti_mmwave_driver.nodes.topics import RADAR_POINTS


class SimulatorNode(ManagedNode[SimulatorParameters]):
    """Renders ahead of time in processes of its own, and publishes each frame when it is due."""

    node_name = "simulator"
    parameter_type = SimulatorParameters
    publishes = (
        LIDAR_POINTS, CAMERA_IMAGE, CAMERA_INFO, RADAR_POINTS,
        TRUTH_TRACKS, TRUTH_IDENTITIES, CLOCK,
    )  # fmt: skip
    subscribes = (TRACKS, MATCHES)

    def do_configure(self, parameters: SimulatorParameters) -> None:
        """Read the scenario, plug in emulated devices and start the workers."""
        self._held = ExitStack()
        self._player: Player | None = None
        scenario = load_scenario(parameters.scenario)
        if parameters.seed >= 0:
            scenario = replace(scenario, seed=parameters.seed)
        self.simulation = Simulation(scenario)
        self.devices = Devices(self.simulation, parameters.devices)
        self._held.callback(self.devices.close)
        self._out: dict[str, Any] = {}
        self.counters: dict[str, DropCounters] = {}
        for plan in scenario.sensors:
            self._make_output(plan, getattr(parameters, plan.type))
        for topic in (TRUTH_TRACKS, TRUTH_IDENTITIES) if parameters.truth else ():
            self._out[topic.name] = self.publisher(topic)
        self._clock_out = self.publisher(CLOCK) if parameters.publish_clock else None
        if parameters.tf and (frames := publish_frames(self, scenario, parameters.frame_id)):
            self._held.callback(self.destroy_publisher, frames)
        self._renderer = Renderer(
            self.simulation, parameters.workers, others_first=parameters.wait_for != "nothing"
        )
        self._held.callback(self._renderer.close)
        self._renderer.start()
        answers = {"tracks": TRACKS, "matches": MATCHES}.get(parameters.wait_for)
        if answers is not None:
            self.subscribe(answers, self._on_answer)
        self.add_status(self._status)
        self.every(0.05, self._begin_when_wanted)

    def do_activate(self) -> None:
        """Prepare to begin."""
        parameters, scenario = self.parameters, self.simulation.scenario
        self._truth = TruthKeeper(parameters.frame_id, len(scenario.walks))
        self._truth_later: deque[tuple[float, Slot, SensorFrame]] = deque()
        self._begin_at_s: float | None = None
        off = [plan.name for plan in scenario.sensors if plan.name not in self.counters]
        limits = PlayerLimits(parameters.lookahead_s, parameters.max_lateness_s)
        frames = slots(self.simulation, parameters.loop, off, self.devices.senders)
        self._pace: Pace = Pace(parameters.rate)
        if parameters.wait_for != "nothing":
            self._pace = WaitingPace(parameters.rate, parameters.max_ahead_s)
            limits = PlayerLimits(parameters.lookahead_s, math.inf)
        self._player = Player(frames, self._renderer, self, self._pace, limits)

    def do_deactivate(self) -> None:
        """Stop the scene; activating begins it anew."""
        if self._player is not None:
            self._player.stop()
        self.devices.stop()

    def do_cleanup(self) -> None:
        """End the workers and take the devices away."""
        self._held.close()

    def _make_output(self, plan: SensorPlan, kind: str) -> None:
        topics = {"lidar": (LIDAR_POINTS,), "camera": (CAMERA_INFO, CAMERA_IMAGE)}
        names = outputs.sensor_topics(plan.name, plan.type)
        if kind == "velodyne":
            self.devices.add_lidar(plan)
        elif kind == "emulator":
            self.devices.add_radar(plan.name, self._scene_s)
        elif kind != "off":
            for topic, name in zip(topics.get(plan.type, (RADAR_POINTS,)), names):
                self._out[name] = self.publisher(topic, name)
        if kind != "off":
            self.counters[plan.name] = DropCounters(names[-1])

    def _scene_s(self) -> float | None:
        player = self._player
        running = player is not None and player.started and not player.ended
        return self._pace.now_s() if running else None

    def _begin_when_wanted(self) -> None:
        if self._player is None or self._player.started:
            return
        now_s = 1e-9 * self.steady_clock.now().nanoseconds
        if self._begin_at_s is None:
            wanted = self.devices.wanted or self.wanted(*self._out.values())
            if self.parameters.wait_for_subscriber and not wanted:
                return
            self._begin_at_s = now_s + self.parameters.start_delay_s
        if now_s >= self._begin_at_s:
            self._zero_ns = self._time_zero_ns()
            self._player.start()

    def _on_answer(self, source: Input[Any], received: Received[Any]) -> None:
        """Let the scene go on after what it has waited for."""
        running = self._player is not None and self._player.started
        if running and isinstance(self._pace, WaitingPace):
            self._pace.answered((received.stamp_ns - self._zero_ns) / NS_PER_S)
        source.counters.publish()

    def _time_zero_ns(self) -> int:
        if self.parameters.publish_clock:
            return round(self.parameters.epoch_s * NS_PER_S)
        return self.now_ns()

    # In the player's thread

    def wants(self, sensor: str) -> bool:
        """Return whether somebody subscribes to what comes of a sensor's frames."""
        truth = (outputs.TRUTH_TRACKS, outputs.TRUTH_IDENTITIES)
        found = [o for n, o in self._out.items() if n in truth or n.startswith(f"{sensor}/")]
        return sensor in self.devices.senders or self.wanted(*found)

    def deliver(self, slot: Slot, frame: SensorFrame) -> None:
        """Publish or send a frame, and who is where."""
        self.counters[slot.sensor].receive()
        if slot.sensor in self.devices.senders and isinstance(frame.data, PointCloud):
            # A turn is sent while it is measured; the truth of its end has to wait for it.
            begin_ns = round((self._pace.start_s + slot.release_s) * NS_PER_S)
            self.devices.send(slot.sensor, frame.data, begin_ns)
            end_s = slot.offset_s + 1e-9 * frame.stamp_ns
            self._truth_later.append((end_s, slot, frame))
        else:
            if slot.sensor not in self.devices.boards:
                self._publish(outputs.sensor_messages(frame, self._stamp_ns(slot, frame)))
            self._publish_truth(slot, frame)
        self.counters[slot.sensor].publish()

    def _stamp_ns(self, slot: Slot, frame: SensorFrame) -> int:
        return self._zero_ns + round(slot.offset_s * NS_PER_S) + frame.stamp_ns

    def _publish_truth(self, slot: Slot, frame: SensorFrame) -> None:
        if self.parameters.truth:
            stamp_ns = self._stamp_ns(slot, frame)
            self._publish(outputs.truth_messages(self._truth, frame, stamp_ns, slot.round))

    def _publish(self, made: list[outputs.Outgoing]) -> None:
        for topic, _, message in made:
            if self.wanted(self._out[topic]):
                self._out[topic].publish(message)

    def drop(self, slot: Slot, reason: str) -> None:
        """Count a frame that does not come."""
        self.counters[slot.sensor].receive()
        self.counters[slot.sensor].drop(reason)

    def report(self, error: BaseException) -> None:
        """Log what went wrong with a frame."""
        self.report_error(f"a frame is lost: {error}")

    def tick(self, scene_s: float) -> None:
        """Publish the scene's time, and the truth that waited for it."""
        while self._truth_later and self._truth_later[0][0] <= scene_s:
            self._publish_truth(*self._truth_later.popleft()[1:])
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
        values |= self.devices.values()
        if player is None or not player.started:
            return Status(scenario.name, Level.OK, "waits for a subscriber", values)
        values |= {f"{n} rendering_ms": f"{1e3 * c:.1f}" for n, c in player.costs_s.items()}
        values["scene_s"] = f"{self._pace.now_s():.2f}"
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
