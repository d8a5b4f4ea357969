"""Motion of a skeleton over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64


@dataclass(frozen=True)
class Motion:
    """World poses of the 21 joints, evenly sampled.

    Attributes:
        rate_hz: Samples per second.
        rotations: (t, 21, 3, 3) world rotations.
        positions: (t, 21, 3) world positions, metres.
        planted: (t, 2) whether the left and the right foot is on the ground.
        heading: (t,) radians.
    """

    rate_hz: float
    rotations: Float64
    positions: Float64
    planted: npt.NDArray[np.bool_]
    heading: Float64

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample."""
        return (len(self.positions) - 1) / self.rate_hz

    def at(self, time_s: float) -> tuple[Float64, Float64]:
        """Return (21, 3, 3) rotations and (21, 3) positions, interpolated; the ends are held."""
        index = float(np.clip(time_s * self.rate_hz, 0.0, len(self.positions) - 1.0))
        low = min(int(index), max(len(self.positions) - 2, 0))
        high, w = min(low + 1, len(self.positions) - 1), index - low
        # Ten milliseconds apart, the mean of two rotations is a rotation to within 1e-4.
        rotations = (1.0 - w) * self.rotations[low] + w * self.rotations[high]
        positions = (1.0 - w) * self.positions[low] + w * self.positions[high]
        return rotations, positions

    def velocity(self, time_s: float) -> Float64:
        """Return (3,) velocity of the pelvis, m/s, averaged over 0.2 s."""
        before, after = self.at(time_s - 0.1)[1][0], self.at(time_s + 0.1)[1][0]
        span = min(time_s + 0.1, self.duration_s) - max(time_s - 0.1, 0.0)
        return (after - before) / max(span, 1e-3)
