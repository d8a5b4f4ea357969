"""Guide and parameter file say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("gait_reid_msgs.msg")

from ti_mmwave_driver.nodes.reference import files

REPOSITORY = Path(__file__).resolve().parents[5]


def test_generated_files_are_up_to_date():
    if not (REPOSITORY / "docs" / "hardware_ti_mmwave.md").exists():
        pytest.skip("the guide is not beside the package")
    for path, text in files(REPOSITORY).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date"
