"""What stands around: ground, walls, boxes, poles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64
from gait_reid_sim.core.body.solids import Surface, box, cylinder
from gait_reid_sim.core.sensors.shading import SCENERY_REGION

LONGEST_EDGE_M = 1.0


@dataclass(frozen=True)
class Solid:
    """One thing: a box or a pole.

    Attributes:
        surface: Its triangles in the fixed frame.
        colour: Linear RGB.
        reflectivity: Diffuse, for LiDAR.
    """

    surface: Surface
    colour: tuple[float, float, float] = (0.35, 0.34, 0.32)
    reflectivity: float = 0.4


def wall(
    start: npt.ArrayLike, end: npt.ArrayLike, height_m: float, thickness_m: float = 0.2
) -> Surface:
    """Return a straight wall between two points of the ground."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = b - a
    centre = np.append(0.5 * (a + b), 0.5 * height_m)
    size = (float(np.linalg.norm(along)), thickness_m, height_m)
    return box(centre, size, float(np.arctan2(along[1], along[0])))


def pole(position: npt.ArrayLike, radius_m: float, height_m: float) -> Surface:
    """Return a pole or a column."""
    return cylinder(np.append(np.asarray(position, np.float64), 0.0), radius_m, height_m)


@dataclass(frozen=True)
class Scenery:
    """Everything that does not move.

    Attributes:
        vertices: (v, 3) metres, fixed frame.
        faces: (f, 3) int32.
        regions: (f,) int32: `SCENERY_REGION` plus the row of ``table``.
        table: (m, 9) materials.
        ground_colour: Linear RGB of the ground, the plane z = 0.
        ground_reflectivity: Diffuse, for LiDAR.
        ground_roughness_m: Standard deviation of the ground's height.
        sky_colour: Linear RGB of what is behind everything, relative to the diffuse light.
    """

    vertices: Float64
    faces: npt.NDArray[np.int32]
    regions: npt.NDArray[np.int32]
    table: Float64
    ground_colour: tuple[float, float, float] = (0.22, 0.21, 0.20)
    ground_reflectivity: float = 0.25
    ground_roughness_m: float = 0.008
    sky_colour: tuple[float, float, float] = (0.55, 0.68, 0.85)

    @classmethod
    def of(cls, solids: Sequence[Solid], **ground: object) -> Scenery:
        """Join solids; long triangles are split, so that rays can be looked up by angle."""
        vertices, faces, regions, table = [np.zeros((0, 3))], [], [], []
        count = 0
        for row, solid in enumerate(solids):
            part = _split(solid.surface)
            vertices.append(part.vertices)
            faces.append(part.faces + count)
            regions.append(np.full(len(part.faces), SCENERY_REGION + row, np.int32))
            second = tuple(0.8 * c for c in solid.colour)
            table.append([*solid.colour, *second, 0.0, 1.0, solid.reflectivity])
            count += len(part.vertices)
        return cls(
            np.concatenate(vertices),
            np.concatenate(faces).astype(np.int32) if faces else np.zeros((0, 3), np.int32),
            np.concatenate(regions) if regions else np.zeros(0, np.int32),
            np.array(table) if table else np.zeros((1, 9)),
            **ground,  # type: ignore[arg-type]
        )

    @property
    def reflectivity(self) -> Float64:
        """(f,) for LiDAR."""
        return self.table[self.regions - SCENERY_REGION, 8]


def _split(surface: Surface) -> Surface:
    """Halve edges until none is longer than `LONGEST_EDGE_M`; corners are not shared."""
    triangles = surface.vertices[surface.faces]
    while True:
        edges = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2)
        long = edges.max(axis=1) > LONGEST_EDGE_M
        if not long.any():
            break
        chosen, first = triangles[long], edges[long].argmax(axis=1)
        rows = np.arange(len(chosen))
        a, b = chosen[rows, first], chosen[rows, (first + 1) % 3]
        c = chosen[rows, (first + 2) % 3]
        middle = 0.5 * (a + b)
        halves = [np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)]
        triangles = np.concatenate([triangles[~long], *halves])
    faces = np.arange(3 * len(triangles), dtype=np.int32).reshape(-1, 3)
    return Surface(triangles.reshape(-1, 3), faces)
