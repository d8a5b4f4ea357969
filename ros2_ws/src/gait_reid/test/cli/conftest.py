"""Recordings and galleries that the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gait_reid.cli.main import app
from gait_reid.testing import walk_recording

SITE = """
/**/tracker:
  ros__parameters:
    perception:
      lidar: {translation_m: [0.0, 0.0, 1.6]}
      camera: {translation_m: [0.0, 0.0, 1.2]}
"""


@pytest.fixture(scope="session")
def site_params(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("params") / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture(scope="session")
def lidar_bag(tmp_path_factory) -> Path:
    """Both people walk twice, seen by the LiDAR."""
    return walk_recording.write(tmp_path_factory.mktemp("lidar") / "bag", ["lidar"])


@pytest.fixture(scope="session")
def short_bag(tmp_path_factory) -> Path:
    """Two seconds of one person, seen by both sensors."""
    return walk_recording.write(tmp_path_factory.mktemp("short") / "bag", duration_s=2.0)


@pytest.fixture
def gait_reid(monkeypatch, tmp_path):
    """Run the command in this process, with a home of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GAIT_REID_GALLERY_KEY", raising=False)

    def run(*arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run
