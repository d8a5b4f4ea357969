"""Writes parameter classes as ROS parameter files and as Markdown tables."""

from __future__ import annotations

from gait_reid_common.parameters import ParameterInfo, format_value, parameters_of


def to_yaml(cls: type, node_name: str) -> str:
    """Write the defaults as a ROS parameter file with ``# [unit] description (range)`` comments."""
    lines = [f"{node_name}:", "  ros__parameters:"]
    group: list[str] = []
    for info in parameters_of(cls):
        *parents, name = info.key.split(".")
        shared = 0
        while shared < min(len(parents), len(group)) and parents[shared] == group[shared]:
            shared += 1
        for depth in range(shared, len(parents)):
            lines.append("  " * (depth + 2) + f"{parents[depth]}:")
        group = parents
        lines.append("  " * (len(parents) + 2) + _yaml_line(name, info))
    return "\n".join(lines) + "\n"


def _yaml_line(name: str, info: ParameterInfo) -> str:
    unit = f"[{info.unit}] " if info.unit else ""
    limits = f" ({info.range_text})" if info.range_text else ""
    comment = f"# {unit}{info.description}{limits}"
    # An empty list has no type in a ROS parameter file and would be refused by its parser.
    mark = "# " if info.length == 0 and not info.default else ""
    return f"{mark}{name}: {format_value(info.default)}  {comment}"


def markdown_table(cls: type) -> str:
    """Write the parameters as a Markdown table: name, type, default, unit, range, meaning."""
    rows = [
        "| parameter | type | default | unit | allowed | meaning |",
        "|---|---|---|---|---|---|",
    ]
    for info in parameters_of(cls):
        limits = info.range_text.replace("|", "\\|")
        meaning = info.description + ("; fixed once the node runs" if info.read_only else "")
        default = f"`{format_value(info.default)}`"
        cells = (f"`{info.key}`", info.type_name, default, info.unit, limits, meaning)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"
