"""Opening a gallery and its transactions; the public interface is in ``store``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from gait_reid.core.gallery import people, schema
from gait_reid.core.gallery.crypto import KeySource
from gait_reid.core.gallery.engines import Backend, PostgresBackend, translated
from gait_reid.core.gallery.errors import (
    GalleryBusyError,
    GalleryCorruptError,
    GalleryError,
    ScrubPendingError,
)
from gait_reid.core.gallery.insert import StoreConfig
from gait_reid.core.gallery.templates import TemplateIndex
from gait_reid.core.gallery.vault import Vault, check_protection
from gait_reid.core.types import GalleryRecord

_LOG = logging.getLogger(__name__)


class Session:
    """A checked gallery of the right schema version, with its keys at hand."""

    def __init__(self, backend: Backend, source: KeySource | None, config: StoreConfig) -> None:
        self._backend = backend
        self._config = config
        self._vault = Vault(backend.where, config.protection, source)
        is_postgresql = isinstance(backend, PostgresBackend)
        try:
            self._templates = TemplateIndex(
                backend.where, is_postgresql, config.protection, self._vault
            )
            with translated(backend):
                backend.check()
                pending = self._prepare()
        except BaseException:
            backend.engine.dispose()
            raise
        if pending:
            self._scrub_or_warn()

    def _prepare(self) -> bool:
        """Make or check tables and keys; return whether an interrupted scrub is to be repeated."""
        with self._backend.writing() as connection, connection.begin():
            self._backend.lock_creation(connection)
            schema.create(connection, self._config.protection)
            self._backend.lock(connection)
            schema.migrate(connection, self._backend.where)
            row = connection.execute(sa.select(schema.meta)).one()
            check_protection(self._backend.where, row.protection, self._config.protection)
            active = self._vault.follow(row.master_key_id)
            if row.master_key_id != active:
                connection.execute(schema.meta.update().values(master_key_id=active))
            if self._vault.protected:
                self._vault.settle()
            self._templates.create(connection)
        return bool(row.scrub_pending)

    @property
    def where(self) -> str:
        """The gallery in words, without passwords."""
        return self._backend.where

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A transaction that sees the state of one moment."""
        with translated(self._backend), self._backend.reading() as connection, connection.begin():
            self._follow(connection)
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that excludes other writers, and that an exception undoes."""
        with translated(self._backend), self._backend.writing() as connection, connection.begin():
            self._backend.lock(connection)
            self._follow(connection)
            yield connection

    def _follow(self, connection: Connection) -> None:
        self._vault.follow(connection.execute(sa.select(schema.meta.c.master_key_id)).scalar_one())

    def _data_key(self, row: Row) -> bytes:
        return self._vault.data_key(row.person_id, row.wrapped_key, row.master_key_id)

    def _load(self, connection: Connection, model_id: str | None) -> list[GalleryRecord]:
        """Return decrypted records under today's person ids, in order of enrolment."""
        query = sa.select(schema.record).order_by(
            schema.record.c.created_ns, schema.record.c.record_id
        )
        if model_id is not None:
            query = query.where(schema.record.c.model_id == model_id)
        rows = connection.execute(query).all()
        aliases, persons = people.Aliases(connection), people.person_rows(connection)
        keys = {person_id: self._data_key(row) for person_id, row in persons.items()}
        names = people.open_names(self._vault, persons)
        records = []
        for row in rows:
            record = self._open(row, keys)
            root = aliases.resolve(row.person_id)
            records.append(replace(record, person_id=root, display_name=names.get(root, "")))
        return records

    def _open(self, row: Row, keys: dict[str, bytes]) -> GalleryRecord:
        record = self._vault.open_record(keys[row.person_id], row.record_id, row.payload)
        stored = (row.record_id, row.person_id, row.created_ns, row.expires_ns, bool(row.consent))
        inside = (record.record_id, record.person_id, record.created_ns, record.expires_ns)
        if stored != (*inside, record.consent) or row.model_id != record.embedding.model_id:
            raise GalleryCorruptError(
                f"record {row.record_id} in {self.where} contradicts its protected content; "
                f"forget person {row.person_id} and enrol again"
            )
        return record

    def _clean(self, num_records: int) -> None:
        """Remove from the files what deleted rows left, then take the mark of pending work off."""
        try:
            with translated(self._backend):
                self._backend.scrub()
        except GalleryBusyError as error:
            raise ScrubPendingError(
                f"{num_records} records were deleted from {self.where}, with the keys of persons "
                f"who have none left, but old pages are still in use ({error}); it is tried again "
                "at the next forget, purge, scrub or opening",
                num_records,
            ) from error
        with self._changing() as connection:
            connection.execute(schema.meta.update().values(scrub_pending=0))

    def _scrub_or_warn(self) -> None:
        try:
            self._clean(0)
        except GalleryError as error:
            _LOG.warning("%s", error)


def mark_for_scrub(connection: Connection) -> None:
    """Note in the same transaction as a deletion that the files are to be cleaned."""
    connection.execute(schema.meta.update().values(scrub_pending=1))


def is_marked_for_scrub(connection: Connection) -> bool:
    """Return whether a deletion still waits for the files to be cleaned."""
    return bool(connection.execute(sa.select(schema.meta.c.scrub_pending)).scalar_one())


def current_version(connection: Connection) -> int:
    """Return the gallery version."""
    return connection.execute(sa.select(schema.meta.c.gallery_version)).scalar_one()


def next_version(connection: Connection) -> int:
    """Raise the gallery version by one and return it."""
    connection.execute(
        schema.meta.update().values(gallery_version=schema.meta.c.gallery_version + 1)
    )
    return current_version(connection)
