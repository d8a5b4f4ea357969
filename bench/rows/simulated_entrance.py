"""The entrance scene on two processes, against the time that it shows."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context

import cv2

from bench.harness import Benchmark, Case, Contender, Sample
from gait_reid_sim.core.scene.scenario import load_scenario
from gait_reid_sim.core.scene.simulation import Simulation

SCENE = "entrance"
START_S, DURATION_S = 8.0, 4.0
PROCESSES = 2


@lru_cache(maxsize=1)
def _simulation() -> Simulation:
    cv2.setNumThreads(1)
    return Simulation(load_scenario(SCENE))


def _frame(sensor: int, number: int) -> int:
    simulation = _simulation()
    plan = simulation.scenario.sensors[sensor]
    return len(simulation.frame(plan, number).owner)


def _warm(sensor: int, _: int) -> int:
    """Make the background of one sensor; every process is asked more often than there are."""
    return _frame(sensor, 0)


def build() -> Case:
    """Start the processes and let each of them draw everything that stands still."""
    pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))
    simulation = _simulation()
    jobs = []
    for row, plan in enumerate(simulation.scenario.sensors):
        rate_hz = simulation.rate_hz(plan)
        first = round(START_S * rate_hz)
        jobs += [(row, first + k) for k in range(round(DURATION_S * rate_hz))]
    sensors = range(len(simulation.scenario.sensors))
    warm = [(row, k) for k in range(4 * PROCESSES) for row in sensors]
    list(pool.map(_warm, *zip(*warm)))

    def simulate() -> Sample:
        start = time.perf_counter()
        list(pool.map(_frame, *zip(*jobs)))
        return {"time_ms": 1e3 * (time.perf_counter() - start) / DURATION_S}

    names = ", ".join(f"{p.type} {simulation.rate_hz(p):g} Hz" for p in simulation.scenario.sensors)
    return Case(
        f"{DURATION_S:g} s of the entrance: {names}; time per second of the scene",
        Contender(f"Simulation.frame in {PROCESSES} processes", simulate),
        (Contender("real time", lambda: {"time_ms": 1000.0}),),
    )


BENCHMARK = Benchmark(
    "simulated_entrance", "Simulated entrance, real time", build, rounds=5, promise=1.0
)
