"""One simulated picture of a person, against what it costs to compress a camera's picture."""

from __future__ import annotations

import cv2
import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, timed
from bench.simulation.simulated import walk
from gait_reid.core.geometry import Pose, optical_pose
from gait_reid_sim.core.scene.scenery import Scenery
from gait_reid_sim.core.sensors.camera import Camera
from gait_reid_sim.core.sensors.camera_types import CameraConfig

RANGE_M = 10.0
QUALITY = 90


def build() -> Case:
    """Prepare a full HD camera and a person who fills a quarter of its height."""
    actor = walk("bench", (RANGE_M, -2.0), (RANGE_M, 2.0))
    pose = optical_pose(Pose.from_xyz_rpy(0.0, 0.0, 2.1, 0.0, np.deg2rad(6.0), 0.0))
    config = CameraConfig(width=1920, height=1080, horizontal_fov_deg=60.0)
    camera = Camera(config, pose, Scenery.of([]))
    moment = 0.5 * actor.leave_s
    window = camera.crop_window(actor, moment)
    if window is None:
        raise RuntimeError("the person is not in the picture")
    whole = camera.expose([actor], moment, np.random.default_rng(0)).frame.image

    def crop() -> object:
        return camera.expose([actor], moment, np.random.default_rng(0), window)

    def compress() -> object:
        return cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    return Case(
        f"a crop of {window[2]} x {window[3]} pixels, noise and JPEG artefacts included",
        timed("Camera.expose", crop, version_of("gait_reid_sim")),
        (
            timed(
                "cv2.imencode of the full HD picture",
                compress,
                version_of("opencv-python-headless"),
            ),
        ),
    )


BENCHMARK = Benchmark("simulated_camera", "Simulated picture, one person", build, rounds=7)
