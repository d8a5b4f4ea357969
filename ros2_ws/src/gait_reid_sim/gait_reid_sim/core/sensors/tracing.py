"""Rays of a scanner against triangles, in compiled loops.

Every beam is a bundle of five rays: one in the middle and four at 0.6 of its radius, so that beams
are cut by edges gradually, as real ones are.
"""

from __future__ import annotations

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.sensors.raster import Int32Array

SUB_RAYS = 5
_TURN = np.array([0.0, 0.6, -0.6, 0.0, 0.0])
_LIFT = np.array([0.0, 0.0, 0.0, 0.6, -0.6])


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
    offsets: Float64,
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
        elevation: (rings,) rising, radians.
        azimuth_offset: (rings,) radians.
        columns: Firings in a full turn; column c looks at azimuth pi - c * step, clockwise.
        first_column: Column of the buffers' first one.
        divergence: Full angle of a beam, radians.
        offsets: (2, 5) turn and lift of the rays of a bundle, in beam radii.
        distance: (rings, n, 5) range so far.
        returned: (rings, n, 5) reflectivity times cosine of incidence of that hit.
        owners: (rings, n, 5) who was hit.
    """
    rings, count = distance.shape[0], distance.shape[1]
    step = 2.0 * np.pi / columns
    margin = divergence
    az, el = np.empty(len(vertices)), np.empty(len(vertices))
    for i in range(len(vertices)):
        x, y, z = vertices[i]
        az[i] = np.arctan2(y, x)
        el[i] = np.arctan2(z, np.sqrt(x * x + y * y))
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az_ = vertices[a]
        ux, uy, uz = vertices[b] - vertices[a]
        vx, vy, vz = vertices[c] - vertices[a]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        plane = nx * ax + ny * ay + nz * az_
        if plane >= 0.0:
            continue
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        p, q, r = az[a], az[b], az[c]
        if max(p, q, r) - min(p, q, r) > np.pi:
            p, q, r = p % (2 * np.pi), q % (2 * np.pi), r % (2 * np.pi)
        left, right = max(p, q, r) + margin, min(p, q, r) - margin
        low = min(el[a], el[b], el[c]) - margin
        high = max(el[a], el[b], el[c]) + margin
        ring = np.searchsorted(elevation, low)
        while ring < rings and elevation[ring] <= high:
            start = int(np.ceil((np.pi - left + azimuth_offset[ring]) / step))
            end = int(np.floor((np.pi - right + azimuth_offset[ring]) / step))
            for column in range(start, end + 1):
                local = (column - first_column) % columns
                if local >= count:
                    continue
                for k in range(5):
                    turn = np.pi - column * step + azimuth_offset[ring]
                    turn += 0.5 * divergence * offsets[0, k]
                    lift = elevation[ring] + 0.5 * divergence * offsets[1, k]
                    dx = np.cos(turn) * np.cos(lift)
                    dy = np.sin(turn) * np.cos(lift)
                    dz = np.sin(lift)
                    slope = nx * dx + ny * dy + nz * dz
                    if slope >= -1e-12:
                        continue
                    t = plane / slope
                    if t <= 0.0 or t >= distance[ring, local, k]:
                        continue
                    hx, hy, hz = t * dx - ax, t * dy - ay, t * dz - az_
                    # Barycentric coordinates from the cross products with the edges.
                    wx, wy, wz = uy * hz - uz * hy, uz * hx - ux * hz, ux * hy - uy * hx
                    wc = (wx * nx + wy * ny + wz * nz) / (length * length)
                    wx, wy, wz = hy * vz - hz * vy, hz * vx - hx * vz, hx * vy - hy * vx
                    wb = (wx * nx + wy * ny + wz * nz) / (length * length)
                    if wb < 0.0 or wc < 0.0 or wb + wc > 1.0:
                        continue
                    distance[ring, local, k] = t
                    returned[ring, local, k] = reflectivity[f] * (-slope / length)
                    owners[ring, local, k] = owner
            ring += 1


def bundle() -> Float64:
    """Return (2, 5) the rays of a beam, in beam radii of turn and lift."""
    return np.stack([_TURN, _LIFT])
