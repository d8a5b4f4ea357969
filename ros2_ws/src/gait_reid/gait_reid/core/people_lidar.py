"""People in a LiDAR scan: ground out, clusters from above, heads apart, a score for each shape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from gait_reid.core.clusters import BirdsEyeGrid, Mask, cluster_points
from gait_reid.core.compiled import HAS_NUMBA, compiled
from gait_reid.core.geometry import Pose
from gait_reid.core.ground import GroundConfig, GroundSurface, estimate_ground
from gait_reid.core.heads import SplitConfig, find_heads, share_points
from gait_reid.core.person_score import ShapeConfig, score_shapes
from gait_reid.core.person_shape import Groups, Shapes, count_collar, describe
from gait_reid.core.scan_view import ScanView, view_scan
from gait_reid.core.types import Detections, Float32, Float64, Int32, Int64, Modality, PointCloud
from gait_reid.core.upright import select_candidates, tall_structure
from gait_reid_common.parameters import param, validate

BODY_RADIUS_M = 0.08
UPPER_BODY_M = 0.9
ALONE_M = 0.7
HEAD_MARGIN_M = 0.2
LIKELY = 0.4
HEAD_ROOM_M = 0.15


@dataclass(frozen=True)
class LidarPeopleConfig:
    """Parameters of person detection in LiDAR scans."""

    min_range_m: float = param(0.5, "Nearer points are not looked at", "m", 0.0, 10.0)
    max_range_m: float = param(50.0, "Farther points are not looked at", "m", 2.0, 200.0)
    region_m: tuple[float, ...] = param(
        (), "Corners x, y, x, y, ... of the area to look at, fixed frame; empty for all", "m"
    )
    clearance_m: float = param(
        0.2, "Points this close to the ground belong to nobody", "m", 0.02, 0.6
    )
    cell_m: float = param(0.2, "Cells of the bird's-eye grid; touching cells join", "m", 0.05, 0.5)
    min_points: int = param(6, "Fewest points of a person", "", 2, 1000)
    min_score: float = param(0.5, "Less likely people are not reported", "", 0.0, 1.0)
    ground: GroundConfig = field(default_factory=GroundConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    shape: ShapeConfig = field(default_factory=ShapeConfig)

    def __post_init__(self) -> None:
        validate(self)
        if len(self.region_m) % 2 or 0 < len(self.region_m) < 6:
            raise ValueError(
                f"region_m has {len(self.region_m)} numbers, expected x and y of at least three "
                "corners, or none"
            )
        if self.min_range_m >= self.max_range_m:
            raise ValueError(
                f"min_range_m is {self.min_range_m}, expected less than max_range_m, "
                f"{self.max_range_m}"
            )


class LidarPeopleDetector:
    """Finds people in scans of one sensor.

    The ground is remembered from scan to scan for moments in which too little of it is in sight;
    nothing else is.
    """

    def __init__(
        self, config: LidarPeopleConfig | None = None, use_numba: bool = HAS_NUMBA
    ) -> None:
        self.config = config if config is not None else LidarPeopleConfig()
        self.ground: GroundSurface | None = None
        self._use_numba = use_numba

    def reset(self) -> None:
        """Forget the ground, for example after a jump in time."""
        self.ground = None

    def detect(self, cloud: PointCloud, pose: Pose, frame_id: str | None = None) -> Detections:
        """Find the people in one scan.

        Args:
            cloud: Scan in the sensor's frame; points that are not finite are skipped.
            pose: Sensor in the fixed frame, whose z axis points up.
            frame_id: Name of the fixed frame; the cloud's own when None.

        Returns:
            People ordered by score, best first. ``position`` is on the ground below the body,
            ``size`` the extents along x and y of the fixed frame and the height above the ground,
            ``covariance`` says how far the visible points leave the middle of the body open, and
            ``point_labels`` has one entry per point of ``cloud``.
        """
        config = self.config
        view = view_scan(
            cloud.xyz, pose, config.min_range_m, config.max_range_m, use_numba=self._use_numba
        )
        self.ground = estimate_ground(view, config.ground, self.ground)
        grid, region = self._region(view)
        band = (config.clearance_m, config.shape.max_height_m + HEAD_ROOM_M)
        candidates = select_candidates(
            view.points, self.ground, grid, band, region, self._use_numba
        )
        blocked = tall_structure(candidates, view.origin, view.ring_spacing_rad)
        clusters, count = cluster_points(candidates.points, grid, blocked, self._use_numba)
        groups = _people(candidates.points, clusters, count, config)
        ground_z = self.ground.height(candidates.points[groups.heads])
        shapes = describe(groups, view, ground_z, grid, blocked)
        score = _score(groups, shapes, view, config)
        order = np.argsort(-score, kind="stable")
        order = order[score[order] >= config.min_score]
        rank = np.full(len(score) + 1, -1, np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        labels = np.full(len(cloud), -1, np.int32)
        labels[candidates.index] = rank[groups.owner]
        header = (cloud.stamp_ns, cloud.frame_id if frame_id is None else frame_id)
        return _detections(header, shapes, score, order, view, self.ground, labels)

    def _region(self, view: ScanView) -> tuple[BirdsEyeGrid, Mask]:
        """Return the cells around the sensor and which of them are looked at."""
        x, y = float(view.origin[0]), float(view.origin[1])
        grid = BirdsEyeGrid.around(x, y, self.config.max_range_m, self.config.cell_m)
        if not self.config.region_m:
            return grid, np.ones(grid.shape, np.bool_)
        corners = np.array(self.config.region_m).reshape(-1, 2)
        cells = np.round((corners - (grid.x_min, grid.y_min)) / grid.cell_m - 0.5).astype(np.int32)
        region = np.zeros(grid.shape, np.uint8)
        cv2.fillPoly(region, [cells], 1)
        return grid, region.astype(np.bool_)


@compiled
def _cluster_extents(points: Float32, labels: Int32, extents: Float64) -> None:
    """Fill (clusters, 7): count, top, bottom, and x and y limits of the upper body."""
    for i in range(len(points)):
        k = labels[i]
        if k < 0:
            continue
        x, y, height = points[i, 0], points[i, 1], points[i, 2]
        extents[k, 0] += 1.0
        extents[k, 1] = max(extents[k, 1], height)
        extents[k, 2] = min(extents[k, 2], height)
        if height >= UPPER_BODY_M:
            extents[k, 3], extents[k, 4] = min(extents[k, 3], x), max(extents[k, 4], x)
            extents[k, 5], extents[k, 6] = min(extents[k, 5], y), max(extents[k, 6], y)


def _people(points: Float32, clusters: Int32, count: int, config: LidarPeopleConfig) -> Groups:
    """Find one point under each head and share out the points of the clusters."""
    extents = np.tile([0.0, -np.inf, np.inf, np.inf, -np.inf, np.inf, -np.inf], (count, 1))
    _cluster_extents(points, clusters, extents)
    lowest_top = config.shape.min_height_m - HEAD_MARGIN_M
    person = (extents[:, 0] >= config.min_points) & (extents[:, 1] >= lowest_top)
    person &= extents[:, 2] < lowest_top
    wide = (extents[:, 4] - extents[:, 3] > ALONE_M) | (extents[:, 6] - extents[:, 5] > ALONE_M)
    single, several = np.append(person & ~wide, False), np.append(person & wide, False)
    heads = np.concatenate(
        [
            _tops(points, np.where(single[clusters], clusters, -1)),
            find_heads(
                points, np.where(several[clusters], clusters, -1), count, config.split, lowest_top
            ),
        ]
    )
    heads = heads[np.argsort(clusters[heads], kind="stable")]
    owner = share_points(points, clusters, count, heads, config.split.reach_m)
    return Groups(points, clusters, count, heads, owner)


def _score(groups: Groups, shapes: Shapes, view: ScanView, config: LidarPeopleConfig) -> Float64:
    """Judge twice: what an unlikely neighbour owns is part of the same thing."""
    likely = score_shapes(shapes, config.shape, view.ring_spacing_rad) >= LIKELY
    owner = np.where(np.append(likely, False)[groups.owner], groups.owner, -1)
    shared = count_collar(replace(groups, owner=owner), shapes.center)
    shapes = replace(shapes, collar=shared / np.maximum(shapes.count, 1))
    score = score_shapes(shapes, config.shape, view.ring_spacing_rad)
    score[shapes.count < config.min_points] = 0.0
    return score


def _tops(points: Float32, labels: Int32) -> Int64:
    """Return the row of the highest point of each cluster."""
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.argsort(-points[rows, 2], kind="stable")]
    return rows[np.unique(labels[rows], return_index=True)[1]].astype(np.int64)


def _detections(
    header: tuple[int, str],
    shapes: Shapes,
    score: Float64,
    order: Int64,
    view: ScanView,
    ground: GroundSurface,
    labels: Int32,
) -> Detections:
    n = len(order)
    sight = shapes.center[order] - view.origin[:2]
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-6)
    position = np.zeros((n, 3))
    position[:, :2] = shapes.center[order] + BODY_RADIUS_M * sight
    position[:, 2] = ground.height(position)
    seen = np.clip(2.0 * shapes.count[order] / np.maximum(shapes.expected[order], 1.0), 0.0, 1.0)
    sampling = 0.2 / np.sqrt(shapes.count[order])
    along2 = 0.05**2 + sampling**2 + (0.10 * (1.0 - seen)) ** 2
    across2 = 0.04**2 + sampling**2 + (0.15 * (1.0 - seen)) ** 2
    outer = sight[:, :, None] * sight[:, None, :]
    covariance = along2[:, None, None] * outer + across2[:, None, None] * (np.eye(2) - outer)
    width = np.maximum(np.nan_to_num(shapes.width_m[order]), 0.35)
    size = np.column_stack([width, width, shapes.top_m[order]])
    return Detections(
        *header,
        position,
        covariance,
        size,
        np.full((n, 4), np.nan),
        score[order],
        np.full(n, Modality.LIDAR, np.uint8),
        labels,
    )


def warm_up() -> None:
    """Compile the inner loops on a small made-up scan, so that the first real scan is not late."""
    azimuth, level = np.meshgrid(np.linspace(-np.pi, np.pi, 180), np.linspace(-1.5, 0.1, 24))
    xyz = np.stack([5 * np.cos(azimuth), 5 * np.sin(azimuth), level], axis=-1).reshape(-1, 3)
    LidarPeopleDetector().detect(PointCloud(0, "", xyz.astype(np.float32)), Pose())
