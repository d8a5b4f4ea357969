"""Clusters of points seen from above: one pass of union-find over the cells of a grid.

Points whose cells touch, corners included, belong to one cluster. For people this says the same as
DBSCAN with a radius of about one cell and costs a few nanoseconds per point.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import HAS_NUMBA, compiled
from gait_reid.core.types import Float32, Int32

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BirdsEyeGrid:
    """Square cells over the ground; columns run along x, rows along y.

    Attributes:
        x_min: Left edge of the first column, metres.
        y_min: Lower edge of the first row, metres.
        cell_m: Edge length of a cell.
        columns: Number of cells along x.
        rows: Number of cells along y.
    """

    x_min: float
    y_min: float
    cell_m: float
    columns: int
    rows: int

    def __post_init__(self) -> None:
        if not self.cell_m > 0.0:
            raise ValueError(
                f"BirdsEyeGrid.cell_m is {self.cell_m}, expected a positive length in metres"
            )
        if self.columns < 1 or self.rows < 1:
            raise ValueError(
                f"BirdsEyeGrid has {self.columns} x {self.rows} cells, expected at least 1 x 1"
            )

    @classmethod
    def around(cls, x: float, y: float, radius_m: float, cell_m: float) -> BirdsEyeGrid:
        """Return the grid whose middle is (x, y) and that reaches ``radius_m`` to each side."""
        count = max(int(np.ceil(2.0 * radius_m / cell_m)), 1)
        return cls(x - 0.5 * count * cell_m, y - 0.5 * count * cell_m, cell_m, count, count)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, the shape of an array with one value per cell."""
        return self.rows, self.columns

    def cells(self, xy: npt.NDArray[np.floating]) -> tuple[Int32, Int32, Mask]:
        """Return row and column of points (n, 2 or more) and the mask of those inside the grid."""
        with np.errstate(invalid="ignore"):
            inverse_cell = 1.0 / self.cell_m
            column = np.floor((xy[:, 0].astype(np.float64) - self.x_min) * inverse_cell)
            row = np.floor((xy[:, 1].astype(np.float64) - self.y_min) * inverse_cell)
            inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        row, column = np.where(inside, row, 0), np.where(inside, column, 0)
        return row.astype(np.int32), column.astype(np.int32), inside


@compiled
def _find(parent: Int32, cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@compiled
def _union_find(
    xy: Float32, x_min: float, y_min: float, inverse_cell: float, blocked: Mask, labels: Int32
) -> int:
    rows, columns = blocked.shape
    stride = columns + 2
    parent = np.full((rows + 2) * stride, -1, np.int32)
    for i in range(len(xy)):
        column = np.floor((xy[i, 0] - x_min) * inverse_cell)
        row = np.floor((xy[i, 1] - y_min) * inverse_cell)
        labels[i] = -1
        if not (column >= 0 and column < columns and row >= 0 and row < rows):
            continue
        if blocked[int(row), int(column)]:
            continue
        cell = (int(row) + 1) * stride + int(column) + 1
        labels[i] = cell
        if parent[cell] >= 0:
            continue
        parent[cell] = cell
        for up in range(-1, 2):
            for aside in range(-1, 2):
                other = cell + up * stride + aside
                if parent[other] >= 0:
                    a, b = _find(parent, cell), _find(parent, other)
                    parent[max(a, b)] = min(a, b)
    number = np.full(len(parent), -1, np.int32)
    count = 0
    for i in range(len(xy)):
        if labels[i] < 0:
            continue
        root = _find(parent, labels[i])
        if number[root] < 0:
            number[root] = count
            count += 1
        labels[i] = number[root]
    return count


def _connected_components(xy: Float32, grid: BirdsEyeGrid, blocked: Mask) -> tuple[Int32, int]:
    row, column, inside = grid.cells(xy)
    use = np.flatnonzero(inside & ~blocked[row, column])
    occupied = np.zeros(grid.shape, np.uint8)
    occupied[row[use], column[use]] = 1
    _, components = cv2.connectedComponents(occupied, connectivity=8, ltype=cv2.CV_32S)
    values, first, inverse = np.unique(
        components[row[use], column[use]], return_index=True, return_inverse=True
    )
    rank = np.empty(len(values), np.int32)
    rank[np.argsort(first)] = np.arange(len(values), dtype=np.int32)
    labels = np.full(len(xy), -1, np.int32)
    labels[use] = rank[inverse.ravel()]
    return labels, len(values)


def cluster_points(
    xy: Float32, grid: BirdsEyeGrid, blocked: Mask | None = None, use_numba: bool = HAS_NUMBA
) -> tuple[Int32, int]:
    """Label points by the group of touching cells that they fall into.

    Args:
        xy: (n, 2 or more) float32, metres; further columns are not read.
        grid: Cells.
        blocked: (rows, columns) mask of cells whose points belong to no cluster, or None.
        use_numba: False takes OpenCV's connected components, with the same labels.

    Returns:
        (n,) int32 labels, numbered in the order of each cluster's first point, -1 for points
        outside the grid or in blocked cells; and the number of clusters.
    """
    if blocked is None:
        blocked = np.zeros(grid.shape, np.bool_)
    elif blocked.shape != grid.shape:
        raise ValueError(
            f"blocked has shape {blocked.shape}, expected that of the grid, {grid.shape}"
        )
    if not use_numba:
        return _connected_components(xy, grid, blocked)
    labels = np.empty(len(xy), np.int32)
    count = _union_find(xy, grid.x_min, grid.y_min, 1.0 / grid.cell_m, blocked, labels)
    return labels, int(count)
