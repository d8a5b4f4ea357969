"""sensor_msgs/PointCloud2 to numpy and back, with the signatures of the Jazzy release.

A message that cannot be what the caller says raises AssertionError, as upstream.
"""

from __future__ import annotations

import array
import sys
from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

DUMMY_FIELD_PREFIX = "unnamed_field"
_DATATYPES: dict[int, np.dtype[Any]] = {
    PointField.INT8: np.dtype(np.int8),
    PointField.UINT8: np.dtype(np.uint8),
    PointField.INT16: np.dtype(np.int16),
    PointField.UINT16: np.dtype(np.uint16),
    PointField.INT32: np.dtype(np.int32),
    PointField.UINT32: np.dtype(np.uint32),
    PointField.FLOAT32: np.dtype(np.float32),
    PointField.FLOAT64: np.dtype(np.float64),
}
_BIG_ENDIAN_MACHINE = sys.byteorder == "big"


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise AssertionError(complaint)


def dtype_from_fields(fields: Iterable[PointField], point_step: int | None = None) -> np.dtype:
    """The structured dtype of one point.

    Args:
        fields: the fields of the cloud. A field with count n > 1 becomes n fields with the suffixes
            _0 to _(n-1); one without a name becomes ``unnamed_field_<index>``.
        point_step: bytes from one point to the next; that of the packed fields by default.
    """
    layout = tuple((field.name, field.offset, field.datatype, field.count) for field in fields)
    return _dtype_of_layout(layout, point_step)


@lru_cache(maxsize=64)
def _dtype_of_layout(
    layout: tuple[tuple[str, int, int, int], ...], point_step: int | None
) -> np.dtype:
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    for index, (name, offset, datatype, count) in enumerate(layout):
        _require(count > 0, f"Field {name!r} has count 0.")
        scalar = _DATATYPES[datatype]
        base = name or f"{DUMMY_FIELD_PREFIX}_{index}"
        for element in range(count):
            names.append(base if count == 1 else f"{base}_{element}")
            formats.append(scalar.str)
            offsets.append(offset + element * scalar.itemsize)
    _require(len(set(names)) == len(names), f"Field names are not unique: {names}")
    description: dict[str, Any] = {"names": names, "formats": formats, "offsets": offsets}
    if point_step is not None:
        description["itemsize"] = point_step
    return np.dtype(description)  # type: ignore[call-overload,no-any-return]


def read_points(
    cloud: PointCloud2,
    field_names: list[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """Reads a cloud as a structured array of width * height points.

    The array is a view of the message's data where that is possible: no field selection beyond
    numpy's own, the machine's byte order, no NaN filter, no ``uvs``.

    Args:
        cloud: the message.
        field_names: the fields to read; all by default.
        skip_nans: leave out points with a NaN in a field that is read; a cloud that says that it
            is dense is taken at its word.
        uvs: indices of the points to read.
        reshape_organized_cloud: give an organised cloud the shape (width, height).
    """
    _require(isinstance(cloud, PointCloud2), f"Not a sensor_msgs/PointCloud2: {type(cloud)}")
    points: np.ndarray = np.ndarray(
        shape=(cloud.width * cloud.height,),
        dtype=dtype_from_fields(cloud.fields, cloud.point_step),
        buffer=cloud.data,
    )
    if field_names is not None:
        known = points.dtype.names or ()
        missing = [name for name in field_names if name not in known]
        _require(not missing, f"The cloud has no field {missing}; it has {list(known)}.")
        points = points[list(field_names)]
    if bool(cloud.is_bigendian) != _BIG_ENDIAN_MACHINE:
        points = points.byteswap()
    if skip_nans and not cloud.is_dense:
        points = points[~_has_nan(points)]
    if uvs is not None:
        points = points[uvs if isinstance(uvs, np.ndarray) else np.fromiter(uvs, int)]
    if reshape_organized_cloud and cloud.height > 1:
        points = points.reshape(cloud.width, cloud.height)
    return points


def _has_nan(points: np.ndarray) -> np.ndarray:
    found = np.zeros(points.shape, dtype=bool)
    for name in points.dtype.names or ():
        if points.dtype[name].kind == "f":
            found |= np.isnan(points[name])
    return found


def read_points_numpy(
    cloud: PointCloud2,
    field_names: list[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """Reads fields of one datatype as a plain array, one column per field.

    The arguments are those of ``read_points``.
    """
    chosen = {f.datatype for f in cloud.fields if field_names is None or f.name in field_names}
    _require(len(chosen) <= 1, "All fields need to have the same datatype; use read_points().")
    points = read_points(cloud, field_names, skip_nans, uvs, reshape_organized_cloud)
    names = points.dtype.names or ()
    columns: np.ndarray = np.empty((*points.shape, len(names)), dtype=points.dtype[0])
    for index, name in enumerate(names):
        columns[..., index] = points[name]
    return columns


def read_points_list(
    cloud: PointCloud2,
    field_names: list[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable | None = None,
) -> list[Any]:
    """Reads a cloud as a list of named tuples; slow, for small clouds.

    The arguments are those of ``read_points``.
    """
    names = field_names if field_names is not None else [field.name for field in cloud.fields]
    point_type = namedtuple("Point", names)  # type: ignore[misc]
    return [point_type._make(point) for point in read_points(cloud, names, skip_nans, uvs)]


def create_cloud(
    header: Header,
    fields: Iterable[PointField],
    points: Iterable,
    point_step: int | None = None,
) -> PointCloud2:
    """Makes a cloud.

    Args:
        header: stamp and frame.
        fields: what a point consists of.
        points: a structured array whose dtype is that of ``fields``; a plain array whose last axis
            runs over the fields, which then share one datatype; or one iterable per point. With one
            more dimension than that, the cloud is organised: (width, height).
        point_step: bytes from one point to the next; that of the packed fields by default.
    """
    fields = list(fields)
    structured = np.ascontiguousarray(_structured(fields, points, point_step))
    _require(structured.ndim <= 2, "An organised cloud has two dimensions at most.")
    step = structured.dtype.itemsize
    cloud = PointCloud2(
        header=header,
        height=structured.shape[1] if structured.ndim == 2 else 1,
        width=structured.shape[0],
        is_dense=False,
        is_bigendian=_BIG_ENDIAN_MACHINE,
        fields=fields,
        point_step=step,
        row_step=step * structured.shape[0],
    )
    # rclpy takes an array.array as it is, and anything else element by element.
    data = array.array("B")
    data.frombytes(structured.view(np.uint8).data if structured.size else b"")
    cloud.data = data
    return cloud


def _structured(
    fields: Sequence[PointField], points: Iterable, point_step: int | None
) -> np.ndarray:
    dtype = dtype_from_fields(fields, point_step)
    if not isinstance(points, np.ndarray):
        return np.array([tuple(point) for point in points], dtype=dtype)
    if points.dtype.names is not None:
        _require(
            points.dtype == dtype,
            f"The points have {points.dtype}, and the fields say {dtype}: order, names, types and "
            "offsets have to agree.",
        )
        return points
    _require(
        len({field.datatype for field in fields}) <= 1,
        "All fields need to have the same datatype; pass a structured array.",
    )
    names = dtype.names or ()
    _require(
        points.ndim > 0 and points.shape[-1] == len(names),
        f"The last axis of the points runs over the {len(names)} fields; shape {points.shape}.",
    )
    structured = np.zeros(points.shape[:-1], dtype=dtype)
    for index, name in enumerate(names):
        structured[name] = points[..., index]
    return structured


def create_cloud_xyz32(header: Header, points: Iterable) -> PointCloud2:
    """Makes a cloud of float32 x, y, z."""
    fields = [
        PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
        for index, name in enumerate("xyz")
    ]
    return create_cloud(header, fields, points)
