"""Finding the people of one LiDAR scan as groups of points, after the same ground filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.environment import version_of
from bench.harness import Benchmark, Case, Contender, Missing, UnavailableError, timed
from bench.scenes import GROUND_CLEARANCE_M, HEAD_ROOM_M, Street, street

if TYPE_CHECKING:
    import numpy.typing as npt

CELL_M = 0.2
REGION_M = 30.0


def people_found(
    street: Street, labels: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_]
) -> int:
    """Return how many people are one group that holds most of their points and nobody else's."""
    owner = street.owner[kept]
    found = 0
    for person in range(street.num_people):
        mine = labels[owner == person]
        mine = mine[mine >= 0]
        if not len(mine):
            continue
        values, counts = np.unique(mine, return_counts=True)
        label = values[np.argmax(counts)]
        found += bool(counts.max() > 0.8 * len(mine) and (owner[labels == label] == person).all())
    return found


def build() -> Case:
    """Make the scene, filter the ground once for everybody, and check that all find the people."""
    try:
        from gait_reid.core.clusters import BirdsEyeGrid, cluster_points
    except ImportError as error:
        raise UnavailableError(f"gait_reid.core.clusters is not importable ({error})") from error
    scene = street()
    height = scene.cloud.xyz[:, 2] + scene.sensor_height_m
    kept = (height > GROUND_CLEARANCE_M) & (height < HEAD_ROOM_M)
    xy = np.ascontiguousarray(scene.cloud.xyz[kept, :2])
    grid = BirdsEyeGrid.around(0.0, 0.0, REGION_M, CELL_M)
    found = people_found(scene, cluster_points(xy, grid)[0], kept)
    peers, missing = _dbscan(scene, xy, kept)
    workload = (
        f"{len(scene.cloud):,} points of ground, walls and {scene.num_people} people, "
        f"{len(xy):,} of them above the ground; groups that are exactly one person: {found} here"
    )
    workload += "".join(f", {count} by {peer.name}" for peer, count in peers)
    candidate = timed("union-find over a bird's-eye grid", lambda: cluster_points(xy, grid))
    return Case(workload, candidate, tuple(peer for peer, _ in peers), missing)


def _dbscan(
    scene: Street, xy: npt.NDArray[np.float32], kept: npt.NDArray[np.bool_]
) -> tuple[list[tuple[Contender, int]], tuple[Missing, ...]]:
    try:
        from sklearn.cluster import DBSCAN
    except ImportError as error:
        return [], (Missing("scikit-learn DBSCAN", str(error)),)
    dbscan = DBSCAN(eps=CELL_M * 1.25, min_samples=3)
    found = people_found(scene, dbscan.fit(xy).labels_, kept)
    peer = timed("scikit-learn DBSCAN", lambda: dbscan.fit(xy), version_of("scikit-learn"), 0.0)
    return [(peer, found)], ()


BENCHMARK = Benchmark("person_clusters", "Person clustering", build, promise=1 / 25)
