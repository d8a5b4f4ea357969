"""HRD: pictures turned into what a radar would have seen, then one network for both.

After Cao et al., "Cross Vision-RF Gait Re-identification with Low-cost RGB-D Cameras and mmWave
Radars", IMWUT 2022, which synthesises a radar's signature from depth pictures by specular
reflection and which Mission's authors fed with depth from a body model. Our reading: the pose that
a picture branch estimates is inflated to capsules; of each capsule the points remain whose normal
faces a radar in front of the person; limbs do not hide each other; PointNet and LSTM are shared.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from gait_reid_sim.core.body.model import PARENTS
from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch
from gait_reid_training.nets.mission.baselines.config import RivalConfig
from gait_reid_training.nets.mission.baselines.point_encoders import PointNetFrames
from gait_reid_training.nets.mission.baselines.two_branch import SequenceHead
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, CrossModalOutput
from gait_reid_training.nets.mission.heads import PoseHead
from gait_reid_training.nets.mission.vision import VisionBranch

SENSOR_M = (5.0, 0.0, 1.2)
TORSO_JOINTS = 5
TORSO_RADIUS_M, LIMB_RADIUS_M = 0.14, 0.06
ALONG = (0.125, 0.375, 0.625, 0.875)
FACING = 0.5
"""Least cosine between normal and line of sight of a point that reflects."""
SNR = 0.7


def reflections(joints: Tensor, speed_m_s: Tensor, frame_rate_hz: float) -> tuple[Tensor, Tensor]:
    """Return the points of walking capsules that reflect towards a radar in front.

    Args:
        joints: (B, T, 21, 3) metres; x along the walk, y and x from the pelvis, z from the ground.
        speed_m_s: (B, T), speed of the walk.
        frame_rate_hz: Frames per second.

    Returns:
        Points (B, T, 80, 5) as in `RadarWalkBatch`, and which of them reflect (B, T, 80) bool.
    """
    bones = [(child, parent) for child, parent in enumerate(PARENTS) if parent >= 0]
    child, parent = (torch.tensor(one, device=joints.device) for one in zip(*bones))
    start, end = joints[:, :, parent], joints[:, :, child]
    along = joints.new_tensor(ALONG)[:, None]
    axis_points = start[:, :, :, None] + along * (end - start)[:, :, :, None]
    axis = functional.normalize(end - start, dim=-1, eps=1e-6)[:, :, :, None]
    sight = functional.normalize(joints.new_tensor(SENSOR_M) - axis_points, dim=-1)
    across = sight - (sight * axis).sum(dim=-1, keepdim=True) * axis
    radius = torch.where(child < TORSO_JOINTS, TORSO_RADIUS_M, LIMB_RADIUS_M)[:, None, None]
    normal = functional.normalize(across, dim=-1, eps=1e-6)
    surface = (axis_points + radius.to(joints.dtype) * normal).flatten(2, 3)
    line, facing = sight.flatten(2, 3), (normal * sight).sum(dim=-1).flatten(2)
    velocity = torch.zeros_like(surface)
    if surface.shape[1] > 1:
        velocity = torch.gradient(surface, spacing=1.0 / frame_rate_hz, dim=1)[0]
    forward = functional.pad(speed_m_s[..., None, None], (0, 2)).expand_as(velocity)
    radial = -((velocity + forward) * line).sum(dim=-1)
    points = torch.cat([surface, radial[..., None], SNR * facing[..., None]], dim=-1)
    return points, facing > FACING


class HRD(CrossModalNetwork):
    """Pictures to poses to reflections; reflections and radar points to embeddings.

    Args:
        config: Settings.
        frame_rate_hz: Frames per second of the camera's walks.
    """

    def __init__(self, config: RivalConfig, frame_rate_hz: float = 10.0) -> None:
        super().__init__()
        if config.joints != len(PARENTS):
            raise ValueError(f"joints is {config.joints}: HRD knows bodies of {len(PARENTS)}")
        self.config = config
        self.dim = config.dim
        self.frame_rate_hz = frame_rate_hz
        self.vision = VisionBranch(config.of_mission())
        self.pose = PoseHead(config.dim, config.joints)
        self.points = PointNetFrames(config.base_widths, config.global_widths)
        self.head = SequenceHead(self.points.dim, config.lstm_width, config.lstm_layers, config.dim)

    def _embedded(self, points: Tensor, mask: Tensor, frame_mask: Tensor) -> Tensor:
        mask = mask & frame_mask[..., None]
        frames = self.points(points.flatten(0, 1), mask.flatten(0, 1))
        return cast(Tensor, self.head(frames.unflatten(0, frame_mask.shape), frame_mask))

    def _seen(self, walks: WalkBatch) -> tuple[Tensor, Tensor]:
        """Return poses (B, T, J, 3) and embeddings (B, dim) of cameras' walks."""
        mask = walks.frame_mask & walks.has_camera
        joints = self.pose(self.vision(walks, mask)[:, :, 0])
        points, reflects = reflections(joints, walks.state[..., 2], self.frame_rate_hz)
        return joints, self._embedded(points, reflects, mask)

    def vision_embedding(self, walks: WalkBatch) -> Tensor:
        """Return embeddings (B, dim) of unit length."""
        return self._seen(walks)[1]

    def radar_embedding(self, walks: RadarWalkBatch) -> Tensor:
        """Return embeddings (B, dim) of unit length."""
        return self._embedded(walks.points, walks.point_mask, walks.frame_mask)

    def forward(self, batch: CrossModalBatch) -> CrossModalOutput:
        """Return embeddings, and the poses before the camera."""
        joints, vision = self._seen(batch.vision)
        return CrossModalOutput(vision, self.radar_embedding(batch.radar), vision_poses=(joints,))
