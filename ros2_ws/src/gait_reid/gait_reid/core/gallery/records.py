"""Gallery records as bytes.

Layout of one record, little endian, no padding::

    magic "GRRC" | version u8 | modality u8 | consent u8 | has_expiry u8
    parts u32 | dim u32 | num_frames u32
    window_start_ns i64 | window_end_ns i64 | created_ns i64 | expires_ns i64 (0 without expiry)
    five strings, each u32 length + UTF-8: record_id, person_id, display_name, model_id, source
    parts x dim float32, row major
    version 2: token_frames u32 | numbers u32 | token_frames x numbers float16, row major
    CRC-32 of everything before it, u32

The version byte comes right after the magic, so that any later layout can be told apart. A walk
without tokens is of version 1, which older software reads as well.

A walk of Mission takes 47 KiB at the size ``edge`` and 123 KiB at the size ``base``, of which all
but half a KiB is tokens (10 frames); a walk of EMGaitNet, without tokens, takes up to 16 KiB.
"""

from __future__ import annotations

import struct
import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gait_reid.core.gallery.errors import RecordFormatError
from gait_reid.core.types import Embedding, Float16, GalleryRecord, Modality

RECORD_MAGIC = b"GRRC"
RECORD_VERSION = 2
_WITHOUT_TOKENS = 1
_HEAD = struct.Struct("<4sBBBBIIIqqqq")
_LENGTH = struct.Struct("<I")
_TOKENS = struct.Struct("<II")
_ALL_MODALITIES = int(Modality.CAMERA | Modality.LIDAR | Modality.RADAR)


@dataclass(frozen=True)
class GalleryPerson:
    """One enrolled person, without templates.

    Attributes:
        person_id: Permanent id (REP-155).
        display_name: Name shown to people; may be empty.
        num_records: Enrolled walks.
        model_ids: Models that the records were made with, sorted.
        aliases: Person ids that were merged into this one, sorted.
        consent: Whether every record has the person's consent.
        created_ns: Time of the first enrolment, Unix nanoseconds.
        expires_ns: Time after which the last record is deleted, or None when one never is.
    """

    person_id: str
    display_name: str
    num_records: int
    model_ids: tuple[str, ...]
    aliases: tuple[str, ...]
    consent: bool
    created_ns: int
    expires_ns: int | None


def make_record(
    embedding: Embedding,
    *,
    person_id: str = "",
    display_name: str = "",
    consent: bool = False,
    retention_s: float = 0.0,
    source: str = "",
    now_ns: int | None = None,
) -> GalleryRecord:
    """Return a new record of one walk, with fresh random ids where none are given.

    Args:
        embedding: The walk.
        person_id: Person to add it to; empty makes a new person.
        display_name: Name shown to people; empty keeps the old one.
        consent: Whether the person agreed.
        retention_s: Time after which the record is deleted; 0 leaves that to the store.
        source: Where the walk came from.
        now_ns: Time of enrolment, Unix nanoseconds; None takes the clock.

    Raises:
        ValueError: ``retention_s`` is negative or not finite.
    """
    if not (np.isfinite(retention_s) and retention_s >= 0.0):
        raise ValueError(f"retention_s is {retention_s}, expected a number of seconds >= 0")
    created_ns = time.time_ns() if now_ns is None else now_ns
    expires_ns = created_ns + round(retention_s * 1e9) if retention_s else None
    return GalleryRecord(
        record_id=uuid.uuid4().hex,
        person_id=person_id or uuid.uuid4().hex,
        display_name=display_name,
        embedding=embedding,
        created_ns=created_ns,
        expires_ns=expires_ns,
        consent=consent,
        source=source,
    )


def make_records(
    walks: Sequence[Embedding], *, person_id: str = "", **fields: Any
) -> list[GalleryRecord]:
    """Return new records of walks of one person, one for each walk.

    Args:
        walks: Of one model or of several.
        person_id: Person to add them to; empty makes a new person.
        **fields: As for `make_record`.

    Raises:
        ValueError: As `make_record`.
    """
    person_id = person_id or uuid.uuid4().hex
    return [make_record(one, person_id=person_id, **fields) for one in walks]


def encode_record(record: GalleryRecord) -> bytes:
    """Return the bytes of a record (layout: see the module)."""
    embedding = record.embedding
    parts, dim = embedding.values.shape
    head = _HEAD.pack(
        RECORD_MAGIC,
        _WITHOUT_TOKENS if embedding.tokens is None else RECORD_VERSION,
        int(embedding.modality),
        int(record.consent),
        int(record.expires_ns is not None),
        parts,
        dim,
        embedding.num_frames,
        embedding.window_start_ns,
        embedding.window_end_ns,
        record.created_ns,
        0 if record.expires_ns is None else record.expires_ns,
    )
    texts = (
        record.record_id,
        record.person_id,
        record.display_name,
        embedding.model_id,
        record.source,
    )
    encoded = [text.encode("utf-8") for text in texts]
    body = b"".join(_LENGTH.pack(len(text)) + text for text in encoded)
    data = head + body + np.ascontiguousarray(embedding.values, "<f4").tobytes()
    if embedding.tokens is not None:
        data += _TOKENS.pack(*embedding.tokens.shape)
        data += np.ascontiguousarray(embedding.tokens, "<f2").tobytes()
    return data + _LENGTH.pack(zlib.crc32(data))


def decode_record(data: bytes) -> GalleryRecord:
    """Return the record that ``encode_record`` wrote.

    Raises:
        RecordFormatError: The bytes are not a record, are of another version, or are damaged.
    """
    if len(data) < _HEAD.size + _LENGTH.size or data[:4] != RECORD_MAGIC:
        raise RecordFormatError(
            f"{len(data)} bytes starting with {data[:4]!r} are not a gallery record; "
            f"expected the magic {RECORD_MAGIC!r}"
        )
    if data[4] not in (_WITHOUT_TOKENS, RECORD_VERSION):
        raise RecordFormatError(
            f"gallery record of format version {data[4]}, this software reads {_WITHOUT_TOKENS} to "
            f"{RECORD_VERSION}; use the version that wrote it"
        )
    if zlib.crc32(data[:-4]) != _LENGTH.unpack(data[-4:])[0]:
        raise RecordFormatError(f"gallery record of {len(data)} bytes is damaged: wrong CRC-32")
    head = _HEAD.unpack_from(data)
    texts, offset = _read_texts(data)
    parts, dim = head[5], head[6]
    end = offset + 4 * parts * dim
    rest = len(data) - _LENGTH.size - end
    if rest < 0 or (data[4] == _WITHOUT_TOKENS and rest):
        raise RecordFormatError(
            f"gallery record announces {parts} x {dim} values but holds "
            f"{len(data) - _LENGTH.size - offset} bytes of them"
        )
    values = np.frombuffer(data, "<f4", parts * dim, offset).astype(np.float32)
    tokens = None if data[4] == _WITHOUT_TOKENS else _read_tokens(data, end)
    try:
        return _build(head, texts, values.reshape(parts, dim), tokens)
    except ValueError as error:
        raise RecordFormatError(f"gallery record holds an impossible value: {error}") from error


def _read_texts(data: bytes) -> tuple[list[str], int]:
    """Return the five strings and the offset behind them."""
    texts, offset, end = [], _HEAD.size, len(data) - _LENGTH.size
    for _ in range(5):
        if offset + _LENGTH.size > end:
            raise RecordFormatError("gallery record ends inside a string length")
        (length,) = _LENGTH.unpack_from(data, offset)
        offset += _LENGTH.size
        if length > end - offset:
            raise RecordFormatError(f"gallery record announces a string of {length} bytes")
        try:
            texts.append(data[offset : offset + length].decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RecordFormatError(f"gallery record holds a broken string: {error}") from error
        offset += length
    return texts, offset


def _read_tokens(data: bytes, offset: int) -> Float16:
    """Return the tokens at an offset, which are the last thing before the check sum."""
    size = len(data) - _LENGTH.size - offset - _TOKENS.size
    frames, numbers = _TOKENS.unpack_from(data, offset) if size >= 0 else (0, 0)
    if size != 2 * frames * numbers:
        raise RecordFormatError(
            f"gallery record announces {frames} x {numbers} tokens but holds {size} bytes of them"
        )
    content = np.frombuffer(data, "<f2", frames * numbers, offset + _TOKENS.size)
    return content.astype(np.float16).reshape(frames, numbers)


def _build(
    head: tuple, texts: list[str], values: np.ndarray, tokens: Float16 | None
) -> GalleryRecord:
    _, _, modality, consent, has_expiry, _, _, num_frames, start, end, created, expires = head
    if modality & ~_ALL_MODALITIES or consent > 1 or has_expiry > 1:
        raise ValueError(f"modality {modality}, consent {consent}, has_expiry {has_expiry}")
    record_id, person_id, display_name, model_id, source = texts
    embedding = Embedding(values, model_id, Modality(modality), start, end, num_frames, tokens)
    return GalleryRecord(
        record_id,
        person_id,
        display_name,
        embedding,
        created,
        expires if has_expiry else None,
        bool(consent),
        source,
    )
