"""LiDAR points as networks take them: in the frame of the walk, a fixed number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, Float64, Int64, PersonCrop

Bool = npt.NDArray[np.bool_]
_NO_POINTS = np.zeros((0, 3), np.float32)


@dataclass(frozen=True)
class WalkFrames:
    """Where M people are and which way they walk.

    Attributes:
        position: (M, 3) float64, metres, ground below the person, fixed frame.
        heading: (M, 2) float64, unit vector of the walk; towards the sensor when a person is slow.
        view: (M, 2) float64, sine and cosine of the angle from the line of sight (towards the
            sensor) to the walk, counter-clockwise from above.
        speed_m_s: (M,) float64.
        range_m: (M,) float64, horizontal distance from the sensor.
    """

    position: Float64
    heading: Float64
    view: Float64
    speed_m_s: Float64
    range_m: Float64

    @property
    def state(self) -> Float32:
        """(M, 4): sine and cosine of `view`, speed in m/s, range in units of 10 m."""
        columns = (self.view[:, 0], self.view[:, 1], self.speed_m_s, self.range_m / 10.0)
        return np.stack(columns, axis=1).astype(np.float32)


def walk_frames(crops: Sequence[PersonCrop], min_speed_m_s: float) -> WalkFrames:
    """Return the frame of each person's walk, from the track's position and velocity."""
    position = np.array([crop.position for crop in crops], np.float64).reshape(-1, 3)
    velocity = np.array([crop.velocity for crop in crops], np.float64).reshape(-1, 3)[:, :2]
    eye = np.array([crop.viewpoint for crop in crops], np.float64).reshape(-1, 3)
    to_sensor = (eye - position)[:, :2]
    range_m = np.hypot(to_sensor[:, 0], to_sensor[:, 1])
    beneath = range_m < 1e-6
    to_sensor = np.where(beneath[:, None], (1.0, 0.0), to_sensor)
    to_sensor /= np.hypot(to_sensor[:, 0], to_sensor[:, 1])[:, None]
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    slow = ~(speed >= min_speed_m_s)
    heading = np.where(slow[:, None], to_sensor, velocity / np.maximum(speed, 1e-9)[:, None])
    sine = to_sensor[:, 0] * heading[:, 1] - to_sensor[:, 1] * heading[:, 0]
    cosine = (to_sensor * heading).sum(axis=1)
    view = np.stack([sine, cosine], axis=1)
    return WalkFrames(position, heading, view, np.nan_to_num(speed), range_m)


@dataclass(frozen=True)
class PersonPoints:
    """Points of M people, one after the other.

    Attributes:
        xyz: (K, 3) float64, metres; x along the walk, y to its left, z up from the ground.
        intensity: (K,) float64, the sensor's scale.
        source: (K,) index among the points of all crops, in the order of the crops.
        owner: (K,) int64, ascending.
        count: (M,) int64 points of each person.
    """

    xyz: Float64
    intensity: Float64
    source: Int64
    owner: Int64
    count: Int64


def person_points(
    crops: Sequence[PersonCrop],
    frames: WalkFrames,
    heights_m: tuple[float, float],
    max_radius_m: float,
) -> PersonPoints:
    """Return the points in the frames of the walks, those outside of a cylinder left out.

    They are ordered by height, so that the order in which a sensor delivers them says nothing.

    Args:
        crops: M crops.
        frames: Their frames.
        heights_m: Lowest and greatest height above the ground.
        max_radius_m: Radius of the cylinder.
    """
    parts = [_NO_POINTS if crop.points is None else crop.points for crop in crops]
    lengths = np.array([len(part) for part in parts], np.int64)
    owner = np.repeat(np.arange(len(crops)), lengths)
    offset = np.concatenate([_NO_POINTS, *parts]).astype(np.float64) - frames.position[owner]
    shine = np.concatenate([np.zeros(0), *(_intensity(c, n) for c, n in zip(crops, lengths))])
    along, across = offset[:, 0], offset[:, 1]
    inside = (offset[:, 2] >= heights_m[0]) & (offset[:, 2] <= heights_m[1])
    # NaN is nowhere inside.
    inside &= along**2 + across**2 <= max_radius_m**2
    source = np.flatnonzero(inside)
    cosine, sine = frames.heading[owner[source]].T
    along, across, height = along[source], across[source], offset[source, 2]
    xyz = np.column_stack([along * cosine + across * sine, across * cosine - along * sine, height])
    order = np.lexsort((xyz[:, 1], xyz[:, 0], xyz[:, 2], owner[source]))
    source = source[order]
    count = np.bincount(owner[source], minlength=len(crops))
    return PersonPoints(xyz[order], shine[source], source, owner[source], count)


def _intensity(crop: PersonCrop, count: int) -> npt.NDArray[np.floating]:
    return np.zeros(count) if crop.intensity is None else crop.intensity


def choose_rows(count: Int64, number: int) -> tuple[Int64, Int64, Int64]:
    """Return which points are taken where there are more than a frame holds.

    Every so-and-so-manieth by height is taken: the same points each time, as dense over the height
    as all of them.

    Args:
        count: (M,) points of each person, which lie one person after the other.
        number: N, the most that are taken of one person.

    Returns:
        Three (K,) arrays: person, place among the person's N, and row among all points.
    """
    kept = np.minimum(count, number)
    owner = np.repeat(np.arange(len(count)), kept)
    slot = np.arange(len(owner)) - np.repeat(np.cumsum(kept) - kept, kept)
    first = np.cumsum(count) - count
    # In integers: (slot + 1/2) * count / kept.
    row = first[owner] + (2 * slot + 1) * count[owner] // (2 * kept[owner])
    return owner, slot, row


def choose_points(points: PersonPoints, number: int, scale: float) -> tuple[Float32, Bool]:
    """Return a fixed number of points of each person and which of them are there.

    Args:
        points: Points of M people.
        number: N.
        scale: Intensity that counts as 1.

    Returns:
        (M, N, 4) float32 x, y, z and intensity in [0, 1], and (M, N) bool.
    """
    owner, slot, row = choose_rows(points.count, number)
    table = np.zeros((len(points.count), number, 4), np.float32)
    mask = np.zeros(table.shape[:2], np.bool_)
    table[owner, slot, :3] = points.xyz[row]
    table[owner, slot, 3] = np.clip(points.intensity[row] / scale, 0.0, 1.0)
    mask[owner, slot] = True
    return table, mask
