"""Ground, sky and shadows in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64
from gait_reid_sim.core.sensors.raster import rasterise

if TYPE_CHECKING:
    from gait_reid_sim.core.scene.actor import Actor
    from gait_reid_sim.core.sensors.camera import Camera
    from gait_reid_sim.core.sensors.camera_types import Window

SHADOW_REACH_M = 45.0


@compiled
def _texture(x: float, y: float, blur_m: float) -> float:
    """Return the relative brightness of paving: slabs with joints, blotches, fading with scale."""
    column = np.floor(x / 0.8)
    shifted = y + 0.4 * (column % 2.0)
    slab = np.sin(127.1 * column + 311.7 * np.floor(y / 0.8)) * 43758.5453
    slab = slab - np.floor(slab) - 0.5
    joint = 0.0
    if np.mod(x, 0.8) < 0.02 + blur_m or np.mod(shifted, 0.8) < 0.02 + blur_m:
        joint = 1.0
    blotch = np.sin(0.9 * x + 1.7 * np.sin(0.6 * y)) * np.sin(1.1 * y + 1.3 * np.sin(0.7 * x))
    near = np.exp(-((blur_m / 0.15) ** 2))
    return 1.0 + near * (0.12 * slab - 0.22 * joint) + 0.06 * blotch


@compiled
def _fill(
    rotation: Float64,
    sensor: Float64,
    focal: Float64,
    corner: Float64,
    ground: Float64,
    sky: Float64,
    image: Float32,
    depth: Float32,
) -> None:
    """Write ground (2000 m wide) and sky into a window whose first pixel is ``corner``."""
    height, width = depth.shape
    for row in range(height):
        v = (corner[1] + row - focal[3]) / focal[1]
        for col in range(width):
            u = (corner[0] + col - focal[2]) / focal[0]
            fall = rotation[2, 0] * u + rotation[2, 1] * v + rotation[2, 2]
            t = -sensor[2] / fall if fall < -1e-6 else np.inf
            if t >= 2000.0:
                depth[row, col] = np.inf
                for k in range(3):
                    image[row, col, 2 - k] = sky[k]
                continue
            x = sensor[0] + t * (rotation[0, 0] * u + rotation[0, 1] * v + rotation[0, 2])
            y = sensor[1] + t * (rotation[1, 0] * u + rotation[1, 1] * v + rotation[1, 2])
            bright = _texture(x, y, t / focal[0])
            depth[row, col] = t
            for k in range(3):
                image[row, col, 2 - k] = bright * ground[k]


def draw_ground(camera: Camera, window: Window) -> tuple[Float32, Float32]:
    """Return linear light (h, w, 3), in kilolux, and depth (h, w) of ground and sky."""
    _, sun, sky = camera.light.relative()
    lit = sky + sun * max(camera.light.sun_direction[2], 0.0)
    shape = (window[3], window[2])
    image, depth = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
    _fill(
        camera.pose.rotation,
        camera.pose.translation,
        camera.focal_vector(),
        np.array(window[:2], np.float64),
        np.array(camera.scenery.ground_colour) * lit,
        np.array(camera.scenery.sky_colour) * sky * 1.3,
        image,
        depth,
    )
    return image, depth


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
