"""Moving records between galleries through export files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from gait_reid.core.gallery import people, schema
from gait_reid.core.gallery.errors import UnknownPersonError
from gait_reid.core.gallery.export import ImportResult, write_export
from gait_reid.core.gallery.insert import StoreConfig, insert_records
from gait_reid.core.gallery.records import GalleryPerson
from gait_reid.core.gallery.vault import Vault
from gait_reid.core.types import GalleryRecord

_BATCH = 1000

Incoming = tuple[dict[str, Any], Iterator[GalleryRecord]]


class Exportable(Protocol):
    """What an export needs of a store."""

    @property
    def where(self) -> str:
        """The gallery in words."""

    def resolve(self, person_id: str) -> str:
        """Return today's id."""

    def persons(self) -> tuple[GalleryPerson, ...]:
        """Return who is enrolled."""

    def snapshot(self) -> tuple[int, list[GalleryRecord]]:
        """Return version and records of one moment."""


def export_gallery(
    store: Exportable, path: Path, key: str | bytes, person_ids: Collection[str]
) -> int:
    """Write the records of some persons, or all, and return their number."""
    version, records = store.snapshot()
    wanted = {store.resolve(one): one for one in person_ids}
    missing = sorted(set(wanted) - {one.person_id for one in records})
    if missing:
        raise UnknownPersonError(f"person {wanted[missing[0]]} is not enrolled in {store.where}")
    if wanted:
        records = [one for one in records if one.person_id in wanted]
    exported = {one.person_id for one in records}
    about = {
        "gallery_version": version,
        "exported_ns": time.time_ns(),
        "aliases": {
            other: one.person_id
            for one in store.persons()
            if one.person_id in exported
            for other in one.aliases
        },
    }
    return write_export(path, key, about, records)


def import_records(
    connection: Connection,
    vault: Vault,
    config: StoreConfig,
    incoming: Incoming,
    model_id: str | Collection[str] | None,
    now_ns: int,
) -> tuple[ImportResult, list[GalleryRecord]]:
    """Store what fits, inside a transaction; the result counts the rest by reason.

    Names and merges that this gallery has already win over those of the file.
    """
    about, records = incoming
    refused: Counter[str] = Counter()
    stored: list[GalleryRecord] = []
    while batch := list(islice(records, _BATCH)):
        fitting = _fitting(connection, config, batch, model_id, now_ns, refused)
        stored += insert_records(connection, vault, config, fitting, rename=False)
    num_aliases = _import_aliases(connection, about.get("aliases", {}), refused)
    return ImportResult(len(stored), dict(refused), num_aliases), stored


def _fitting(
    connection: Connection,
    config: StoreConfig,
    batch: Sequence[GalleryRecord],
    model_id: str | Collection[str] | None,
    now_ns: int,
    refused: Counter[str],
) -> list[GalleryRecord]:
    present = people.existing_records(connection, [one.record_id for one in batch])
    fitting = []
    for one in batch:
        reason = _refusal(one, config, model_id, now_ns)
        if not reason and one.record_id in present:
            reason = "already_present"
        if reason:
            refused[reason] += 1
        else:
            present.add(one.record_id)
            fitting.append(one)
    return fitting


def _refusal(
    record: GalleryRecord, config: StoreConfig, model_id: str | Collection[str] | None, now_ns: int
) -> str:
    wanted = (model_id,) if isinstance(model_id, str) else model_id
    if wanted is not None and record.embedding.model_id not in wanted:
        return "other_model"
    if record.expires_ns is not None and record.expires_ns <= now_ns:
        return "expired"
    return "no_consent" if config.require_consent and not record.consent else ""


def _import_aliases(
    connection: Connection, merges: Mapping[str, str], refused: Counter[str]
) -> int:
    """Add merges whose persons are here; a merged id that is a person of its own here stays one."""
    aliases = people.Aliases(connection)
    enrolled = people.person_rows(connection, _ids(merges, aliases))
    before = len(aliases.alias_of)
    for merged, keep in sorted(merges.items()):
        root = aliases.resolve(keep)
        if root not in enrolled or aliases.resolve(merged) == root:
            continue
        if merged in enrolled or merged in aliases.alias_of:
            refused["alias_conflict"] += 1
            continue
        connection.execute(schema.alias.insert().values(person_id=merged, alias_of=root))
        aliases.alias_of[merged] = root
    return len(aliases.alias_of) - before


def _ids(merges: Mapping[str, str], aliases: people.Aliases) -> Iterable[str]:
    for merged, keep in merges.items():
        yield merged
        yield aliases.resolve(keep)
