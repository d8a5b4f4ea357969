"""Where the feet are: planted while they carry, carried over in between.

A foot on the ground turns about heel or ball and moves nowhere else; a foot in the air follows the
person's own curves, corrected so that it leaves and arrives with the position and velocity of the
planted foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.gait.hips import HipPath, print_aside_m
from gait_reid_sim.core.gait.itinerary import Path
from gait_reid_sim.core.gait.progress import Progress
from gait_reid_sim.core.gait.stride import LARGEST_LIFT, MID_STANCE, Stride

LEAST_LIFT = 0.38
"""Steps on the spot still lift the feet: amplitude against the preferred stride."""
CLEARANCE_M = 0.012
FADE = 0.5
"""Part of the swing over which the corrections at its ends fade."""


@dataclass(frozen=True)
class Stance:
    """One foot on the ground.

    Attributes:
        first: Sample at heel strike.
        last: Sample at toe-off.
        xy: (2,) where the ankle is over the flat foot.
        yaw: Heading of the foot.
    """

    first: float
    last: float
    xy: Float64
    yaw: float


@dataclass(frozen=True)
class FootMotion:
    """One foot over time.

    Attributes:
        ankle: (t, 3) world.
        yaw: (t,) heading.
        pitch: (t,) toes up.
        planted: (t,) whether the foot is on the ground.
    """

    ankle: Float64
    yaw: Float64
    pitch: Float64
    planted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Base:
    """The body's way over the ground, padded at both ends.

    Attributes:
        distance_m: (t,) along the path.
        phase: (t,) of the left leg.
        ratio: (t,) length of strides against the preferred.
        lift: (t,) amplitude of the swinging leg.
        xy: (t, 2) middle of the pelvis without sway.
        heading: (t,) radians.
        surge: (t,) metres that the hips are ahead of ``xy``.
        height: (t,) of the pelvis, before the reach of the legs is respected.
        rests: Intervals of samples at rest.
    """

    distance_m: Float64
    phase: Float64
    ratio: Float64
    lift: Float64
    xy: Float64
    heading: Float64
    surge: Float64
    height: Float64
    rests: tuple[tuple[int, int], ...]


def make_base(path: Path, progress: Progress, hips: HipPath, pad: int) -> Base:
    """Extend the clock by ``pad`` samples at both ends, so that the first step has a past."""
    count = len(progress.phase)
    before, after = np.arange(-pad, 0), np.arange(count, count + pad) - (count - 1)

    def extend(column: Float64) -> Float64:
        reach = min(20, count - 1)
        slope = (column[reach] - column[0]) / reach, (column[-1] - column[-1 - reach]) / reach
        parts = [column[0] + before * slope[0], column, column[-1] + after * slope[1]]
        return np.concatenate(parts)

    def hold(column: Float64) -> Float64:
        return np.pad(column, pad, mode="edge")

    distance, ratio = extend(progress.distance_m), hold(progress.stride_ratio)
    xy, heading = path.at(distance)
    lift = np.maximum(ratio, LEAST_LIFT * hold(progress.moving))
    rests = [
        (0 if first == 0 else first + pad, last + (2 * pad if last == count else pad))
        for first, last in progress.rests
    ]
    phase = extend(progress.phase)
    surge, height = hips.at(phase, ratio)
    return Base(distance, phase, ratio, lift, xy, heading, surge, height, tuple(rests))


def find_stances(stride: Stride, base: Base, side: int) -> list[Stance]:
    """Return the stances of one foot in order of time."""
    own = stride.leg_phase(side, base.phase)
    grid = np.arange(len(own), dtype=np.float64)
    gait, outwards = stride.gait, 1.0 if side == 0 else -1.0
    stances = []
    for cycle in range(int(np.floor(own[0])), int(np.floor(own[-1])) + 1):
        moments = np.interp([cycle, cycle + gait.duty, cycle + MID_STANCE], own, grid)
        first, last, middle = (float(m) for m in moments)
        resting = [r for r in base.rests if r[0] < last and r[1] > first]
        if resting:
            middle = 0.5 * (resting[0][0] + resting[0][1])
        xy = np.array([np.interp(middle, grid, base.xy[:, i]) for i in range(2)])
        heading = float(np.interp(middle, grid, base.heading))
        ratio = 0.0 if resting else float(np.interp(middle, grid, base.ratio))
        ahead = ratio * stride.print_offset_m[side]
        aside = print_aside_m(gait, side, ratio)
        c, s = np.cos(heading), np.sin(heading)
        print_xy = xy + np.array([c * ahead - s * aside, s * ahead + c * aside])
        if cycle <= own[0] - gait.duty:
            continue
        stances.append(Stance(first, last, print_xy, heading + outwards * gait.toe_out[side]))
    return stances


def _nominal(stride: Stride, base: Base, side: int) -> Float64:
    """Return (t, 3) the ankle as the person's own curves have it, carried along by the body."""
    own = stride.leg_phase(side, base.phase)
    hip, knee = stride.scaled_angles(side, own, base.lift)
    forward, drop = stride.legs.hanging_ankle(hip, knee)
    ahead = forward + stride.legs.hip_offset[side, 0] + base.surge
    aside = print_aside_m(stride.gait, side, 1.0)
    c, s = np.cos(base.heading), np.sin(base.heading)
    return np.column_stack(
        [
            base.xy[:, 0] + c * ahead - s * aside,
            base.xy[:, 1] + s * ahead + c * aside,
            base.height + stride.legs.hip_offset[side, 2] + drop,
        ]
    )


def _planted_ankle(stride: Stride, stance: Stance, pitch: Float64) -> Float64:
    forward, up = stride.legs.rolling_ankle(pitch)
    return np.column_stack(
        [
            stance.xy[0] + np.cos(stance.yaw) * forward,
            stance.xy[1] + np.sin(stance.yaw) * forward,
            up,
        ]
    )


def _fading(u: Float64, offset: Float64, slope: Float64) -> Float64:
    """Return a correction that starts with ``offset`` and ``slope`` and is gone at u = 1."""
    u = np.clip(u, 0.0, 1.0)[:, None]
    return (2 * u**3 - 3 * u**2 + 1) * offset + (u**3 - 2 * u**2 + u) * slope


def move_foot(stride: Stride, base: Base, side: int) -> FootMotion:
    """Return the motion of one foot over the padded time."""
    own = stride.leg_phase(side, base.phase)
    pitch = stride.pitch(side, own) * np.clip(base.lift, 0.0, LARGEST_LIFT)
    nominal = _nominal(stride, base, side)
    ankle = nominal.copy()
    yaw, planted = base.heading.copy(), np.zeros(len(own), bool)
    stances = find_stances(stride, base, side)
    for stance in stances:
        span = slice(int(np.ceil(stance.first)), int(np.floor(stance.last)) + 1)
        planted[span] = True
        yaw[span] = stance.yaw
        ankle[span] = _planted_ankle(stride, stance, pitch[span])
    for before, after in zip(stances, stances[1:]):
        _swing(stride, (before, after), nominal, ankle, yaw, pitch)
    return FootMotion(ankle, yaw, pitch, planted)


def _swing(
    stride: Stride,
    stances: tuple[Stance, Stance],
    nominal: Float64,
    ankle: Float64,
    yaw: Float64,
    pitch: Float64,
) -> None:
    """Fill in the samples between two stances, in place."""
    before, after = stances
    first, last = int(np.floor(before.last)), int(np.ceil(after.first))
    inner = np.arange(first + 1, last)
    if len(inner) == 0 or first < 1 or last > len(nominal) - 2:
        return
    samples = float(last - first)
    error = ankle[[first, last]] - nominal[[first, last]]
    slope_first = (ankle[first] - ankle[first - 1]) - (nominal[first] - nominal[first - 1])
    slope_last = (ankle[last + 1] - ankle[last]) - (nominal[last + 1] - nominal[last])
    u = (inner - first) / samples
    reach = FADE * samples
    fix = _fading(u / FADE, error[0], slope_first * reach)
    fix += _fading((1.0 - u) / FADE, error[1], -slope_last * reach)
    ankle[inner] = nominal[inner] + fix
    ease = u * u * (3.0 - 2.0 * u)
    turn = np.angle(np.exp(1j * (after.yaw - before.yaw)))
    yaw[inner] = before.yaw + ease * turn
    ankle[inner, 2] += _lift(stride, ankle[inner, 2], pitch[inner], u)


def _lift(stride: Stride, height: Float64, pitch: Float64, u: Float64) -> Float64:
    """Return how much a swinging foot is raised so that neither heel nor toes touch the ground.

    At both ends of the swing the planted foot says where the ankle is, and bent toes stay behind:
    nothing is added there.
    """
    legs = stride.legs
    stretch = np.clip(u / 0.4, 0.0, 1.0)
    tip = legs.ball_m * (1.0 + 0.35 * stretch)
    sole = legs.ankle_height_m * np.cos(pitch)
    lowest = height - sole - np.maximum(legs.heel_m * np.sin(pitch), -tip * np.sin(pitch))
    need = np.maximum(CLEARANCE_M - lowest, 0.0)
    ends = np.clip(np.minimum(u / 0.35, (1.0 - u) / 0.25), 0.0, 1.0)
    return need * ends * ends * (3.0 - 2.0 * ends)
