"""Colour of each sample: material, pattern, light."""

from __future__ import annotations

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.sensors.raster import Int32Array

SCENERY_REGION = 64
"""Regions from here on are rows of the scenery's own table of materials."""


@compiled
def _head_material(x: float, y: float, z: float, hair_style: float) -> int:
    """Return skin, hair, eyes or lips."""
    if hair_style > 0.0 and z > 1.700 + min(max((x + 0.01) / 0.12, 0.0), 1.0) * 0.095:
        return 1
    if hair_style > 1.0 and x < 0.055 and z > 1.60:
        return 1
    aside = abs(y)
    if x > 0.09 and abs(z - 1.718) < 0.006 and 0.021 < aside < 0.041:
        return 8
    if x > 0.09 and abs(z - 1.736) < 0.004 and 0.017 < aside < 0.046:
        return 1
    if x > 0.09 and abs(z - 1.645) < 0.006 and aside < 0.022:
        return 9
    return 0


@compiled
def person_material(region: int, at: Float64, limits: Float64) -> int:
    """Return the material (see `materials`) at a point (3,) of the mean body in the zero pose."""
    x, y, z = at[0], at[1], at[2]
    sleeve, bottom, waist, neck = limits[0], limits[1], limits[2], limits[3]
    open_front = limits[5] > 0.5
    if region >= 32:
        return (1, 2 if open_front else 3, 5, 7, 6, 10)[region - 32]
    if region == 4 or z > neck + 0.25 * x:
        return _head_material(x, y, z, limits[4])
    toes = region in (8, 12)
    if toes or (region in (7, 11) and z < 0.085):
        return 10 if z < 0.016 else 4
    if region <= 12 and z < waist:
        return 3 if z > bottom else 0
    if region >= 14 and region != 17 and z < sleeve:
        return 0
    if open_front and region <= 3 and x > 0.03 and abs(y) < 0.035 + 0.09 * (z - 1.30):
        return 11
    return 2


@compiled
def pattern_weight(kind: int, period: float, x: float, y: float, z: float) -> float:
    """Return how much of the second colour is seen, [0, 1]."""
    if kind == 1:
        return 1.0 if np.mod(z / period, 1.0) < 0.45 else 0.0
    if kind == 2:
        return 1.0 if np.mod((y + 0.6 * x) / (0.5 * period), 1.0) < 0.18 else 0.0
    if kind == 3:
        across = np.mod((y + 0.6 * x) / period, 1.0) < 0.5
        up = np.mod(z / period, 1.0) < 0.5
        return 0.5 * (1.0 if across else 0.0) + 0.5 * (1.0 if up else 0.0)
    if kind == 4:
        wave = np.sin(61.0 * x + 3.0 * np.sin(37.0 * z)) * np.sin(53.0 * y + 2.0 * np.sin(41.0 * x))
        return 0.5 + 0.5 * np.sin(4.0 * wave + 47.0 * z)
    if kind == 5:
        return 1.0 if z > 1.33 else 0.0
    return 0.0


@compiled
def shade(
    face_at: Int32Array,
    weights: Float32,
    faces: Int32Array,
    regions: Int32Array,
    normals: Float64,
    canonical: Float64,
    table: Float64,
    limits: Float64,
    light: Float64,
    out: Float32,
) -> None:
    """Write the linear colour (blue, green, red) of every sample that sees a triangle, in place.

    Args:
        face_at: (h, w), -1 where nothing is seen.
        weights: (h, w, 2) barycentric weights.
        faces: (f, 3).
        regions: (f,).
        normals: (v, 3) world.
        canonical: (v, 3) coordinates of the patterns.
        table: (m, 9) materials.
        limits: (6,) of the outfit; unused for scenery.
        light: (3, 3): direction towards the sun, its RGB, RGB of the sky.
        out: (h, w, 3) float32.
    """
    height, width = face_at.shape
    n, p = np.empty(3), np.empty(3)
    for row in range(height):
        for col in range(width):
            f = face_at[row, col]
            if f < 0:
                continue
            wa, wb = weights[row, col, 0], weights[row, col, 1]
            wc = 1.0 - wa - wb
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            for k in range(3):
                n[k] = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
                p[k] = wa * canonical[a, k] + wb * canonical[b, k] + wc * canonical[c, k]
            region = regions[f]
            m = region - 64 if region >= 64 else person_material(region, p, limits)
            second = pattern_weight(int(table[m, 6]), table[m, 7], p[0], p[1], p[2])
            length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-9
            sun = max((n[0] * light[0, 0] + n[1] * light[0, 1] + n[2] * light[0, 2]) / length, 0.0)
            up = n[2] / length
            fold = 1.0
            if region < 64 and (m == 2 or m == 3):
                # Folds of cloth: soft bands of light and dark, stronger where the body bends.
                fold += 0.07 * np.sin(38.0 * p[2] + 3.0 * np.sin(23.0 * p[1] + 11.0 * p[0]))
                fold += 0.05 * np.sin(71.0 * p[0] + 2.0 * np.sin(29.0 * p[2]))
            for k in range(3):
                colour = (1.0 - second) * table[m, k] + second * table[m, 3 + k]
                sky = light[2, k] * (0.62 + 0.38 * up)
                out[row, col, 2 - k] = colour * fold * (sky + light[1, k] * sun)
