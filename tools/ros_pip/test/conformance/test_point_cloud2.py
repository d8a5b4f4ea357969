"""The same cases for the stand-in and, where it is installed, for ROS 2's sensor_msgs_py."""

from __future__ import annotations

import array
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conformance.implementations import load_stand_in, load_upstream
from hypothesis import given, settings
from hypothesis import strategies as st

messages = pytest.importorskip("sensor_msgs.msg")
PointCloud2, PointField = messages.PointCloud2, messages.PointField
Header = pytest.importorskip("std_msgs.msg").Header

TYPES: dict[int, str] = {
    PointField.INT8: "i1",
    PointField.UINT8: "u1",
    PointField.INT16: "i2",
    PointField.UINT16: "u2",
    PointField.INT32: "i4",
    PointField.UINT32: "u4",
    PointField.FLOAT32: "f4",
    PointField.FLOAT64: "f8",
}
XYZI = [("x", 0, PointField.FLOAT32, 1), ("y", 4, PointField.FLOAT32, 1)]
XYZI += [("z", 8, PointField.FLOAT32, 1), ("intensity", 16, PointField.FLOAT32, 1)]


@pytest.fixture(params=["stand-in", "upstream"])
def point_cloud2(request: pytest.FixtureRequest) -> ModuleType:
    load = load_stand_in if request.param == "stand-in" else load_upstream
    return load("sensor_msgs_py.point_cloud2")


def fields_of(layout: list[tuple[str, int, int, int]]) -> list[Any]:
    return [
        PointField(name=name, offset=offset, datatype=datatype, count=count)
        for name, offset, datatype, count in layout
    ]


def cloud_of(layout: list[tuple[str, int, int, int]], step: int, rows: np.ndarray, **more: Any):  # type: ignore[no-untyped-def]
    """A cloud of the bytes in ``rows``, (points, step)."""
    cloud = PointCloud2(
        height=more.pop("height", 1),
        width=more.pop("width", len(rows)),
        fields=fields_of(layout),
        point_step=step,
        row_step=step * len(rows),
        is_bigendian=more.pop("is_bigendian", sys.byteorder == "big"),
        is_dense=more.pop("is_dense", True),
    )
    cloud.data = array.array("B", rows.tobytes())
    return cloud


def xyzi(points: list[tuple[float, float, float, float]], order: str = "=", **more: Any):  # type: ignore[no-untyped-def]
    """A cloud in the layout that PCL writes: x, y, z, four unused bytes, intensity, padding."""
    rows = np.zeros((len(points), 32), np.uint8)
    values = np.asarray(points, np.dtype(f"{order}f4")).reshape(-1, 4)
    rows[:, :12] = np.ascontiguousarray(values[:, :3]).view(np.uint8)
    rows[:, 16:20] = np.ascontiguousarray(values[:, 3:]).view(np.uint8)
    return cloud_of(XYZI, 32, rows, **more)


def test_read_points_follows_offsets_and_padding(point_cloud2: ModuleType) -> None:
    points = point_cloud2.read_points(xyzi([(1, 2, 3, 10), (4, 5, 6, 20)]))
    assert points.dtype.names == ("x", "y", "z", "intensity")
    assert points.shape == (2,)
    assert points.tolist() == [(1, 2, 3, 10), (4, 5, 6, 20)]


def test_read_points_of_native_order_is_a_view(point_cloud2: ModuleType) -> None:
    cloud = xyzi([(1, 2, 3, 10)])
    points = point_cloud2.read_points(cloud, ["z"])
    assert np.shares_memory(points, np.frombuffer(cloud.data, np.uint8))


def test_read_points_swaps_foreign_byte_order(point_cloud2: ModuleType) -> None:
    foreign = "<" if sys.byteorder == "big" else ">"
    cloud = xyzi([(1, 2, 3, 10)], foreign, is_bigendian=foreign == ">")
    points = point_cloud2.read_points(cloud)
    assert points.tolist() == [(1, 2, 3, 10)]
    assert points.dtype["x"].isnative


def test_field_selection_keeps_the_order_asked_for(point_cloud2: ModuleType) -> None:
    points = point_cloud2.read_points(xyzi([(1, 2, 3, 10)]), ["intensity", "x"])
    assert points.dtype.names == ("intensity", "x")
    assert points.tolist() == [(10, 1)]


def test_nan_filter_looks_at_the_fields_that_are_read(point_cloud2: ModuleType) -> None:
    nan = float("nan")
    points = [(1, 2, 3, 10), (nan, 5, 6, 20), (7, 8, 9, nan)]
    sparse, dense = xyzi(points, is_dense=False), xyzi(points, is_dense=True)
    read = point_cloud2.read_points
    assert read(sparse, skip_nans=True).tolist() == [(1, 2, 3, 10)]
    assert read(sparse, ["x"], skip_nans=True).tolist() == [(1,), (7,)]
    assert len(read(sparse)) == 3
    assert len(read(dense, skip_nans=True)) == 3


@pytest.mark.parametrize("uvs", [[2, 0], np.array([2, 0]), (i for i in (2, 0))])
def test_points_can_be_picked_by_index(point_cloud2: ModuleType, uvs: Any) -> None:
    if not isinstance(uvs, (list, np.ndarray)):
        uvs = iter([2, 0])
    cloud = xyzi([(i, 0, 0, 0) for i in range(3)])
    assert point_cloud2.read_points(cloud, ["x"], uvs=uvs).tolist() == [(2,), (0,)]


def test_organised_cloud_is_reshaped_on_request(point_cloud2: ModuleType) -> None:
    cloud = xyzi([(i, 0, 0, 0) for i in range(6)], width=3, height=2)
    assert point_cloud2.read_points(cloud).shape == (6,)
    shaped = point_cloud2.read_points(cloud, ["x"], reshape_organized_cloud=True)
    assert shaped.shape == (3, 2)
    flat = xyzi([(1, 0, 0, 0)])
    assert point_cloud2.read_points(flat, reshape_organized_cloud=True).shape == (1,)


def test_empty_cloud(point_cloud2: ModuleType) -> None:
    cloud = xyzi([])
    assert len(point_cloud2.read_points(cloud)) == 0
    assert point_cloud2.read_points_numpy(cloud).shape == (0, 4)
    assert point_cloud2.read_points_list(cloud) == []
    assert len(point_cloud2.create_cloud_xyz32(Header(), []).data) == 0


def test_read_points_numpy_gives_columns(point_cloud2: ModuleType) -> None:
    columns = point_cloud2.read_points_numpy(xyzi([(1, 2, 3, 10), (4, 5, 6, 20)]))
    assert columns.dtype == np.float32
    assert columns.tolist() == [[1, 2, 3, 10], [4, 5, 6, 20]]
    two = point_cloud2.read_points_numpy(xyzi([(1, 2, 3, 10)]), ["y", "x"])
    assert two.tolist() == [[2, 1]]


def test_read_points_list_gives_named_tuples(point_cloud2: ModuleType) -> None:
    first, second = point_cloud2.read_points_list(xyzi([(1, 2, 3, 10), (4, 5, 6, 20)]))
    assert (first.x, first.intensity, second.z) == (1, 10, 6)


def test_repeated_and_nameless_fields_get_names(point_cloud2: ModuleType) -> None:
    fields = fields_of([("n", 0, PointField.FLOAT32, 3), ("", 12, PointField.UINT8, 1)])
    dtype = point_cloud2.dtype_from_fields(fields)
    assert dtype.names == ("n_0", "n_1", "n_2", "unnamed_field_1")
    assert dtype.itemsize == 13
    assert point_cloud2.dtype_from_fields(fields, 20).itemsize == 20


POINTS = [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)]


@pytest.mark.parametrize(
    "points",
    [
        POINTS,
        [list(point) for point in POINTS],
        iter(POINTS),
        np.array(POINTS, np.float32),
        np.array(POINTS, np.float64),
        np.array(POINTS, np.float32).T.copy().T,
        np.array(POINTS, np.dtype([("x", "f4"), ("y", "f4"), ("z", "f4")])),
    ],
    ids=["tuples", "lists", "iterator", "float32", "float64", "fortran", "structured"],
)
def test_xyz_clouds_can_be_made_of(point_cloud2: ModuleType, points: Any) -> None:
    if not isinstance(points, (list, np.ndarray)):
        points = iter(POINTS)
    cloud = point_cloud2.create_cloud_xyz32(Header(frame_id="map"), points)
    assert cloud.header.frame_id == "map"
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 2, 12, 24)
    assert cloud.is_bigendian == (sys.byteorder == "big")
    assert not cloud.is_dense
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        (name, 4 * index, PointField.FLOAT32, 1) for index, name in enumerate("xyz")
    ]
    assert isinstance(cloud.data, array.array)
    assert bytes(cloud.data) == np.array(POINTS, np.float32).tobytes()


def test_organised_clouds_are_made_of_arrays_with_one_more_axis(
    point_cloud2: ModuleType,
) -> None:
    points = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    cloud = point_cloud2.create_cloud_xyz32(Header(), points)
    assert (cloud.width, cloud.height, cloud.row_step) == (3, 2, 36)
    again = point_cloud2.read_points_numpy(cloud, reshape_organized_cloud=True)
    assert np.array_equal(again, points)


def test_padding_is_made_on_request(point_cloud2: ModuleType) -> None:
    cloud = point_cloud2.create_cloud(Header(), fields_of(XYZI), [(1, 2, 3, 10)], point_step=32)
    assert (cloud.point_step, len(cloud.data)) == (32, 32)
    assert point_cloud2.read_points(cloud).tolist() == [(1, 2, 3, 10)]


def test_what_does_not_fit_is_refused(point_cloud2: ModuleType) -> None:
    mixed = fields_of([("a", 0, PointField.FLOAT32, 1), ("b", 4, PointField.UINT8, 1)])
    twice = fields_of([("a", 0, PointField.FLOAT32, 1), ("a", 4, PointField.FLOAT32, 1)])
    none = fields_of([("a", 0, PointField.FLOAT32, 0)])
    wrong = np.zeros(2, np.dtype([("a", "f4"), ("b", "u2")]))
    mixed_cloud = cloud_of([("a", 0, 7, 1), ("b", 4, 2, 1)], 5, np.zeros((1, 5), np.uint8))
    refused = [
        lambda: point_cloud2.read_points(xyzi([(1, 2, 3, 4)]), ["w"]),
        lambda: point_cloud2.read_points("no cloud"),
        lambda: point_cloud2.read_points_numpy(mixed_cloud),
        lambda: point_cloud2.dtype_from_fields(twice),
        lambda: point_cloud2.dtype_from_fields(none),
        lambda: point_cloud2.create_cloud(Header(), mixed, np.zeros((2, 2))),
        lambda: point_cloud2.create_cloud(Header(), mixed, wrong),
        lambda: point_cloud2.create_cloud_xyz32(Header(), np.zeros((2, 2, 2, 3), np.float32)),
    ]
    for attempt in refused:
        with pytest.raises(AssertionError):
            attempt()
    short = xyzi([(1, 2, 3, 4)])
    short.width = 2
    with pytest.raises((TypeError, ValueError)):
        point_cloud2.read_points(short)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[tuple[str, int, int, int]], int]:
    """Fields with gaps between them, and a point step with padding at its end."""
    layout, offset = [], 0
    for index in range(draw(st.integers(1, 5))):
        offset += draw(st.integers(0, 3))
        datatype = draw(st.sampled_from(sorted(TYPES)))
        count = draw(st.integers(1, 3))
        layout.append((f"f{index}", offset, datatype, count))
        offset += count * np.dtype(TYPES[datatype]).itemsize
    return layout, offset + draw(st.integers(0, 4))


def check_any_layout(
    point_cloud2: ModuleType, layout: Any, step: int, count: int, big: bool
) -> None:
    """Reads each value where the fields say it is, as plain struct arithmetic does."""
    rows = np.random.default_rng(count).integers(0, 256, (count, step), np.uint8)
    points = point_cloud2.read_points(cloud_of(layout, step, rows, is_bigendian=big))
    for name, offset, datatype, repeated in layout:
        kind = np.dtype(TYPES[datatype]).newbyteorder(">" if big else "<")
        for element in range(repeated):
            start = offset + element * kind.itemsize
            column = rows[:, start : start + kind.itemsize].copy().view(kind)[:, 0]
            read = points[name if repeated == 1 else f"{name}_{element}"]
            assert np.array_equal(read, column, equal_nan=kind.kind == "f")


@settings(max_examples=60, deadline=None)
@given(layouts(), st.integers(1, 4), st.booleans())
def test_stand_in_reads_any_layout(layout: Any, count: int, big: bool) -> None:
    check_any_layout(load_stand_in("sensor_msgs_py.point_cloud2"), *layout, count, big)


@settings(max_examples=60, deadline=None)
@given(layouts(), st.integers(1, 4), st.booleans())
def test_upstream_reads_any_layout(layout: Any, count: int, big: bool) -> None:
    check_any_layout(load_upstream("sensor_msgs_py.point_cloud2"), *layout, count, big)
