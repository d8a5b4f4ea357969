"""How much a shape looks like a person: a sum of log-odds, one term for each figure.

Each term is zero for an ordinary person and falls where the figure is unusual, so that the score
of a person who is plainly in sight is high, and each missing or strange trait lowers it by an
amount that can be read off here. The weights were set by hand on street recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.person_shape import Shapes
from gait_reid.core.types import Float64
from gait_reid_common.parameters import param, validate

PLAIN_SIGHT = 3.2
WORST = -8.0


@dataclass(frozen=True)
class ShapeConfig:
    """Parameters that say what a person looks like."""

    min_height_m: float = param(1.2, "Smallest person", "m", 0.5, 2.0)
    max_height_m: float = param(2.1, "Tallest person", "m", 1.5, 2.5)
    max_width_m: float = param(0.95, "Widest person, elbows and bag included", "m", 0.5, 1.5)

    def __post_init__(self) -> None:
        validate(self)
        if self.min_height_m >= self.max_height_m:
            raise ValueError(
                f"min_height_m is {self.min_height_m}, expected less than max_height_m, "
                f"{self.max_height_m}"
            )


def _ramp(value: Float64, good: float, bad: float) -> Float64:
    """Return 0 at ``good`` or better, 1 at ``bad``, growing on beyond; NaN counts as good."""
    return np.fmax((value - good) / (bad - good), 0.0)


def score_shapes(shapes: Shapes, config: ShapeConfig, ring_spacing_rad: float) -> Float64:
    """Return (k,) probabilities in [0, 1] that the shapes are people.

    Args:
        shapes: Figures of the shapes.
        config: Limits.
        ring_spacing_rad: Angle between the sensor's rings; the top of the head may lie between two.
    """
    step = np.minimum(shapes.range_m * ring_spacing_rad, 0.5)
    filled = shapes.count / np.maximum(shapes.expected, 1.0)
    sampled = np.clip(shapes.count / 30.0, 0.1, 1.0)
    whole = 1.0 - shapes.hidden_beside
    narrow = _ramp(shapes.width_m, 0.28, 0.12) * np.clip(shapes.count / 60.0, 0.1, 1.0)
    head = shapes.head_m / np.maximum(shapes.width_m, 0.2)
    floating = shapes.open_below * _ramp(shapes.bottom_m - step, 0.45, 0.9)
    odds = (
        PLAIN_SIGHT
        - 2.5
        * _ramp(shapes.top_m + 0.5 * step, config.min_height_m + 0.3, config.min_height_m + 0.1)
        - 2.0 * _ramp(shapes.top_m, config.max_height_m - 0.17, config.max_height_m)
        - 1.2 * _ramp(filled, 0.30, 0.10)
        - 1.5 * _ramp(filled, 1.6, 2.5)
        - 2.5 * _ramp(np.log(shapes.count + 1.0), np.log(40.0), np.log(10.0))
        - 2.0 * _ramp(np.log(shapes.expected + 1.0), np.log(40.0), np.log(12.0))
        - 2.0 * whole * narrow
        - 2.0 * _ramp(shapes.width_m, config.max_width_m - 0.1, config.max_width_m + 0.05)
        - 3.0 * whole * sampled * _ramp(head, 0.55, 0.85)
        - 1.5 * _ramp(shapes.depth_m, 0.75, 0.95)
        - 2.5 * _ramp(shapes.gap_m - 1.2 * step, 0.15, 0.4)
        - 3.0 * sampled * _ramp(shapes.thickness_m, 0.03, 0.015)
        - 2.5 * _ramp(shapes.thickness_m, 0.10, 0.15)
        - 2.5 * _ramp(shapes.length_m, 0.18, 0.23)
        - 2.5 * np.minimum(_ramp(shapes.collar, 0.08, 0.30), 1.0)
        - 2.0 * _ramp(shapes.structure, 0.03, 0.25)
        - 3.0 * floating
        - 2.0 * _ramp(shapes.bottom_m - step, 0.6, 1.0)
        - 3.0 * _ramp(shapes.same_beside, 0.45, 0.8)
        - 3.0 * _ramp(shapes.same_above, 0.05, 0.4)
        - 1.5 * shapes.hidden_above
    )
    score = 1.0 / (1.0 + np.exp(-np.maximum(odds, WORST)))
    possible = (shapes.top_m + step >= config.min_height_m) & (shapes.top_m <= config.max_height_m)
    return np.where(possible, score, 0.0)
