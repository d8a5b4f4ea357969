"""Three ways to make one feature of a frame of radar points: PointNet, voxels, a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import masked_mean
from gait_reid_training.nets.mission.radar import HEIGHT_M, PointEncoder
from gait_reid_training.nets.pointgnn import EdgeConv
from gait_reid_training.nets.set_abstraction import nearest_points


class PointNetFrames(nn.Module):
    """PointNet (Qi et al., CVPR 2017), pooled by attention: Mission's base and global module."""

    def __init__(self, base_widths: tuple[int, ...], global_widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = PointEncoder(5, base_widths, global_widths)
        self.dim = self.encoder.frame_width

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Map points (M, N, 5) with a mask (M, N) to (M, dim)."""
        return cast(Tensor, self.encoder(points, mask)[1])


class VoxelFrames(nn.Module):
    """Occupied voxels and 3D convolutions, as mID and RadHAR see radar points.

    Zhao et al., "mID: Tracking and Identifying People with Millimeter Wave Radar", DCOSS 2019;
    Singh et al., "RadHAR", mmNets 2019. The box of 2 m around the person and the number of voxels,
    10 by 32 by 32, are our reading.

    Args:
        width: Channels of the first convolution; later ones have 2 and 4 times as many.
    """

    SHAPE = (10, 32, 32)
    SIZE_M = 2.0

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [
                nn.Conv3d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm3d(outputs),
                nn.ReLU(),
                nn.MaxPool3d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.dim = 4 * width * 4 * 4

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Map points (M, N, >=3) with a mask (M, N) to (M, dim)."""
        return cast(Tensor, self.layers(self.occupancy(points, mask)).flatten(1))

    def occupancy(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return how many points are in each voxel (M, 1, z, x, y); those outside do not count."""
        levels, rows, columns = self.SHAPE
        low = points.new_tensor([-self.SIZE_M / 2, -self.SIZE_M / 2, 0.0])
        sizes = points.new_tensor([rows, columns, levels])
        cell = torch.floor((points[..., :3] - low) / self.SIZE_M * sizes).long()
        inside = mask & (cell >= 0).all(dim=-1) & (cell < sizes).all(dim=-1)
        x, y, z = cell.unbind(dim=-1)
        index = torch.where(inside, (z * rows + x) * columns + y, 0)
        grid = points.new_zeros(len(points), levels * rows * columns)
        grid = grid.scatter_add(1, index, inside.to(grid.dtype))
        return grid.view(-1, 1, levels, rows, columns)


class EuclideanEdgeConv(EdgeConv):
    """EdgeConv whose neighbours are the nearest ones, the point itself among them, as in DGCNN."""

    def graph(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the neighbours (M, N, k) of every point of features (M, N, inputs)."""
        return nearest_points(features, features, mask, self.k)


class GraphFrames(nn.Module):
    """DGCNN (Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", ACM TOG 2019).

    Args:
        widths: Width of each graph convolution.
        k: Neighbours of a point.
    """

    def __init__(self, widths: Sequence[int], k: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EuclideanEdgeConv(i, o, k) for i, o in zip([5, *widths], widths)
        )
        self.dim = 2 * sum(widths)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Map points (M, N, 5) with a mask (M, N) to (M, dim)."""
        offset = points.new_tensor([0.0, 0.0, HEIGHT_M, 0.0, 0.0])
        features = (points - offset) * mask[..., None]
        levels = []
        for layer in self.layers:
            features = layer(features, mask) * mask[..., None]
            levels.append(features)
        joined = torch.cat(levels, dim=-1)
        highest = joined.masked_fill(~mask[..., None], -1e4).amax(dim=1)
        highest = highest * mask.any(dim=1, keepdim=True)
        return functional.relu(torch.cat([highest, masked_mean(joined, mask)], dim=-1))
