"""Encrypted export files.

A file is a header followed by frames. Every frame is ``length u32 | AES-256-GCM ciphertext``; the
nonce is the frame's number with a mark on the last one, so frames cannot be exchanged, repeated or
cut off unseen (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizar, CRYPTO 2015). The
header is bound to every frame::

    magic "GRXP" | version u8 | derivation u8 | log2 N u8 | r u8 | p u8 | salt (16)

The file key is made for this file alone: from a passphrase by scrypt (RFC 7914), or from a 32-byte
key by HKDF-SHA256 (RFC 5869). The first byte of a frame is its kind: ``H`` what the gallery knows
about persons (JSON), ``R`` a record (see ``records``), ``E`` the end (JSON with the count).
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gait_reid.core.gallery.crypto import KEY_BYTES, sync_directory
from gait_reid.core.gallery.errors import GalleryCorruptError, GalleryError, GalleryKeyError
from gait_reid.core.gallery.records import decode_record, encode_record
from gait_reid.core.types import GalleryRecord

EXPORT_MAGIC = b"GRXP"
EXPORT_VERSION = 1
MIN_PASSPHRASE_CHARACTERS = 12
PASSPHRASE_VARIABLE = "GAIT_REID_EXPORT_PASSPHRASE"
_HEADER = struct.Struct("<4sBBBBB16s")
_LENGTH = struct.Struct("<I")
_MAX_FRAME_BYTES = 1 << 26
_FROM_KEY, _FROM_PASSPHRASE = 0, 1
_LOG2_N, _R, _P = 16, 8, 1  # 64 MB and about 0.2 s: affordable on an embedded board
_MAX_LOG2_N = 20  # a file from a stranger may not ask for more than 1 GB


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    Attributes:
        num_records: Records that were added.
        refused: Number of records that were not, by reason: ``other_model``, ``expired``,
            ``already_present``, ``no_consent``, ``alias_conflict`` (aliases, not records).
        num_aliases: Merged ids that were added.
        version: Version of the gallery afterwards.
    """

    num_records: int
    refused: dict[str, int] = field(default_factory=dict)
    num_aliases: int = 0
    version: int = 0

    @property
    def num_refused(self) -> int:
        """Sum over all reasons."""
        return sum(self.refused.values())


def write_export(
    path: Path, key: str | bytes, about: dict[str, Any], records: Iterable[GalleryRecord]
) -> int:
    """Write an export file (mode 0600) that appears whole or not at all.

    Args:
        path: File to make; must not exist.
        key: Passphrase (str) or 32-byte key (bytes).
        about: JSON-able knowledge about the gallery.
        records: What to export.

    Returns:
        Number of records.

    Raises:
        GalleryKeyError: Weak passphrase or key of wrong length.
        GalleryError: The file exists or cannot be written.
    """
    if path.exists():
        raise GalleryError(f"export file {path} exists already; choose another name or remove it")
    header, file_key = _new_header(key)
    try:
        with _appearing(path) as file:
            file.write(header)
            frames = _FrameWriter(file, file_key, header)
            frames.write(b"H" + json.dumps(about).encode("utf-8"))
            count = 0
            for record in records:
                frames.write(b"R" + encode_record(record))
                count += 1
            frames.write(b"E" + json.dumps({"num_records": count}).encode("utf-8"), last=True)
    except OSError as error:
        raise GalleryError(
            f"export file {path} cannot be written: {error.strerror}; nothing was left there"
        ) from error
    return count


def read_export(path: Path, key: str | bytes) -> tuple[dict[str, Any], Iterator[GalleryRecord]]:
    """Return what the file says about its gallery, and its records as they are read.

    The iterator raises at the first frame that is not authentic, or when the end is missing: use
    its records only after it is exhausted, or inside a transaction.

    Raises:
        GalleryKeyError: Wrong passphrase or key, or damage in the first frame.
        GalleryCorruptError: Not an export file, damaged or cut off.
        GalleryError: The file cannot be read.
    """
    frames = _read_frames(path, key)
    first = next(frames)
    if first[:1] != b"H":
        raise GalleryCorruptError(f"export file {path} does not start with its description")
    return json.loads(first[1:]), _records(path, frames)


def _records(path: Path, frames: Iterator[bytes]) -> Iterator[GalleryRecord]:
    count = 0
    for frame in frames:
        if frame[:1] == b"R":
            count += 1
            yield decode_record(frame[1:])
        elif frame[:1] != b"E" or json.loads(frame[1:])["num_records"] != count:
            raise GalleryCorruptError(f"export file {path} holds an unexpected frame; export again")


def _read_frames(path: Path, key: str | bytes) -> Iterator[bytes]:
    """Yield the decrypted frames; the last one must carry the mark of the end."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            cipher = AESGCM(_read_header(path, header, key))
            number, last = 0, False
            while not last:
                sealed = _read_frame(path, file)
                frame, last = _open_frame(path, cipher, number, sealed, header)
                yield frame
                number += 1
            if file.read(1):
                raise GalleryCorruptError(f"export file {path} has data behind its end")
    except OSError as error:
        raise GalleryError(f"export file {path} cannot be read: {error.strerror}") from error


def _read_frame(path: Path, file: BinaryIO) -> bytes:
    raw = file.read(_LENGTH.size)
    length = _LENGTH.unpack(raw)[0] if len(raw) == _LENGTH.size else 0
    sealed = file.read(length) if 0 < length <= _MAX_FRAME_BYTES else b""
    if not sealed or len(sealed) != length:
        raise GalleryCorruptError(f"export file {path} is cut off or damaged; copy it again")
    return sealed


def _open_frame(
    path: Path, cipher: AESGCM, number: int, sealed: bytes, header: bytes
) -> tuple[bytes, bool]:
    for last in (False, True):
        try:
            return cipher.decrypt(_nonce(number, last), sealed, header), last
        except (InvalidTag, ValueError):
            continue
    if number == 0:
        raise GalleryKeyError(f"wrong passphrase or key for export file {path}, or it is damaged")
    raise GalleryCorruptError(f"export file {path} is damaged at frame {number}; copy it again")


class _FrameWriter:
    """Encrypts and numbers frames."""

    def __init__(self, file: BinaryIO, file_key: bytes, header: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(file_key)
        self._header = header
        self._number = 0

    def write(self, frame: bytes, last: bool = False) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last), frame, self._header)
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _new_header(key: str | bytes) -> tuple[bytes, bytes]:
    """Return a fresh header and the file key that belongs to it."""
    salt = os.urandom(16)
    if isinstance(key, str):
        if len(key) < MIN_PASSPHRASE_CHARACTERS:
            raise GalleryKeyError(
                f"the passphrase has {len(key)} characters, expected at least "
                f"{MIN_PASSPHRASE_CHARACTERS}: an export is attacked offline"
            )
        kind, cost = _FROM_PASSPHRASE, (_LOG2_N, _R, _P)
    else:
        kind, cost = _FROM_KEY, (0, 0, 0)
    header = _HEADER.pack(EXPORT_MAGIC, EXPORT_VERSION, kind, *cost, salt)
    return header, _file_key(key, cost, salt)


def _read_header(path: Path, header: bytes, key: str | bytes) -> bytes:
    if len(header) < _HEADER.size or header[:4] != EXPORT_MAGIC:
        raise GalleryCorruptError(f"{path} is not a gallery export file")
    _, version, kind, log2_n, r, p, salt = _HEADER.unpack(header)
    if version != EXPORT_VERSION:
        raise GalleryError(
            f"export file {path} has format version {version}, this software reads "
            f"{EXPORT_VERSION}; use the version that wrote it"
        )
    wanted = "a passphrase" if kind == _FROM_PASSPHRASE else "a 32-byte key"
    if isinstance(key, str) != (kind == _FROM_PASSPHRASE):
        raise GalleryKeyError(f"export file {path} was encrypted with {wanted}; give that")
    if kind == _FROM_PASSPHRASE and not (1 <= log2_n <= _MAX_LOG2_N and r == _R and p == _P):
        raise GalleryCorruptError(
            f"export file {path} asks for scrypt N = 2^{log2_n}, r = {r}, p = {p}; expected at "
            f"most 2^{_MAX_LOG2_N}, {_R}, {_P}"
        )
    return _file_key(key, (log2_n, r, p), salt)


def _file_key(key: str | bytes, cost: tuple[int, int, int], salt: bytes) -> bytes:
    if isinstance(key, str):
        log2_n, r, p = cost
        derive = Scrypt(salt=salt, length=KEY_BYTES, n=1 << log2_n, r=r, p=p)
        return derive.derive(key.encode("utf-8"))
    if len(key) != KEY_BYTES:
        raise GalleryKeyError(f"the export key has {len(key)} bytes, expected {KEY_BYTES}")
    return HKDF(SHA256(), KEY_BYTES, salt, b"gait_reid export file").derive(key)


@contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a private file beside ``path`` that takes its name when all went well."""
    descriptor, name = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        sync_directory(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
