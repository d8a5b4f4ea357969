"""The processes of a site end with the command that started them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from gait_reid.cli.site import Site


def _run_until_terminated(site: Site, started: list[subprocess.Popen[bytes]]) -> None:
    with site:
        site._start("sleeper", ["sleep", "600"])
        started.append(site._processes[0][1])
        os.kill(os.getpid(), signal.SIGTERM)


def test_processes_end_when_the_command_is_terminated(tmp_path: Path) -> None:
    before, started = signal.getsignal(signal.SIGTERM), []
    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        _run_until_terminated(Site(tmp_path / "site.log"), started)
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGTERM) is before
