"""Radar frames of people made of a torso and swinging limbs, in a room with furniture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gait_reid.core.types import PointCloud

Way = Callable[[float], tuple[float, float]]
PERIOD_S = 0.1


def straight(start: tuple[float, float], end: tuple[float, float], speed_m_s: float = 1.2) -> Way:
    """Return a straight way at constant speed that ends with standing."""
    a, b = np.array(start), np.array(end)
    duration_s = float(np.linalg.norm(b - a)) / speed_m_s

    def at(time_s: float) -> tuple[float, float]:
        x, y = a + (b - a) * np.clip(time_s / duration_s, 0.0, 1.0)
        return float(x), float(y)

    return at


def frame(
    time_s: float,
    ways: Sequence[Way],
    rng: np.random.Generator,
    furniture: Sequence[tuple[float, float]] = (),
    ghosts: float = 0.5,
    points: int = 18,
) -> PointCloud:
    """Return one frame; range is sure to 5 cm, bearing to 4 degrees, clutter stands still."""
    rows = []
    for way in ways:
        x, y = way(time_s)
        later = way(time_s + 0.05)
        velocity = (np.array(later) - (x, y)) / 0.05
        speed = float(velocity @ (x, y)) / max(float(np.hypot(x, y)), 1e-6)
        if abs(speed) < 0.03 and np.linalg.norm(velocity) < 0.05:
            continue  # who stands still is removed as clutter
        reach = np.hypot(x, y) + rng.normal(0.0, 0.08, points)
        bearing = np.arctan2(y, x) + rng.normal(0.0, np.deg2rad(4.0), points)
        limb = speed + rng.normal(0.0, 0.4, points)
        z = rng.uniform(-0.8, 0.5, points)
        rows.append(np.column_stack([reach * np.cos(bearing), reach * np.sin(bearing), z, limb]))
    for x, y in furniture:
        at = np.array([x, y]) + rng.normal(0.0, 0.03, (6, 2))
        rows.append(np.column_stack([at, np.zeros(6), np.zeros(6)]))
    count = int(rng.poisson(ghosts))
    at = np.column_stack([rng.uniform(0.5, 9.0, count), rng.uniform(-3.0, 3.0, count)])
    rows.append(np.column_stack([at, np.zeros(count), rng.uniform(-3.0, 3.0, count)]))
    table = np.concatenate(rows).astype(np.float32)
    snr = np.full(len(table), 20.0, np.float32)
    return PointCloud(round(time_s * 1e9), "radar", table[:, :3].copy(), snr, table[:, 3].copy())
