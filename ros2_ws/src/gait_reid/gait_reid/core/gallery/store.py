"""The gallery on disk: one interface over SQLite (embedded) and PostgreSQL (a fleet).

Every change is one transaction and raises the gallery version by one; when a method returns, the
change is durable. Several processes and threads may use the same gallery: writers take turns,
readers see the state of one moment. The store caches no personal data in memory.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from gait_reid.core.gallery import exchange, people, schema
from gait_reid.core.gallery.crypto import GivenKey, KeySource, key_source
from gait_reid.core.gallery.engines import open_backend
from gait_reid.core.gallery.errors import GalleryError, UnknownPersonError
from gait_reid.core.gallery.export import ImportResult, read_export
from gait_reid.core.gallery.insert import StoreConfig, insert_records, set_name
from gait_reid.core.gallery.records import GalleryPerson
from gait_reid.core.gallery.session import (
    Session,
    current_version,
    is_marked_for_scrub,
    mark_for_scrub,
    next_version,
)
from gait_reid.core.gallery.vault import PLAIN
from gait_reid.core.types import Candidate, Embedding, GalleryRecord


class GalleryStore(Session):
    """An open gallery; make it with ``open_store`` and close it, or use it in a ``with`` block.

    Every method raises a ``GalleryError`` that names the gallery and the fix: ``GalleryBusyError``,
    ``GalleryFullError``, ``GalleryReadOnlyError``, ``GalleryCorruptError``, ``GalleryKeyError``.
    After an error the gallery is as it was before, except where the error says otherwise.
    """

    def __enter__(self) -> GalleryStore:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._backend.engine.dispose()

    @property
    def version(self) -> int:
        """Number of changes so far, those of other processes included."""
        with self._reading() as connection:
            return current_version(connection)

    def add(self, record: GalleryRecord) -> int:
        """Store one walk and return the new version; see ``add_all``."""
        return self.add_all([record])

    def add_all(self, records: Sequence[GalleryRecord]) -> int:
        """Store walks, all or none, and return the new version.

        A record of a merged person goes to the person that it was merged into. A display name
        replaces the person's name, an empty one keeps it.

        Raises:
            ConsentError: A record has no consent and the gallery requires it.
            DuplicateRecordError: A record id is stored already.
        """
        with self._changing() as connection:
            stored = insert_records(connection, self._vault, self._config, records)
            self._templates.add(connection, stored)
            return next_version(connection)

    def records(self, model_id: str | None = None) -> list[GalleryRecord]:
        """Return all records, or those of one model; see ``snapshot``."""
        return self.snapshot(model_id)[1]

    def snapshot(self, model_id: str | None = None) -> tuple[int, list[GalleryRecord]]:
        """Return the version and the records of the same moment, in order of enrolment.

        Person ids are those of today: merged persons appear as the person they were merged into.

        Raises:
            GalleryCorruptError: A record is damaged or was tampered with; the message names it.
        """
        with self._reading() as connection:
            return current_version(connection), self._load(connection, model_id)

    def persons(self) -> tuple[GalleryPerson, ...]:
        """Return who is enrolled, in order of first enrolment; no template is decrypted."""
        with self._reading() as connection:
            return people.list_persons(connection, self._vault)

    def resolve(self, person_id: str) -> str:
        """Return the id that a person has today; an id that was never merged stands for itself."""
        with self._reading() as connection:
            return people.Aliases(connection).resolve(person_id)

    def forget(self, person_id: str) -> int:
        """Delete a person: records, key, name, merged ids, and what the files still hold of them.

        Returns:
            Number of records deleted; 0 when nobody of this id is enrolled.

        Raises:
            ScrubPendingError: Everything is deleted, but another process keeps old pages in use.
                Cleaning is tried again at the next forget, purge or open.
        """
        with self._changing() as connection:
            group = people.Aliases(connection).group(person_id)
            if not people.person_rows(connection, group):
                return 0
            count = people.delete_persons(connection, group)
            mark_for_scrub(connection)
            next_version(connection)
        self._clean(count)
        return count

    def purge_expired(self, now_ns: int | None = None) -> int:
        """Delete records whose retention is over, and persons who have none left.

        Args:
            now_ns: Unix nanoseconds; None takes the clock.

        Returns:
            Number of records deleted.

        Raises:
            ScrubPendingError: As ``forget``, also while an earlier cleaning has not succeeded.
        """
        with self._changing() as connection:
            moment = time.time_ns() if now_ns is None else now_ns
            count = people.delete_expired(connection, moment)
            if count:
                mark_for_scrub(connection)
                next_version(connection)
            pending = is_marked_for_scrub(connection)
        if pending:
            self._clean(count)
        return count

    def merge(self, keep: str, merged: str) -> int:
        """Make two persons one and return the version; ``merged`` stays valid as an alias.

        Earlier aliases are not rewritten: they keep pointing where they pointed (REP-155).
        Persons who are one already stay as they are.

        Raises:
            UnknownPersonError: One of them is not enrolled.
            GalleryError: Both ids are the same.
        """
        if keep == merged:
            raise GalleryError(f"person {keep} cannot be merged with itself; name two persons")
        with self._changing() as connection:
            aliases = people.Aliases(connection)
            target, source = aliases.resolve(keep), aliases.resolve(merged)
            rows = people.person_rows(connection, (target, source))
            for asked, root in ((keep, target), (merged, source)):
                if root not in rows:
                    raise UnknownPersonError(f"person {asked} is not enrolled in {self.where}")
            if target == source:
                return current_version(connection)
            names = people.open_names(self._vault, rows)
            if names[source] and not names[target]:
                key = self._data_key(rows[target])
                set_name(connection, self._vault, target, key, names[source])
            connection.execute(schema.alias.insert().values(person_id=source, alias_of=target))
            return next_version(connection)

    def export(self, path: Path, key: str | bytes, person_ids: Collection[str] = ()) -> int:
        """Write all records, or those of some persons, into a file and return their number.

        Args:
            path: File to make; must not exist.
            key: Passphrase of at least 12 characters, or 32 bytes.
            person_ids: Whom to export; empty means all.

        Raises:
            UnknownPersonError: A person is not enrolled.
        """
        return exchange.export_gallery(self, Path(path), key, person_ids)

    def import_(
        self,
        path: Path,
        key: str | bytes,
        model_id: str | Collection[str] | None,
        now_ns: int | None = None,
    ) -> ImportResult:
        """Add the records of an exported file, all that fit or none.

        Args:
            path: File that ``export`` wrote.
            key: What it was encrypted with.
            model_id: The model, or models, whose records are taken; None takes every model's.
            now_ns: Unix nanoseconds against which expiry is judged; None takes the clock.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        incoming = read_export(Path(path), key)
        with self._changing() as connection:
            result, stored = exchange.import_records(
                connection, self._vault, self._config, incoming, model_id, moment
            )
            self._templates.add(connection, stored)
            changed = bool(result.num_records or result.num_aliases)
            version = next_version(connection) if changed else current_version(connection)
            return replace(result, version=version)

    def rotate_key(self, target: KeySource | None = None) -> None:
        """Re-wrap all data keys with a new master key and drop the old one.

        Every older copy of the database becomes unreadable with the new key, backups included.

        Args:
            target: Where the new key comes from; None makes one in the same key file.
        """
        with self._changing() as connection:
            records = self._load(connection, None) if self._templates.active else []
            rows = people.person_rows(connection)
            data_keys = {person_id: self._data_key(row) for person_id, row in rows.items()}
            ring = self._vault.next_ring(target)
            for person_id, data_key in data_keys.items():
                wrapped = ring.wrap(data_key, person_id)
                values = {"wrapped_key": wrapped, "master_key_id": ring.active_id}
                here = schema.person.c.person_id == person_id
                connection.execute(schema.person.update().where(here).values(**values))
            self._templates.renew(connection, records, ring.keys[0])
            connection.execute(schema.meta.update().values(master_key_id=ring.active_id))
            mark_for_scrub(connection)
        self._vault.adopt(ring, target)
        with self._changing():  # under the lock: no other rotation is between its two steps
            self._vault.settle()
        self._clean(0)

    def nearest(
        self, embedding: Embedding, top_k: int, shortlist: int = 0
    ) -> tuple[Candidate, ...]:
        """Search inside PostgreSQL, for galleries that do not fit a robot's memory.

        Args:
            embedding: Walk of a person to be found.
            top_k: Number of persons wanted.
            shortlist: Records to take first by whole-vector distance (see ``build_index``); 0
                compares all, exactly.

        Returns:
            Candidates as of ``GallerySearch.query``.

        Raises:
            GalleryError: This gallery has no searchable templates.
        """
        with self._reading() as connection:
            aliases = people.Aliases(connection)
            limit = top_k + len(aliases.alias_of)
            found: dict[str, float] = {}
            for one, distance in self._templates.distances(connection, embedding, limit, shortlist):
                found.setdefault(aliases.resolve(one), distance)
            ranked = list(found)[:top_k]
            names = people.open_names(self._vault, people.person_rows(connection, ranked))
        return tuple(Candidate(one, names.get(one, ""), found[one], 0.0) for one in ranked)

    def build_index(self, model_id: str) -> None:
        """Make the approximate index that ``nearest`` with a shortlist uses."""
        with self._changing() as connection:
            self._templates.build_index(connection, model_id)

    def scrub(self) -> None:
        """Remove from the files what deleted records may have left there.

        Raises:
            ScrubPendingError: Another process keeps old pages in use.
        """
        self._clean(0)


def open_store(
    url: str,
    key: KeySource | bytes | None = None,
    config: StoreConfig | None = None,
    create: bool = True,
) -> GalleryStore:
    """Open a gallery.

    Args:
        url: Path of a SQLite file, ``sqlite:///FILE``, or ``postgresql+psycopg://...``.
        key: Where the master key comes from (``KeyFile`` makes one on first use), or its 32 bytes;
            None takes the environment variable GAIT_REID_GALLERY_KEY.
        config: How records are kept.
        create: Whether to make the SQLite file where it is missing.

    Raises:
        GalleryError: The gallery cannot be opened; the message names the fix.
    """
    chosen = config or StoreConfig()
    source: KeySource | None = GivenKey(key) if isinstance(key, bytes) else key
    if source is None and chosen.protection != PLAIN:
        source = key_source()
    return GalleryStore(open_backend(url, chosen.busy_timeout_s, create), source, chosen)
