from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gait_reid_sim.cli import simulate
from gait_reid_sim.core.dataset.sheets import SHEETS, sensor_sheet, stride_sheet, view_sheet


def test_sensor_sheet_shows_fewer_points_farther_away() -> None:
    sheet = sensor_sheet(ranges_m=(10.0, 40.0))
    rows = [sheet[20 + 30 : 278, 260:390], sheet[20 + 258 + 30 :, 260:390]]
    near, far = (int((row.max(axis=2) > 60).sum()) for row in rows)
    assert sheet.shape == (20 + 2 * 258, 5 * 130, 3)
    assert near > 4 * far > 0


def test_people_and_strides_fill_their_tiles() -> None:
    people = view_sheet(["one"], ["umbrella"])
    assert people.shape == (20 + 160, 8 * 80, 3)
    strides = stride_sheet(["one"], 4)
    assert strides.shape == (160 + 28, 4 * 80, 3)
    assert (strides[160:] > 60).any()


def test_command_writes_the_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(SHEETS) == {"people", "distances", "sensors", "strides"}
    tiny = {"tiny": lambda: np.zeros((8, 8, 3), np.uint8)}
    monkeypatch.setattr(simulate, "SHEETS", tiny)
    done = CliRunner().invoke(simulate.app, ["--sheet", "-o", str(tmp_path / "sheets")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "sheets" / "tiny.jpg").stat().st_size > 100


def test_scenes_take_no_recordings(tmp_path: Path) -> None:
    done = CliRunner().invoke(simulate.app, ["crossing", "--recordings", str(tmp_path)])
    assert done.exit_code == 2
    assert "--recordings is for data sets" in done.output
