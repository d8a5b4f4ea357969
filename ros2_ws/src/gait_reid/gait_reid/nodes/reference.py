"""Writes the reference of topics, services and parameters, and the default parameter files.

Everything comes from the node classes, so it cannot disagree with them.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from gait_reid_common.lifecycle import ManagedNode
from gait_reid_common.node_parameters import CommonParameters
from gait_reid_common.parameter_text import markdown_table, to_yaml
from gait_reid_common.qos import Qos, Topic

NODES = (
    "gait_reid.nodes.camera_node",
    "gait_reid.nodes.lidar_node",
    "gait_reid.nodes.tracker_node",
    "gait_reid.nodes.radar_tracker_node",
    "gait_reid.nodes.reid_node",
    "gait_reid.nodes.gallery_node",
    "gait_reid.nodes.visualizer_node",
)

_HEAD = """# Topics and parameters

Written from the code by `docs/generate.py`; do not edit. Names are relative: a node in the
namespace `/hall` publishes `/hall/tracks`. Remap them as usual
(`-r lidar/points:=/velodyne_points`).

Parameters are read when a node is configured. An integer is taken for a double. A wrong value, or a
name that does not exist, fails to configure and says what is allowed. The default files are in
`launch/config`; `launch/config/site.yaml` is the place for the numbers of a site.

"""
_COMMON = """## Every node

Status lines with counters and latencies go to `/diagnostics` (diagnostic_msgs/msg/DiagnosticArray),
once per second. The quality of service of every topic below can be overridden by the parameters
`qos.<topic>.reliability` (`reliable`, `best_effort`), `qos.<topic>.durability` (`volatile`,
`transient_local`) and `qos.<topic>.depth`, with the topic's slashes written as underscores, for
example `qos.camera_image_raw.depth`.

"""
_YAML_HEAD = (
    "# Defaults of the {name} node, written from the code by docs/generate.py; do not edit.\n"
)


def node_classes() -> list[type[ManagedNode[Any]]]:
    """Return the class of every node, in the order of the data's way."""
    return [node_class(name) for name in NODES]


def node_class(module_name: str) -> type[ManagedNode[Any]]:
    """Return the one node class that a module defines."""
    module = importlib.import_module(module_name)
    (found,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, ManagedNode)
        and value.__module__ == module_name
    )
    return found


def parameter_file(node: type[ManagedNode[Any]]) -> str:
    """Return the default parameter file of a node, valid in every namespace."""
    head = _YAML_HEAD.format(name=node.node_name)
    return head + to_yaml(node.parameter_type, f"/**/{node.node_name}")


def reference(nodes: Sequence[type[ManagedNode[Any]]] = ()) -> str:
    """Return the Markdown page of these nodes; without any, of those of this package."""
    common = _COMMON + markdown_table(CommonParameters)
    return _HEAD + common + "".join("\n" + _section(node) for node in nodes or node_classes())


def _section(node: type[ManagedNode[Any]]) -> str:
    executable = node.__module__.rsplit(".", 1)[-1]
    doc = (inspect.getdoc(importlib.import_module(node.__module__)) or "").split("\n\n")[0]
    parts = [f"## {node.node_name} (`{executable}`)\n\n{doc}\n"]
    parts += _table("Subscribes", [_topic(t, t.requested) for t in node.subscribes])
    parts += _table("Publishes", [_topic(t, t.offered) for t in node.publishes])
    rows = [f"| `{s.name}` | {s.type_name} | {s.description} |" for s in node.serves]
    if rows:
        parts.append("\n| service | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    parts.append("\n" + markdown_table(node.parameter_type))
    return "".join(parts)


def _table(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        head = f"\n| {title.lower()} | type | quality of service | meaning |\n|---|---|---|---|\n"
        yield head + "\n".join(rows) + "\n"


def _topic(topic: Topic[Any], qos: Qos) -> str:
    return f"| `{topic.name}` | {topic.type_name} | {qos.describe()} | {topic.description} |"
