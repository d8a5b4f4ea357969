"""Distance, gait phase and amplitude over time: the clock of a walk with starts and stops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.itinerary import Itinerary, Pause
from gait_reid_sim.core.gait.parameters import GaitParameters

RATE_HZ = 100.0
ACCELERATION_M_S2 = 1.1
START_PHASE = 0.54
"""The left foot leaves the ground first."""
REST_PHASE = 0.04
"""Both feet are on the ground at this phase and half a cycle later."""
GATHER_PHASE = 0.34
"""Part of a cycle walked on the spot to bring the feet side by side."""
SLOWEST_RATE = 0.75


@dataclass(frozen=True)
class Progress:
    """The clock of one person, sampled at `RATE_HZ`.

    Attributes:
        distance_m: (t,) distance along the path.
        phase: (t,) gait phase of the left leg, cycles, never falling.
        stride_ratio: (t,) length of the strides against the preferred length.
        moving: (t,) float64, 1 while the phase advances, 0 at rest, smooth between.
        seated: (t,) float64, 0 standing to 1 seated.
        seat_height_m: Height of the seat.
        rests: Half-open intervals of sample numbers in which the phase stands still.
    """

    distance_m: Float64
    phase: Float64
    stride_ratio: Float64
    moving: Float64
    seated: Float64
    seat_height_m: float
    rests: tuple[tuple[int, int], ...]


def _leg_speed(length_m: float, cruise: float, ramp_up: bool, ramp_down: bool) -> Float64:
    """Return speeds at `RATE_HZ` that cover ``length_m`` with gentle ramps where wanted."""
    ramp_s = cruise / ACCELERATION_M_S2
    ramps = int(ramp_up) + int(ramp_down)
    if ramps and ramps * 0.5 * cruise * ramp_s > length_m:
        cruise = np.sqrt(2.0 * length_m * ACCELERATION_M_S2 / ramps)
        ramp_s = cruise / ACCELERATION_M_S2
    steady_s = (length_m - ramps * 0.5 * cruise * ramp_s) / cruise
    n_ramp, n_steady = round(ramp_s * RATE_HZ), max(round(steady_s * RATE_HZ), 0)
    ease = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_ramp) + 0.5) / max(n_ramp, 1))
    parts = [ease * cruise] if ramp_up else []
    parts.append(np.full(n_steady, cruise))
    parts += [ease[::-1] * cruise] if ramp_down else []
    speed = np.concatenate(parts)
    return speed * (length_m * RATE_HZ / speed.sum()) if len(speed) else speed


def _legs(itinerary: Itinerary) -> list[tuple[float, float, bool, bool, Pause | None]]:
    """Return stretches between pauses: start, end, ramp up, ramp down, pause at the end."""
    length, at, resting = itinerary.path.length_m, 0.0, not itinerary.starts_moving
    legs: list[tuple[float, float, bool, bool, Pause | None]] = []
    for pause in itinerary.pauses:
        legs.append((at, min(pause.at_m, length), resting, True, pause))
        at, resting = min(pause.at_m, length), True
    if length - at > 0.05:
        legs.append((at, length, resting, not itinerary.ends_moving, None))
    return legs


def _rest_samples(pause: Pause) -> tuple[Float64, float]:
    """Return how seated the person is over the pause, and the height of the seat."""
    count = round(pause.duration_s * RATE_HZ)
    if pause.seat_height_m is None:
        return np.zeros(count), 0.45
    change = min(int(1.6 * RATE_HZ), count // 2)
    x = (np.arange(change) + 0.5) / max(change, 1)
    ease = x**3 * (10 - 15 * x + 6 * x**2)
    return np.concatenate([ease, np.ones(count - 2 * change), ease[::-1]]), pause.seat_height_m


def _own_rhythm(count: int, rng: np.random.Generator) -> Float64:
    """Return the slow variation of the step rate, 1.2 percent, that nobody is without."""
    noise = gaussian_filter1d(rng.normal(size=count + 400), 60.0)[200:-200]
    return 1.0 + 0.012 * noise / max(float(noise.std()), 1e-9)


def plan_progress(itinerary: Itinerary, gait: GaitParameters, rng: np.random.Generator) -> Progress:
    """Return the clock of a walk along ``itinerary``."""
    cruise = itinerary.speed_m_s or gait.speed_m_s
    columns: list[npt.NDArray[np.float64]] = []
    rests: list[tuple[int, int]] = []
    seat, count = 0.45, 0
    phase = START_PHASE if not itinerary.starts_moving else float(rng.random())
    for start, end, up, down, pause in _legs(itinerary):
        if end - start > 0.05:
            block = _walk_block(itinerary, gait, rng, (start, end), (up, down), cruise, phase)
            columns.append(block)
            phase, count = float(block[-1, 1]), count + len(block)
        if pause is not None:
            seated, seat = _rest_samples(pause)
            rest = np.zeros((len(seated), 4))
            rest[:, 0], rest[:, 1], rest[:, 3] = end, phase, seated
            columns.append(rest)
            rests.append((count, count + len(rest)))
            count += len(rest)
    table = np.concatenate(columns)
    moving = np.ones(len(table))
    for first, last in rests:
        moving[first:last] = 0.0
    moving = gaussian_filter1d(moving, 0.12 * RATE_HZ, mode="nearest")
    ratio = gaussian_filter1d(table[:, 2], 0.10 * RATE_HZ, mode="nearest")
    return Progress(table[:, 0], table[:, 1], ratio, moving, table[:, 3], float(seat), tuple(rests))


def _walk_block(
    itinerary: Itinerary,
    gait: GaitParameters,
    rng: np.random.Generator,
    stretch: tuple[float, float],
    ramps: tuple[bool, bool],
    cruise: float,
    phase: float,
) -> Float64:
    """Return (t, 4) distance, phase, stride ratio and zeros of one stretch of walking."""
    start, end = stretch
    speed = _leg_speed(end - start, cruise, *ramps)
    distance = start + np.cumsum(speed) / RATE_HZ
    slow_down = 1.0 / (1.0 + 0.25 * itinerary.path.curvature(distance))
    # Slower in bends: time is stretched, so that the stretch keeps its length.
    time = np.cumsum(1.0 / slow_down) / RATE_HZ
    even = np.arange(time[0], time[-1], 1.0 / RATE_HZ)
    speed, distance = np.interp(even, time, speed * slow_down), np.interp(even, time, distance)
    relative = np.sqrt(speed / gait.speed_m_s)
    rate = np.maximum(relative, SLOWEST_RATE) / gait.cycle_s * _own_rhythm(len(speed), rng)
    phases = phase + np.cumsum(rate) / RATE_HZ
    if ramps[1]:
        last = phases[-1] + GATHER_PHASE
        last = np.ceil((last - REST_PHASE) * 2.0) / 2.0 + REST_PHASE
        step = SLOWEST_RATE / gait.cycle_s / RATE_HZ
        tail = np.linspace(phases[-1], last, max(int((last - phases[-1]) / step), 2))[1:]
        phases = np.concatenate([phases, tail])
        distance = np.concatenate([distance, np.full(len(tail), end)])
        speed = np.concatenate([speed, np.zeros(len(tail))])
        rate = np.concatenate([rate, np.full(len(tail), step * RATE_HZ)])
    ratio = np.clip(speed / (rate * gait.stride_m), 0.0, 1.4)
    return np.column_stack([distance, phases, ratio, np.zeros(len(phases))])
