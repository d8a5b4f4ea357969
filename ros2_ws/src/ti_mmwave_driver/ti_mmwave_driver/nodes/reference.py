"""Writes the reference of the radar node into its guide, and its parameter file.

``python3 -m ti_mmwave_driver.nodes.reference REPOSITORY`` brings both up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gait_reid_common.parameter_text import markdown_table, to_yaml
from ti_mmwave_driver.nodes.radar_node import RadarNode

_BEGIN = "<!-- generated: ti_mmwave_driver -->\n"
_END = "<!-- end -->\n"
_YAML_HEAD = (
    "# Defaults of the radar node, written from the code by ti_mmwave_driver.nodes.reference.\n"
)


def files(repository: Path) -> dict[Path, str]:
    """Return the files with generated content, each with its right text."""
    guide = repository / "docs" / "hardware_ti_mmwave.md"
    head, rest = guide.read_text(encoding="utf-8").split(_BEGIN)
    _, tail = rest.split(_END)
    yaml = _YAML_HEAD + to_yaml(RadarNode.parameter_type, f"/**/{RadarNode.node_name}")
    return {
        guide: head + _BEGIN + _reference() + _END + tail,
        repository / "launch" / "config" / "radar.yaml": yaml,
    }


def _reference() -> str:
    lines = ["| publishes | type | quality of service | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{topic.name}` | {topic.type_name} | {topic.offered.describe()} | {topic.description} |"
        for topic in RadarNode.publishes
    ]
    lines += ["", "| service | type | meaning |", "|---|---|---|"]
    lines += [f"| `{s.name}` | {s.type_name} | {s.description} |" for s in RadarNode.serves]
    return "\n".join(lines) + f"\n\n{markdown_table(RadarNode.parameter_type)}"


def main() -> int:
    """Write the files of the repository named on the command line."""
    if len(sys.argv) != 2:
        print("usage: python3 -m ti_mmwave_driver.nodes.reference REPOSITORY", file=sys.stderr)
        return 2
    for path, text in files(Path(sys.argv[1])).items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
