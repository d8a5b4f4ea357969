"""What differs between SQLite and PostgreSQL: connecting, locking, scrubbing, error messages."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from gait_reid.core.gallery import schema
from gait_reid.core.gallery.errors import (
    GalleryBusyError,
    GalleryCorruptError,
    GalleryError,
    GalleryFullError,
    GalleryReadOnlyError,
)

_LOG = logging.getLogger(__name__)
_CREATION_LOCK = 0x67616974  # any constant; PostgreSQL advisory locks are numbers
_WRITE = "gallery_write"


class Backend(Protocol):
    """One kind of database."""

    where: str
    engine: Engine

    def reading(self) -> Connection:
        """Return a connection whose one transaction sees one moment."""

    def writing(self) -> Connection:
        """Return a connection whose transactions exclude other writers."""

    def lock(self, connection: Connection) -> None:
        """Exclude other writers until the end of the transaction."""

    def lock_creation(self, connection: Connection) -> None:
        """Exclude others that create the tables."""

    def scrub(self) -> None:
        """Remove what deleted rows left in the files."""

    def check(self) -> None:
        """Raise when the files are damaged."""

    def translate(self, error: sa.exc.DBAPIError) -> GalleryError:
        """Return the error in the words of the gallery."""


class SqliteBackend:
    """A file in WAL mode. Commits are synchronous: an acknowledged row survives a power loss."""

    def __init__(self, url: URL, busy_timeout_s: float, create: bool) -> None:
        name = url.database or ""
        if name in ("", ":memory:"):
            raise GalleryError(
                f"gallery URL {url} names no file; expected for example sqlite:////var/lib/g.sqlite"
            )
        uri = name.startswith("file:")
        self.path = Path(name.removeprefix("file:").partition("?")[0])
        self.where = f"gallery {self.path}"
        self._timeout_s = busy_timeout_s
        if not create and not self.path.exists():
            raise GalleryError(f"{self.where} does not exist; enrol somebody, or name another one")
        if not uri:
            self._prepare_file()
        self.engine = sa.create_engine(
            url,
            poolclass=sa.pool.QueuePool,
            connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
            hide_parameters=True,  # error messages and logs must not repeat names and templates
            future=True,
        )
        sa.event.listen(self.engine, "connect", self._on_connect)
        sa.event.listen(self.engine, "begin", _begin_sqlite)

    def _prepare_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise GalleryError(
                f"{self.where} cannot be opened: {error.strerror}; choose a writable place"
            ) from error
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            _LOG.warning("%s has mode %04o; others can read it: chmod 600", self.where, mode)

    def _on_connect(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where _begin_sqlite says
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(self._timeout_s * 1000)}")
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "temp_store = MEMORY",  # VACUUM would else leave pages in a deleted temporary file
            "trusted_schema = OFF",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def reading(self) -> Connection:
        """Return a connection; a deferred transaction sees one snapshot."""
        return self.engine.connect()

    def writing(self) -> Connection:
        """Return a connection whose transactions take the write lock when they begin."""
        return self.engine.connect().execution_options(**{_WRITE: True})

    def lock(self, connection: Connection) -> None:
        """Do nothing: BEGIN IMMEDIATE holds the lock."""

    def lock_creation(self, connection: Connection) -> None:
        """Do nothing: BEGIN IMMEDIATE holds the lock."""

    def scrub(self) -> None:
        """Rewrite the file without free pages and empty the write-ahead log.

        Raises:
            GalleryBusyError: Another process reads or writes for longer than the timeout.
        """
        raw = self.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.close()
        finally:
            raw.close()
        if busy:
            raise GalleryBusyError(
                f"the write-ahead log of {self.where} is read by another process"
            )

    def check(self) -> None:
        """Run SQLite's own consistency check."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise GalleryCorruptError(self._corrupt(_one_line(found)))

    def _corrupt(self, detail: str) -> str:
        return (
            f"{self.where} is damaged or not a SQLite database ({detail}); it was left as it is: "
            "move it away together with its -wal and -shm files, then import the last export"
        )

    def translate(self, error: sa.exc.DBAPIError) -> GalleryError:
        """Return the error in the words of the gallery."""
        text = _one_line(error.orig)
        if "locked" in text or "busy" in text:
            return GalleryBusyError(
                f"{self.where} was locked by another process for {self._timeout_s:g} s; "
                "end it, or raise busy_timeout_s"
            )
        if "full" in text:
            return GalleryFullError(
                f"no room for {self.where} ({text}); free some, nothing was changed"
            )
        if "readonly" in text:
            return GalleryReadOnlyError(
                f"{self.where} is read-only ({text}); make file and folder writable for this user"
            )
        if "malformed" in text or "not a database" in text or "corrupt" in text:
            return GalleryCorruptError(self._corrupt(text))
        return GalleryError(f"{self.where}: {text}")


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class PostgresBackend:
    """A PostgreSQL server; writers take turns by locking the meta row."""

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        self.where = f"gallery {url.render_as_string(hide_password=True)}"
        self._timeout_s = busy_timeout_s
        try:
            self.engine = sa.create_engine(
                url, pool_pre_ping=True, hide_parameters=True, future=True
            )
        except ModuleNotFoundError as error:
            raise GalleryError(
                f"{self.where} needs the Python package {error.name}; pip install 'psycopg[binary]'"
            ) from error
        sa.event.listen(self.engine, "connect", self._on_connect)

    def _on_connect(self, connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
            cursor.execute(f"SET lock_timeout TO {round(self._timeout_s * 1000)}")
        connection.commit()

    def reading(self) -> Connection:
        """Return a connection whose transaction sees one snapshot."""
        return self.engine.connect().execution_options(isolation_level="REPEATABLE READ")

    def writing(self) -> Connection:
        """Return a connection; ``lock`` makes its transaction exclusive."""
        return self.engine.connect()

    def lock(self, connection: Connection) -> None:
        """Lock the meta row until the end of the transaction."""
        connection.execute(sa.select(schema.meta.c.id).with_for_update())

    def lock_creation(self, connection: Connection) -> None:
        """Take an advisory lock until the end of the transaction."""
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))

    def scrub(self) -> None:
        """Rewrite the tables without dead rows."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in sa.inspect(connection).get_table_names():
                if name.startswith("gallery_"):
                    connection.exec_driver_sql(f'VACUUM (FULL) "{name}"')

    def check(self) -> None:
        """Do nothing: the server checks its own pages."""

    def translate(self, error: sa.exc.DBAPIError) -> GalleryError:
        """Return the error in the words of the gallery."""
        text = _one_line(error.orig)
        state = getattr(error.orig, "sqlstate", None) or ""
        if state == "55P03":  # lock_not_available
            return GalleryBusyError(
                f"{self.where} was locked by another client for {self._timeout_s:g} s; "
                "end it, or raise busy_timeout_s"
            )
        if state == "53100":  # disk_full
            return GalleryFullError(f"no room for {self.where} ({text}); nothing was changed")
        if state == "25006":  # read_only_sql_transaction
            return GalleryReadOnlyError(f"{self.where} is read-only ({text}); use the primary")
        if not state:
            return GalleryError(
                f"{self.where} cannot be reached ({text}); start the server, or correct the URL"
            )
        return GalleryError(f"{self.where}: {text}")


def open_backend(url: str, busy_timeout_s: float, create: bool = True) -> Backend:
    """Return the database that a URL or the path of a SQLite file names.

    Args:
        url: Path of a SQLite file, or a database URL.
        busy_timeout_s: How long to wait for locks of others.
        create: Whether a missing SQLite file is made.

    Raises:
        GalleryError: The URL is malformed, of another kind of database, or cannot be opened.
    """
    text = url if "://" in url else f"sqlite:///{Path(url).expanduser()}"
    try:
        parsed = make_url(text)
    except sa.exc.ArgumentError:
        raise GalleryError(
            f"gallery URL {url.partition('://')[0]}://... is malformed; expected a file, "
            "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
        ) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return SqliteBackend(parsed, busy_timeout_s, create)
    if kind == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return PostgresBackend(parsed, busy_timeout_s)
    raise GalleryError(f"gallery URL names a {kind!r} database; supported: sqlite, postgresql")


@contextmanager
def translated(backend: Backend) -> Iterator[None]:
    """Turn errors of the driver into errors of the gallery."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise backend.translate(error) from error
    except sqlite3.Error as error:
        raise backend.translate(sa.exc.DBAPIError(None, None, error)) from error
