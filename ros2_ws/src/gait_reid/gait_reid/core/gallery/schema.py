"""Tables of the gallery and their version.

What is readable without the master key: ids, model ids, times, the consent flag and who is an alias
of whom. Names, sources and templates are inside ``gallery_person.name`` and
``gallery_record.payload``, which are encrypted unless the gallery was made without protection.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import sqlalchemy as sa

from gait_reid.core.gallery.errors import SchemaVersionError

SCHEMA_VERSION = 1

metadata = sa.MetaData()

meta = sa.Table(
    "gallery_meta",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("gallery_id", sa.String(32), nullable=False),
    sa.Column("gallery_version", sa.BigInteger, nullable=False),
    sa.Column("protection", sa.String(16), nullable=False),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("scrub_pending", sa.Integer, nullable=False),
)

person = sa.Table(
    "gallery_person",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("master_key_id", sa.String(16), nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),
)

alias = sa.Table(
    "gallery_alias",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("alias_of", sa.Text, nullable=False),
)

record = sa.Table(
    "gallery_record",
    metadata,
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column(
        "person_id", sa.Text, sa.ForeignKey("gallery_person.person_id"), nullable=False, index=True
    ),
    sa.Column("model_id", sa.Text, nullable=False, index=True),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger, nullable=True, index=True),
    sa.Column("consent", sa.Boolean, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

Migration = Callable[[sa.engine.Connection], None]

# From version n to n + 1. Runs inside one transaction: a failing step leaves the old version.
MIGRATIONS: dict[int, Migration] = {}


def create(connection: sa.engine.Connection, protection: str) -> None:
    """Make the tables where they are missing and write the first meta row."""
    metadata.create_all(connection)
    if connection.execute(sa.select(meta.c.id)).first() is None:
        connection.execute(
            meta.insert().values(
                id=1,
                schema_version=SCHEMA_VERSION,
                gallery_id=uuid.uuid4().hex,
                gallery_version=0,
                protection=protection,
                master_key_id="",
                scrub_pending=0,
            )
        )


def migrate(
    connection: sa.engine.Connection,
    where: str,
    current: int = SCHEMA_VERSION,
    migrations: dict[int, Migration] = MIGRATIONS,
) -> None:
    """Bring the tables to the version of this software.

    Raises:
        SchemaVersionError: The database is newer, or no way leads from its version to this one.
    """
    found = connection.execute(sa.select(meta.c.schema_version)).scalar_one()
    if found > current:
        raise SchemaVersionError(
            f"{where} has gallery schema version {found}, this software knows {current}; "
            "update the software, or export there and import here"
        )
    for version in range(found, current):
        if version not in migrations:
            raise SchemaVersionError(
                f"{where} has gallery schema version {found}, which this software (version "
                f"{current}) cannot upgrade; export with the older software and import here"
            )
        migrations[version](connection)
    if found != current:
        connection.execute(meta.update().values(schema_version=current))
