"""The store against a plain dictionary, under any sequence of operations."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gait_reid.core.gallery.crypto import KeyFile
from gait_reid.core.gallery.store import GalleryStore, open_store
from gait_reid.core.types import Embedding, GalleryRecord, Modality

PEOPLE = st.sampled_from(["a", "b", "c", "d"])
MODELS = st.sampled_from(["m", "n"])
NAMES = st.sampled_from(["", "Ada", "Bob"])


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.store = self.open()
        self.records: dict[str, GalleryRecord] = {}
        self.alias_of: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.version = 0
        self.exports = 0
        self.made = 0

    def open(self) -> GalleryStore:
        return open_store(str(self.path / "g.sqlite"), KeyFile(self.path / "key"))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def root(self, person_id: str) -> str:
        while person_id in self.alias_of:
            person_id = self.alias_of[person_id]
        return person_id

    def enrolled(self) -> set[str]:
        return {self.root(one.person_id) for one in self.records.values()}

    def tidy(self) -> None:
        alive = self.enrolled()
        self.names = {one: name for one, name in self.names.items() if self.root(one) in alive}
        dead = [one for one in self.alias_of if self.root(one) not in alive]
        for one in dead:
            del self.alias_of[one]

    @rule(person=PEOPLE, model=MODELS, name=NAMES, expires=st.none() | st.integers(1, 9))
    def add(self, person: str, model: str, name: str, expires: int | None) -> None:
        self.made += 1
        values = np.full((1, 2), self.made, np.float32)
        record = GalleryRecord(
            f"r{self.made:04}",
            person,
            name,
            Embedding(values, model, Modality.LIDAR),
            self.made,
            expires,
            True,
        )
        self.version += 1
        assert self.store.add(record) == self.version
        self.records[record.record_id] = record
        if name or self.root(person) not in self.names:
            self.names[self.root(person)] = name

    @rule(person=PEOPLE)
    def forget(self, person: str) -> None:
        root = self.root(person)
        gone = [one for one, rec in self.records.items() if self.root(rec.person_id) == root]
        assert self.store.forget(person) == len(gone)
        self.version += bool(gone)
        for one in gone:
            del self.records[one]
        self.tidy()

    @precondition(lambda self: len(self.enrolled()) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        keep, merged = data.draw(st.permutations(sorted(self.enrolled())))[:2]
        self.version += 1
        assert self.store.merge(keep, merged) == self.version
        self.alias_of[merged] = keep
        self.names[keep] = self.names[keep] or self.names[merged]

    @rule(now=st.integers(0, 9))
    def purge(self, now: int) -> None:
        gone = [one for one, rec in self.records.items() if (rec.expires_ns or 99) <= now]
        assert self.store.purge_expired(now) == len(gone)
        self.version += bool(gone)
        for one in gone:
            del self.records[one]
        self.tidy()

    @rule(model=st.none() | MODELS)
    def export_and_read_elsewhere(self, model: str | None) -> None:
        self.exports += 1
        path = self.path / f"{self.exports}.export"
        assert self.store.export(path, bytes(32)) == len(self.records)
        with open_store(str(self.path / f"{self.exports}.sqlite"), bytes(32)) as other:
            result = other.import_(path, bytes(32), model, now_ns=0)
            fitting = [
                one for one in self.records.values() if model in (None, one.embedding.model_id)
            ]
            assert result.num_records == len(fitting)
            assert len(result.refused) == (len(fitting) < len(self.records))
            if model is None:
                assert other.persons() == self.store.persons()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()

    @rule()
    def rotate(self) -> None:
        self.store.rotate_key()

    @invariant()
    def agrees(self) -> None:
        version, records = self.store.snapshot()
        assert version == self.version == self.store.version
        found = {
            one.record_id: (one.person_id, one.display_name, one.embedding.values[0, 0])
            for one in records
        }
        assert found == {
            one.record_id: (
                self.root(one.person_id),
                self.names[self.root(one.person_id)],
                one.embedding.values[0, 0],
            )
            for one in self.records.values()
        }
        assert [one.record_id for one in records] == sorted(self.records)
        people = {one.person_id: set(one.aliases) for one in self.store.persons()}
        assert people == {
            root: {one for one in self.alias_of if self.root(one) == root}
            for root in self.enrolled()
        }


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
