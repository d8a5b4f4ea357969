"""Arguments and parameters that README and docs speak of exist."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[1]
ROOT = LAUNCH.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# These speak of settings of training, not of nodes.
OTHER_SETTINGS = {"datasets.md", "training.md"}
PACKAGES = ("gait_reid", "ti_mmwave_driver")
FILE_ENDINGS = {
    "bin",
    "py",
    "md",
    "xml",
    "yaml",
    "mp4",
    "cfg",
    "dat",
    "json",
    "pcap",
    "onnx",
    "rviz",
}


@cache
def arguments() -> dict[str, set[str]]:
    """Return the arguments of every launch file, by its name."""
    files = LAUNCH.glob("*.launch.xml")
    return {
        file.name: {str(arg.get("name")) for arg in ET.parse(file).getroot().findall("arg")}
        for file in files
    }


@cache
def parameters() -> frozenset[str]:
    """Return the parameters of every node."""
    pytest.importorskip("rclpy")
    pytest.importorskip("gait_reid_msgs.msg")
    from gait_reid.nodes.reference import node_class, node_classes
    from gait_reid_common.node_parameters import CommonParameters
    from gait_reid_common.parameters import parameters_of

    nodes = [*node_classes(), node_class("ti_mmwave_driver.nodes.radar_node")]
    simulator = pytest.importorskip("gait_reid_sim.nodes.simulator_node").SimulatorNode
    types = [CommonParameters, *(node.parameter_type for node in (*nodes, simulator))]
    return frozenset(info.key for type_ in types for info in parameters_of(type_))


def is_part(name: str, keys: frozenset[str]) -> bool:
    """Whether a name is a parameter, or some whole words of its dotted name."""
    return any(f".{name}." in f".{key}." for key in keys)


def commands(text: str) -> Iterator[str]:
    """Yield every line of code blocks, continued lines joined, and every span of code."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def assigned(command: str) -> list[str]:
    """Return the names before ``:=`` that are not remapped topics or parameters."""
    without = re.sub(r"(-r|-p)\s+\S+:=\S*", "", command)
    return re.findall(r"(?<![\w./-])([a-z]\w*):=", without)


def unknown_arguments(text: str) -> list[str]:
    found = []
    for command in commands(text):
        named = re.findall(r"(\w+\.launch\.xml)", command)
        known = set().union(*(arguments().get(file, set()) for file in named or arguments()))
        found += [
            f"{name} in: {command.strip()}" for name in assigned(command) if name not in known
        ]
    return found


def unknown_parameters(text: str) -> list[str]:
    found = []
    for command in commands(text):
        named = re.findall(r"-p\s+([\w.]+):=", command)
        dotted = re.match(r"([a-z]\w*(?:\.[a-z]\w*)+)(?:: |$)", command)
        if dotted:
            first, last = dotted[1].split(".", 1)[0], dotted[1].rsplit(".", 1)[1]
            is_name = not first.startswith(PACKAGES) and last not in FILE_ENDINGS
            # Quality of service is overridden per topic: qos.<topic>.depth.
            named += [dotted[1]] if is_name and first != "qos" else []
        found += [name for name in named if not is_part(name, parameters())]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_argument_in_the_text_exists(page: Path) -> None:
    assert unknown_arguments(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name not in OTHER_SETTINGS], ids=lambda page: page.name
)
def test_every_parameter_in_the_text_exists(page: Path) -> None:
    assert unknown_parameters(page.read_text(encoding="utf-8")) == []


def test_launch_files_in_the_text_exist() -> None:
    named = {n for page in PAGES for n in re.findall(r"(\w+\.launch\.xml)", page.read_text())}
    assert named
    assert named <= set(arguments())


def test_mistakes_are_found() -> None:
    text = (
        "Start `ros2 launch gait_reid_bringup tracker.launch.xml camera:=0` or\n\n```bash\n"
        "ros2 launch gait_reid_bringup bringup.launch.xml \\\n  lidr:=true -r a/b:=/c bag:=walk\n"
        "```\n"
    )
    assert [one.split()[0] for one in unknown_arguments(text)] == ["lidr", "camera"]
    text = "`run.sped`, `run.speed: 2` or `-p camera.source:=0 -p camera.sorce:=0`; `lidar.rmp: 1`"
    assert unknown_parameters(text) == ["run.sped", "camera.sorce", "lidar.rmp"]
