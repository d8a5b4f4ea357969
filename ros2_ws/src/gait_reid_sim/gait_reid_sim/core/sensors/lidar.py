"""Rotating LiDAR: beams with a width, a detector with a threshold, a turn that takes time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.geometry import Pose
from gait_reid.core.types import Float32, Int32, Int64, PointCloud
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.light import Weather
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.beams import BeamTable
from gait_reid_sim.core.sensors.tracing import SUB_RAYS, Rays, trace_ground

GROUND, SCENERY, CLUTTER = -1, -2, -3
"""Owners of points that belong to nobody; people have their row in the list of actors."""

PULSE_M = 0.25
"""Surfaces nearer to each other than this melt into one return."""


@dataclass(frozen=True)
class LidarScan:
    """One turn.

    Attributes:
        cloud: Points in the sensor's frame; the stamp is that of the last column.
        owner: (n,) int32, row of the actor, or `GROUND`, `SCENERY`, `CLUTTER`.
        ring: (n,) int32, beam, rising with elevation.
        time_offset_ns: (n,) int64, firing time relative to the stamp, not positive.
    """

    cloud: PointCloud
    owner: Int32
    ring: Int32
    time_offset_ns: Int64


@compiled
def _strongest(
    distance: Float32, returned: Float32, owners: Int32, ring: int, column: int, extinction: float
) -> tuple[float, float, float, int]:
    """Return power, range, mean reflection and owner of the strongest group of a beam's rays.

    A group is what one pulse cannot tell apart.
    """
    rays = distance.shape[2]
    best, at, mean, who = 0.0, 0.0, 0.0, 0
    for k in range(rays):
        first = distance[ring, column, k]
        if not np.isfinite(first):
            continue
        power, total, nearest, owner = 0.0, 0.0, np.inf, 0
        for j in range(rays):
            gap = distance[ring, column, j] - first
            if gap < 0.0 or gap > PULSE_M:
                continue
            power += returned[ring, column, j]
            total += returned[ring, column, j] * distance[ring, column, j]
            if distance[ring, column, j] < nearest:
                nearest, owner = distance[ring, column, j], owners[ring, column, j]
        if power <= 0.0:
            continue
        r = total / power
        received = power / rays * (10.0 / r) ** 2 * np.exp(-2.0 * extinction * r)
        if received > best:
            best, at, mean, who = received, r, power / rays, owner
    return best, at, mean, who


@compiled
def _detect(
    distance: Float32,
    returned: Float32,
    owners: Int32,
    uniform: Float32,
    noise: Float32,
    half_power: float,
    extinction: float,
    kept: float,
    out: Float32,
    who: Int32,
) -> None:
    """Turn bundles of rays into returns: range and intensity in ``out``, NaN where none."""
    rings, count = distance.shape[:2]
    for ring in range(rings):
        for column in range(count):
            best, r, mean, owner = _strongest(distance, returned, owners, ring, column, extinction)
            out[ring, column, 0], out[ring, column, 1] = np.nan, 100.0 * mean
            if best <= 0.0:
                continue
            chance = kept / (1.0 + (half_power / best) ** 2.5)
            if uniform[ring, column] <= chance:
                weak = 1.0 + np.sqrt(half_power / best)
                out[ring, column, 0] = r + noise[ring, column] * weak
                who[ring, column] = owner


@dataclass
class Lidar:
    """One mounted scanner.

    Attributes:
        table: Beams.
        pose: Sensor in the fixed frame.
        scenery: What stands around; its returns are computed once.
        weather: Rain and fog.
        frame_id: Name of the sensor's frame.
    """

    table: BeamTable
    pose: Pose
    scenery: Scenery
    weather: Weather = field(default_factory=Weather)
    frame_id: str = "lidar"
    _background: tuple[Float32, Float32, Int32] | None = field(default=None, init=False, repr=False)

    def scan(
        self,
        actors: Sequence[Actor],
        start_s: float,
        rng: np.random.Generator,
        window: tuple[int, int] | None = None,
        kept: float = 1.0,
    ) -> LidarScan:
        """Measure one turn that begins at ``start_s``.

        Args:
            actors: People; those who are absent are ignored.
            start_s: Scene time of the first column.
            rng: Source of noise.
            window: First column and number of columns to simulate; None: the field of view.
            kept: Share of returns that survive, as when a link loses packets.
        """
        first, count = window or self.view()
        rays = Rays.of(self.table, first, count)
        distance, returned, owners = self._fresh_background(rays, count)
        for row, actor in enumerate(actors):
            self._add(actor, row, start_s, rays, (distance, returned, owners))
        shape = distance.shape[:2]
        uniform = rng.random(shape, np.float32)
        noise = self.table.range_noise_m * rng.standard_normal(shape, np.float32)
        out = np.empty((*shape, 2), np.float32)
        who = np.full(shape, SCENERY, np.int32)
        extinction = self.weather.lidar_extinction_per_m
        _detect(
            distance, returned, owners, uniform, noise,
            self.table.half_power, extinction, kept, out, who,
        )  # fmt: skip
        self._scatter_in_air(out, who, extinction, rng)
        return self._points(out, who, first, start_s)

    def view(self) -> tuple[int, int]:
        """Return first column and number of columns of the field of view."""
        count = round(self.table.columns * self.table.field_of_view / (2.0 * np.pi))
        return (self.table.columns - count) // 2, count

    def window_of(self, actor: Actor, time_s: float, margin_m: float = 0.9) -> tuple[int, int]:
        """Return the columns that see a person and ``margin_m`` on both sides."""
        at = self.pose.inverse().apply(actor.position(time_s))
        half = np.arctan2(margin_m, max(float(np.hypot(at[0], at[1])), 0.5))
        middle = (np.pi - np.arctan2(at[1], at[0])) / self.table.step
        columns = int(np.ceil(half / self.table.step))
        return int(middle) - columns, 2 * columns + 1

    def passing_time(self, actor: Actor, start_s: float) -> float:
        """Return when the beam sweeps over a person."""
        at = self.pose.inverse().apply(actor.joints(start_s)[0])
        return (
            start_s + float((np.pi - np.arctan2(at[1], at[0])) / (2.0 * np.pi)) / self.table.rate_hz
        )

    def _add(
        self,
        actor: Actor,
        row: int,
        start_s: float,
        rays: Rays,
        buffers: tuple[Float32, Float32, Int32],
    ) -> None:
        moment = self.passing_time(actor, start_s)
        if actor.present(moment):
            local = self.pose.inverse().apply(actor.vertices(moment))
            rays.meet(local, actor.body.faces, actor.reflectivity, row, buffers)

    def _fresh_background(self, rays: Rays, count: int) -> tuple[Float32, Float32, Int32]:
        """Return buffers with ground and scenery in them, for the given columns."""
        if (rays.first, count) != self.view():
            return self._make_background(rays, count)
        if self._background is None:
            self._background = self._make_background(rays, count)
        distance, returned, owners = self._background
        return distance.copy(), returned.copy(), owners.copy()

    def _make_background(self, rays: Rays, count: int) -> tuple[Float32, Float32, Int32]:
        table, scenery, shape = self.table, self.scenery, (self.table.rings, count, SUB_RAYS)
        distance, returned = np.empty(shape, np.float32), np.empty(shape, np.float32)
        owners = np.full(shape, GROUND, np.int32)
        # Rough ground has no sharp range: what a beam meets is a little higher or lower.
        bumps = scenery.ground_roughness_m * np.random.default_rng(rays.first).standard_normal(
            shape[:2], np.float32
        )
        up, height = self.pose.rotation[2].copy(), float(self.pose.translation[2])
        trace_ground(
            rays.turn, rays.lift, rays.shift, up, height, bumps,
            scenery.ground_reflectivity, table.max_range_m, distance, returned,
        )  # fmt: skip
        if len(scenery.faces):
            local = self.pose.inverse().apply(scenery.vertices)
            buffers = (distance, returned, owners)
            rays.meet(local, scenery.faces, scenery.reflectivity, SCENERY, buffers)
        return distance, returned, owners

    def _scatter_in_air(
        self, out: Float32, who: Int32, extinction: float, rng: np.random.Generator
    ) -> None:
        """Put returns from drops near the sensor in front of what is there."""
        chance = min(0.35 * extinction, 0.03)
        if chance <= 0.0:
            return
        hit = rng.random(out.shape[:2]) < chance
        near = 1.0 + rng.exponential(4.0, int(hit.sum()))
        out[hit, 0], out[hit, 1], who[hit] = near, 2.0, CLUTTER

    def _points(self, out: Float32, who: Int32, first: int, start_s: float) -> LidarScan:
        table, count = self.table, out.shape[1]
        ring, column = np.nonzero(np.isfinite(out[..., 0]))
        reach, intensity = out[ring, column, 0], out[ring, column, 1]
        near = (reach > 0.4) & (reach < table.max_range_m)
        ring, column, reach, intensity = ring[near], column[near], reach[near], intensity[near]
        azimuth = np.pi - (first + column) * table.step + table.azimuth_offset[ring]
        level = reach * np.cos(table.elevation[ring])
        up = reach * np.sin(table.elevation[ring])
        xyz = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), up], axis=1)
        period_ns = 1e9 / table.rate_hz / table.columns
        last = first + count - 1
        stamp_ns = round(start_s * 1e9 + last * period_ns)
        cloud = PointCloud(
            stamp_ns, self.frame_id, xyz.astype(np.float32), intensity.astype(np.float32)
        )
        offsets = np.round((first + column - last) * period_ns).astype(np.int64)
        return LidarScan(cloud, who[ring, column], ring.astype(np.int32), offsets)
