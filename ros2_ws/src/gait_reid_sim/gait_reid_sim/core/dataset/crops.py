"""What each sensor sees of one walking person, cut out as a tracker would."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.geometry import Pose, optical_pose
from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_sim.core.dataset.plan import Condition, DatasetPlan
from gait_reid_sim.core.scene.actor import Actor
from gait_reid_sim.core.scene.light import LIGHTS, Light
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.beams import beam_table
from gait_reid_sim.core.sensors.camera import Camera
from gait_reid_sim.core.sensors.camera_types import CameraConfig
from gait_reid_sim.core.sensors.lidar import Lidar
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES, Radar

CROP_MARGIN_M = 0.35
"""Points farther than this from the body's box are not the person's."""
CLUTTER_HEIGHT_M = 0.06


def lidar_frames(
    plan: DatasetPlan,
    condition: Condition,
    actor: Actor,
    site: tuple[Scenery, Pose],
    times: Float64,
    rng: np.random.Generator,
) -> list[Float32]:
    """Return the points of each scan that a tracker would cut out.

    Args:
        plan: Which beams.
        condition: How many returns are kept.
        actor: Who walks.
        site: The surroundings and where the LiDAR is.
        times: When the scanner passes the person, seconds.
        rng: Source of noise.

    Returns:
        (k, 4) float32 each: x, y, z in the fixed frame, metres, and intensity.
    """
    lidar = Lidar(beam_table(plan.beams), site[1], site[0])
    out = []
    for time_s in times:
        start_s = 2.0 * time_s - lidar.passing_time(actor, time_s)
        low = condition.kept
        kept = float(rng.uniform(low, 1.0)) if low < 1.0 else 1.0
        scan = lidar.scan([actor], start_s, rng, lidar.window_of(actor, time_s), kept)
        xyz = lidar.pose.apply(scan.cloud.xyz)
        intensity = scan.cloud.intensity
        assert intensity is not None
        mine = _inside(xyz, actor, time_s)
        out.append(np.column_stack([xyz[mine], intensity[mine]]).astype(np.float32))
    return out


def _inside(xyz: Float64, actor: Actor, time_s: float) -> npt.NDArray[np.bool_]:
    """Return which points a tracker would cut out: the person's box, a little clutter included."""
    joints = actor.joints(time_s)
    low, high = joints.min(axis=0) - CROP_MARGIN_M, joints.max(axis=0) + CROP_MARGIN_M
    low[2] = CLUTTER_HEIGHT_M
    return ((xyz >= low) & (xyz <= high)).all(axis=1)


def camera_frames(
    plan: DatasetPlan,
    condition: Condition,
    actor: Actor,
    scenery: Scenery,
    times: Float64,
    rng: np.random.Generator,
) -> tuple[list[UInt8 | None], list[UInt8 | None], Float32]:
    """Return pictures, silhouettes and (t, 4) windows, pixels, of a person.

    Where the person is not in the picture, there is None and NaN.
    """
    config = CameraConfig(width=1920, height=1080, horizontal_fov_deg=60.0)
    # A camera on a pan-tilt head keeps the person inside; LRGait's is aimed at each distance.
    middle = actor.joints(float(times[len(times) // 2]))[0]
    yaw = float(np.arctan2(middle[1], middle[0]))
    pitch = float(np.arctan2(2.1 - 0.9, np.hypot(middle[0], middle[1])))
    pose = optical_pose(Pose.from_xyz_rpy(0.0, 0.0, 2.1, 0.0, pitch, yaw))
    camera = Camera(config, pose, scenery, Light(**LIGHTS[condition.light]))
    images: list[UInt8 | None] = []
    silhouettes: list[UInt8 | None] = []
    roi = np.full((len(times), 4), np.nan, np.float32)
    for row, time_s in enumerate(times):
        window = camera.crop_window(actor, float(time_s))
        if window is None:
            images.append(None)
            silhouettes.append(None)
            continue
        exposed = camera.expose([actor], float(time_s), rng, window)
        mask = np.where(exposed.silhouettes == 0, 255, 0).astype(np.uint8)
        images.append(_letterboxed(exposed.frame.image, plan.image_height, cv2.INTER_LINEAR))
        silhouettes.append(_letterboxed(mask, plan.image_height, cv2.INTER_NEAREST))
        roi[row] = window
    return images, silhouettes, roi


def _letterboxed(image: UInt8, height: int, interpolation: int) -> UInt8:
    """Return the picture scaled into ``height`` x ``height`` / 2, edges repeated beside it."""
    width = height // 2
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    if scale < 1.0 and interpolation == cv2.INTER_LINEAR:
        interpolation = cv2.INTER_AREA
    small = cv2.resize(image, size, interpolation=interpolation)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
    return np.asarray(cv2.copyMakeBorder(small, top, bottom, left, right, border), np.uint8)


def radar_frames(
    plan: DatasetPlan, actor: Actor, times: Float64, rng: np.random.Generator
) -> list[Float32]:
    """Return (m, 5) float32 each: x, y, z in the fixed frame, radial velocity, SNR in dB."""
    radar = Radar(RADAR_PROFILES[plan.profile], Pose.from_xyz_rpy(0.0, 0.0, 1.2, 0.0, 0.0, 0.0))
    out = []
    for time_s in times:
        cloud = radar.measure([actor], float(time_s), rng).cloud
        assert cloud.velocity is not None
        assert cloud.snr is not None
        xyz = radar.pose.apply(cloud.xyz)
        near = np.linalg.norm((xyz - actor.joints(float(time_s))[0])[:, :2], axis=1) < 1.0
        table = np.column_stack([xyz, cloud.velocity, cloud.snr])[near]
        out.append(table.astype(np.float32))
    return out
