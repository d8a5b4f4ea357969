"""The protocol, the emulator and the command line tools work where no ROS is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ti_mmwave_driver"
BLOCKED = ("rclpy", "sensor_msgs", "gait_reid_msgs", "std_msgs", "geometry_msgs")


def test_core_emulator_and_tools_import_no_ros():
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for layer in ("core", "emulator", "cli")
        for path in sorted((PACKAGE / layer).glob("*.py"))
        if path.name != "__init__.py"
    ]
    assert len(modules) > 30
    code = (
        "import sys, importlib\n"
        f"sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        f"[importlib.import_module(name) for name in {modules!r}]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
