"""Rotating LiDAR in a scene of simple solids: known truth for tests and benchmarks.

Rays start at the sensor and meet the nearest of a ground plane, boxes, poles and people made of
capsules. The people have the proportions of Drillis and Contini (body segments as fractions of
stature) and a walking posture, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gait_reid.core.types import Float32, Float64, Int32, PointCloud

GROUND, NO_RETURN = -1, -2


@dataclass(frozen=True)
class RotatingLidar:
    """A spinning sensor.

    Attributes:
        elevation_deg: (rings,) elevation of each ring.
        columns: Measurements per turn.
        range_noise_m: Standard deviation of the measured range.
        max_range_m: Nothing is returned from farther away.
    """

    elevation_deg: Float64
    columns: int
    range_noise_m: float = 0.02
    max_range_m: float = 100.0

    @classmethod
    def uniform(
        cls, rings: int, columns: int, low_deg: float = -22.5, high_deg: float = 22.5
    ) -> RotatingLidar:
        """Return a sensor with evenly spaced rings; ``uniform(128, 1024)`` gives 131,072 rays."""
        return cls(np.linspace(low_deg, high_deg, rings), columns)

    def directions(self) -> Float64:
        """Return (rings * columns, 3) unit vectors, column by column."""
        azimuth = np.linspace(np.pi, -np.pi, self.columns, endpoint=False)
        elevation = np.deg2rad(self.elevation_deg)
        az, el = (angle.ravel() for angle in np.meshgrid(azimuth, elevation, indexing="ij"))
        return np.stack([np.cos(az) * np.cos(el), np.sin(az) * np.cos(el), np.sin(el)], axis=1)


@dataclass(frozen=True)
class Capsule:
    """All points within ``radius`` of the segment from ``start`` to ``end``."""

    start: Float64
    end: Float64
    radius: float

    def intersect(self, origin: Float64, rays: Float64) -> Float64:
        """Return (n,) distances along unit ``rays``, infinity where they miss."""
        axis, offset = self.end - self.start, origin - self.start
        length2 = max(float(axis @ axis), 1e-9)
        along, ray_axis, ray_offset = offset @ axis, rays @ axis, rays @ offset
        a = length2 - ray_axis**2
        b = length2 * ray_offset - along * ray_axis
        c = length2 * (offset @ offset) - along**2 - self.radius**2 * length2
        with np.errstate(invalid="ignore", divide="ignore"):
            t = (-b - np.sqrt(b * b - a * c)) / a
            y = along + t * ray_axis
        side = np.where((y > 0) & (y < length2) & (t > 0), t, np.inf)
        caps = [_sphere(origin, rays, center, self.radius) for center in (self.start, self.end)]
        return np.fmin(np.fmin(side, caps[0]), caps[1])

    def bounding_sphere(self) -> tuple[Float64, float]:
        """Return centre and radius."""
        return (self.start + self.end) / 2, float(
            np.linalg.norm(self.end - self.start) / 2 + self.radius
        )


def _sphere(origin: Float64, rays: Float64, center: Float64, radius: float) -> Float64:
    b = rays @ (origin - center)
    c = (origin - center) @ (origin - center) - radius**2
    with np.errstate(invalid="ignore"):
        t = -b - np.sqrt(b * b - c)
    return np.where(t > 0, t, np.inf)


@dataclass(frozen=True)
class Box:
    """Upright box on ``center``, the middle of its base; length, width, height in metres."""

    center: Float64
    size: Float64
    yaw_rad: float = 0.0

    def intersect(self, origin: Float64, rays: Float64) -> Float64:
        """Return (n,) distances along unit ``rays``, infinity where they miss."""
        c, s = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        low = np.array([-self.size[0] / 2, -self.size[1] / 2, 0])
        high = np.array([self.size[0] / 2, self.size[1] / 2, self.size[2]])
        local, start = rays @ turn.T, turn @ (origin - self.center)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = (low - start) / local, (high - start) / local
        entry, leave = np.fmin(near, far).max(axis=1), np.fmax(near, far).min(axis=1)
        return np.where((entry <= leave) & (entry > 0), entry, np.inf)

    def bounding_sphere(self) -> tuple[Float64, float]:
        """Return centre and radius."""
        return self.center + np.array([0, 0, self.size[2] / 2]), float(
            np.linalg.norm(self.size) / 2
        )


Solid = Capsule | Box


def pole(x: float, y: float, height: float, radius: float = 0.06) -> list[Solid]:
    """Return an upright pole that stands at (x, y)."""
    return [Capsule(np.array([x, y, 0.0]), np.array([x, y, height - radius]), radius)]


def walker(
    x: float, y: float, heading_rad: float = 0.0, height: float = 1.75, phase: float = 0.3
) -> list[Solid]:
    """Return a person who walks towards ``heading_rad``; ``phase`` in [0, 1) of the gait cycle."""
    forward = np.array([np.cos(heading_rad), np.sin(heading_rad), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    base = np.array([x, y, 0.0])

    def at(along: float, across: float, up: float) -> Float64:
        return base + height * (along * forward + across * left + np.array([0, 0, up]))

    parts: list[Solid] = [Capsule(at(0.01, 0, 0.90), at(0.02, 0, 0.95), 0.055 * height)]
    swing = np.sin(2 * np.pi * phase)
    for side in (1, -1):
        step = 0.19 * swing * side
        parts.append(
            Capsule(at(0, 0.05 * side, 0.50), at(0.45 * step, 0.05 * side, 0.285), 0.045 * height)
        )
        parts.append(
            Capsule(
                at(0.45 * step, 0.05 * side, 0.285), at(step, 0.05 * side, 0.035), 0.03 * height
            )
        )
        parts.append(Capsule(at(0, 0.065 * side, 0.55), at(0, 0.075 * side, 0.78), 0.062 * height))
        elbow = at(-0.3 * step, 0.135 * side, 0.63)
        parts.append(Capsule(at(0, 0.115 * side, 0.80), elbow, 0.027 * height))
        parts.append(Capsule(elbow, at(-0.8 * step, 0.14 * side, 0.49), 0.022 * height))
    return parts


@dataclass(frozen=True)
class Scene:
    """Solids by owner, over a ground plane.

    Attributes:
        objects: Each object is a list of solids; its index is the label of its points.
        ground_normal: (3,) normal of the ground plane through the origin, or None for no ground.
    """

    objects: Sequence[Iterable[Solid]]
    ground_normal: tuple[float, float, float] | None = (0.0, 0.0, 1.0)

    def scan(
        self, lidar: RotatingLidar, sensor_height_m: float, seed: int = 0, stamp_ns: int = 0
    ) -> tuple[PointCloud, Int32]:
        """Measure the scene from above the origin.

        Returns:
            Cloud in the sensor's frame, without rays that return nothing, and (n,) int32 owner of
            each point: index of the object, or `GROUND`.
        """
        rays, origin = lidar.directions(), np.array([0.0, 0.0, sensor_height_m])
        distance, owner = np.full(len(rays), np.inf), np.full(len(rays), NO_RETURN, np.int32)
        if self.ground_normal is not None:
            normal = np.asarray(self.ground_normal)
            with np.errstate(divide="ignore"):
                hit = -(normal @ origin) / (rays @ normal)
            distance, owner[:] = np.where(hit > 0, hit, np.inf), GROUND
        for index, solids in enumerate(self.objects):
            for solid in solids:
                center, radius = solid.bounding_sphere()
                towards = rays @ (center - origin)
                gap2 = (center - origin) @ (center - origin) - towards**2
                near = np.flatnonzero((gap2 <= radius**2) & (towards > -radius))
                hit = solid.intersect(origin, rays[near])
                closer = hit < distance[near]
                distance[near[closer]], owner[near[closer]] = hit[closer], index
        seen = distance < lidar.max_range_m
        noise = np.random.default_rng(seed).normal(0.0, lidar.range_noise_m, len(rays))
        xyz: Float32 = (rays[seen] * (distance + noise)[seen, None]).astype(np.float32)
        return PointCloud(stamp_ns, "lidar", xyz), owner[seen]
