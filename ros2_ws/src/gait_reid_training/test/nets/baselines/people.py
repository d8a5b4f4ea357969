"""Boxes that walk: people who differ in height and width alone, seen by every sensor."""

from __future__ import annotations

import torch

from gait_reid_training.batch import WalkBatch

HEIGHTS_M = (1.5, 1.5, 1.9, 1.9)
WIDTHS_M = (0.35, 0.65, 0.35, 0.65)


def walking_boxes(walks: int, frames: int, points: int, seed: int) -> WalkBatch:
    """Return walks of four people in turn; pictures span 2 m by 2 m, depth 2.2 m by 2.2 m."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(walks) % len(HEIGHTS_M)
    shape = (walks, frames)
    noise = 0.02 * torch.randn(2, *shape, generator=rng)
    height = (torch.tensor(HEIGHTS_M)[labels][:, None] + noise[0])[..., None, None]
    width = (torch.tensor(WIDTHS_M)[labels][:, None] + noise[1])[..., None, None]
    uniform = torch.rand(*shape, points, 4, generator=rng)
    size = torch.cat([0.3 * torch.ones_like(width), width, height, torch.ones_like(width)], -1)
    cloud = (uniform - torch.tensor([0.5, 0.5, 0.0, 0.0])) * size
    mask = torch.rand(*shape, points, generator=rng) < 0.9
    one = torch.ones(*shape)
    return WalkBatch(
        rgb=torch.zeros(*shape, 3, 32, 16, dtype=torch.uint8),
        silhouette=_box(height, width, (32, 16), (2.0, 1.0)),
        depth=_box(height, width, (64, 64), (2.2, 2.2)),
        points=cloud * mask[..., None],
        point_mask=mask,
        state=torch.stack([0.0 * one, one, 1.3 * one, one], dim=-1),
        quality=torch.rand(*shape, 6, generator=rng),
        has_camera=one.bool(),
        has_lidar=one.bool(),
        frame_mask=one.bool(),
        labels=labels,
    )


def _box(
    height: torch.Tensor, width: torch.Tensor, size: tuple[int, int], span_m: tuple[float, float]
) -> torch.Tensor:
    up = (torch.arange(size[0], 0, -1) - 0.5)[:, None] * span_m[0] / size[0]
    across = ((torch.arange(size[1]) + 0.5) / size[1] - 0.5) * span_m[1]
    inside = (up < height) & (across.abs()[None] < width / 2)
    return (200 * inside).to(torch.uint8)[:, :, None]
