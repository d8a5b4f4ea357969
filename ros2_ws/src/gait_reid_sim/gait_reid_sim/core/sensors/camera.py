"""Pinhole camera: background once, people on top, then what optics and sensor do to the light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.geometry import Pose, box_to_roi
from gait_reid.core.types import CameraFrame, Float32, Float64
from gait_reid_sim.core.body.skinning import vertex_normals
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.light import Light, Weather
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.camera_types import CameraConfig, Exposed, Sight, Window
from gait_reid_sim.core.sensors.exposure import ImageChain
from gait_reid_sim.core.sensors.ground_picture import draw_ground, draw_shadow
from gait_reid_sim.core.sensors.raster import rasterise
from gait_reid_sim.core.sensors.shading import shade


@dataclass
class Camera:
    """One mounted camera.

    Attributes:
        config: Camera.
        pose: Its optical frame in the fixed frame.
        scenery: What stands around; its picture is drawn once.
        light: Illumination.
        weather: Rain and fog.
        frame_id: Name of the optical frame.
    """

    config: CameraConfig
    pose: Pose
    scenery: Scenery
    light: Light = field(default_factory=Light)
    weather: Weather = field(default_factory=Weather)
    frame_id: str = "camera_optical"
    _background: tuple[Window, Float32, Float32] | None = field(
        default=None, init=False, repr=False
    )

    def __post_init__(self) -> None:
        self.intrinsics = self.config.intrinsics
        self.chain = ImageChain.of(self.config, self.light, self.weather)

    def expose(
        self,
        actors: Sequence[Actor],
        time_s: float,
        rng: np.random.Generator,
        window: Window | None = None,
    ) -> Exposed:
        """Take a picture at ``time_s`` (the middle of the exposure).

        Args:
            actors: People; those who are absent are ignored.
            time_s: Scene time.
            rng: Source of noise.
            window: Part of the picture to make; None: all of it.
        """
        window = window or (0, 0, self.config.width, self.config.height)
        image, depth = self._fresh_background(window)
        owner = np.full(depth.shape, -1, np.int16)
        alone = np.zeros(len(actors), np.int64)
        present = [(row, a) for row, a in enumerate(actors) if a.present(time_s)]
        away = {
            row: float(np.linalg.norm(a.position(time_s) - self.pose.translation))
            for row, a in present
        }
        for _, actor in present:
            draw_shadow(image, depth, self, actor, actor.vertices(time_s), window)
        for row, actor in sorted(present, key=lambda item: -away[item[0]]):
            alone[row] = self._draw(actor, row, time_s, window, (image, depth, owner), away[row])
        sights = tuple(
            self._sight(row, actor, time_s, window, owner, int(alone[row]))
            for row, actor in present
        )
        picture = self.chain.develop(image, depth, rng)
        whole = window[2:] == (self.config.width, self.config.height)
        frame = CameraFrame(
            round(time_s * 1e9), self.frame_id, picture, self.intrinsics if whole else None
        )
        return Exposed(frame, owner, sights, window)

    def box_of(self, actor: Actor, time_s: float, margin: float = 0.12) -> Float64:
        """Return (4,) pixels x, y, width, height around a person, unclipped, with a margin."""
        joints = actor.joints(time_s)
        low, high = joints.min(axis=0), joints.max(axis=0)
        across = 2.0 * np.linalg.norm((joints - joints[0])[:, :2], axis=1).max() + 0.25
        size = np.array([across, across, high[2] + 0.16])
        centre = np.array([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.0])
        roi = box_to_roi(self.intrinsics, self.pose, centre, size)[0]
        pad = margin * roi[3]
        return roi + np.array([-pad, -pad, 2.0 * pad, 2.0 * pad]) * 0.5

    def crop_window(self, actor: Actor, time_s: float, aspect: float = 0.5) -> Window | None:
        """Return the part of the picture that shows a person, or None outside of it.

        Args:
            actor: Person.
            time_s: Scene time.
            aspect: Width over height; the box is widened or heightened to it.
        """
        roi = self.box_of(actor, time_s)
        if not np.isfinite(roi).all():
            return None
        grow = np.array([max(aspect * roi[3] - roi[2], 0.0), max(roi[2] / aspect - roi[3], 0.0)])
        roi = roi + np.concatenate([-0.5 * grow, grow])
        x0, y0 = max(int(roi[0]), 0), max(int(roi[1]), 0)
        x1 = min(int(np.ceil(roi[0] + roi[2])), self.config.width)
        y1 = min(int(np.ceil(roi[1] + roi[3])), self.config.height)
        return (x0, y0, x1 - x0, y1 - y0) if x1 - x0 >= 4 and y1 - y0 >= 8 else None

    def focal_vector(self) -> Float64:
        """Return fx, fy, cx, cy, pixels."""
        k = self.intrinsics
        return np.array([k.fx, k.fy, k.cx, k.cy])

    def _fresh_background(self, window: Window) -> tuple[Float32, Float32]:
        if self._background is None or self._background[0] != window:
            image, depth = draw_ground(self, window)
            self._draw_scenery(window, image, depth)
            self._background = (window, image, depth)
        return self._background[1].copy(), self._background[2].copy()

    def _draw_scenery(self, window: Window, image: Float32, depth: Float32) -> None:
        scenery = self.scenery
        if not len(scenery.faces):
            return
        face_at = np.full(depth.shape, -1, np.int32)
        weights = np.zeros((*depth.shape, 2), np.float32)
        local = self.pose.inverse().apply(scenery.vertices)
        view = np.array([window[0], window[1], 1.0])
        rasterise(local, scenery.faces, self.focal_vector(), view, depth, face_at, weights)
        normals = vertex_normals(scenery.vertices, scenery.faces)
        shade(
            face_at, weights, scenery.faces, scenery.regions, normals, scenery.vertices,
            scenery.table, np.zeros(6), self.light.relative(), image,
        )  # fmt: skip

    def _draw(
        self,
        actor: Actor,
        row: int,
        time_s: float,
        window: Window,
        layers: tuple[Float32, Float32, npt.NDArray[np.int16]],
        away_m: float,
    ) -> int:
        """Draw one person; return how many pixels the whole silhouette has in the window."""
        image, depth, owner = layers
        vertices = actor.vertices(time_s)
        local = self.pose.inverse().apply(vertices)
        area = self.area_of(local, window)
        if area is None:
            return 0
        x, y, w, h = area
        scale = self.config.samples if away_m < 14.0 else min(self.config.samples + 1, 3)
        shape = (h * scale, w * scale)
        near, face_at = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
        weights = np.zeros((*shape, 2), np.float32)
        view = np.array([window[0] + x, window[1] + y, float(scale)])
        rasterise(local, actor.body.faces, self.focal_vector(), view, near, face_at, weights)
        colour = np.zeros((*shape, 3), np.float32)
        shade(
            face_at, weights, actor.body.faces, actor.body.regions,
            vertex_normals(vertices, actor.body.faces), actor.body.canonical,
            actor.table, actor.limits, self.light.relative(), colour,
        )  # fmt: skip
        return self._blend(actor, row, time_s, (area, scale), (near, face_at, colour), layers)

    def _blend(
        self,
        actor: Actor,
        row: int,
        time_s: float,
        where: tuple[Window, int],
        layer: tuple[Float32, npt.NDArray[np.int32], Float32],
        layers: tuple[Float32, Float32, npt.NDArray[np.int16]],
    ) -> int:
        """Lay a person's samples over the picture, behind what is nearer."""
        (x, y, w, h), scale = where
        near, face_at, colour = layer
        part = (slice(y, y + h), slice(x, x + w))
        behind = layers[1][part]
        covered = np.repeat(np.repeat(behind, scale, 0), scale, 1) if scale > 1 else behind
        seen = (face_at >= 0) & (near < covered)
        whole = int((_shrink((face_at >= 0).astype(np.float32), w, h) > 0.5).sum())
        colour = colour * seen[..., None]
        alpha, tint = _shrink(seen.astype(np.float32), w, h), _shrink(colour, w, h)
        moved = self.chain.motion_kernel(self._pixel_speed(actor, time_s))
        if moved is not None:
            alpha, tint = cv2.filter2D(alpha, -1, moved), cv2.filter2D(tint, -1, moved)
        layers[0][part] = layers[0][part] * (1.0 - alpha[..., None]) + tint
        solid = alpha > 0.5
        layers[2][part][solid] = row
        closest = np.where(np.isfinite(near), near, np.inf).reshape(h, scale, w, scale)
        layers[1][part][solid] = closest.min(axis=(1, 3))[solid]
        return whole

    def area_of(self, local: Float64, window: Window) -> Window | None:
        """Return the part of the window that a body may cover, relative to the window."""
        if local[:, 2].min() < 0.3:
            return None
        k = self.intrinsics
        u = local[:, 0] / local[:, 2] * k.fx + k.cx - window[0]
        v = local[:, 1] / local[:, 2] * k.fy + k.cy - window[1]
        x0, x1 = max(int(u.min()) - 3, 0), min(int(u.max()) + 4, window[2])
        y0, y1 = max(int(v.min()) - 3, 0), min(int(v.max()) + 4, window[3])
        return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 and y1 > y0 else None

    def _pixel_speed(self, actor: Actor, time_s: float) -> Float64:
        """Return (2,) pixels per second of a person's middle in the picture."""
        here = self.pose.inverse().apply(actor.joints(time_s)[0])
        speed = self.pose.rotation.T @ actor.velocity(time_s)
        flow = (speed[:2] - here[:2] / here[2] * speed[2]) / max(here[2], 0.3)
        return flow * (self.intrinsics.fx, self.intrinsics.fy)

    def _sight(
        self,
        row: int,
        actor: Actor,
        time_s: float,
        window: Window,
        owner: npt.NDArray[np.int16],
        alone: int,
    ) -> Sight:
        box = self.box_of(actor, time_s, 0.0)
        across = min(box[0] + box[2], self.config.width) - max(box[0], 0.0)
        down = min(box[1] + box[3], self.config.height) - max(box[1], 0.0)
        inside = float(max(across, 0.0) * max(down, 0.0) / (box[2] * box[3]))
        inside = inside if np.isfinite(inside) else 0.0
        if not alone:
            return Sight(row, np.full(4, np.nan), 0, 0.0, inside)
        wide = np.nan_to_num(self.box_of(actor, time_s, 1.5), nan=0.0)
        left, top = max(int(wide[0]) - window[0], 0), max(int(wide[1]) - window[1], 0)
        right, bottom = int(wide[0] + wide[2]) - window[0], int(wide[1] + wide[3]) - window[1]
        rows, cols = np.nonzero(owner[top : max(bottom, 0), left : max(right, 0)] == row)
        if not len(rows):
            return Sight(row, np.full(4, np.nan), 0, 0.0, inside)
        x, y = cols.min() + left + window[0], rows.min() + top + window[1]
        roi = np.array([x, y, np.ptp(cols) + 1, np.ptp(rows) + 1], np.float64)
        return Sight(row, roi, len(rows), min(len(rows) / alone, 1.0), inside)


def _shrink(layer: Float32, width: int, height: int) -> Float32:
    """Return a layer averaged down to pixels."""
    if layer.shape[:2] == (height, width):
        return layer
    return np.asarray(cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA))
