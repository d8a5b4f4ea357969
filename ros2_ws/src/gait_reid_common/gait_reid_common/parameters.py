"""Parameters declared once, as frozen dataclasses.

Declaration in ROS, YAML files, documentation tables (`parameter_text`) and validation all come
from the dataclass::

    @dataclass(frozen=True)
    class TrackerConfig:
        max_age_s: float = param(1.0, "Time without detections that ends a track", "s", minimum=0.0)

        def __post_init__(self) -> None:
            validate(self)

A field whose default is another such dataclass (``field(default_factory=Other)``, or a function
that returns one with other values) becomes a group:
its parameters are named ``group.parameter``. Supported types: bool, int, float, str and tuples of
one of them.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

P = TypeVar("P")
_METADATA_KEY = "gait_reid_parameter"
_TYPE_NAMES = {bool: "bool", int: "integer", float: "double", str: "string"}


class ParameterError(ValueError):
    """A parameter has a wrong value or does not exist.

    Attributes:
        key: Dotted name of the parameter.
        value: The refused value.
        allowed: What would be accepted.
    """

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"parameter '{key}' is {value!r}, allowed: {allowed}")
        self.key = key
        self.value = value
        self.allowed = allowed


class UnknownParameterError(ParameterError):
    """A parameter is set that nobody declares, most likely a typing error."""

    def __init__(self, key: str, value: object, known: Sequence[str]) -> None:
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = (
            f"did you mean '{nearest[0]}'?" if nearest else f"known are {', '.join(sorted(known))}"
        )
        super().__init__(key, value, hint)
        self.args = (f"parameter '{key}' (value {value!r}) does not exist, {hint}",)


@dataclass(frozen=True)
class _Metadata:
    description: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...] | None
    read_only: bool


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a parameter class.

    Attributes:
        key: Dotted name.
        type: bool, int, float or str; of the elements when ``length`` is not 1.
        length: 1 for a single value, 0 for a list of any length, else the length of the list.
        default: Default value.
        description: One sentence.
        unit: Unit, or an empty string.
        minimum: Least allowed value, or None.
        maximum: Greatest allowed value, or None.
        choices: The only allowed values, or None.
        read_only: Whether the value is fixed once the node was made.
    """

    key: str
    type: type
    length: int
    default: Any
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] | None = None
    read_only: bool = False

    @property
    def type_name(self) -> str:
        """Type in the words of ROS, for example ``double`` or ``string list``."""
        name = _TYPE_NAMES[self.type]
        return (
            name
            if self.length == 1
            else f"{name} list" + (f" of {self.length}" if self.length else "")
        )

    @property
    def range_text(self) -> str:
        """Allowed range, for example ``0 to 1`` or ``at least 0``; empty without limits."""
        if self.choices is not None:
            return " | ".join(format_value(choice) for choice in self.choices)
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"at least {self.minimum:g}"
        return f"at most {self.maximum:g}" if self.maximum is not None else ""

    @property
    def allowed(self) -> str:
        """Type, range and unit in words, for error messages."""
        parts = [self.type_name, self.range_text, f"[{self.unit}]" if self.unit else ""]
        return " ".join(part for part in parts if part)

    def convert(self, value: Any) -> Any:
        """Return ``value`` in the parameter's type.

        An integer is taken for a double, because YAML writes ``1`` where ``1.0`` is meant.

        Raises:
            ParameterError: Wrong type, length, range or choice.
        """
        if self.length == 1:
            return self._convert_one(value)
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(
            value, (Sequence, typing.Iterable)
        ):
            raise ParameterError(self.key, value, self.allowed)
        items = tuple(value)
        if self.length and len(items) != self.length:
            raise ParameterError(self.key, list(items), self.allowed)
        return tuple(self._convert_one(item) for item in items)

    def _convert_one(self, given: Any) -> Any:
        value: Any = given
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        wrong_type = type(value) is not self.type
        if wrong_type or (self.type is float and math.isnan(value)):
            raise ParameterError(self.key, given, self.allowed)
        outside = (self.minimum is not None and value < self.minimum) or (
            self.maximum is not None and value > self.maximum
        )
        if outside or (self.choices is not None and value not in self.choices):
            raise ParameterError(self.key, value, self.allowed)
        return value


def param(
    default: Any,
    description: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] | None = None,
    read_only: bool = False,
) -> Any:
    """Declare one parameter; the dataclass field's counterpart of ``dataclasses.field``."""
    chosen = None if choices is None else tuple(choices)
    metadata = _Metadata(description, unit, minimum, maximum, chosen, read_only)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: metadata})


def parameters_of(cls: type) -> tuple[ParameterInfo, ...]:
    """Return every parameter of a parameter class, groups flattened to dotted names.

    Raises:
        TypeError: A field is neither a parameter nor a group, or has an unsupported type.
    """
    return tuple(_walk(cls, "", None))


def _walk(cls: type, prefix: str, defaults: Any) -> Iterator[ParameterInfo]:
    """Yield the parameters of a class; ``defaults`` is what a group's factory made, if anything."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            group = _group_defaults(field) if defaults is None else getattr(defaults, field.name)
            yield from _walk(typing.cast(type, hint), f"{prefix}{field.name}.", group)
            continue
        metadata = field.metadata.get(_METADATA_KEY)
        if metadata is None:
            raise TypeError(
                f"{cls.__name__}.{field.name} is neither a param() nor a parameter class"
            )
        element, length = _element_type(hint, f"{cls.__name__}.{field.name}")
        default = field.default if defaults is None else getattr(defaults, field.name)
        yield ParameterInfo(
            prefix + field.name, element, length, default, **dataclasses.asdict(metadata)
        )


def _group_defaults(field: dataclasses.Field[Any]) -> Any:
    """Return the group that a field's factory makes, or None where the class's own will do."""
    if field.default_factory is dataclasses.MISSING or isinstance(field.default_factory, type):
        return None
    return field.default_factory()


def _element_type(hint: Any, where: str) -> tuple[type, int]:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and arguments:
        any_length = len(arguments) == 2 and arguments[1] is Ellipsis
        element, length = arguments[0], 0 if any_length else len(arguments)
        uniform = any_length or (len(set(arguments)) == 1 and length > 1)
    else:
        element, length, uniform = hint, 1, True
    if element not in _TYPE_NAMES or not uniform:
        raise TypeError(
            f"{where} has type {hint}, supported: bool, int, float, str and tuples of one of them"
        )
    return element, length


def validate(instance: Any) -> None:
    """Check the values of a parameter class; call it from ``__post_init__``.

    Integers given for doubles and lists given for tuples are converted in place.

    Raises:
        ParameterError: Names the parameter, its value and what is allowed.
    """
    for info in parameters_of(type(instance)):
        if "." not in info.key:
            object.__setattr__(instance, info.key, info.convert(getattr(instance, info.key)))


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def from_mapping(cls: type[P], mapping: Mapping[str, Any]) -> P:
    """Make a parameter class from dotted or nested names; what is absent keeps its default.

    Raises:
        UnknownParameterError: A name that the class does not have; names the nearest one.
        ParameterError: A value that is not allowed.
        ValueError: Values that are allowed one by one but contradict each other.
    """
    infos = {info.key: info for info in parameters_of(cls)}
    flat = flatten(mapping)
    for key, value in flat.items():
        if key not in infos:
            raise UnknownParameterError(key, value, list(infos))
        flat[key] = infos[key].convert(value)
    return _build(cls, {key: info.default for key, info in infos.items()} | flat, "")


def _build(cls: type[P], flat: Mapping[str, Any], prefix: str) -> P:
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        key = prefix + field.name
        if dataclasses.is_dataclass(hints[field.name]):
            values[field.name] = _build(typing.cast(type, hints[field.name]), flat, f"{key}.")
        elif flat[key] is not dataclasses.MISSING:
            values[field.name] = flat[key]
    return cls(**values)


def to_mapping(instance: Any) -> dict[str, Any]:
    """Return the values of a parameter class under their dotted names, tuples as lists."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in flatten(dataclasses.asdict(instance)).items()
    }


def format_value(value: Any) -> str:
    """Write a value as YAML does, doubles with a decimal point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value).replace("inf", ".inf")
        return text if any(mark in text for mark in ".n") else text.replace("e", ".0e")
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(format_value(item) for item in value) + "]"
    return str(value)
