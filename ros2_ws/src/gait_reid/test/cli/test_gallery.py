from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from gait_reid.cli import gallery
from gait_reid.core.gallery.export import PASSPHRASE_VARIABLE
from gait_reid.core.gallery.insert import StoreConfig
from gait_reid.core.gallery.location import open_gallery
from gait_reid.core.gallery.records import make_record
from gait_reid.core.types import Embedding, Modality


class Shell:
    """Runs commands on one gallery."""

    def __init__(self, folder: Path) -> None:
        self.app = typer.Typer()
        gallery.register(self.app)
        self.database, self.key_file = str(folder / "g.sqlite"), str(folder / "key")

    def __call__(self, *words: str, status: int = 0, typed: str | None = None) -> str:
        place = ["--gallery", self.database, "--key-file", self.key_file]
        result = CliRunner().invoke(self.app, [*words, *place], input=typed)
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    def enrol(self, person_id: str, name: str = "", **fields: object) -> None:
        config = StoreConfig(require_consent=False)
        embedding = Embedding(np.ones((1, 4), np.float32), "model-a", Modality.LIDAR)
        chosen = {"consent": True, **fields}
        record = make_record(embedding, person_id=person_id, display_name=name, **chosen)
        with open_gallery(self.database, self.key_file, config) as store:
            store.add(record)

    def persons(self) -> list[dict[str, object]]:
        return list(json.loads(self("list", "--json")))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    return Shell(tmp_path)


def test_persons_are_listed(shell: Shell) -> None:
    shell.enrol("p1", "Ada [b]")
    shell.enrol("p1")
    shell.enrol("p2", consent=False, retention_s=60.0)
    text = shell("list")
    for word in (
        "p1",
        "Ada [b]",
        "model-a",
        "yes",
        "forgotten",
        "no",
        "p2",
        "2 persons, 3 walks",
        "version 3",
    ):
        assert word in text
    first, second = shell.persons()
    assert (first["person_id"], first["display_name"], first["num_records"]) == ("p1", "Ada [b]", 2)
    assert (second["consent"], first["expires_ns"]) == (False, None)


def test_forgetting_asks_first(shell: Shell) -> None:
    shell.enrol("p1", "Ada")
    shell.enrol("p2")
    assert "Forget p1 (Ada), 1 walks?" in shell("forget", "p1", typed="n\n", status=1)
    assert len(shell.persons()) == 2
    assert "forgot 1 walks of person p1" in shell("forget", "p1", typed="y\n")
    assert [one["person_id"] for one in shell.persons()] == ["p2"]
    message = shell("forget", "p1", "--yes", status=1)
    assert "error: person p1 is not enrolled" in message


def test_two_persons_become_one(shell: Shell) -> None:
    shell.enrol("p1", "Ada")
    shell.enrol("p2")
    assert "p2 is now p1" in shell("merge", "p1", "p2", "--yes")
    (person,) = shell.persons()
    assert (person["aliases"], person["num_records"]) == (["p2"], 2)
    assert "with itself" in shell("merge", "p1", "p1", "--yes", status=1)
    assert "forgot 2 walks of person p1" in shell("forget", "p2", "--yes")


def test_a_gallery_moves_to_another_machine(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.enrol("p1", "Ada")
    shell.enrol("p2", "Bob")
    shell.enrol("p3", consent=False)
    path = str(tmp_path / "moved.export")
    secret = "a long enough secret"
    assert "wrote 3 walks" in shell("export", path, typed=f"{secret}\n{secret}\n")
    assert "exists already" in shell("export", path, typed=f"{secret}\n{secret}\n", status=1)
    (tmp_path / "other").mkdir()
    other = Shell(tmp_path / "other")
    assert "wrong passphrase" in other("import", path, typed="another long secret\n", status=1)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, secret)
    text = other("import", path, "--model", "model-a")
    assert "added 2 walks, version 1" in text
    assert "refused 1: no consent" in text
    assert "refused 2: already present" in other("import", path, "--without-consent")
    assert [one["display_name"] for one in other.persons()] == ["Ada", "Bob", ""]
    assert "refused 3: other model" in other("import", path, "--model", "model-b")
    single = str(tmp_path / "one.export")
    assert "wrote 1 walks" in shell("export", single, "--person", "p2")


def test_a_missing_gallery_is_not_made_by_looking_at_it(shell: Shell) -> None:
    for words in (["list"], ["forget", "p1", "-y"], ["export", "x"], ["purge"]):
        assert "does not exist" in shell(*words, status=1)
    assert not Path(shell.database).exists()
    assert not Path(shell.key_file).exists()


def test_old_walks_are_purged_and_keys_replaced(shell: Shell) -> None:
    shell.enrol("p1", retention_s=1.0, now_ns=1)
    shell.enrol("p2")
    assert "deleted 1 expired walks" in shell("purge")
    before = Path(shell.key_file).read_text()
    assert "was replaced" in shell("rotate-key", "--yes")
    assert Path(shell.key_file).read_text() != before
    assert len(shell.persons()) == 1


def test_a_wrong_protection_is_named(shell: Shell) -> None:
    shell.enrol("p1")
    assert "made with template protection" in shell("list", "--protection", "plain", status=1)
    assert "encrypted" in shell("list", "--protection", "none", status=2)
