"""The ``<param>`` elements of a node become parameter files on its command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gait_reid_launch.context import Context
from gait_reid_launch.document import Element
from gait_reid_launch.errors import LaunchError
from gait_reid_launch.substitutions import substitute

_SCALARS = {"bool": bool, "int": int, "float": float, "str": str}


def parameter_files(node: Element, node_name: str, context: Context) -> list[Path]:
    """One file for each ``<param>`` of a node, in order: the last one to name a parameter wins.

    Args:
        node: the ``<node>``.
        node_name: fully qualified name of the node that the values are for, or ``/**``.
        context: what substitutions see.

    Raises:
        LaunchError: a parameter is malformed, or its file does not exist.
    """
    return [_parameter_file(param, node_name, context) for param in node.take("param")]


def _parameter_file(param: Element, node_name: str, context: Context) -> Path:
    source, name = param.get("from"), param.get("name")
    if source is not None and name is not None:
        raise param.error("name and from exclude each other")
    if source is not None:
        return _given_file(param, Path(substitute(source, context)), context)
    if name is None:
        raise param.error("either name or from is needed")
    return _write(context.folder, {node_name: {"ros__parameters": _nested([param], context)}})


def _given_file(param: Element, path: Path, context: Context) -> Path:
    allow_substitutions = substitute(param.get("allow_substs", "false"), context)
    param.check_all_used()
    if not path.is_file():
        raise param.error(f"the parameter file {path} does not exist")
    if not param.truth(allow_substitutions, "allow_substs"):
        return path
    text = substitute(path.read_text(), context)
    try:
        return _write(context.folder, yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise LaunchError(f"{path} is no YAML once its substitutions are made: {error}") from error


def _nested(params: Sequence[Element], context: Context) -> dict[str, Any]:
    """Parameter name, dots between its levels, to value."""
    values: dict[str, Any] = {}
    for param in params:
        name = substitute(param.require("name"), context)
        text, kind, nested = param.get("value"), param.get("type"), param.take("param")
        separator = param.get("value-sep")
        param.check_all_used()
        if (text is None) == (not nested):
            raise param.error("either a value or nested <param> is needed")
        if text is None:
            inner = _nested(nested, context)
            values.update({f"{name}.{key}": value for key, value in inner.items()})
        elif separator is not None:
            items = [substitute(item, context) for item in text.split(separator)]
            values[name] = _uniform(param, [typed(param, item, kind) for item in items])
        else:
            values[name] = typed(param, substitute(text, context), kind)
    return values


def typed(param: Element, text: str, kind: str | None) -> Any:
    """A parameter's value: what the type says, else what YAML makes of the text.

    Raises:
        LaunchError: the text is no such value, or no value that a ROS parameter can have.
    """
    if kind == "str" or not text:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if kind is not None:
        return _converted(param, value, kind, text)
    if isinstance(value, list):
        return _uniform(param, value)
    if not isinstance(value, (bool, int, float, str)):
        raise param.error(f"{text!r} is no parameter value; for a text say type='str'")
    return value


def _converted(param: Element, value: Any, kind: str, text: str) -> Any:
    inner = kind.removeprefix("list_of_") if kind.startswith("list_of_") else ""
    scalar = _SCALARS.get(inner or kind)
    if scalar is None:
        raise param.error(
            f"type={kind!r} is unknown; there are: {', '.join(_SCALARS)}, "
            f"{', '.join(f'list_of_{name}' for name in _SCALARS)}"
        )
    items = value if inner and isinstance(value, list) else [value]
    if scalar is float:
        items = [float(item) if type(item) is int else item for item in items]
    if bool(inner) != isinstance(value, list) or any(type(item) is not scalar for item in items):
        raise param.error(f"{text!r} is no {kind}")
    return items if inner else items[0]


def _uniform(param: Element, values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or not kinds <= set(_SCALARS.values()):
        raise param.error(f"{values!r} is no list of one type: bool, int, float or str")
    return values


def _write(folder: Path, content: Any) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    path.write_text(yaml.safe_dump(content, default_flow_style=False))
    return path
