from __future__ import annotations

import array

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg")

from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import PointCloud2, PointField

from gait_reid.adapters import pointcloud
from gait_reid.core.types import PointCloud


def message_of(
    points: np.ndarray, *, padding: int = 0, big_endian: bool = False, height: int = 1
) -> PointCloud2:
    """Return a message with the fields of a structured array, rows padded by some bytes."""
    kinds = {"f4": 7, "f8": 8, "u1": 2, "u2": 4, "i4": 5}
    width = len(points) // height
    message = PointCloud2(height=height, width=width, is_bigendian=big_endian)
    message.point_step = points.dtype.itemsize
    message.row_step = width * points.dtype.itemsize + padding
    message.fields = [
        PointField(name=name, offset=offset, datatype=kinds[kind.str[1:]], count=1)
        for name, (kind, offset, *_) in points.dtype.fields.items()
    ]
    rows = points.reshape(height, width)
    raw = b"".join(row.tobytes() + b"\xee" * padding for row in rows)
    message.data = array.array("B", raw)
    return message


def xyz_of(n: int) -> np.ndarray:
    return np.arange(3 * n, dtype=np.float32).reshape(n, 3)


def structured(xyz: np.ndarray, dtype: np.dtype) -> np.ndarray:
    points = np.zeros(len(xyz), dtype)
    for column, name in enumerate("xyz"):
        points[name] = xyz[:, column]
    return points


@pytest.mark.parametrize("columns", [(), ("intensity",), ("intensity", "velocity", "snr")])
def test_round_trip(columns: tuple[str, ...]) -> None:
    values = {name: np.linspace(0, 1, 5, dtype=np.float32) for name in columns}
    cloud = PointCloud(1_700_000_000_123_456_789, "lidar", xyz_of(5), **values)
    message = pointcloud.to_message(cloud)
    assert message.row_step == len(message.data)
    back = pointcloud.from_message(message)
    assert (back.stamp_ns, back.frame_id) == (cloud.stamp_ns, cloud.frame_id)
    np.testing.assert_array_equal(back.xyz, cloud.xyz)
    for name in ("intensity", "velocity", "snr"):
        if name in columns:
            np.testing.assert_array_equal(getattr(back, name), values[name])
        else:
            assert getattr(back, name) is None


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")]),
        np.dtype([("z", "<f8"), ("x", "<f8"), ("y", "<f8"), ("intensity", "u1")]),
        np.dtype([("x", ">f4"), ("y", ">f4"), ("z", ">f4"), ("ring", ">u2")]),
        np.dtype(
            {
                "names": ["x", "y", "z", "intensity"],
                "formats": ["<f4", "<f4", "<f4", "<u2"],
                "offsets": [4, 8, 12, 24],
                "itemsize": 48,
            }
        ),
    ],
    ids=["plain", "doubles in another order", "big-endian", "padded like a driver's"],
)
@pytest.mark.parametrize(("height", "padding"), [(1, 0), (4, 0), (4, 7)])
def test_layouts(dtype: np.dtype, height: int, padding: int) -> None:
    points = structured(xyz_of(12), dtype)
    big_endian = dtype["x"].str[0] == ">"
    message = message_of(points, padding=padding, big_endian=big_endian, height=height)
    cloud = pointcloud.from_message(message)
    np.testing.assert_array_equal(cloud.xyz, xyz_of(12))
    assert cloud.xyz.dtype == np.float32


def test_points_without_a_return_are_left_out_with_their_columns() -> None:
    xyz = xyz_of(6)
    xyz[1, 2], xyz[3, 0], xyz[4, 1] = np.nan, np.inf, -np.inf
    dtype = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
    points = structured(xyz, dtype)
    points["intensity"] = range(6)
    cloud = pointcloud.from_message(message_of(points, height=2))
    assert cloud.intensity is not None
    np.testing.assert_array_equal(cloud.intensity, [0, 2, 5])
    np.testing.assert_array_equal(cloud.xyz, xyz[[0, 2, 5]])


def test_result_does_not_change_with_the_message() -> None:
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(3)))
    cloud = pointcloud.from_message(message)
    message.data = array.array("B", bytes(len(message.data)))
    np.testing.assert_array_equal(cloud.xyz, xyz_of(3))


def test_empty_cloud() -> None:
    assert len(pointcloud.from_message(pointcloud.to_message(PointCloud.empty()))) == 0


def test_agrees_with_upstream_reader() -> None:
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(7)))
    upstream = point_cloud2.read_points(message, field_names=["x", "y", "z"])
    np.testing.assert_array_equal(upstream["y"], pointcloud.from_message(message).xyz[:, 1])


def test_errors_name_the_field_or_the_sizes() -> None:
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(3)))
    message.fields = [message.fields[0], message.fields[2]]
    with pytest.raises(pointcloud.PointCloudError, match="'y' is missing, the cloud has x, z"):
        pointcloud.from_message(message)
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(3)))
    message.data = message.data[:-1]
    with pytest.raises(pointcloud.PointCloudError, match="1 rows of 3 points .* 35 bytes"):
        pointcloud.from_message(message)
    message.fields[1].datatype = 99
    with pytest.raises(pointcloud.PointCloudError, match="'y' has datatype 99"):
        pointcloud.from_message(message)
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(3)))
    message.fields[2].offset = 10
    with pytest.raises(pointcloud.PointCloudError, match="'z' ends at byte 14"):
        pointcloud.from_message(message)


@given(
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 64),
    st.integers(0, 200),
    st.binary(max_size=300),
)
def test_wrong_sizes_never_read_beyond_the_message(
    height: int, width: int, point_step: int, row_step: int, data: bytes
) -> None:
    message = pointcloud.to_message(PointCloud(0, "", xyz_of(1)))
    message.height, message.width = height, width
    message.point_step, message.row_step = point_step, row_step
    message.data = array.array("B", data)
    try:
        cloud = pointcloud.from_message(message)
    except pointcloud.PointCloudError:
        return
    assert len(cloud) <= height * width
