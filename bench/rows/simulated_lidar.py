"""One simulated person before a LiDAR, against a ray caster that tries every triangle."""

from __future__ import annotations

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, timed
from bench.simulation.simulated import walk
from gait_reid.core.geometry import Pose
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.beams import beam_table
from gait_reid_sim.core.sensors.lidar import Lidar
from gait_reid_sim.core.sensors.raster import Int32Array
from gait_reid_sim.core.sensors.tracing import SUB_RAYS, Rays

RANGE_M = 20.0
SENSOR_M = 2.0
_ELEVATION_RAD = np.deg2rad([-6.5, 0.5])
"""Beams between these elevations are tried; the person fills them."""


def directions(rays: Rays) -> Float64:
    """Return (rings, columns, 5, 3) unit vectors of all rays."""
    turn, lift = rays.turn, rays.lift
    c, s = rays.shift[:, :, None, None]
    cosine, sine = turn[0] * c - turn[1] * s, turn[1] * c + turn[0] * s
    level, up = lift[0][:, None], np.broadcast_to(lift[1][:, None], cosine.shape)
    return np.stack([cosine * level, sine * level, up], axis=-1)


def every_triangle(
    rays: Float64, vertices: Float64, faces: Int32Array, chunk: int = 400
) -> Float64:
    """Return distances of the nearest hits: Moller and Trumbore (1997) over all pairs."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    edge_b, edge_c = b - a, c - a
    # With all rays from the origin, what depends on the triangle alone is computed once.
    normal, offset = np.cross(edge_b, edge_c), np.einsum("fi,fi->f", a, np.cross(edge_b, edge_c))
    side_b, side_c = np.cross(a, edge_b), np.cross(a, edge_c)
    out = np.empty(len(rays))
    for start in range(0, len(rays), chunk):
        d = rays[start : start + chunk]
        slope = d @ normal.T
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = (d @ side_c.T) / -slope, (d @ side_b.T) / slope
            t = offset / slope
        hit = (slope < 0.0) & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (t > 0.0)
        out[start : start + chunk] = np.where(hit, t, np.inf).min(axis=1)
    return out


def build() -> Case:
    """Prepare a person; both must find the same surface."""
    actor = walk("bench", (RANGE_M, -2.0), (RANGE_M, 2.0))
    pose = Pose.from_xyz_rpy(0.0, 0.0, SENSOR_M, 0.0, 0.0, 0.0)
    table = beam_table("long_128")
    lidar = Lidar(table, pose, Scenery.of([]))
    moment = 0.5 * actor.leave_s
    rays = Rays.of(table, *lidar.window_of(actor, moment))
    local = pose.inverse().apply(actor.vertices(moment))
    low, high = np.searchsorted(table.elevation, _ELEVATION_RAD)
    tried = np.ascontiguousarray(directions(rays)[low:high])
    shape = (table.rings, rays.turn.shape[1], SUB_RAYS)

    def bundles() -> Float32:
        distance = np.full(shape, np.inf, np.float32)
        returned, owners = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
        rays.meet(local, actor.body.faces, actor.reflectivity, 0, (distance, returned, owners))
        return distance

    def naive() -> Float64:
        return every_triangle(tried.reshape(-1, 3), local, actor.body.faces)

    ours, theirs = bundles()[low:high].ravel(), naive()
    same = np.isfinite(ours) == np.isfinite(theirs)
    both = np.isfinite(ours) & np.isfinite(theirs)
    if same.mean() < 0.999 or np.abs(ours[both] - theirs[both]).max() > 1e-3:
        raise RuntimeError(f"the ray casters differ in {1 - same.mean():.1%} of the rays")
    count, faces = tried[..., 0].size, len(actor.body.faces)
    return Case(
        f"a person of {faces} triangles at {RANGE_M:g} m, {count} rays of {high - low} beams",
        timed("bundles of rays inside each triangle's angles, numba", bundles, version_of("numba")),
        (timed("every ray with every triangle, numpy", naive, version_of("numpy")),),
    )


BENCHMARK = Benchmark(
    "simulated_lidar", "Simulated LiDAR, one person", build, rounds=5, promise=1 / 20
)
