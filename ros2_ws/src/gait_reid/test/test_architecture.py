"""The walls of the house: who may import whom, and how large a room may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
PACKAGES = [
    "gait_reid_common",
    "ti_mmwave_driver",
    "gait_reid",
    "gait_reid_sim",
    "gait_reid_training",
]
MAY_IMPORT = {
    "gait_reid_common": set(),
    "ti_mmwave_driver": {"gait_reid_common"},
    "gait_reid": {"gait_reid_common"},
    "gait_reid_sim": {"gait_reid_common", "gait_reid", "ti_mmwave_driver"},
    "gait_reid_training": {"gait_reid_common", "gait_reid", "gait_reid_sim"},
}
ROS_MODULES = {
    "ament_index_python",
    "builtin_interfaces",
    "gait_reid_msgs",
    "lifecycle_msgs",
    "message_filters",
    "rclpy",
    "sensor_msgs_py",
    "tf2_ros",
}
MAX_FILE_LINES = 300
MAX_NODE_LINES = 250
MAX_FUNCTION_LINES = 40


def modules() -> list[Path]:
    return sorted(
        path for package in PACKAGES for path in (SOURCE / package / package).rglob("*.py")
    )


def name_of(path: Path) -> str:
    """Return the path below its package, for example ``gait_reid/core/sync.py``."""
    return str(Path(*path.relative_to(SOURCE).parts[1:]))


def imports(path: Path, *, at_load: bool) -> Iterator[str]:
    """Yield the top-level names of imported packages; ``at_load``: not those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = _outside_functions(tree) if at_load else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _outside_functions(child)


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 30


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    package = name_of(path).split("/")[0]
    forbidden = set(PACKAGES) - MAY_IMPORT[package] - {package}
    assert not forbidden & set(imports(path, at_load=False))


@pytest.mark.parametrize(
    "path",
    [p for p in modules() if name_of(p).startswith(("gait_reid/core", "ti_mmwave_driver/core"))],
    ids=name_of,
)
def test_core_knows_no_ros(path: Path) -> None:
    found = {
        name
        for name in imports(path, at_load=False)
        if name in ROS_MODULES or name.endswith("_msgs")
    }
    assert not found


@pytest.mark.parametrize(
    "path", [p for p in modules() if name_of(p).startswith("gait_reid/")], ids=name_of
)
def test_run_time_needs_no_torch(path: Path) -> None:
    assert "torch" not in set(imports(path, at_load=False))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    limit = MAX_NODE_LINES if "/nodes/" in name_of(path) else MAX_FILE_LINES
    assert text.count("\n") <= limit
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = [n for n in node.body if not _is_docstring(n)]
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_project_names_no_machine() -> None:
    """No path of the machine it was written on may slip into what is shipped."""
    home = "/" + "root" + "/"
    for path in modules():
        assert home not in path.read_text(encoding="utf-8"), path
