"""Ground, sky and shadows in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from gait_reid.core.geometry import unproject
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.sensors.raster import rasterise

if TYPE_CHECKING:
    from gait_reid_sim.core.scene.actor import Actor
    from gait_reid_sim.core.sensors.camera import Camera, Window

SHADOW_REACH_M = 45.0


def _texture(x: Float64, y: Float64, blur_m: Float64) -> Float64:
    """Return the relative brightness of paving: slabs with joints, blotches, fading with scale."""
    near = np.exp(-((blur_m / 0.15) ** 2))
    joints = (np.mod(x, 0.8) < 0.02 + blur_m) | (np.mod(y + 0.4 * (np.floor(x / 0.8) % 2), 0.8) < 0.02 + blur_m)
    slab = np.sin(127.1 * np.floor(x / 0.8) + 311.7 * np.floor((y) / 0.8)) * 43758.5453
    slab = slab - np.floor(slab) - 0.5
    blotch = np.sin(0.9 * x + 1.7 * np.sin(0.6 * y)) * np.sin(1.1 * y + 1.3 * np.sin(0.7 * x))
    return 1.0 + near * (0.12 * slab - 0.22 * joints) + 0.06 * blotch


def draw_ground(camera: Camera, window: Window) -> tuple[Float32, Float32]:
    """Return linear light (h, w, 3), in kilolux, and depth (h, w) of ground and sky."""
    x0, y0, width, height = window
    columns, rows = np.meshgrid(x0 + np.arange(width), y0 + np.arange(height))
    pixels = np.column_stack([columns.ravel(), rows.ravel()])
    rays = camera.pose.rotate(unproject(camera.intrinsics, pixels))
    sensor = camera.pose.translation
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(rays[:, 2] < -1e-6, -sensor[2] / rays[:, 2], np.inf)
    ground = depth < 2000.0
    point = sensor[:2] + rays[:, :2] * np.where(ground, depth, 0.0)[:, None]
    _, sun, sky = camera.light.relative()
    lit = sky + sun * max(camera.light.sun_direction[2], 0.0)
    footprint = np.where(ground, depth, 0.0) / camera.intrinsics.fx
    bright = _texture(point[:, 0], point[:, 1], footprint)
    earth = np.array(camera.scenery.ground_colour) * lit
    above = np.array(camera.scenery.sky_colour) * sky * 1.3
    colour = np.where(ground[:, None], bright[:, None] * earth, above)
    image = colour[:, ::-1].reshape(height, width, 3).astype(np.float32)
    return image, np.where(ground, depth, np.inf).reshape(height, width).astype(np.float32)


def draw_shadow(
    image: Float32, depth: Float32, camera: Camera, actor: Actor, vertices: Float64, window: Window
) -> None:
    """Darken the ground where a person keeps the directed light away, in place."""
    sun = camera.light.sun_direction
    _, directed, sky = camera.light.relative()
    share = float(directed.mean() * sun[2])
    share /= share + float(sky.mean()) + 1e-9
    away = float(np.linalg.norm(vertices[:, :2].mean(axis=0) - camera.pose.translation[:2]))
    if away > SHADOW_REACH_M:
        return
    flat = vertices - sun * (vertices[:, 2:] / sun[2])
    flat[:, 2] = 0.004
    local = camera.pose.inverse().apply(flat)
    if local[:, 2].min() < 0.3:
        return
    area = camera.area_of(local, window)
    if area is None:
        return
    x, y, w, h = area
    near, face_at = np.full((h, w), np.inf, np.float32), np.full((h, w), -1, np.int32)
    view = np.array([window[0] + x, window[1] + y, 1.0])
    both = np.concatenate([actor.body.faces, actor.body.faces[:, ::-1]])
    weights = np.zeros((h, w, 2), np.float32)
    rasterise(local, both, camera.focal_vector(), view, near, face_at, weights)
    mask = ((face_at >= 0) & (near < depth[y : y + h, x : x + w] * 1.02)).astype(np.float32)
    softness = 0.02 * camera.intrinsics.fy / max(away, 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), max(softness, 0.5))
    # The feet also keep the diffuse light away where they stand.
    image[y : y + h, x : x + w] *= 1.0 - (0.25 + 0.70 * share) * mask[..., None]
