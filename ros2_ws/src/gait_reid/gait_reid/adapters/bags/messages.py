"""Message objects where ROS is not installed, and their way into a recording.

The adapters make messages with the classes of ``sensor_msgs.msg`` and the like. Where these
packages are missing, `provide_message_modules` puts plain classes with the same names, fields,
constants and defaults in their place, so that the same adapters write recordings anywhere.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from gait_reid.adapters.bags import types

PACKAGES = (
    "builtin_interfaces", "std_msgs", "geometry_msgs", "sensor_msgs", types.OWN_PACKAGE,
)  # fmt: skip

_NUMPY_NAMES = {"octet": "uint8", "byte": "uint8", "char": "uint8"}


def provide_message_modules() -> tuple[str, ...]:
    """Make ``import sensor_msgs.msg`` and the like work; return the packages that were missing.

    Packages that are installed are left alone.
    """
    missing = tuple(package for package in PACKAGES if not _is_importable(package))
    for package in missing:
        parent, module = ModuleType(package), ModuleType(f"{package}.msg")
        parent.msg = module  # type: ignore[attr-defined]
        for type_name in types.message_types().fielddefs:
            owner, _, name = type_name.partition("/msg/")
            if owner == package and name:
                setattr(module, name, message_class(type_name))
        sys.modules[package], sys.modules[module.__name__] = parent, module
    return missing


def _is_importable(package: str) -> bool:
    return package in sys.modules or importlib.util.find_spec(package) is not None


@functools.cache
def message_class(type_name: str) -> type:
    """Return a plain class with the fields, constants and defaults of a message type."""
    constants, fields = types.message_types().fielddefs[type_name]
    makers = {name: _default_maker(description) for name, description in fields}

    def initialise(self: Any, **values: Any) -> None:
        unknown = values.keys() - makers.keys()
        if unknown:
            raise TypeError(f"{type_name} has no field {', '.join(sorted(unknown))}")
        for name, make in makers.items():
            setattr(self, name, values[name] if name in values else make())

    def describe(self: Any) -> str:
        return f"{type_name}({', '.join(f'{name}={getattr(self, name)!r}' for name in makers)})"

    body: dict[str, Any] = {"__init__": initialise, "__repr__": describe}
    body["__slots__"] = tuple(makers)
    body.update({name: value for name, _, value in constants})
    return type(type_name.rpartition("/")[2], (), body)


def _default_maker(description: Any) -> Callable[[], Any]:
    """Return what makes the default of a field: zero, empty, or a message of defaults."""
    kind, detail = description
    if kind == Nodetype.NAME:
        return lambda: message_class(detail)()
    if kind == Nodetype.BASE:
        value: Any = {"string": "", "bool": False}.get(detail[0])
        if value is None:
            value = 0.0 if detail[0].startswith("float") else 0
        return lambda: value
    element, length = detail
    if kind == Nodetype.SEQUENCE:
        return list
    make = _default_maker(element)
    return lambda: [make() for _ in range(length)]


def to_stored(store: Typestore, message: Any, type_name: str) -> Any:
    """Return any message object (of rclpy, of this module) as one that the store serialises."""
    target = store.types[type_name]
    if isinstance(message, target):
        return message
    _, fields = store.fielddefs[type_name]
    values = [_stored_value(store, getattr(message, name), kind) for name, kind in fields]
    return target(*values)


def _stored_value(store: Typestore, value: Any, description: Any) -> Any:
    kind, detail = description
    if kind == Nodetype.BASE:
        return value
    if kind == Nodetype.NAME:
        return to_stored(store, value, detail)
    (element_kind, element), _ = detail
    if element_kind == Nodetype.NAME:
        return [to_stored(store, item, element) for item in value]
    if element[0] == "string":
        return list(value)
    return np.asarray(value, _NUMPY_NAMES.get(element[0], element[0]))
