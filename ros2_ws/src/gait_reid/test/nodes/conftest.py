from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("rclpy")
pytest.importorskip("gait_reid_msgs.msg")

from rclpy.node import Node

from gait_reid_common.testing import node_maker, ros_context


@pytest.fixture
def context() -> Iterator[Any]:
    with ros_context() as made:
        yield made


@pytest.fixture
def make(context: Any) -> Iterator[Callable[..., Any]]:
    with node_maker(context) as maker:
        yield maker


@pytest.fixture
def peer(context: Any) -> Iterator[Node]:
    node = Node("peer", context=context)
    yield node
    node.destroy_node()


@pytest.fixture
def gallery_files(tmp_path: Path) -> dict[str, str]:
    """Return the parameters of a gallery of its own."""
    return {
        "database": str(tmp_path / "gallery.sqlite"),
        "key_file": str(tmp_path / "gallery.key"),
    }
