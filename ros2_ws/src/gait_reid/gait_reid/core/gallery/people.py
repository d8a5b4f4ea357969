"""Who is who in the database: aliases, persons, and what belongs to one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from gait_reid.core.gallery import schema
from gait_reid.core.gallery.errors import GalleryCorruptError
from gait_reid.core.gallery.records import GalleryPerson
from gait_reid.core.gallery.vault import Vault

_CHUNK = 500  # SQLite allows 999 values in one statement


def chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a sequence into pieces that fit one SQL statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


class Aliases:
    """The merges of a gallery: every alias points to the person that it was merged into then."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(sa.select(schema.alias.c.person_id, schema.alias.c.alias_of))
        self.alias_of: dict[str, str] = {row.person_id: row.alias_of for row in rows}

    def resolve(self, person_id: str) -> str:
        """Return the person that an id stands for today.

        Raises:
            GalleryCorruptError: The aliases go round in a circle.
        """
        for _ in range(len(self.alias_of) + 1):
            if person_id not in self.alias_of:
                return person_id
            person_id = self.alias_of[person_id]
        raise GalleryCorruptError(f"the aliases of person {person_id} go round in a circle")

    def group(self, person_id: str) -> list[str]:
        """Return every id of the person that this id stands for."""
        root = self.resolve(person_id)
        return [root, *(other for other in self.alias_of if self.resolve(other) == root)]


def person_rows(connection: Connection, person_ids: Iterable[str] | None = None) -> dict[str, Row]:
    """Return the rows of some persons, or of all."""
    if person_ids is None:
        return {row.person_id: row for row in connection.execute(sa.select(schema.person))}
    found: dict[str, Row] = {}
    for some in chunks(sorted(set(person_ids))):
        query = sa.select(schema.person).where(schema.person.c.person_id.in_(some))
        found.update((row.person_id, row) for row in connection.execute(query))
    return found


def existing_records(connection: Connection, record_ids: Iterable[str]) -> set[str]:
    """Return which of these records are stored."""
    column = schema.record.c.record_id
    found: set[str] = set()
    for some in chunks(list(record_ids)):
        found.update(connection.execute(sa.select(column).where(column.in_(some))).scalars())
    return found


def delete_persons(connection: Connection, person_ids: Sequence[str]) -> int:
    """Delete records, keys, names and aliases of persons; return the number of records."""
    count = 0
    for some in chunks(person_ids):
        records = schema.record.delete().where(schema.record.c.person_id.in_(some))
        count += connection.execute(records).rowcount
        connection.execute(schema.person.delete().where(schema.person.c.person_id.in_(some)))
        connection.execute(schema.alias.delete().where(schema.alias.c.person_id.in_(some)))
    return count


def delete_expired(connection: Connection, now_ns: int) -> int:
    """Delete records whose time is over and persons who have none left."""
    expired = schema.record.delete().where(schema.record.c.expires_ns <= now_ns)
    count = connection.execute(expired).rowcount
    if count:
        aliases = Aliases(connection)
        owners = connection.execute(sa.select(schema.record.c.person_id).distinct()).scalars()
        alive = {aliases.resolve(owner) for owner in owners}
        ids = {*person_rows(connection), *aliases.alias_of}
        delete_persons(connection, [one for one in ids if aliases.resolve(one) not in alive])
    return count


def open_names(vault: Vault, rows: Mapping[str, Row]) -> dict[str, str]:
    """Return the display names of these persons."""
    names = {}
    for person_id, row in rows.items():
        key = vault.data_key(person_id, row.wrapped_key, row.master_key_id)
        names[person_id] = vault.open_name(key, person_id, row.name)
    return names


def list_persons(connection: Connection, vault: Vault) -> tuple[GalleryPerson, ...]:
    """Return all persons in order of their first enrolment; no template is decrypted."""
    aliases = Aliases(connection)
    table = schema.record.c
    columns = (table.person_id, table.model_id, table.created_ns, table.expires_ns, table.consent)
    records: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(sa.select(*columns)):
        records[aliases.resolve(row.person_id)].append(row)
    merged: dict[str, list[str]] = defaultdict(list)
    for other in aliases.alias_of:
        merged[aliases.resolve(other)].append(other)
    names = open_names(vault, person_rows(connection, records))
    people = [
        _person(root, names.get(root, ""), rows, merged[root]) for root, rows in records.items()
    ]
    return tuple(sorted(people, key=lambda one: (one.created_ns, one.person_id)))


def _person(
    person_id: str, name: str, rows: Sequence[Row], aliases: Sequence[str]
) -> GalleryPerson:
    expiries = [row.expires_ns for row in rows]
    return GalleryPerson(
        person_id=person_id,
        display_name=name,
        num_records=len(rows),
        model_ids=tuple(sorted({row.model_id for row in rows})),
        aliases=tuple(sorted(aliases)),
        consent=all(row.consent for row in rows),
        created_ns=min(row.created_ns for row in rows),
        expires_ns=None if None in expiries else max(expiries),
    )
