"""mmwave-emulator from the outside."""

from __future__ import annotations

import os

import pytest

from ti_mmwave_driver.cli.emulator import main


def test_faults_happen_when_they_are_scheduled(tmp_path, capsys, monkeypatch):
    faults = ["--fault", "unplug@0.1", "--fault", "plug@0.2"]
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main([str(tmp_path / "radar"), "--duration", "0.5", "--points", "3", *faults]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("radar/cli")
    assert lines[2:] == ["unplug: 0 frames so far", "plug: 0 frames so far", "0 frames sent"]
    assert not (tmp_path / "radar" / "cli").exists()


@pytest.mark.parametrize("wrong", ["explode@1", "unplug", "unplug@soon"])
def test_unknown_faults_are_named(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--fault", wrong])
    assert "error" in capsys.readouterr().err


def test_points_are_checked(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--points", "501"])
    assert "--points is 501" in capsys.readouterr().err
