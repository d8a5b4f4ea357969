"""Writing records into the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from gait_reid.core.gallery import people, schema
from gait_reid.core.gallery.errors import ConsentError, DuplicateRecordError
from gait_reid.core.gallery.vault import ENCRYPTED, PROTECTIONS, Vault
from gait_reid.core.types import GalleryRecord
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class StoreConfig:
    """How a gallery keeps its records."""

    require_consent: bool = param(True, "Refuse records without the person's consent")
    default_retention_s: float = param(
        0.0, "Time after which a record without its own expiry is deleted, 0: never", "s", 0.0
    )
    busy_timeout_s: float = param(5.0, "Time to wait for another process's lock", "s", 0.0)
    protection: str = param(
        ENCRYPTED,
        "Protection of templates at rest: encrypted; rotated: encrypted, and searchable inside "
        "PostgreSQL under a secret rotation; plain: none",
        choices=PROTECTIONS,
        read_only=True,
    )

    def __post_init__(self) -> None:
        """Check the values."""
        validate(self)


def insert_records(
    connection: Connection,
    vault: Vault,
    config: StoreConfig,
    records: Sequence[GalleryRecord],
    rename: bool = True,
) -> list[GalleryRecord]:
    """Store records inside a transaction.

    Args:
        connection: Transaction that holds the write lock.
        vault: Encrypts.
        config: Consent and retention.
        records: What to store.
        rename: Whether a display name replaces the one that a person has already.

    Returns:
        The records as stored: under today's person ids and with their expiry.

    Raises:
        ConsentError: A record has no consent and the gallery requires it.
        DuplicateRecordError: A record id is stored already or comes twice.
    """
    _check(connection, config, records)
    aliases = people.Aliases(connection)
    stored = [
        replace(one, person_id=aliases.resolve(one.person_id), expires_ns=_expiry(one, config))
        for one in records
    ]
    keys = _data_keys(connection, vault, stored, rename)
    rows = [
        {
            "record_id": one.record_id,
            "person_id": one.person_id,
            "model_id": one.embedding.model_id,
            "created_ns": one.created_ns,
            "expires_ns": one.expires_ns,
            "consent": one.consent,
            "payload": vault.close_record(keys[one.person_id], one),
        }
        for one in stored
    ]
    if rows:
        connection.execute(schema.record.insert(), rows)
    return stored


def _check(connection: Connection, config: StoreConfig, records: Sequence[GalleryRecord]) -> None:
    for one in records:
        if config.require_consent and not one.consent:
            raise ConsentError(
                f"record {one.record_id} of person {one.person_id} has consent = false and this "
                "gallery requires it; ask the person, or set require_consent to false"
            )
    counted = Counter(one.record_id for one in records)
    twice = {name for name, count in counted.items() if count > 1}
    twice |= people.existing_records(connection, counted)
    if twice:
        raise DuplicateRecordError(
            f"record {sorted(twice)[0]} is stored already ({len(twice)} such); nothing was added: "
            "every record needs an id of its own"
        )


def _expiry(record: GalleryRecord, config: StoreConfig) -> int | None:
    if record.expires_ns is not None or not config.default_retention_s:
        return record.expires_ns
    return record.created_ns + round(config.default_retention_s * 1e9)


def _data_keys(
    connection: Connection, vault: Vault, records: Sequence[GalleryRecord], rename: bool
) -> dict[str, bytes]:
    """Return the data key of every person, making persons and setting names where needed."""
    rows = people.person_rows(connection, (one.person_id for one in records))
    keys = {
        one: vault.data_key(one, row.wrapped_key, row.master_key_id) for one, row in rows.items()
    }
    old_names = people.open_names(vault, rows)
    names = dict(old_names)
    fresh = {}
    for one in records:
        person_id = one.person_id
        if person_id not in keys:
            keys[person_id], wrapped, master = vault.new_person(person_id)
            fresh[person_id] = {"wrapped_key": wrapped, "master_key_id": master}
        if one.display_name and (rename or not names.get(person_id)):
            names[person_id] = one.display_name
    new = [
        {
            "person_id": person_id,
            "name": vault.close_name(keys[person_id], person_id, names.get(person_id, "")),
            **columns,
        }
        for person_id, columns in fresh.items()
    ]
    if new:
        connection.execute(schema.person.insert(), new)
    for person_id, old in old_names.items():
        if names[person_id] != old:
            set_name(connection, vault, person_id, keys[person_id], names[person_id])
    return keys


def set_name(
    connection: Connection, vault: Vault, person_id: str, data_key: bytes, name: str
) -> None:
    """Replace the stored display name of a person."""
    stored = vault.close_name(data_key, person_id, name)
    here = schema.person.c.person_id == person_id
    connection.execute(schema.person.update().where(here).values(name=stored))
