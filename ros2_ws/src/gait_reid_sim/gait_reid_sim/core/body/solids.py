"""Simple closed or open surfaces that garments and bags are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64


@dataclass(frozen=True)
class Surface:
    """Triangles without skinning.

    Attributes:
        vertices: (v, 3) metres.
        faces: (f, 3) int32, counter-clockwise seen from outside.
    """

    vertices: Float64
    faces: npt.NDArray[np.int32]


def _grid_faces(rows: int, columns: int, closed: bool) -> npt.NDArray[np.int32]:
    faces = []
    for r in range(rows - 1):
        for c in range(columns if closed else columns - 1):
            a, b = r * columns + c, r * columns + (c + 1) % columns
            faces += [(a, b, b + columns), (a, b + columns, a + columns)]
    return np.array(faces, np.int32)


def tube(rings: Float64, both_sides: bool = False) -> Surface:
    """Return the surface through rings (rows, columns, 3) that go upwards, counter-clockwise.

    Args:
        rings: Points of each ring.
        both_sides: Whether the inside is seen as well, as in an open garment.
    """
    rows, columns = rings.shape[:2]
    faces, points = _grid_faces(rows, columns, True), rings.reshape(-1, 3)
    if both_sides:
        faces = np.concatenate([faces, faces[:, ::-1] + len(points)])
        points = np.concatenate([points, points])
    return Surface(points, faces)


def ellipsoid(
    centre: npt.ArrayLike,
    radii: npt.ArrayLike,
    power: float = 2.0,
    rows: int = 9,
    columns: int = 14,
) -> Surface:
    """Return an ellipsoid; powers above 2 make it more like a box with rounded edges."""
    polar = np.linspace(-np.pi / 2, np.pi / 2, rows)
    turn = np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False)

    def rounded(x: Float64) -> Float64:
        return np.sign(x) * np.abs(x) ** (2.0 / power)

    p, t = np.meshgrid(polar, turn, indexing="ij")
    unit = np.stack(
        [
            rounded(np.cos(p)) * rounded(np.cos(t)),
            rounded(np.cos(p)) * rounded(np.sin(t)),
            rounded(np.sin(p)),
        ],
        axis=-1,
    )
    points = unit.reshape(-1, 3) * np.asarray(radii) + np.asarray(centre)
    return Surface(points, _grid_faces(rows, columns, True))


def box(centre: npt.ArrayLike, size: npt.ArrayLike, yaw_rad: float = 0.0) -> Surface:
    """Return an upright box around ``centre``."""
    corners = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], np.float64)
    corners = 0.5 * corners * np.asarray(size, np.float64)
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    turned = corners @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    quads = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))
    faces = [f for a, b, c_, d in quads for f in ((a, b, c_), (a, c_, d))]
    return Surface(turned + np.asarray(centre, np.float64), np.array(faces, np.int32))


def cylinder(base: npt.ArrayLike, radius: float, height: float, columns: int = 16) -> Surface:
    """Return an upright cylinder with lids, standing on ``base``."""
    turn = np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(columns)], axis=1)
    levels = ((1e-3, 0.0), (radius, 0.0), (radius, height), (1e-3, height))
    rings = np.array([circle * r + (0.0, 0.0, z) for r, z in levels])
    return tube(rings + np.asarray(base, np.float64))
