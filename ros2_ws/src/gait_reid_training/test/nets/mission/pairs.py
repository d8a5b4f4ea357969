"""People who differ in height and step, before a camera and before a radar."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch, WalkBatch

JOINTS = 21


def people_pairs(
    people: int = 4,
    frames: int = 3,
    points: int = 12,
    seed: int = 0,
    size: int = 32,
    heights: Sequence[float] | None = None,
) -> CrossModalBatch:
    """Return walks of people whose height shows in pictures, silhouettes, points and joints.

    The joints are at the same shares of everybody's height.
    """
    rng = torch.Generator().manual_seed(1000 + seed)
    labels = torch.arange(people)
    height = 1.4 + 0.6 * labels / max(people - 1, 1)
    if heights is not None:
        height = torch.tensor(heights, dtype=torch.float32)
    height = height[:, None] + 0.02 * torch.randn(people, frames, generator=rng)
    one = torch.ones(people, frames)
    level = torch.arange(size, 0, -1)[:, None] * 2.2 / size
    shown = (level < height[..., None, None, None]).expand(-1, -1, 1, -1, size // 2)
    silhouette = (200 * shown).to(torch.uint8)
    noise = torch.randn(people, frames, points, 5, generator=rng)
    cloud = noise * torch.tensor([0.1, 0.1, 0.0, 0.5, 0.1])
    cloud[..., 2] = torch.rand(people, frames, points, generator=rng) * height[..., None]
    mask = torch.rand(people, frames, points, generator=rng) < 0.8
    mask[..., :2] = True
    levels = torch.rand(JOINTS, generator=torch.Generator().manual_seed(7))
    joints = levels[:, None] * torch.tensor([0.0, 0.0, 1.0])
    body = joints * height[..., None, None]
    vision = WalkBatch(
        rgb=silhouette.expand(-1, -1, 3, -1, -1).contiguous(),
        silhouette=silhouette,
        depth=torch.zeros(people, frames, 1, 64, 64, dtype=torch.uint8),
        points=torch.zeros(people, frames, 4, 4),
        point_mask=torch.zeros(people, frames, 4, dtype=torch.bool),
        state=torch.stack([0 * one, one, 1.2 * one, 0.5 * one], dim=-1),
        quality=torch.ones(people, frames, 6),
        has_camera=one.bool(),
        has_lidar=torch.zeros(people, frames, dtype=torch.bool),
        frame_mask=one.bool(),
        labels=labels,
    )
    radar = RadarWalkBatch(
        points=cloud * mask[..., None],
        point_mask=mask,
        frame_mask=one.bool(),
        state=torch.stack([0 * one, one, 1.2 * one, 0.4 * one], dim=-1),
        root=0.05 * torch.randn(people, frames, 2, generator=rng),
        joints=body,
        has_pose=one.bool(),
        labels=labels,
    )
    return CrossModalBatch(vision, radar, body, one.bool())
