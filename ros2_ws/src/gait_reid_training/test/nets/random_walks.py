"""Random walks for the tests of networks."""

from __future__ import annotations

import torch

from gait_reid_training.batch import WalkBatch


def random_walks(
    walks: int = 3, frames: int = 4, size: tuple[int, int] = (32, 16), points: int = 12
) -> WalkBatch:
    """Return walks where sensors, frames and points are missing at times.

    Silhouettes are there where the camera is, except for the first walk.
    """
    generator = torch.Generator().manual_seed(walks * 100 + frames)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(walks, frames, *shape, generator=generator)

    frame_mask = torch.ones(walks, frames, dtype=torch.bool)
    frame_mask[-1, -1] = False
    rgb = (255 * uniform(3, *size)).to(torch.uint8)
    silhouette = (255 * uniform(1, *size)).to(torch.uint8)
    silhouette[0] = 0
    has_camera = uniform() < 0.8
    has_camera[1, 2] = False
    return WalkBatch(
        rgb=rgb,
        silhouette=silhouette * has_camera[..., None, None, None],
        depth=(255 * uniform(1, 64, 64)).to(torch.uint8),
        points=uniform(points, 4) * torch.tensor([0.6, 0.6, 1.8, 1.0]),
        point_mask=uniform(points) < 0.7,
        state=uniform(4),
        quality=uniform(6),
        has_camera=has_camera,
        has_lidar=uniform() < 0.8,
        frame_mask=frame_mask,
        labels=torch.arange(walks),
    )
