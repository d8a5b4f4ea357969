"""When which frame begins and when it is complete."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator
from dataclasses import dataclass

from gait_reid_sim.core.scene.scenario import SensorPlan
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.sensors.lidar import Lidar
from gait_reid_sim.core.sensors.radar import Radar


@dataclass(frozen=True, order=True)
class Slot:
    """One frame that is to be made.

    Attributes:
        release_s: Scene time at which the frame is handed over.
        sensor: Name of the sensor in the scenario.
        number: Number of the frame within the scene.
        round: How often the scene was played before.
        offset_s: Scene time at which this round of the scene begins.
    """

    release_s: float
    sensor: str
    number: int
    round: int = 0
    offset_s: float = 0.0


def span_s(simulation: Simulation, plan: SensorPlan) -> float:
    """Return how long one frame of a sensor takes: a turn, the chirps of a frame, or no time."""
    model = simulation.models[plan.name]
    if isinstance(model, Lidar):
        return 1.0 / model.table.rate_hz
    return model.profile.active_s if isinstance(model, Radar) else 0.0


def slots(
    simulation: Simulation,
    loop: bool = False,
    left_out: Container[str] = (),
    ahead: Container[str] = (),
) -> Iterator[Slot]:
    """Yield the frames of a scenario in the order in which they are complete.

    Args:
        simulation: The scenario.
        loop: Whether to begin anew at the end, without a jump of time.
        left_out: Names of sensors that have no frames.
        ahead: Names of sensors whose frames are released when they begin, not when they are
            complete, because they are sent piece by piece.
    """
    duration_s = simulation.scenario.duration_s
    plans = {p.name: p for p in simulation.scenario.sensors if p.name not in left_out}
    rates = {name: simulation.rate_hz(plan) for name, plan in plans.items()}
    spans = {n: 0.0 if n in ahead else span_s(simulation, plan) for n, plan in plans.items()}
    queue = [Slot(spans[name], name, 0) for name in plans]
    heapq.heapify(queue)
    while queue:
        slot = heapq.heappop(queue)
        yield slot
        number, turn = slot.number + 1, slot.round
        if number / rates[slot.sensor] >= duration_s:
            if not loop:
                continue
            number, turn = 0, turn + 1
        offset_s = turn * duration_s
        release_s = offset_s + number / rates[slot.sensor] + spans[slot.sensor]
        heapq.heappush(queue, Slot(release_s, slot.sensor, number, turn, offset_s))
