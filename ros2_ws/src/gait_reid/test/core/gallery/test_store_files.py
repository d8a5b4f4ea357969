"""What the files of a SQLite gallery survive, and what they no longer hold."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from gait_reid.core.gallery import schema
from gait_reid.core.gallery.crypto import KeyFile
from gait_reid.core.gallery.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryFullError,
    GalleryReadOnlyError,
    ScrubPendingError,
)
from gait_reid.core.gallery.store import GalleryStore, StoreConfig, open_store
from gait_reid.core.types import GalleryRecord

Walk = Callable[..., GalleryRecord]
WRITER = Path(__file__).with_name("gallery_writer.py")
KEY = bytes(range(32))


def start_writer(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(folder / "g.sqlite"), str(folder / "key")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [*command, str(first), str(count)], stdout=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.parametrize("kill_after", [1, 40])
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path, kill_after: int) -> None:
    writer = start_writer(tmp_path, 0, 10_000)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().split()[0] for _ in range(kill_after)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [line.split()[0] for line in writer.stdout if line.endswith("\n")]
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    with open_store(str(tmp_path / "g.sqlite"), KeyFile(tmp_path / "key")) as store:
        version, records = store.snapshot()
        stored = [one.record_id for one in records]
        assert stored[: len(acknowledged)] == acknowledged
        assert len(stored) - len(acknowledged) in (0, 1)  # one may be stored but not yet printed
        assert version == len(stored)
        assert {one.display_name for one in records} == {"Ada"}


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, first, 25) for first in (0, 1000)]
    lines = [line.split() for one in writers for line in one.communicate()[0].splitlines()]
    assert [one.returncode for one in writers] == [0, 0]
    assert sorted(int(version) for _, version in lines) == list(range(1, 51))
    with open_store(str(tmp_path / "g.sqlite"), KeyFile(tmp_path / "key")) as store:
        assert sorted(one.record_id for one in store.records()) == sorted(one for one, _ in lines)
        assert store.version == 50


def raw_rows(path: Path) -> dict[str, list[bytes]]:
    """Return stored keys, names and payloads by person."""
    with sqlite3.connect(path) as connection:
        persons = connection.execute("SELECT person_id, wrapped_key, name FROM gallery_person")
        rows = {person: [key, name] for person, key, name in persons}
        payloads = connection.execute("SELECT person_id, payload FROM gallery_record")
        for person, payload in payloads:
            rows[person].append(payload)
    connection.close()
    return {person: [one for one in parts if one] for person, parts in rows.items()}


def pieces(records: list[GalleryRecord], stored: list[bytes], size: int = 32) -> list[bytes]:
    """Return what must not be found: ids, names, and every stretch of templates and ciphertext."""
    needles = [text.encode() for one in records for text in (one.record_id, one.person_id)]
    needles += [one.display_name.encode() for one in records if one.display_name]
    needles += [one.source.encode() for one in records if one.source]
    blobs = [one.embedding.values.tobytes() for one in records] + stored
    for blob in blobs:
        needles += [blob[at : at + size] for at in range(0, max(len(blob) - size, 1), size)]
    return needles


def found_in(folder: Path, needles: list[bytes]) -> list[tuple[str, bytes]]:
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return [(name, one) for name, data in contents.items() for one in needles if one in data]


@pytest.mark.parametrize("protection", ["encrypted", "plain"])
@pytest.mark.parametrize("way", ["forget", "purge"])
def test_no_byte_of_a_forgotten_person_stays(
    tmp_path: Path, walk: Walk, protection: str, way: str
) -> None:
    path, config = tmp_path / "g.sqlite", StoreConfig(protection=protection)
    key = KeyFile(tmp_path / "key") if protection == "encrypted" else None
    shape = (16, 100)  # larger than a page, so that overflow pages are used
    mine = [
        walk(
            number,
            f"person-gone-{number % 2}",
            record_id=f"record-gone-{number}",
            display_name="Ada Lovelace, gone",
            source="hall of the gone",
            expires_ns=5_000,
            shape=shape,
        )
        for number in range(4)
    ]
    others = [walk(100 + number, f"person-stays-{number}", shape=shape) for number in range(8)]
    with open_store(str(path), key, config) as store, open_store(str(path), key, config) as other:
        for one in others[:4] + mine + others[4:]:
            store.add(one)
        store.merge("person-gone-0", "person-gone-1")
        stored = raw_rows(path)
        needles = pieces(mine, stored["person-gone-0"] + stored["person-gone-1"])
        before = found_in(tmp_path, needles)
        assert "g.sqlite-wal" in {name for name, _ in before}
        assert len({one for _, one in before}) > 0.4 * len(needles)
        assert len(other.records()) == 12
        forgotten = store.forget("person-gone-1") if way == "forget" else store.purge_expired(5_000)
        assert forgotten == 4
        assert found_in(tmp_path, needles) == []
        assert len(other.records()) == 8
    assert found_in(tmp_path, needles) == []
    kept = pieces([], stored["person-stays-3"])
    # The search can find things: only stretches across a page border are not in one piece.
    assert len({one for _, one in found_in(tmp_path, kept)}) > 0.9 * len(kept)


def test_no_name_and_no_template_is_readable_at_rest(tmp_path: Path, walk: Walk) -> None:
    records = [walk(1, "p1", display_name="Ada Lovelace", source="the great hall")]
    with open_store(str(tmp_path / "g.sqlite"), KeyFile(tmp_path / "key")) as store:
        store.add_all(records)
        values = [records[0].embedding.values.tobytes()[:16], b"Ada Lovelace", b"the great hall"]
        assert found_in(tmp_path, values) == []
    assert found_in(tmp_path, values) == []


def test_a_rotated_key_leaves_no_old_wrapping_behind(tmp_path: Path, walk: Walk) -> None:
    with open_store(str(tmp_path / "g.sqlite"), KeyFile(tmp_path / "key")) as store:
        store.add_all([walk(number, f"p{number}") for number in range(9)])
        wrapped = [rows[0] for rows in raw_rows(tmp_path / "g.sqlite").values()]
        key_line = (tmp_path / "key").read_bytes().splitlines()[1]
        store.rotate_key()
        assert found_in(tmp_path, [*wrapped, key_line]) == []


def test_a_reader_elsewhere_delays_the_cleaning_but_does_not_lose_it(
    tmp_path: Path, walk: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    path, config = tmp_path / "g.sqlite", StoreConfig(busy_timeout_s=0.05)
    store = open_store(str(path), KEY, config)
    store.add_all([walk(1, "person-gone"), walk(2, "person-stays")])
    needles = pieces([walk(1, "person-gone")], raw_rows(path)["person-gone"])
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM gallery_record").fetchone()
    with pytest.raises(ScrubPendingError, match="1 records were deleted") as caught:
        store.forget("person-gone")
    assert caught.value.num_records == 1
    assert [one.person_id for one in store.records()] == ["person-stays"]
    with caplog.at_level(logging.WARNING):
        open_store(str(path), KEY, config).close()
    assert "still in use" in caplog.text
    reader.close()
    store.close()
    open_store(str(path), KEY, config).close()
    assert found_in(tmp_path, needles) == []


def test_files_belong_to_their_owner_alone(tmp_path: Path, walk: Walk) -> None:
    path = tmp_path / "new" / "g.sqlite"
    with open_store(str(path), KEY) as store:
        store.add(walk(1))
        modes = {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
        assert (modes, stat.S_IMODE(path.parent.stat().st_mode)) == ({0o600}, 0o700)


def test_damage_is_named_and_left_alone(tmp_path: Path, walk: Walk) -> None:
    path = tmp_path / "g.sqlite"
    with open_store(str(path), KEY) as store:
        store.add_all([walk(number, f"p{number}", shape=(16, 64)) for number in range(30)])
    good = path.read_bytes()
    for bad in (
        b"this is not a database, but it is long enough to be taken for one" * 20,
        good[:100] + bytes(len(good) - 100),
        good[: len(good) // 2],
        b"".join((good[:4096], os.urandom(4096), good[8192:])),
    ):
        path.write_bytes(bad)
        with pytest.raises(GalleryError, match=r"g\.sqlite is damaged.*move it away") as caught:
            open_store(str(path), KEY)
        assert isinstance(caught.value, GalleryCorruptError)
        assert path.read_bytes() == bad
    path.write_bytes(good)
    with open_store(str(path), KEY) as store:
        assert len(store.records()) == 30


def test_a_full_disk_undoes_the_change(tmp_path: Path, walk: Walk) -> None:
    with open_store(str(tmp_path / "g.sqlite"), KEY) as store:
        store.add(walk(1))

        def limit(connection: sqlite3.Connection, _record: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages + 4}")

        store._backend.engine.dispose()
        sa.event.listen(store._backend.engine, "connect", limit)
        with pytest.raises(GalleryFullError, match=r"no room for gallery .*g\.sqlite"):
            store.add_all([walk(number, shape=(16, 200)) for number in range(2, 30)])
        assert (store.version, len(store.records())) == (1, 1)
        sa.event.remove(store._backend.engine, "connect", limit)


def test_a_read_only_gallery_can_be_read_but_not_changed(tmp_path: Path, walk: Walk) -> None:
    path = tmp_path / "g.sqlite"
    with open_store(str(path), KEY) as store:
        store.add(walk(1))
    with open_store(f"sqlite:///file:{path}?mode=ro&uri=true", KEY) as store:
        assert len(store.records()) == 1
        with pytest.raises(GalleryReadOnlyError, match=r"g\.sqlite is read-only.*writable"):
            store.add(walk(2))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GalleryError, match=r"file/g\.sqlite cannot be opened"):
        open_store(str(tmp_path / "file" / "g.sqlite"), KEY)


def test_an_interrupted_cleaning_is_finished_at_the_next_opening(
    tmp_path: Path, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "g.sqlite"
    store = open_store(str(path), KEY)
    store.add_all([walk(1, "person-gone"), walk(2, "person-stays")])
    needles = pieces([walk(1, "person-gone")], raw_rows(path)["person-gone"])

    def killed(self: GalleryStore, count: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GalleryStore, "_clean", killed)
        with pytest.raises(KeyboardInterrupt):
            store.forget("person-gone")
    assert found_in(tmp_path, needles)
    with open_store(str(path), KEY) as again:
        assert found_in(tmp_path, needles) == []
        with again._reading() as connection:
            assert connection.execute(sa.select(schema.meta.c.scrub_pending)).scalar_one() == 0
    store.close()


def test_a_purge_finishes_a_cleaning_that_waited(tmp_path: Path, walk: Walk) -> None:
    path, config = tmp_path / "g.sqlite", StoreConfig(busy_timeout_s=0.05)
    with open_store(str(path), KEY, config) as store:
        store.add_all([walk(1, "person-gone"), walk(2, "person-stays")])
        needles = pieces([walk(1, "person-gone")], raw_rows(path)["person-gone"])
        reader = sqlite3.connect(path)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM gallery_record").fetchone()
        with pytest.raises(ScrubPendingError):
            store.forget("person-gone")
        with pytest.raises(ScrubPendingError, match="^0 records"):
            store.purge_expired(0)
        reader.close()
        assert store.purge_expired(0) == 0
        assert found_in(tmp_path, needles) == []


def test_a_gallery_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"g\.sqlite does not exist; enrol"):
        open_store(str(tmp_path / "g.sqlite"), KEY, create=False)
    assert list(tmp_path.iterdir()) == []
    open_store(str(tmp_path / "g.sqlite"), KEY).close()
    open_store(str(tmp_path / "g.sqlite"), KEY, create=False).close()
