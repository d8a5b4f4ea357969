"""Reads the pickles of OpenGait's data sets without running anything that they hold.

A pickle is a program: loading one from a stranger can run any code. Here only the few operations
are allowed that build numbers, texts, containers and plain numerical arrays, and even numpy's own
reconstruction is replaced, because its ``__setstate__`` trusts what it is given.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_BYTES = 1 << 30
_MAX_DEPTH = 8
_MAX_ITEMS = 2_000_000
_KINDS = "biuf"
_OPERATIONS = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 "
    "LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES "
    "BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_LIST APPEND "
    "APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS GET "
    "BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE BUILD"
)
_OPCODES = frozenset(_OPERATIONS.split())
_FAULTS = (
    pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError,
    OverflowError, UnicodeError, MemoryError, RecursionError,
)  # fmt: skip


class PickleError(ValueError):
    """A pickle is damaged, or holds what no data set needs; names the file."""


class UnsafePickleError(PickleError):
    """A pickle asks for code; whoever made it is not to be trusted."""


class _Type:
    """Stands for ``numpy.dtype`` until its state is known to be plain."""

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str):
            raise PickleError(f"array of type {code!r}")
        if code in ("O8", "O4", "O", "|O"):
            self.type: np.dtype[Any] | None = None
            return
        self.type = np.dtype(code)
        if self.type.kind not in _KINDS or self.type.itemsize > 8:
            raise PickleError(f"array of type {code!r}, expected plain numbers")

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 8:
            raise PickleError("type of an array without state")
        if state[2] is not None or state[3] is not None or state[4] is not None:
            raise PickleError("structured array, expected plain numbers")
        if state[1] not in ("<", ">", "|", "="):
            raise PickleError(f"byte order {state[1]!r}")
        if self.type is not None and state[1] != "|":
            self.type = self.type.newbyteorder(state[1])


class _Array:
    """Stands for an array until it is known to be plain."""

    def __init__(self) -> None:
        self.value: npt.NDArray[Any] | list[Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleError("array without state")
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type):
            raise PickleError(f"array of type {kind!r}")
        if kind.type is None:
            if not isinstance(data, list) or not _is_shape(shape) or np.prod(shape) != len(data):
                raise PickleError("array of objects without its objects")
            self.value = data
            return
        self.value = _plain_array(data, kind, shape, "F" if fortran else "C")


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= 8
        and all(type(size) is int and 0 <= size < 1 << 31 for size in shape)
    )


def _plain_array(data: object, kind: _Type, shape: object, order: object) -> npt.NDArray[Any]:
    if isinstance(data, str):
        data = data.encode("latin-1")
    if kind.type is None or not isinstance(data, (bytes, bytearray)) or not _is_shape(shape):
        raise PickleError("array without its bytes")
    assert isinstance(shape, tuple)
    count = 1
    for size in shape:
        count *= size
    if count * kind.type.itemsize != len(data):
        raise PickleError(f"array of shape {shape} with {len(data)} bytes")
    native = np.frombuffer(data, kind.type).astype(kind.type.newbyteorder("="))
    return native.reshape(shape, order="F" if order == "F" else "C")


class _ArrayClass:
    """Stands for ``numpy.ndarray``, which is only ever named."""


def _reconstruct(kind: object, *_: object) -> _Array:
    if kind is not _ArrayClass:
        raise PickleError("array of an unknown class")
    return _Array()


def _frombuffer(data: object, kind: object, shape: object, order: object) -> _Array:
    if not isinstance(kind, _Type):
        raise PickleError(f"array of type {kind!r}")
    array = _Array()
    array.value = _plain_array(data, kind, shape, order)
    return array


def _scalar(kind: object, data: object = b"") -> object:
    if not isinstance(kind, _Type):
        raise PickleError(f"number of type {kind!r}")
    return _plain_array(data, kind, (), "C")[()]


def _encode(text: object, encoding: object = "latin1") -> bytes:
    """Return the bytes that old protocols write as text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleError(f"text in {encoding!r}")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """Return what old protocols write empty bytes as."""
    return b""


_NAMES: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
}


class _Unpickler(pickle.Unpickler):
    """Knows arrays of numbers and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in of what numpy needs; refuse everything else."""
        if (module, name) not in _NAMES:
            raise UnsafePickleError(f"it asks for {module}.{name}, which no data set needs")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Refuse objects that lie elsewhere."""
        raise UnsafePickleError("it refers to objects outside of the file")


def load_pickle(path: Path) -> Any:
    """Return what a pickle holds: numbers, texts, lists, tuples, dicts and arrays of numbers.

    Raises:
        UnsafePickleError: It asks for any function or class that arrays do not need.
        PickleError: It is damaged, or no array, list, tuple, dict, text or number.
        FileNotFoundError: No such file.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise PickleError(f"{path} has {size} bytes, allowed are {MAX_BYTES}")
    try:
        return loads(path.read_bytes())
    except PickleError as error:
        raise type(error)(f"{path}: {error}") from error


def loads(data: bytes) -> Any:
    """Return what the bytes of a pickle hold; see `load_pickle`."""
    try:
        _check_program(data)
        # Old protocols store bytes as text of unknown encoding; this one keeps every byte.
        found = _Unpickler(io.BytesIO(data), encoding="latin-1").load()
        return _unwrapped(found, _Budget(), 0)
    except PickleError:
        raise
    except _FAULTS as error:
        raise PickleError(f"it is damaged: {error}") from error


def _check_program(data: bytes) -> None:
    """Refuse operations that arrays do not need before any of them is done."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data), 1):
        if opcode.name not in _OPCODES:
            raise UnsafePickleError(f"it has the operation {opcode.name}, which no data set needs")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= count:
            raise PickleError(f"it stores under number {argument} after {count} operations")


class _Budget:
    """Counts what has been unwrapped, so that nesting cannot grow without bounds."""

    def __init__(self) -> None:
        self.left = _MAX_ITEMS

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise PickleError(f"it holds more than {_MAX_ITEMS} objects")


def _unwrapped(value: Any, budget: _Budget, depth: int) -> Any:
    """Return a value with arrays in place of their stand-ins."""
    if depth > _MAX_DEPTH:
        raise PickleError(f"it is nested more than {_MAX_DEPTH} levels deep")
    budget.take(1)
    if isinstance(value, _Array):
        value = value.value
        if value is None:
            raise PickleError("array without content")
        if isinstance(value, np.ndarray):
            return value
    if isinstance(value, (list, tuple)):
        return type(value)(_unwrapped(one, budget, depth + 1) for one in value)
    if isinstance(value, dict):
        return {
            _unwrapped(key, budget, depth + 1): _unwrapped(one, budget, depth + 1)
            for key, one in value.items()
        }
    if value is None or isinstance(value, (bool, int, float, str, bytes, bytearray, np.generic)):
        return value
    raise PickleError(f"it holds {type(value).__name__}, expected arrays of numbers")
