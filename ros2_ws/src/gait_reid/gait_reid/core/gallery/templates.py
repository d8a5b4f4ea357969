"""Templates inside PostgreSQL, where pgvector can search them.

Encrypted bytes cannot be compared, so a searchable template is a second, weaker copy. Under the
protection ``rotated`` each part is multiplied by a secret random orthogonal matrix, made from the
master key, that keeps all distances (a cancelable biometric in the words of ISO/IEC 24745): another
gallery or another key gives unlinkable vectors, and rotating the key renews them. It is no
encryption: distances stay visible, and whoever holds ``dim`` walks together with their stored
vectors can solve for the matrix.

pgvector compares whole vectors; the gallery's distance is the mean over parts of Euclidean
distances, which is computed from ``subvector``. A shortlist by whole vectors is approximate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy.engine import Connection

from gait_reid.core.gallery.errors import GalleryError
from gait_reid.core.gallery.vault import PLAIN, ROTATED, Vault
from gait_reid.core.types import Embedding, Float32, GalleryRecord

_MAX_INDEXED_DIM = 2000  # pgvector's limit for HNSW over 32-bit vectors
_MAX_EF_SEARCH = 1000
_CREATE = """
CREATE TABLE IF NOT EXISTS gallery_template (
    record_id text PRIMARY KEY REFERENCES gallery_record ON DELETE CASCADE,
    model_id text NOT NULL, parts integer NOT NULL, dim integer NOT NULL, template vector NOT NULL)
"""
_INSERT = """
INSERT INTO gallery_template
VALUES (:record_id, :model_id, :parts, :dim, CAST(:template AS vector))
"""
_WHOLE = "CAST(template AS vector({size}))"


@lru_cache(maxsize=8)
def rotation(master_key: bytes, model_id: str, parts: int, dim: int) -> Float32:
    """Return (parts, dim, dim) float32 orthogonal matrices, the same for the same arguments.

    Gaussian numbers by Box and Muller's method from an AES-256-CTR key stream, then a QR
    decomposition with positive diagonal, which makes them uniform (Mezzadri, Notices of the AMS 54,
    2007). Numpy's own generators may change between releases.
    """
    seed = hashlib.sha256(b"gait_reid rotation\0" + master_key + model_id.encode("utf-8")).digest()
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    count = parts * dim * dim
    raw = np.frombuffer(stream.update(bytes(16 * count)), "<u8").reshape(2, count)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    normal = np.sqrt(-2.0 * np.log(uniform[0])) * np.cos(2.0 * np.pi * uniform[1])
    matrices = []
    for block in normal.reshape(parts, dim, dim):
        q, r = np.linalg.qr(block)
        matrices.append(q * np.sign(np.diag(r)))
    return np.stack(matrices).astype(np.float32)


class TemplateIndex:
    """Searchable templates of one gallery; does nothing where they are not asked for."""

    def __init__(self, where: str, is_postgresql: bool, protection: str, vault: Vault) -> None:
        if protection == ROTATED and not is_postgresql:
            raise GalleryError(
                f"{where} cannot have protection 'rotated', which is for searching inside "
                "PostgreSQL; use 'encrypted'"
            )
        self._where = where
        self._vault = vault
        self._rotated = protection == ROTATED
        self.active = is_postgresql and protection in (ROTATED, PLAIN)

    def create(self, connection: Connection) -> None:
        """Make the table, and pgvector's type where it is missing."""
        if self.active:
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS vector"))
            connection.execute(sa.text(_CREATE))

    def add(
        self,
        connection: Connection,
        records: Sequence[GalleryRecord],
        master_key: bytes | None = None,
    ) -> None:
        """Store the templates of records; deleting a record deletes its template."""
        rows = [
            {
                "record_id": one.record_id,
                "model_id": one.embedding.model_id,
                "parts": one.embedding.values.shape[0],
                "dim": one.embedding.values.shape[1],
                "template": _text(self._protect(one.embedding, master_key)),
            }
            for one in records
        ]
        if rows and self.active:
            connection.execute(sa.text(_INSERT), rows)

    def renew(
        self, connection: Connection, records: Sequence[GalleryRecord], master_key: bytes
    ) -> None:
        """Replace all templates by those under a new master key."""
        if self.active:
            connection.execute(sa.text("DELETE FROM gallery_template"))
            self.add(connection, records, master_key)

    def build_index(self, connection: Connection, model_id: str) -> None:
        """Make an HNSW index over the whole vectors of one model, for shortlists.

        Raises:
            GalleryError: No such templates, or longer vectors than pgvector can index.
        """
        self.require()
        sizes = connection.execute(
            sa.text("SELECT DISTINCT parts * dim FROM gallery_template WHERE model_id = :model_id"),
            {"model_id": model_id},
        ).scalars()
        size = next(iter(sizes.all()), 0)
        if not 0 < size <= _MAX_INDEXED_DIM:
            raise GalleryError(
                f"templates of model {model_id} in {self._where} have {size} numbers, pgvector "
                f"indexes 1 to {_MAX_INDEXED_DIM}; search without an index"
            )
        name = "gallery_template_" + hashlib.sha256(model_id.encode("utf-8")).hexdigest()[:16]
        literal = model_id.replace("'", "''").replace(":", r"\:")
        connection.execute(
            sa.text(
                f"CREATE INDEX IF NOT EXISTS {name} ON gallery_template USING hnsw "
                f"(({_WHOLE.format(size=size)}) vector_l2_ops) WHERE model_id = '{literal}'"
            )
        )

    def distances(
        self, connection: Connection, embedding: Embedding, limit: int, shortlist: int
    ) -> list[tuple[str, float]]:
        """Return (stored person id, distance) of the nearest persons, nearest first.

        Args:
            connection: Transaction.
            embedding: What to look for.
            limit: Number of persons.
            shortlist: Records to take by whole-vector distance first, at most 1000; 0 for all,
                which is exact.
        """
        self.require()
        parts, dim = embedding.values.shape
        values = self._protect(embedding, None)
        bound = {"model_id": embedding.model_id, "parts": parts, "dim": dim, "limit": limit}
        source = "gallery_template"
        if shortlist:
            effort = min(max(shortlist, 40), _MAX_EF_SEARCH)
            connection.execute(sa.text(f"SET LOCAL hnsw.ef_search = {effort}"))
            source = _shortlist(parts * dim)
            bound |= {"shortlist": shortlist, "whole": _text(values)}
        query = _distance_query(source, parts, dim)
        bound |= {f"q{part}": _text(values[part]) for part in range(parts)}
        rows = connection.execute(sa.text(query), bound)
        return [(row.person_id, float(row.distance)) for row in rows]

    def require(self) -> None:
        """Raise when this gallery has no searchable templates."""
        if not self.active:
            raise GalleryError(
                f"{self._where} holds no searchable templates; that takes PostgreSQL with pgvector "
                "and protection 'rotated' or 'plain'; use GallerySearch over its records"
            )

    def _protect(self, embedding: Embedding, master_key: bytes | None) -> Float32:
        if not self._rotated:
            return embedding.values
        parts, dim = embedding.values.shape
        key = self._vault.ring.keys[0] if master_key is None else master_key
        matrices = rotation(key, embedding.model_id, parts, dim)
        rotated: Float32 = np.einsum("pd,pde->pe", embedding.values, matrices).astype(np.float32)
        return rotated


def _text(values: Float32) -> str:
    return "[" + ",".join(map(repr, values.ravel().tolist())) + "]"


def _shortlist(size: int) -> str:
    whole = _WHOLE.format(size=size)
    return (
        "(SELECT * FROM gallery_template WHERE model_id = :model_id "
        f"ORDER BY {whole} <-> CAST(:whole AS vector({size})) LIMIT :shortlist)"
    )


def _distance_query(source: str, parts: int, dim: int) -> str:
    terms = " + ".join(
        f"(subvector(template, {part * dim + 1}, {dim}) <-> CAST(:q{part} AS vector))"
        for part in range(parts)
    )
    return (
        f"SELECT person_id, min(({terms}) / {parts}) AS distance FROM {source} AS chosen "
        "JOIN gallery_record USING (record_id) "
        "WHERE chosen.model_id = :model_id AND parts = :parts AND dim = :dim "
        "GROUP BY person_id ORDER BY distance LIMIT :limit"
    )
