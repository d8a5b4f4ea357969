from __future__ import annotations

import collections
import contextlib
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from gait_reid_training.data.opengait import PickleError, UnsafePickleError, load_pickle, loads

PLAIN = hn.arrays(
    st.sampled_from(["u1", "<i2", ">i4", "<i8", "<f4", "<f8", ">f8", "?"]),
    hn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


def same(first, second):
    if isinstance(second, np.ndarray):
        assert first.dtype == second.dtype.newbyteorder("=")
        np.testing.assert_array_equal(first, second)
    elif isinstance(second, (list, tuple)):
        assert type(first) is type(second)
        assert len(first) == len(second)
        for one, other in zip(first, second):
            same(one, other)
    else:
        assert first == second


@settings(max_examples=150, deadline=None)
@given(st.lists(PLAIN, max_size=4), st.integers(0, 5), st.booleans())
def test_arrays_come_back_as_they_were(arrays, protocol, fortran):
    arrays = [np.asfortranarray(one) if fortran else one for one in arrays]
    same(loads(pickle.dumps(arrays, protocol)), arrays)


@pytest.mark.parametrize("protocol", range(6))
def test_lists_of_clouds_and_arrays_of_objects_come_back(protocol):
    clouds = [np.random.default_rng(i).normal(size=(i + 1, 3)) for i in range(4)]
    same(loads(pickle.dumps(clouds, protocol)), clouds)
    boxed = np.empty(4, object)
    boxed[:] = clouds
    same(loads(pickle.dumps(boxed, protocol)), clouds)
    values = {
        "a": [1, -2.5, None, True, "ä"],
        "b": (np.float64(2.0), np.int32(3)),
        "c": b"\x00\xff",
    }
    assert loads(pickle.dumps(values, protocol)) == values


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_wants_to_run_something_runs_nothing(tmp_path, protocol):
    target = tmp_path / "executed"
    for content in (Evil(target), [np.zeros(3), Evil(target)], {"a": (Evil(target),)}):
        file = tmp_path / "evil.pkl"
        file.write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(UnsafePickleError, match=r"evil\.pkl: it asks for (posix|nt)\.system"):
            load_pickle(file)
    assert not target.exists()
    pickle.loads(pickle.dumps(Evil(target), protocol))  # noqa: S301
    assert target.exists()  # the attack itself works


@pytest.mark.parametrize(
    "content",
    [
        collections.OrderedDict(a=1), {1, 2}, frozenset({1}), complex(1, 2),
        print, pickle.PickleBuffer, np.random.default_rng(0), slice(1), bytearray(b"a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_is_no_array_text_or_number_is_refused(content, protocol):
    data = pickle.dumps(content, protocol)
    if isinstance(content, bytearray) and protocol == 5:
        assert loads(data) == content
        return
    with pytest.raises(PickleError):
        loads(data)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3, [("a", "f4"), ("b", "f4")]), np.array(["a"]), np.zeros(2, "M8[s]"),
        np.zeros(2, "V4"), np.array([b"ab"]), np.zeros(2, "c16"), np.zeros(2, np.longdouble),
    ],
)  # fmt: skip
def test_arrays_of_other_things_than_numbers_are_refused(array):
    with pytest.raises(PickleError):
        loads(pickle.dumps(array, 4))


def test_programs_that_fill_the_memory_are_refused():
    huge_memo = b"\x80\x02Nr" + struct.pack("<I", 0xFFFFFFF0) + b"."
    with pytest.raises(PickleError, match="stores under number"):
        loads(huge_memo)
    value: list = []
    for _ in range(40):
        value = [value, value]
    with pytest.raises(PickleError, match="nested"):
        loads(pickle.dumps(value))
    wide: list = [0] * 1000
    for _ in range(3):
        wide = [wide] * 1000
    with pytest.raises(PickleError, match="more than"):
        loads(pickle.dumps(wide))
    me: list = []
    me.append(me)
    with pytest.raises(PickleError):
        loads(pickle.dumps(me))
    honest = pickle.dumps(np.zeros(2, "u1"), 2)
    forged = honest.replace(b"K\x02\x85", b"K\x07\x85")
    assert forged != honest
    with pytest.raises(PickleError, match=r"shape \(7,\) with 2 bytes"):
        loads(forged)


GOOD = pickle.dumps([np.arange(12, dtype=np.float64).reshape(4, 3), np.zeros((2, 4), np.uint8)], 4)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_pickles_are_refused_or_read_but_nothing_else_happens(data):
    broken = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    with contextlib.suppress(PickleError):
        loads(bytes(broken[:cut] if cut % 3 == 0 else broken))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data):
    for start in (b"", b"\x80\x02", b"\x80\x04"):
        with contextlib.suppress(PickleError):
            loads(start + data + b".")
