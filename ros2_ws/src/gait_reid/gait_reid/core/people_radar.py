"""People in the points of a millimetre-wave radar: denoising, clustering, ghosts.

A person is a handful of points whose bearing is known to some fifteen degrees and whose range to
some centimetres, so neighbourhood is measured in both by what the sensor can tell apart, and radial
velocity is the third axis: two people who cross differ in it. Clustering is DBSCAN (Ester et al.
1996), as in Zhao et al. 2019 (mID) and Singh et al. 2019 (RadHAR), over a short memory of frames.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import DBSCAN

from gait_reid.core.geometry import Pose
from gait_reid.core.types import Detections, Float64, Int32, Int64, Modality, PointCloud
from gait_reid_common.parameters import param, validate

_DOUBTFUL = 0.4
"""Factor of what may be an echo: it may continue a track and never starts one."""
_STILL_APART = 0.5
"""Distance between what moves and what does not; a torso stands still while its arms move."""
_STILL_WEIGHT = 0.1
"""Furniture beside a walker must not pull the place."""


@dataclass(frozen=True)
class RadarPeopleConfig:
    """Parameters of finding people in radar points."""

    max_range_m: float = param(12.0, "Farthest point that is used", "m", 0.5, 100.0)
    min_range_m: float = param(0.3, "Nearest point that is used", "m", 0.0, 10.0)
    min_height_m: float = param(-0.5, "Lowest point above the ground", "m", -5.0, 5.0)
    max_height_m: float = param(2.6, "Highest point above the ground", "m", 0.5, 10.0)
    min_snr_db: float = param(0.0, "Weakest point, where the radar reports it", "dB", 0.0, 60.0)
    min_speed_m_s: float = param(
        0.05, "Points slower than this are furniture unless a track is there", "m/s", 0.0, 2.0
    )
    memory_s: float = param(0.25, "Frames younger than this are clustered together", "s", 0.0, 2.0)
    radial_m: float = param(0.45, "Distance in range within one person", "m", 0.05, 3.0)
    lateral_m: float = param(0.35, "Distance across within one person, at no range", "m", 0.05, 3.0)
    bearing_deg: float = param(6.0, "What the range adds to the distance across", "deg", 0.0, 45.0)
    velocity_m_s: float = param(
        1.6, "Difference in radial velocity within one person", "m/s", 0.1, 20.0
    )
    merge_m: float = param(
        0.7, "Clusters closer than this, seen from above, are limbs of one person", "m", 0.0, 2.0
    )
    min_points: int = param(4, "Points in memory that make a person", minimum=2, maximum=100)
    sure_points: float = param(
        6.0, "Points in memory at which a person is likely", minimum=1.0, maximum=200.0
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class _Points:
    """Points of one frame that may be somebody's.

    Attributes:
        stamp_ns: Acquisition time.
        row: (n,) row in the frame's cloud.
        xyz: (n, 3) metres, fixed frame.
        polar: (n, 2) range and bearing in the sensor's frame.
        velocity: (n,) m/s.
        snr: (n,) dB; 20 where the radar does not say.
        moves: (n,) whether the point is fast enough.
    """

    stamp_ns: int
    row: Int64
    xyz: Float64
    polar: Float64
    velocity: Float64
    snr: Float64
    moves: npt.NDArray[np.bool_]


class RadarPeopleDetector:
    """Finds people; keeps the points of the last frames."""

    def __init__(self, config: RadarPeopleConfig | None = None) -> None:
        self._config = config or RadarPeopleConfig()
        self._memory: deque[_Points] = deque()

    def reset(self) -> None:
        """Forget the last frames."""
        self._memory.clear()

    def detect(self, cloud: PointCloud, pose: Pose, frame_id: str) -> Detections:
        """Return the people of one frame.

        Args:
            cloud: Points in the radar's frame, x along the boresight; velocity is used where the
                radar reports it.
            pose: Radar in the fixed frame.
            frame_id: The fixed frame.

        Returns:
            People with ``point_labels`` for the points of this cloud; what does not move at all is
            furniture, and likely echoes have a low score.
        """
        config = self._config
        newest = self._usable(cloud, pose)
        self._memory.append(newest)
        oldest_ns = cloud.stamp_ns - config.memory_s * 1e9
        while self._memory[0].stamp_ns < oldest_ns or self._memory[0].stamp_ns > cloud.stamp_ns:
            self._memory.popleft()
        labels = np.full(len(cloud), -1, np.int32)
        points = _joined(self._memory)
        if len(points.row) < config.min_points:
            return _people([], [], [], cloud.stamp_ns, frame_id, labels)
        clusters = DBSCAN(eps=1.0, min_samples=3).fit_predict(self._metric(points))
        clusters = _merged(points, np.asarray(clusters, np.int64), config.merge_m)
        return self._describe(points, clusters, newest, pose, frame_id, labels)

    def _usable(self, cloud: PointCloud, pose: Pose) -> _Points:
        config = self._config
        local = cloud.xyz.astype(np.float64)
        xyz = pose.apply(local)
        reach = np.linalg.norm(local, axis=1)
        velocity = np.zeros(len(cloud)) if cloud.velocity is None else cloud.velocity.astype(float)
        snr = cloud.snr if cloud.snr is not None else cloud.intensity
        level = np.full(len(cloud), 20.0) if snr is None else snr.astype(np.float64)
        good = (reach >= config.min_range_m) & (reach <= config.max_range_m)
        good &= (xyz[:, 2] >= config.min_height_m) & (xyz[:, 2] <= config.max_height_m)
        good &= level >= config.min_snr_db
        row = np.flatnonzero(good)
        polar = np.column_stack([np.hypot(local[:, 0], local[:, 1]), _bearing(local)])
        # A radar without velocities has removed what stands still, or cannot tell.
        moves = np.abs(velocity) >= config.min_speed_m_s
        moves = moves if cloud.velocity is not None else np.ones(len(cloud), bool)
        return _Points(
            cloud.stamp_ns, row, xyz[row], polar[row], velocity[row], level[row], moves[row]
        )

    def _metric(self, points: _Points) -> Float64:
        """Return coordinates in which neighbours of one person are closer than 1."""
        config = self._config
        reach, bearing = points.polar.T
        across = config.lateral_m + reach * np.deg2rad(config.bearing_deg)
        still = ~points.moves * _STILL_APART
        return np.column_stack(
            [
                reach / config.radial_m,
                reach * bearing / across,
                points.velocity / config.velocity_m_s,
                still,
            ]
        )

    def _describe(
        self,
        points: _Points,
        clusters: Int64,
        newest: _Points,
        pose: Pose,
        frame_id: str,
        labels: Int32,
    ) -> Detections:
        config = self._config
        found: list[tuple[float, Int64]] = []
        for cluster in range(int(clusters.max(initial=-1)) + 1):
            mine = np.flatnonzero(clusters == cluster)
            moving = int(points.moves[mine].sum())
            if len(mine) >= config.min_points and moving >= min(2, config.min_points):
                found.append((1.0 - 0.5 ** (moving / config.sure_points), mine))
        found.sort(key=lambda one: -one[0])
        position, covariance, score = [], [], []
        first_of_newest = len(points.row) - len(newest.row)
        for index, (likely, mine) in enumerate(found):
            at, spread = self._place(points, mine, pose)
            echo = _is_echo(points, mine, [rows for _, rows in found[:index]])
            position.append(at)
            covariance.append(spread)
            score.append(likely * (_DOUBTFUL if echo else 1.0))
            here = mine[mine >= first_of_newest] - first_of_newest
            labels[newest.row[here]] = index
        return _people(position, covariance, score, newest.stamp_ns, frame_id, labels)

    def _place(self, points: _Points, mine: Int64, pose: Pose) -> tuple[Float64, Float64]:
        """Return the ground below a cluster and its covariance, wide across the line of sight."""
        weight = 10.0 ** (0.05 * (points.snr[mine] - points.snr[mine].max()))
        weight = np.where(points.moves[mine], weight, _STILL_WEIGHT * weight)
        at = np.average(points.xyz[mine], axis=0, weights=weight)
        at[2] = 0.0
        sight = at[:2] - pose.translation[:2]
        reach = max(float(np.hypot(*sight)), 1e-3)
        along = sight / reach
        across = np.array([-along[1], along[0]])
        effective = float(weight.sum() ** 2 / (weight**2).sum())
        deviation = 0.06 + reach * np.deg2rad(self._config.bearing_deg) / np.sqrt(effective)
        return at, 0.12**2 * np.outer(along, along) + deviation**2 * np.outer(across, across)


def _bearing(local: Float64) -> Float64:
    return np.asarray(np.arctan2(local[:, 1], local[:, 0]))


def _joined(memory: deque[_Points]) -> _Points:
    names = ("row", "xyz", "polar", "velocity", "snr", "moves")
    columns = {name: np.concatenate([getattr(one, name) for one in memory]) for name in names}
    return _Points(memory[-1].stamp_ns, **columns)


def _merged(points: _Points, clusters: Int64, merge_m: float) -> Int64:
    """Return labels in which what lies within one person's reach is one; largest first."""
    number = int(clusters.max(initial=-1)) + 1
    if number < 2:
        return clusters
    middle = np.array([points.xyz[clusters == one, :2].mean(axis=0) for one in range(number)])
    order = np.argsort(-np.bincount(clusters[clusters >= 0], minlength=number), kind="stable")
    out = clusters.copy()
    kept: list[int] = []
    for one in order.tolist():
        near = [two for two in kept if np.linalg.norm(middle[one] - middle[two]) < merge_m]
        if near:
            out[clusters == one] = near[0]
        else:
            kept.append(one)
    return out


def _is_echo(points: _Points, mine: Int64, nearer: list[Int64]) -> bool:
    """Return whether a cluster repeats a stronger one behind it, as a reflecting wall does."""
    reach, bearing = np.median(points.polar[mine], axis=0)
    speed, level = np.median(points.velocity[mine]), np.max(points.snr[mine])
    for other in nearer:
        other_reach, other_bearing = np.median(points.polar[other], axis=0)
        behind = 0.3 < reach - other_reach < 3.0 and abs(bearing - other_bearing) < 0.3
        weaker = level < np.max(points.snr[other]) - 3.0 and len(mine) < 0.6 * len(other)
        same_speed = abs(speed - np.median(points.velocity[other])) < 0.6
        if behind and weaker and same_speed:
            return True
    return False


def _people(
    position: list[Float64],
    covariance: list[Float64],
    score: list[float],
    stamp_ns: int,
    frame_id: str,
    labels: Int32,
) -> Detections:
    n = len(score)
    return Detections(
        stamp_ns,
        frame_id,
        np.array(position, np.float64).reshape(n, 3),
        np.array(covariance, np.float64).reshape(n, 2, 2),
        np.full((n, 3), np.nan),
        np.full((n, 4), np.nan),
        np.array(score, np.float64),
        np.full(n, int(Modality.RADAR), np.uint8),
        labels,
    )


def people_of_targets(
    cloud: PointCloud,
    targets: Float64,
    confidence: Float64,
    pose: Pose,
    frame_id: str,
    reach_m: float = 0.9,
) -> Detections:
    """Return what the radar's own tracker (TI people counting) found, as detections.

    Args:
        cloud: Points of the same frame, in the radar's frame.
        targets: (n, 3) metres, in the radar's frame.
        confidence: (n,) in [0, 1]; NaN where the firmware does not say.
        pose: Radar in the fixed frame.
        frame_id: The fixed frame.
        reach_m: Points nearer than this to a target, seen from above, are its own.
    """
    at = pose.apply(np.asarray(targets, np.float64).reshape(-1, 3))
    labels = np.full(len(cloud), -1, np.int32)
    if len(at) and len(cloud):
        xyz = pose.apply(cloud.xyz.astype(np.float64))
        away = np.linalg.norm(xyz[:, None, :2] - at[None, :, :2], axis=2)
        nearest = away.argmin(axis=1)
        close = away[np.arange(len(cloud)), nearest] < reach_m
        labels[close] = nearest[close]
    at[:, 2] = 0.0
    score = np.where(np.isnan(confidence), 0.8, np.clip(confidence, 0.0, 1.0))
    spread = [np.eye(2) * 0.15**2] * len(at)
    return _people(list(at), spread, list(score), cloud.stamp_ns, frame_id, labels)
