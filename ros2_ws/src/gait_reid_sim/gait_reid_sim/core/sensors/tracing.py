"""Rays of a scanner against triangles, in compiled loops.

Every beam is a bundle of five rays: one in the middle and four at 0.6 of its radius, so that beams
are cut by edges gradually, as real ones are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.sensors.beams import BeamTable
from gait_reid_sim.core.sensors.raster import Int32Array

SUB_RAYS = 5
_TURN = np.array([0.0, 0.6, -0.6, 0.0, 0.0])
_LIFT = np.array([0.0, 0.0, 0.0, 0.6, -0.6])


@dataclass(frozen=True)
class Rays:
    """Directions of a window of columns, as tables of sines and cosines.

    Attributes:
        elevation: (rings,) rising, radians.
        azimuth_offset: (rings,) radians.
        columns: Firings in a full turn; column c looks at azimuth pi - c * step, clockwise.
        first: First column of the window.
        divergence: Full angle of a beam, radians.
        turn: (2, n, 5) cosine and sine of the azimuth of each ray of each column.
        lift: (2, rings, 5) cosine and sine of the elevation of each ray of each ring.
        shift: (2, rings) cosine and sine of ``azimuth_offset``.
    """

    elevation: Float64
    azimuth_offset: Float64
    columns: int
    first: int
    divergence: float
    turn: Float64
    lift: Float64
    shift: Float64

    @classmethod
    def of(cls, table: BeamTable, first: int, count: int) -> Rays:
        """Return the rays of ``count`` columns."""
        column = np.pi - (first + np.arange(count)) * table.step
        azimuth = column[:, None] + 0.5 * table.divergence * _TURN
        elevation = table.elevation[:, None] + 0.5 * table.divergence * _LIFT
        offset = table.azimuth_offset
        return cls(
            table.elevation,
            offset,
            table.columns,
            first,
            table.divergence,
            np.stack([np.cos(azimuth), np.sin(azimuth)]),
            np.stack([np.cos(elevation), np.sin(elevation)]),
            np.stack([np.cos(offset), np.sin(offset)]),
        )

    def meet(
        self,
        vertices: Float64,
        faces: Int32Array,
        reflectivity: Float64,
        owner: int,
        buffers: tuple[Float32, Float32, Int32Array],
    ) -> None:
        """Trace triangles; see `trace`."""
        trace(
            vertices, faces, reflectivity, owner, self.elevation, self.azimuth_offset,
            self.columns, self.first, self.divergence, self.turn, self.lift, self.shift, *buffers,
        )  # fmt: skip


@compiled
def trace_ground(
    turn: Float64,
    lift: Float64,
    shift: Float64,
    up: Float64,
    height: float,
    bumps: Float32,
    reflectivity: float,
    reach: float,
    distance: Float32,
    returned: Float32,
) -> None:
    """Fill the buffers with the ground plane.

    Args:
        turn: See `Rays`.
        lift: See `Rays`.
        shift: See `Rays`.
        up: (3,) the vertical in the sensor's frame.
        height: Of the sensor above the ground, metres.
        bumps: (rings, n) height of the ground where the beam meets it, metres.
        reflectivity: Of the ground.
        reach: Longest range, metres.
        distance: (rings, n, 5) written.
        returned: (rings, n, 5) written.
    """
    rings, count, rays = distance.shape
    for ring in range(rings):
        for column in range(count):
            for k in range(rays):
                c = turn[0, column, k] * shift[0, ring] - turn[1, column, k] * shift[1, ring]
                s = turn[1, column, k] * shift[0, ring] + turn[0, column, k] * shift[1, ring]
                level = lift[0, ring, k]
                drop = -(up[0] * c * level + up[1] * s * level + up[2] * lift[1, ring, k])
                distance[ring, column, k] = np.inf
                returned[ring, column, k] = 0.0
                if drop > 1e-4:
                    t = (height - bumps[ring, column]) / drop
                    if 0.0 < t < reach:
                        distance[ring, column, k] = t
                        returned[ring, column, k] = reflectivity * drop


@compiled
def trace(
    vertices: Float64,
    faces: Int32Array,
    reflectivity: Float64,
    owner: int,
    elevation: Float64,
    azimuth_offset: Float64,
    columns: int,
    first_column: int,
    divergence: float,
    turn: Float64,
    lift: Float64,
    shift: Float64,
    distance: Float32,
    returned: Float32,
    owners: Int32Array,
) -> None:
    """Keep the nearest hit of every ray, in place.

    Args:
        vertices: (v, 3) in the sensor's frame, metres.
        faces: (f, 3); seen from their front only.
        reflectivity: (f,).
        owner: Number written where these triangles are hit.
        elevation: See `Rays`, as are the next seven.
        azimuth_offset: (rings,).
        columns: Firings in a full turn.
        first_column: Column of the buffers' first one.
        divergence: Radians.
        turn: (2, n, 5).
        lift: (2, rings, 5).
        shift: (2, rings).
        distance: (rings, n, 5) range so far.
        returned: (rings, n, 5) reflectivity times cosine of incidence of that hit.
        owners: (rings, n, 5) who was hit.
    """
    rings, count = distance.shape[0], distance.shape[1]
    step = 2.0 * np.pi / columns
    angles, plane = _angles(vertices), np.empty(14)
    for f in range(len(faces)):
        if not _front(vertices, faces[f], plane):
            continue
        left, right, low, high = _bounds(angles, faces[f], divergence)
        ring = np.searchsorted(elevation, low)
        while ring < rings and elevation[ring] <= high:
            start = int(np.ceil((np.pi - left + azimuth_offset[ring]) / step))
            end = int(np.floor((np.pi - right + azimuth_offset[ring]) / step))
            co, so = shift[0, ring], shift[1, ring]
            for column in range(start, end + 1):
                local = (column - first_column) % columns
                if local >= count:
                    continue
                for k in range(5):
                    ct, st = turn[0, local, k], turn[1, local, k]
                    dx = (ct * co - st * so) * lift[0, ring, k]
                    dy = (st * co + ct * so) * lift[0, ring, k]
                    t, cosine = _meet(plane, dx, dy, lift[1, ring, k], distance[ring, local, k])
                    if t > 0.0:
                        distance[ring, local, k] = t
                        returned[ring, local, k] = reflectivity[f] * cosine
                        owners[ring, local, k] = owner
            ring += 1


@compiled
def _angles(vertices: Float64) -> Float64:
    """Return (v, 2) azimuth and elevation."""
    out = np.empty((len(vertices), 2))
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        out[i, 0] = np.arctan2(y, x)
        out[i, 1] = np.arctan2(z, np.sqrt(x * x + y * y))
    return out


@compiled
def _front(vertices: Float64, face: Int32Array, out: Float64) -> bool:
    """Write corner, two edges, normal, offset and length of a triangle; return if it faces us."""
    a, b, c = face[0], face[1], face[2]
    for i in range(3):
        out[i] = vertices[a, i]
        out[3 + i] = vertices[b, i] - vertices[a, i]
        out[6 + i] = vertices[c, i] - vertices[a, i]
    out[9] = out[4] * out[8] - out[5] * out[7]
    out[10] = out[5] * out[6] - out[3] * out[8]
    out[11] = out[3] * out[7] - out[4] * out[6]
    out[12] = out[9] * out[0] + out[10] * out[1] + out[11] * out[2]
    out[13] = np.sqrt(out[9] ** 2 + out[10] ** 2 + out[11] ** 2)
    return out[12] < 0.0


@compiled
def _bounds(angles: Float64, face: Int32Array, margin: float) -> tuple[float, float, float, float]:
    """Return greatest and least azimuth, least and greatest elevation of a triangle."""
    p, q, r = angles[face[0], 0], angles[face[1], 0], angles[face[2], 0]
    if max(p, q, r) - min(p, q, r) > np.pi:
        p, q, r = p % (2 * np.pi), q % (2 * np.pi), r % (2 * np.pi)
    i, j, k = angles[face[0], 1], angles[face[1], 1], angles[face[2], 1]
    left, right = max(p, q, r) + margin, min(p, q, r) - margin
    return left, right, min(i, j, k) - margin, max(i, j, k) + margin


@compiled
def _meet(plane: Float64, dx: float, dy: float, dz: float, limit: float) -> tuple[float, float]:
    """Return range and cosine of incidence of a ray on a triangle, 0 where it misses."""
    nx, ny, nz = plane[9], plane[10], plane[11]
    slope = nx * dx + ny * dy + nz * dz
    if slope >= -1e-12:
        return 0.0, 0.0
    t = plane[12] / slope
    if t >= limit:
        return 0.0, 0.0
    hx, hy, hz = t * dx - plane[0], t * dy - plane[1], t * dz - plane[2]
    ux, uy, uz, vx, vy, vz = plane[3], plane[4], plane[5], plane[6], plane[7], plane[8]
    # Barycentric coordinates from the cross products with the edges.
    square = plane[13] * plane[13]
    wc = (uy * hz - uz * hy) * nx + (uz * hx - ux * hz) * ny + (ux * hy - uy * hx) * nz
    wb = (hy * vz - hz * vy) * nx + (hz * vx - hx * vz) * ny + (hx * vy - hy * vx) * nz
    if wb < 0.0 or wc < 0.0 or wb + wc > square:
        return 0.0, 0.0
    return t, -slope / plane[13]
