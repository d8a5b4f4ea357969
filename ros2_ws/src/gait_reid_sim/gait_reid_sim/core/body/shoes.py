"""Shoes: a cap where the skin has toes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.carried import Hung
from gait_reid_sim.core.body.model import LEG, BodyModel, BodyShape
from gait_reid_sim.core.body.solids import Surface, ellipsoid

_LEATHER_M = 0.006
_REAR = 0.45
"""Length of the cap behind the ball against that before it."""


def fore_foot(model: BodyModel, shape: BodyShape) -> npt.NDArray[np.bool_]:
    """Return which vertices the caps of the shoes cover."""
    toes = [leg[3] for leg in LEG.values()]
    return np.isin(model.skin_joints[:, 0], toes) & (
        shape.vertices[:, 0] > shape.joints[toes[0], 0]
    )


def toe_caps(model: BodyModel, shape: BodyShape, sole_m: float) -> list[Hung]:
    """Return the fore parts of both shoes; they bend with the toes."""
    parts, fore = [], fore_foot(model, shape)
    for _, _, ankle, toe in LEG.values():
        skin = shape.vertices[fore & (model.skin_joints[:, 0] == toe)]
        cap = _cap(skin, float(shape.joints[toe, 0]), sole_m)
        ahead = (cap.vertices[:, 0] - shape.joints[toe, 0]) / 0.03
        parts.append(Hung.between(cap, toe, (toe, ankle), np.clip(0.5 + ahead, 0.0, 1.0)))
    return parts


def _cap(toes: Float64, ball: float, sole_m: float) -> Surface:
    low, high = toes.min(axis=0), toes.max(axis=0)
    front = high[0] + _LEATHER_M - ball
    top, bottom = high[2] + _LEATHER_M, -sole_m
    half = 0.5 * (high[1] - low[1]) + _LEATHER_M
    centre = np.array([ball, 0.5 * (low[1] + high[1]), 0.5 * (top + bottom)])
    unit = ellipsoid(np.zeros(3), np.ones(3), 2.8, 7, 12)
    points = unit.vertices.copy()
    along = np.clip(points[:, 0], 0.0, 1.0)
    # Flat below, lower towards the tip.
    points[:, 2] = np.where(points[:, 2] < 0.0, points[:, 2], points[:, 2] * (1.0 - 0.35 * along))
    points[:, 0] = np.where(points[:, 0] < 0.0, _REAR * points[:, 0], points[:, 0])
    return Surface(points * (front, half, 0.5 * (top - bottom)) + centre, unit.faces)
