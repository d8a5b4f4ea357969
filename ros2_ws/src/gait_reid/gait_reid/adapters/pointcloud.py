"""sensor_msgs/PointCloud2 <-> PointCloud, without a loop over points and with few copies.

Reading works on the message's own bytes: any field order, padding between fields and rows,
organised clouds and either byte order. Points that are not finite are left out, as REP-117 uses
them for "no return".
"""

from __future__ import annotations

import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, PointCloud
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from sensor_msgs.msg import PointCloud2

# sensor_msgs/PointField.INT8 = 1 and so on.
_FORMATS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
_FLOAT32 = 7
_COLUMNS = ("intensity", "velocity", "snr")


class PointCloudError(ValueError):
    """A PointCloud2 does not hold what its description says, or not what is needed."""


@lru_cache(maxsize=64)
def _layout(
    fields: tuple[tuple[str, int, int, int], ...], point_step: int, big_endian: bool
) -> np.dtype[np.void]:
    """Return the structured type of one point."""
    order = ">" if big_endian else "<"
    names, formats, offsets = [], [], []
    for name, offset, datatype, count in fields:
        if datatype not in _FORMATS:
            raise PointCloudError(
                f"field '{name}' has datatype {datatype}, known are 1 (INT8) to 8 (FLOAT64)"
            )
        size = np.dtype(_FORMATS[datatype]).itemsize * max(1, count)
        if offset + size > point_step:
            raise PointCloudError(
                f"field '{name}' ends at byte {offset + size} of a point of {point_step} bytes"
            )
        names.append(name)
        shape = f"({count},)" if count > 1 else ""
        formats.append(f"{shape}{order}{_FORMATS[datatype]}")
        offsets.append(offset)
    missing = [axis for axis in "xyz" if axis not in names]
    if missing:
        raise PointCloudError(f"field '{missing[0]}' is missing, the cloud has {', '.join(names)}")
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": point_step}
    )


def points_of(message: PointCloud2) -> npt.NDArray[np.void]:
    """Return a (height, width) structured view of the points; nothing is copied.

    Raises:
        PointCloudError: Names the field or the sizes that do not fit.
    """
    fields = tuple((f.name, f.offset, f.datatype, f.count) for f in message.fields)
    dtype = _layout(fields, message.point_step, bool(message.is_bigendian))
    height, width = message.height, message.width
    # Drivers of unorganised clouds often leave the step of the only row empty.
    row_step = message.row_step or width * message.point_step
    data = memoryview(message.data).cast("B")
    needed = (height - 1) * row_step + width * message.point_step if height * width else 0
    if row_step < width * message.point_step or len(data) < needed:
        raise PointCloudError(
            f"{height} rows of {width} points of {message.point_step} bytes do not fit into "
            f"{len(data)} bytes with row_step {message.row_step}"
        )
    if not needed:
        return np.zeros((height, width), dtype)
    strides = (row_step, message.point_step)
    return np.ndarray((height, width), dtype, buffer=data, strides=strides)


def from_message(message: PointCloud2) -> PointCloud:
    """Return the finite points of a message; rows of organised clouds follow one another.

    Raises:
        PointCloudError: The message contradicts itself or lacks a coordinate.
    """
    points = points_of(message).reshape(-1)
    xyz = np.column_stack([points[axis] for axis in "xyz"]).astype(np.float32, copy=False)
    # One number for all, or for each point, that is finite only when every coordinate is.
    flat = xyz.ravel()
    with np.errstate(invalid="ignore", over="ignore"):
        complete = bool(np.isfinite(flat @ flat))
        finite = complete or np.isfinite(xyz[:, 0] + xyz[:, 1] + xyz[:, 2])
    columns: dict[str, Float32] = {}
    for name in _COLUMNS:
        if name in (points.dtype.names or ()) and points.dtype[name].shape == ():
            column = points[name] if complete else points[name][finite]
            columns[name] = np.ascontiguousarray(column, np.float32)
    return PointCloud(
        to_ns(message.header.stamp),
        message.header.frame_id,
        xyz if complete else xyz[finite],
        **columns,
    )


def to_message(cloud: PointCloud) -> PointCloud2:
    """Return a dense little-endian message with float32 fields x y z and the columns there are."""
    from sensor_msgs.msg import PointCloud2, PointField

    columns = {name: getattr(cloud, name) for name in _COLUMNS}
    present = {name: column for name, column in columns.items() if column is not None}
    names = ["x", "y", "z", *present]
    table = np.empty((len(cloud), len(names)), "<f4")
    table[:, :3] = cloud.xyz
    for index, column in enumerate(present.values(), start=3):
        table[:, index] = column
    message = PointCloud2(
        height=1,
        width=len(cloud),
        is_bigendian=False,
        point_step=4 * len(names),
        row_step=4 * len(names) * len(cloud),
        is_dense=True,
        fields=[
            PointField(name=name, offset=4 * index, datatype=_FLOAT32, count=1)
            for index, name in enumerate(names)
        ],
    )
    message.header.stamp = to_stamp(cloud.stamp_ns)
    message.header.frame_id = cloud.frame_id
    message.data = byte_array(table)
    return message


def byte_array(values: npt.NDArray[Any]) -> array.array[int]:
    """Return the bytes of an array in the form that every rclpy assigns without a loop."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(values).data.cast("B") if values.size else b"")
    return data
