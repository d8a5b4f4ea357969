"""Pictures of walking figures with known boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gait_reid.core.geometry import Pose, optical_pose, project
from gait_reid.core.types import CameraFrame, CameraIntrinsics
from gait_reid.testing.walkers import Body, Walk, figure, picture, room

CAMERA = CameraIntrinsics.from_field_of_view(400, 225, 1.0)
CAMERA_POSE = optical_pose(Pose.from_xyz_rpy(0.0, 0.0, 1.2, 0.0, 0.0, 0.0))
PERIOD_S = 1.0 / 20.0
BODY = Body(1.75, colour=(50, 40, 120))
OTHER_BODY = Body(1.68, girth=1.1, stride_m=1.3, colour=(120, 60, 20))


def stamp(index: int) -> int:
    return 10**9 + round(index * PERIOD_S * 1e9)


def show(walks: Sequence[tuple[Body, Walk]], index: int) -> CameraFrame:
    time_s = index * PERIOD_S
    figures = [(b, figure(b, w, time_s)) for b, w in walks if w.is_present(time_s)]
    return picture(figures, room(CAMERA), CAMERA, CAMERA_POSE, stamp(index), "camera")


def true_roi(body: Body, walk: Walk, index: int) -> np.ndarray:
    """Return the box around the figure's solids, (4,) pixels."""
    low, high = [], []
    for solid in figure(body, walk, index * PERIOD_S):
        ends = CAMERA_POSE.inverse().apply(np.stack([solid.start, solid.end]))
        pixels, _ = project(CAMERA, ends)
        radius = (solid.radius * CAMERA.fx / ends[:, 2])[:, None]
        low.append((pixels - radius).min(axis=0))
        high.append((pixels + radius).max(axis=0))
    corner, end = np.min(low, axis=0), np.max(high, axis=0)
    return np.concatenate([corner, end - corner])
