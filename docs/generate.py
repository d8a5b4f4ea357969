#!/usr/bin/env python3
"""Writes docs/topics_and_parameters.md and launch/config/*.yaml from the code.

Run it in the environment: ``./run exec docs/generate.py``. With ``--check`` it writes nothing and
fails when a file is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gait_reid.nodes.reference import node_class, node_classes, parameter_file, reference

ROOT = Path(__file__).resolve().parents[1]
SIMULATOR = "gait_reid_sim.nodes.simulator_node"


def files() -> dict[Path, str]:
    """Return every generated file with its content."""
    nodes = [*node_classes(), node_class(SIMULATOR)]
    found = {ROOT / "docs" / "topics_and_parameters.md": reference(nodes)}
    for node in nodes:
        found[ROOT / "launch" / "config" / f"{node.node_name}.yaml"] = parameter_file(node)
    return found


def main() -> int:
    """Write or check the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only look whether they are current")
    check = parser.parse_args().check
    stale = [p for p, text in files().items() if not p.exists() or p.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
        if not check:
            path.write_text(files()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
