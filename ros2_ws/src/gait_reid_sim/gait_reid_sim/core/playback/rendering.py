"""Renders frames in worker processes, so that neither a node nor its executor waits for them."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from gait_reid_sim.core.scene.simulation import SensorFrame, Simulation

_START_TIMEOUT_S = 180.0
_NICE = 10  # a tenth of the usual share, where others want the rest
_NOBODY = np.zeros(0, np.int32)
_simulation: Simulation | None = None
_barrier: Any = None


class Rendered(NamedTuple):
    """A frame and what it took.

    Attributes:
        frame: The frame; its ``owner`` is empty.
        cost_s: Time that rendering took.
    """

    frame: SensorFrame
    cost_s: float


class Renderer:
    """Makes frames of one scenario; frames do not depend on who makes them.

    Args:
        simulation: The scenario.
        workers: Processes; 0: the frame is made by `submit` itself.
        others_first: Whether the workers take what other processes leave of the processors, as
            real sensors take none.
    """

    def __init__(self, simulation: Simulation, workers: int, others_first: bool = False) -> None:
        self.workers = workers
        self._others_first = others_first
        self._simulation = simulation
        self._plans = {plan.name: plan for plan in simulation.scenario.sensors}
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Start the workers and wait until every one of them has made its first frames.

        Raises:
            BrokenProcessPool: A worker died.
        """
        if not self.workers:
            warm_up(self._simulation)
            return
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(
            self.workers, context, _begin, (context.Barrier(self.workers), self._others_first)
        )
        try:
            started = [self._pool.submit(_meet) for _ in range(self.workers)]
            # Made once, while the workers start, because making people takes longer than sending.
            _ = self._simulation.actors
            ready = [self._pool.submit(_prepare, self._simulation) for _ in started]
            for step in (*started, *ready):
                step.result(_START_TIMEOUT_S)
        except BaseException:
            self.close()
            raise

    def submit(self, sensor: str, number: int) -> Future[Rendered]:
        """Have frame ``number`` of a sensor made."""
        if self._pool is not None:
            return self._pool.submit(_render_here, sensor, number)
        future: Future[Rendered] = Future()
        try:
            future.set_result(render(self._simulation, sensor, number))
        except Exception as error:  # as a worker would hand it over
            future.set_exception(error)
        return future

    def close(self) -> None:
        """End the workers; frames that wait are not made."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def render(simulation: Simulation, sensor: str, number: int) -> Rendered:
    """Return a frame without its owners, which no message carries."""
    started_s = time.perf_counter()
    plan = next(p for p in simulation.scenario.sensors if p.name == sensor)
    frame = replace(simulation.frame(plan, number), owner=_NOBODY)
    return Rendered(frame, time.perf_counter() - started_s)


def warm_up(simulation: Simulation) -> None:
    """Make the people and the scenery's part of every sensor's frames."""
    for plan in simulation.scenario.sensors:
        simulation.frame(plan, 0)


def _begin(barrier: Any, others_first: bool) -> None:
    """Begin a worker's life."""
    global _barrier
    if others_first:
        _let_others_go_first()
    # The terminal's interrupt is for the parent, which ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Nothing is left to be saved, and taking down an interpreter with a compiler in it takes long.
    atexit.register(os._exit, 0)
    cv2.setNumThreads(1)
    _barrier = barrier


def _let_others_go_first() -> None:
    os.nice(_NICE)
    # Linux may share processors out between sessions first, and by niceness only within them.
    os.setsid()
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE))


def _prepare(simulation: Simulation) -> None:
    """Take the scene; every worker does so once, because each waits for the others."""
    global _simulation
    _meet()
    _simulation = simulation
    warm_up(simulation)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _meet() -> None:
    _barrier.wait(_START_TIMEOUT_S)


def _render_here(sensor: str, number: int) -> Rendered:
    if _simulation is None:
        raise RuntimeError("the worker was not prepared")
    return render(_simulation, sensor, number)
