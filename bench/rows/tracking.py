"""Following 30 people, one step per frame."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.environment import version_of
from bench.harness import Benchmark, Case, Contender, Missing, Sample, UnavailableError
from gait_reid.core.tracking import Tracker
from gait_reid.core.types import Detections, Modality

NUM_PEOPLE = 30
NUM_FRAMES = 60
PERIOD_S = 0.1
_MISSED = 0.05
_NOISE_M = 0.05

Floats = npt.NDArray[np.float64]
Step = Callable[[Detections], int]


def crossing_crowd() -> list[Detections]:
    """Return the frames of people who walk across a square; one in twenty detections is missing."""
    rng = np.random.default_rng(3)
    start = rng.uniform(-15.0, 15.0, (NUM_PEOPLE, 2))
    heading = rng.uniform(0, 2 * np.pi, NUM_PEOPLE)
    velocity = rng.uniform(0.8, 1.6, NUM_PEOPLE)[:, None] * np.stack(
        [np.cos(heading), np.sin(heading)], axis=1
    )
    frames = []
    for number in range(NUM_FRAMES):
        seen = np.flatnonzero(rng.random(NUM_PEOPLE) > _MISSED)
        at = (start + velocity * number * PERIOD_S)[seen]
        at = at + rng.normal(0.0, _NOISE_M, at.shape)
        frames.append(_detections(round(number * PERIOD_S * 1e9), at))
    return frames


def _detections(stamp_ns: int, xy: Floats) -> Detections:
    """Return people with a box in a picture from above, 40 pixels per metre."""
    n = len(xy)
    roi = np.column_stack([800 + 40 * xy[:, 0], 800 + 40 * xy[:, 1], np.full((n, 2), [40.0, 80.0])])
    return Detections(
        stamp_ns, "site", np.column_stack([xy, np.zeros(n)]),
        np.tile(np.eye(2) * _NOISE_M**2, (n, 1, 1)), np.tile([0.5, 0.5, 1.75], (n, 1)),
        roi, np.full(n, 0.9), np.full(n, int(Modality.LIDAR | Modality.CAMERA), np.uint8),
    )  # fmt: skip


class SortTracker(ABC):
    """One filterpy Kalman filter per person and scipy's assignment (SORT, Bewley et al. 2016)."""

    MAX_MISSES = 10

    def __init__(self) -> None:
        from filterpy.kalman import KalmanFilter

        self._filter = KalmanFilter
        self._tracks: list[list[Any]] = []

    def update(self, detections: Detections) -> int:
        """Advance by one frame and return the number of living tracks."""
        from scipy.optimize import linear_sum_assignment

        for track in self._tracks:
            track[0].predict()
            track[1] += 1
        measured = self.measurements(detections)
        taken: set[int] = set()
        if self._tracks and len(measured):
            cost = self.cost(np.array([track[0].x[:, 0] for track in self._tracks]), measured)
            for row, column in zip(*linear_sum_assignment(cost)):
                if cost[row, column] < self.max_cost:
                    self._tracks[row][0].update(measured[column])
                    self._tracks[row][1] = 0
                    taken.add(column)
        self._tracks = [track for track in self._tracks if track[1] <= self.MAX_MISSES]
        fresh = [row for index, row in enumerate(measured) if index not in taken]
        self._tracks += [[self.spawn(row), 0] for row in fresh]
        return len(self._tracks)

    max_cost: float

    @abstractmethod
    def measurements(self, detections: Detections) -> Floats:
        """Return (n, m) what the filters measure."""

    @abstractmethod
    def cost(self, states: Floats, measured: Floats) -> Floats:
        """Return (tracks, detections) costs of assignment."""

    @abstractmethod
    def spawn(self, measured: Floats) -> Any:
        """Return the filter of a new person."""


class BoxSort(SortTracker):
    """As published: centre, area and aspect ratio of the box, cost by overlap."""

    max_cost = 0.7

    def measurements(self, detections: Detections) -> Floats:
        """Return centre x, y, area and aspect ratio."""
        x, y, width, height = detections.roi.T
        return np.stack([x + width / 2, y + height / 2, width * height, width / height], axis=1)

    def cost(self, states: Floats, measured: Floats) -> Floats:
        """Return one minus intersection over union."""
        (low, high), (mine_low, mine_high) = _corners(states[:, :4]), _corners(measured)
        overlap = np.minimum(high[:, None], mine_high) - np.maximum(low[:, None], mine_low)
        shared = overlap.clip(0).prod(axis=2)
        return 1.0 - shared / (states[:, 2, None] + measured[None, :, 2] - shared)

    def spawn(self, measured: Floats) -> Any:
        """Return a filter of seven states: the measured four and the speeds of the first three."""
        kalman = self._filter(dim_x=7, dim_z=4)
        kalman.F = np.eye(7) + np.eye(7, k=4)
        kalman.H = np.eye(4, 7)
        kalman.R = np.diag([1.0, 1.0, 10.0, 0.01])
        kalman.P = np.diag([10.0, 10.0, 10.0, 10.0, 1e3, 1e3, 1e3])
        kalman.Q = np.diag([1.0, 1.0, 1.0, 0.01, 0.01, 0.01, 1e-4])
        kalman.x[:4, 0] = measured
        return kalman


class GroundSort(SortTracker):
    """The same on the ground: position and velocity, cost by distance."""

    max_cost = 1.5

    def measurements(self, detections: Detections) -> Floats:
        """Return x and y, metres."""
        return detections.position[:, :2]

    def cost(self, states: Floats, measured: Floats) -> Floats:
        """Return distances, metres."""
        return np.linalg.norm(states[:, None, :2] - measured, axis=2)

    def spawn(self, measured: Floats) -> Any:
        """Return a filter of four states."""
        kalman = self._filter(dim_x=4, dim_z=2)
        kalman.F = np.eye(4) + np.diag([PERIOD_S, PERIOD_S], 2)
        kalman.H = np.eye(2, 4)
        kalman.R *= _NOISE_M**2
        kalman.Q = np.diag([0.01, 0.01, 0.02, 0.02])
        kalman.P = np.diag([_NOISE_M**2, _NOISE_M**2, 1.0, 1.0])
        kalman.x[:2, 0] = measured
        return kalman


def _corners(boxes: Floats) -> tuple[Floats, Floats]:
    width = np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))
    half = np.stack([width, boxes[:, 2] / width], axis=1) / 2
    return boxes[:, :2] - half, boxes[:, :2] + half


def _contender(
    name: str, make: Callable[[], Step], frames: Sequence[Detections], version: str = ""
) -> Contender:
    def measure() -> Sample:
        step = make()
        living = 0
        start = time.perf_counter()
        for frame in frames:
            living = step(frame)
        elapsed_s = time.perf_counter() - start
        if living != NUM_PEOPLE:
            raise UnavailableError(f"{name} follows {living} of {NUM_PEOPLE} people")
        return {"time_ms": 1e3 * elapsed_s / len(frames)}

    return Contender(name, measure, version)


def _own() -> Step:
    tracker = Tracker()
    return lambda detections: len(tracker.update(detections))


def build() -> Case:
    """Make the crowd; every contender must follow exactly all people in the end."""
    frames = crossing_crowd()
    candidate = _contender("batched Kalman filter and scipy assignment", _own, frames)
    workload = f"{NUM_PEOPLE} people, {NUM_FRAMES} frames at 10 Hz, 5 % missed; time per frame"
    version = version_of("filterpy")
    if not version:
        missing = Missing("filterpy and scipy (SORT)", "filterpy is not installed")
        return Case(workload, candidate, (), (missing,))
    peers = (
        _contender("SORT with filterpy and scipy", lambda: BoxSort().update, frames, version),
        _contender(
            "the same on the ground, 4 states", lambda: GroundSort().update, frames, version
        ),
    )
    return Case(workload, candidate, peers)


BENCHMARK = Benchmark("tracking", "Tracking 30 people", build, promise=1 / 8)
