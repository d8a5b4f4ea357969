"""The ``gait-reid`` command itself: commands of other packages join, broken ones say why."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gait_reid.cli import main

GROUP = "gait_reid.commands"


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "greeting.py").write_text("def command() -> None:\n    print('good day')\n")
    (tmp_path / "broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    added = [
        EntryPoint("greet", "greeting:app", GROUP),
        EntryPoint("break", "broken:app", GROUP),
        EntryPoint("doctor", "greeting:app", GROUP),
    ]
    monkeypatch.setattr(main, "entry_points", lambda group: added if group == GROUP else [])
    main.modules.cache_clear()
    yield
    main.modules.cache_clear()


@pytest.mark.usefixtures("other_package")
def test_a_command_of_another_package_joins() -> None:
    assert "greet" in CliRunner().invoke(main.app, ["--help"]).output
    assert CliRunner().invoke(main.app, ["greet"]).output == "good day\n"


@pytest.mark.usefixtures("other_package")
def test_a_broken_command_names_its_library_and_harms_no_other() -> None:
    result = CliRunner().invoke(main.app, ["break"])
    assert result.exit_code == 1
    assert "no_such_library" in result.output
    assert CliRunner().invoke(main.app, ["greet"]).exit_code == 0


@pytest.mark.usefixtures("other_package")
def test_own_commands_cannot_be_replaced() -> None:
    assert main.modules()["doctor"] == "gait_reid.cli.doctor"
