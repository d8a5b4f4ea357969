"""Colours of what the camera sees: one table row per material."""

from __future__ import annotations

import numpy as np

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.dressing import BOTTOM_Z, NECK_Z, SLEEVE_Z, WAIST_Z
from gait_reid_sim.core.body.outfit import HAIR_STYLES, PATTERNS, Cloth, Outfit

SKIN, HAIR, TOP, BOTTOM, SHOE, BAG, UMBRELLA, STRAP, EYE, LIP, SOLE, SHIRT = range(12)
NUM_PERSON_MATERIALS = 12
COLUMNS = 9
"""Linear RGB, second linear RGB, pattern, period in metres, diffuse reflectivity for LiDAR."""


def cloth_row(cloth: Cloth) -> list[float]:
    """Return the table row of a cloth."""
    pattern = float(PATTERNS.index(cloth.pattern))
    return [*cloth.colour, *cloth.second, pattern, cloth.period_m, cloth.reflectivity]


def plain_row(colour: tuple[float, float, float], reflectivity: float) -> list[float]:
    """Return the table row of a plain surface."""
    return [*colour, *colour, 0.0, 0.1, reflectivity]


def person_table(outfit: Outfit) -> Float64:
    """Return (12, 9) the materials of one person."""
    lip = (outfit.skin[0] * 0.75, outfit.skin[1] * 0.45, outfit.skin[2] * 0.45)
    rows = [
        plain_row(outfit.skin, 0.45),
        plain_row(outfit.hair, 0.25),
        cloth_row(outfit.top_cloth),
        cloth_row(outfit.bottom_cloth),
        cloth_row(outfit.shoe_cloth),
        cloth_row(outfit.bag_cloth),
        cloth_row(outfit.umbrella_cloth),
        plain_row((0.03, 0.03, 0.03), 0.2),
        plain_row((0.02, 0.015, 0.012), 0.2),
        plain_row(lip, 0.4),
        plain_row((0.5, 0.5, 0.48) if sum(outfit.shoe_cloth.colour) > 0.4 else (0.02,) * 3, 0.3),
        plain_row((0.6, 0.6, 0.62), 0.5),
    ]
    return np.array(rows)


def person_limits(outfit: Outfit) -> Float64:
    """Return (6,): where garments end on the mean body, for `materials_of` in the shader."""
    return np.array(
        [
            SLEEVE_Z[outfit.top],
            BOTTOM_Z[outfit.bottom],
            WAIST_Z if outfit.top in ("t_shirt", "shirt") else WAIST_Z - 0.07,
            NECK_Z,
            float(HAIR_STYLES.index(outfit.hair_style)),
            float(outfit.top in ("jacket", "coat")),
        ]
    )
