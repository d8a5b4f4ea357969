"""Where a person goes and when: a smooth path, a speed over time, and pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from gait_reid.core.types import Float64

SPACING_M = 0.02
LARGEST_TURN_RAD = np.deg2rad(150.0)


@dataclass(frozen=True)
class Pause:
    """A person stands or sits for a while.

    Attributes:
        at_m: Distance along the path.
        duration_s: Time between arriving and leaving.
        seat_height_m: Height of the seat; None: standing.
    """

    at_m: float
    duration_s: float
    seat_height_m: float | None = None

    def __post_init__(self) -> None:
        if self.at_m < 0.0 or self.duration_s <= 0.0:
            raise ValueError(
                f"Pause is at {self.at_m} m for {self.duration_s} s, expected >= 0, > 0"
            )
        if self.seat_height_m is not None and not 0.2 <= self.seat_height_m <= 0.8:
            raise ValueError(f"Pause.seat_height_m is {self.seat_height_m}, expected 0.2 to 0.8")


@dataclass(frozen=True)
class Path:
    """A smooth way over the ground.

    Attributes:
        points: (n, 2) float64, `SPACING_M` apart.
        heading: (n,) float64, radians, continuous.
    """

    points: Float64
    heading: Float64

    @classmethod
    def through(cls, waypoints: npt.ArrayLike, rounding_m: float = 0.45) -> Path:
        """Return the way through waypoints (k, 2), corners rounded.

        Raises:
            ValueError: Fewer than two different waypoints, or a corner that nobody walks.
        """
        corners = np.asarray(waypoints, np.float64).reshape(-1, 2)
        legs = np.diff(corners, axis=0)
        lengths = np.linalg.norm(legs, axis=1)
        if len(corners) < 2 or (lengths < 1e-6).any():
            raise ValueError("a path needs at least two waypoints, each different from the last")
        directions = np.arctan2(legs[:, 1], legs[:, 0])
        turns = np.abs(np.angle(np.exp(1j * np.diff(directions))))
        if (turns > LARGEST_TURN_RAD).any():
            corner = int(np.argmax(turns)) + 1
            raise ValueError(
                f"waypoint {corner} turns by {np.rad2deg(turns.max()):.0f} degrees, at most "
                f"{np.rad2deg(LARGEST_TURN_RAD):.0f} is walked: lead the path round in a loop"
            )
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        dense = np.arange(0.0, along[-1], SPACING_M)
        xy = np.column_stack([np.interp(dense, along, corners[:, i]) for i in range(2)])
        reach = min(rounding_m / SPACING_M, len(xy) / 4)
        xy = _smooth(xy, reach) if len(corners) > 2 else xy
        travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1))])
        even = np.linspace(0.0, travelled[-1], max(int(travelled[-1] / SPACING_M) + 1, 2))
        xy = np.column_stack([np.interp(even, travelled, xy[:, i]) for i in range(2)])
        slope = np.gradient(xy, axis=0)
        return cls(xy, np.unwrap(np.arctan2(slope[:, 1], slope[:, 0])))

    @property
    def length_m(self) -> float:
        """Length of the way."""
        return (len(self.points) - 1) * SPACING_M

    def at(self, distance_m: npt.ArrayLike) -> tuple[Float64, Float64]:
        """Return positions (..., 2) and headings (...); straight on beyond either end."""
        distance = np.asarray(distance_m, np.float64)
        index = np.clip(distance / SPACING_M, 0.0, len(self.points) - 1.0)
        grid = np.arange(len(self.points))
        xy = np.stack([np.interp(index, grid, self.points[:, i]) for i in range(2)], axis=-1)
        heading = np.interp(index, grid, self.heading)
        beyond = distance - index * SPACING_M
        xy[..., 0] += beyond * np.cos(heading)
        xy[..., 1] += beyond * np.sin(heading)
        return xy, heading

    def curvature(self, distance_m: npt.ArrayLike) -> Float64:
        """Return 1/m at distances along the way."""
        bend = np.abs(np.gradient(self.heading)) / SPACING_M
        index = np.clip(np.asarray(distance_m) / SPACING_M, 0.0, len(self.points) - 1.0)
        return np.interp(index, np.arange(len(bend)), gaussian_filter1d(bend, 10))


def _smooth(xy: Float64, sigma: float) -> Float64:
    """Round the corners without moving the ends: reflect the way through its end points."""
    pad = min(int(4 * sigma), len(xy) - 1)
    before, after = 2 * xy[0] - xy[pad:0:-1], 2 * xy[-1] - xy[-2 : -pad - 2 : -1]
    padded = gaussian_filter1d(np.concatenate([before, xy, after]), sigma, axis=0)
    return padded[pad : pad + len(xy)]


@dataclass(frozen=True)
class Itinerary:
    """A path, how fast, and the pauses on it.

    Attributes:
        path: The way.
        speed_m_s: Speed on the straight; None: the person's own.
        pauses: Pauses in order of distance; one at 0 or at the end is a stand before or after.
        starts_moving: Whether the person enters the scene walking rather than standing.
        ends_moving: Whether the person leaves the scene walking.
    """

    path: Path
    speed_m_s: float | None = None
    pauses: Sequence[Pause] = ()
    starts_moving: bool = True
    ends_moving: bool = True

    def __post_init__(self) -> None:
        if self.speed_m_s is not None and not 0.3 <= self.speed_m_s <= 2.3:
            raise ValueError(
                f"Itinerary.speed_m_s is {self.speed_m_s}, expected 0.3 to 2.3 (a walking speed)"
            )
        distances = [pause.at_m for pause in self.pauses]
        if distances != sorted(distances) or any(d > self.path.length_m + 0.1 for d in distances):
            raise ValueError(
                f"pauses are at {distances} m, expected rising and within "
                f"{self.path.length_m:.1f} m"
            )
