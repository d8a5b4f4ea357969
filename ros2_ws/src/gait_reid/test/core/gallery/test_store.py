from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from gait_reid.core.gallery import schema
from gait_reid.core.gallery.crypto import GivenKey, KeyFile, key_id, new_key
from gait_reid.core.gallery.errors import (
    ConsentError,
    DuplicateRecordError,
    GalleryBusyError,
    GalleryCorruptError,
    GalleryError,
    GalleryKeyError,
    SchemaVersionError,
    UnknownPersonError,
)
from gait_reid.core.gallery.store import GalleryStore, StoreConfig, open_store
from gait_reid.core.types import GalleryRecord

Walk = Callable[..., GalleryRecord]
Open = Callable[..., GalleryStore]
KEY = bytes(32)


def ids(store: GalleryStore, model_id: str | None = None) -> list[tuple[str, str]]:
    return [(one.record_id, one.person_id) for one in store.records(model_id)]


def test_what_is_enrolled_comes_back(store: GalleryStore, open_gallery: Open, walk: Walk) -> None:
    records = [
        walk(1, "ada", display_name="Ada", source="hall", expires_ns=5_000),
        walk(2, "bob", model_id="model-b", shape=(1, 4)),
    ]
    assert [store.add(one) for one in records] == [1, 2]
    for reader in (store, open_gallery()):
        assert reader.version == 2
        for got, put in zip(reader.records(), records):
            assert got.embedding.values.tobytes() == put.embedding.values.tobytes()
            assert replace(got, embedding=put.embedding) == put
            assert (got.embedding.modality, got.embedding.num_frames) == (1, 30)
    assert ids(store, "model-b") == [("record-2", "bob")]
    assert ids(store, "model-c") == []


def test_persons_are_listed_without_templates(store: GalleryStore, walk: Walk) -> None:
    store.add_all(
        [
            walk(1, "ada", display_name="Ada", expires_ns=9_000),
            walk(2, "ada", model_id="model-b", expires_ns=8_000),
            walk(3, "bob"),
        ]
    )
    ada, bob = store.persons()
    assert (ada.person_id, ada.display_name, ada.num_records) == ("ada", "Ada", 2)
    assert (ada.model_ids, ada.created_ns, ada.expires_ns) == (("model-a", "model-b"), 1001, 9000)
    assert (bob.person_id, bob.display_name, bob.expires_ns, bob.consent) == ("bob", "", None, True)


def test_a_name_changes_only_when_one_is_given(store: GalleryStore, walk: Walk) -> None:
    store.add(walk(1, "ada", display_name="Ada"))
    store.add(walk(2, "ada"))
    assert {one.display_name for one in store.records()} == {"Ada"}
    store.add(walk(3, "ada", display_name="Countess"))
    assert {one.display_name for one in store.records()} == {"Countess"}


def test_a_batch_is_stored_whole_or_not_at_all(store: GalleryStore, walk: Walk) -> None:
    store.add(walk(1, "ada"))
    with pytest.raises(DuplicateRecordError, match="record-1 is stored already"):
        store.add_all([walk(2, "bob"), walk(1, "bob")])
    with pytest.raises(DuplicateRecordError, match="record-3"):
        store.add_all([walk(3, "bob"), walk(3, "bob")])
    with pytest.raises(ConsentError, match=r"record-5 of person bob.*require_consent"):
        store.add_all([walk(4, "bob"), walk(5, "bob", consent=False)])
    assert ids(store) == [("record-1", "ada")]
    assert store.version == 1


def test_consent_can_be_left_to_others_and_retention_has_a_default(
    open_gallery: Open, walk: Walk
) -> None:
    store = open_gallery(StoreConfig(require_consent=False, default_retention_s=2.0))
    store.add_all([walk(1, "ada", consent=False), walk(2, "bob", expires_ns=7)])
    ada, bob = store.persons()
    assert (ada.consent, ada.expires_ns) == (False, 1_001 + 2_000_000_000)
    assert (bob.consent, bob.expires_ns) == (True, 7)
    assert [one.expires_ns for one in store.records()] == [2_000_001_001, 7]


def test_merged_ids_stay_valid_and_are_never_rewritten(store: GalleryStore, walk: Walk) -> None:
    store.add_all([walk(1, "a", display_name="Ada"), walk(2, "b"), walk(3, "c")])
    assert store.merge("b", "a") == 2
    assert store.merge("c", "b") == 3
    assert store.merge("c", "a") == 3
    assert store.merge("a", "c") == 3
    assert [store.resolve(one) for one in "abcd"] == ["c", "c", "c", "d"]
    assert {one.person_id for one in store.records()} == {"c"}
    (person,) = store.persons()
    assert (person.aliases, person.num_records, person.display_name) == (("a", "b"), 3, "Ada")
    with store._reading() as connection:
        rows = connection.execute(sa.select(schema.alias).order_by(schema.alias.c.person_id))
        assert [tuple(row) for row in rows] == [("a", "b"), ("b", "c")]
    store.add(walk(4, "a"))
    assert ids(store)[-1] == ("record-4", "c")
    with pytest.raises(UnknownPersonError, match="person d is not enrolled"):
        store.merge("c", "d")
    with pytest.raises(GalleryError, match="with itself"):
        store.merge("c", "c")


def test_forget_takes_the_whole_person_by_any_id(store: GalleryStore, walk: Walk) -> None:
    store.add_all([walk(1, "a"), walk(2, "b"), walk(3, "c")])
    store.merge("b", "a")
    assert store.forget("a") == 2
    assert ids(store) == [("record-3", "c")]
    assert store.resolve("a") == "a"
    assert store.version == 3
    assert store.forget("a") == store.forget("nobody") == 0
    assert store.version == 3
    store.add(walk(1, "a"))
    assert ids(store) == [("record-1", "a"), ("record-3", "c")]


def test_expired_records_go_and_with_the_last_the_person(store: GalleryStore, walk: Walk) -> None:
    store.add_all(
        [
            walk(1, "a", expires_ns=100),
            walk(2, "a", expires_ns=200),
            walk(3, "b", expires_ns=100),
            walk(4, "c"),
        ]
    )
    store.merge("a", "b")
    assert store.purge_expired(99) == 0
    assert store.version == 2
    assert store.purge_expired(100) == 2
    assert ids(store) == [("record-2", "a"), ("record-4", "c")]
    assert store.resolve("b") == "a"
    assert store.purge_expired(200) == 1
    assert [one.person_id for one in store.persons()] == ["c"]
    assert store.resolve("b") == "b"
    assert store.version == 4
    assert store.purge_expired() == 0


def test_another_process_sees_changes_and_the_version_grows(
    store: GalleryStore, open_gallery: Open, walk: Walk
) -> None:
    other, versions = open_gallery(), []
    for number in range(6):
        versions.append((store, other)[number % 2].add(walk(number, f"p{number}")))
    assert versions == [1, 2, 3, 4, 5, 6]
    assert store.forget("p1") == 1
    assert (other.version, len(other.records())) == (7, 5)


def test_threads_share_a_store(store: GalleryStore, walk: Walk) -> None:
    versions: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 5):
            versions.append(store.add(walk(number, f"p{number % 3}")))
            store.records()

    threads = [threading.Thread(target=work, args=(10 * one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == list(range(1, 21))
    assert len(store.records()) == 20


def test_export_and_import_say_what_was_refused(
    store: GalleryStore, tmp_path: Path, walk: Walk
) -> None:
    path, key = tmp_path / "x.export", new_key()
    lenient = StoreConfig(require_consent=False)
    with open_store(str(tmp_path / "from.sqlite"), new_key(), lenient) as source:
        source.add_all(
            [
                walk(1, "a", display_name="Ada"),
                walk(2, "b"),
                walk(3, "a", model_id="model-b"),
                walk(4, "a", expires_ns=500),
                walk(5, "a", consent=False),
                walk(6, "c"),
                walk(7, "d"),
            ]
        )
        source.merge("a", "b")
        source.merge("c", "d")
        assert source.export(path, key) == 7
    store.add_all([walk(6, "c", display_name="Cleo"), walk(9, "d")])
    result = store.import_(path, key, "model-a", now_ns=500)
    assert (result.num_records, result.num_aliases, result.version) == (3, 1, 2)
    assert result.refused == {
        "other_model": 1,
        "expired": 1,
        "no_consent": 1,
        "already_present": 1,
        "alias_conflict": 1,
    }
    assert result.num_refused == 5
    people = {one.person_id: (one.display_name, one.aliases) for one in store.persons()}
    assert people == {"a": ("Ada", ("b",)), "c": ("Cleo", ()), "d": ("", ())}
    again = store.import_(path, key, "model-a", now_ns=500)
    assert (again.num_records, again.refused["already_present"], again.version) == (0, 4, 2)


def test_some_persons_are_exported_by_any_id(
    store: GalleryStore, tmp_path: Path, walk: Walk
) -> None:
    store.add_all([walk(1, "a"), walk(2, "b"), walk(3, "c")])
    store.merge("a", "b")
    assert store.export(tmp_path / "x", KEY, ["b"]) == 2
    with pytest.raises(UnknownPersonError, match="person zoe is not enrolled"):
        store.export(tmp_path / "y", KEY, ["zoe"])
    assert not (tmp_path / "y").exists()


def test_a_damaged_export_changes_nothing(store: GalleryStore, tmp_path: Path, walk: Walk) -> None:
    path = tmp_path / "x"
    with open_store(str(tmp_path / "from.sqlite"), new_key()) as source:
        source.add_all([walk(number, "a") for number in range(5)])
        source.export(path, KEY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GalleryCorruptError, match="cut off"):
        store.import_(path, KEY, None)
    assert (store.version, store.records()) == (0, [])


def test_a_tampered_row_is_named(store: GalleryStore, walk: Walk) -> None:
    store.add_all([walk(1, "a"), walk(2, "b")])
    table = schema.record.c

    def change(**values: object) -> None:
        with store._changing() as connection:
            where = table.record_id == "record-1"
            connection.execute(schema.record.update().where(where).values(**values))

    with store._reading() as connection:
        rows = connection.execute(sa.select(schema.record).order_by(table.record_id)).all()
    for values in (
        {"payload": rows[1].payload},
        {"payload": rows[0].payload[:-1] + b"\0\0"},
        {"consent": False},
        {"expires_ns": 3},
        {"model_id": "model-b"},
        {"person_id": "b"},
    ):
        change(**values)
        with pytest.raises(GalleryCorruptError, match="record-1"):
            store.records()
        change(**{name: getattr(rows[0], name) for name in values})
    assert len(store.records()) == 2
    change(payload=b"")
    assert store.forget("a") == 1
    assert ids(store) == [("record-2", "b")]


def test_the_wrong_key_is_refused_at_the_door(
    store: GalleryStore, open_gallery: Open, walk: Walk, tmp_path: Path
) -> None:
    store.add(walk(1, "a"))
    other = new_key()
    with pytest.raises(GalleryKeyError, match=f"the given one is {key_id(other)}"):
        open_gallery(key=GivenKey(other))
    with pytest.raises(GalleryKeyError, match="is missing, but the gallery is encrypted"):
        open_gallery(key=KeyFile(tmp_path / "lost"))
    with pytest.raises(GalleryError, match="made with template protection 'encrypted'"):
        open_gallery(StoreConfig(protection="plain"))


def test_a_rotated_key_replaces_the_old_one_everywhere(
    open_gallery: Open, walk: Walk, tmp_path: Path
) -> None:
    source = KeyFile(tmp_path / "keys" / "master")
    store, other = open_gallery(key=source), open_gallery(key=source)
    store.add(walk(1, "a", display_name="Ada"))
    old = source.load(create=False)
    other.rotate_key()
    (new,) = source.load(create=False).keys
    assert new not in old.keys
    store.add(walk(2, "b"))
    assert [one.display_name for one in other.records()] == ["Ada", ""]
    with pytest.raises(GalleryKeyError, match=f"the given one is {old.active_id}"):
        open_gallery(key=GivenKey(old.keys[0]))
    with pytest.raises(GalleryKeyError, match="is the present one"):
        store.rotate_key(GivenKey(new))
    store.rotate_key(GivenKey(KEY))
    assert len(open_gallery(key=GivenKey(KEY)).records()) == 2
    with pytest.raises(GalleryKeyError, match="cannot be replaced here"):
        store.rotate_key()
    assert len(store.records()) == 2


@pytest.mark.parametrize("crash", ["before the commit", "after the commit"])
def test_a_rotation_that_was_cut_short_loses_no_key(
    open_gallery: Open, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    source = KeyFile(tmp_path / "master")
    store = open_gallery(key=source)
    store.add(walk(1, "a"))
    old = source.load(create=False).active_id
    name = "renew" if crash == "before the commit" else "adopt"
    owner = store._templates if name == "renew" else store._vault
    monkeypatch.setattr(owner, name, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.rotate_key()
    assert len(source.load(create=False).keys) == 2
    assert len(open_gallery(key=source).records()) == 1
    (left,) = source.load(create=False).keys
    assert (key_id(left) == old) == (name == "renew")


def test_a_newer_schema_is_refused_and_an_older_one_is_brought_up(
    store: GalleryStore, open_gallery: Open, walk: Walk
) -> None:
    store.add(walk(1, "a"))
    with store._changing() as connection:
        connection.execute(schema.meta.update().values(schema_version=schema.SCHEMA_VERSION + 1))
    with pytest.raises(SchemaVersionError, match="has gallery schema version 2, this software"):
        open_gallery()
    with store._changing() as connection:
        connection.execute(schema.meta.update().values(schema_version=0))
    with pytest.raises(SchemaVersionError, match="version 0, which this software"):
        open_gallery()
    steps = {
        0: lambda connection: connection.execute(
            schema.meta.update().values(gallery_version=schema.meta.c.gallery_version + 10)
        )
    }
    with store._changing() as connection:
        schema.migrate(connection, "it", schema.SCHEMA_VERSION, steps)
    assert open_gallery().version == 11


def test_a_locked_gallery_says_so(store: GalleryStore, open_gallery: Open, walk: Walk) -> None:
    hasty = open_gallery(StoreConfig(busy_timeout_s=0.05))
    with (
        store._changing(),
        pytest.raises(GalleryBusyError, match=r"locked by another .* for 0.05 s.*busy_timeout_s"),
    ):
        hasty.add(walk(1, "a"))
    assert hasty.add(walk(1, "a")) == 1


def test_addresses_are_checked_and_passwords_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="'mysql' database; supported: sqlite, postgresql"):
        open_store("mysql://host/x", KEY)
    with pytest.raises(GalleryError, match="names no file"):
        open_store("sqlite://", KEY)
    with pytest.raises(GalleryError, match="malformed"):
        open_store("://x", KEY)
    pytest.importorskip("psycopg", reason="needs the PyPI package psycopg")
    with pytest.raises(GalleryError, match=r"cannot be reached .*start the server") as caught:
        open_store(f"postgresql://me:secret@/db?host={tmp_path}", KEY)
    assert "secret" not in str(caught.value)
