"""Keys and authenticated encryption of the gallery.

Envelope scheme: every person has a random 256-bit data key, which alone decrypts that person's
name and templates. Data keys are stored wrapped by the master key, which is never in the database.
Deleting a wrapped key makes what it encrypted unreadable; changing the master key (rotation) makes
every older copy of the database unreadable, backups included.

The cipher is AES-256-GCM with random 96-bit nonces (NIST SP 800-38D); a sealed message is
``nonce (12) | ciphertext | tag (16)``. What a message belongs to is bound as associated data.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gait_reid.core.gallery.errors import GalleryCorruptError, GalleryKeyError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_VARIABLE = "GAIT_REID_GALLERY_KEY"
_FILE_HEADER = "gait_reid master keys, version 1; the first is in use"


def seal(key: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """Encrypt and authenticate; ``bound_to`` must be given again to ``unseal``."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes, what: str) -> bytes:
    """Decrypt what ``seal`` made.

    Raises:
        GalleryCorruptError: Wrong key, damaged or exchanged bytes; names ``what``.
    """
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise GalleryCorruptError(f"{what} has {len(sealed)} bytes, too few to be encrypted data")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise GalleryCorruptError(
            f"{what} cannot be decrypted: it is damaged, was moved, or belongs to another key"
        ) from None


def new_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(KEY_BYTES)


def key_id(key: bytes) -> str:
    """Return a public name of a key: 16 hexadecimal digits that do not reveal it."""
    return hashlib.sha256(b"gait_reid master key id\0" + key).hexdigest()[:16]


def parse_key(text: str, origin: str) -> bytes:
    """Return the 32 bytes written as 64 hexadecimal digits or as base64.

    Raises:
        GalleryKeyError: Anything else; the message does not repeat the text.
    """
    text = text.strip()
    for decode in (bytes.fromhex, lambda value: base64.b64decode(value, validate=True)):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    raise GalleryKeyError(
        f"{origin} holds {len(text)} characters that are not a 256-bit key; expected 64 "
        "hexadecimal digits or 44 characters of base64, for example from: openssl rand -hex 32"
    )


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Master keys; the first wraps, the others only unwrap what an unfinished rotation left."""

    keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            sizes = [len(key) for key in self.keys]
            raise GalleryKeyError(f"master keys have {sizes} bytes, expected {KEY_BYTES} each")

    @property
    def active_id(self) -> str:
        """Public name of the key in use."""
        return key_id(self.keys[0])

    def __contains__(self, name: object) -> bool:
        return any(key_id(key) == name for key in self.keys)

    def wrap(self, data_key: bytes, person_id: str) -> bytes:
        """Encrypt a data key with the master key in use."""
        return seal(self.keys[0], data_key, _wrapped_for(person_id))

    def unwrap(self, wrapped: bytes, person_id: str, master_key_id: str) -> bytes:
        """Decrypt a data key.

        Raises:
            GalleryKeyError: The master key of this name is not on the ring.
            GalleryCorruptError: The wrapped key is damaged.
        """
        for key in self.keys:
            if key_id(key) == master_key_id:
                return unseal(key, wrapped, _wrapped_for(person_id), f"key of person {person_id}")
        raise GalleryKeyError(
            f"the key of person {person_id} is wrapped by master key {master_key_id}, but only "
            f"{', '.join(map(key_id, self.keys))} is at hand; provide the old key"
        )


def _wrapped_for(person_id: str) -> bytes:
    return b"gait_reid data key\0" + person_id.encode("utf-8")


class KeySource(Protocol):
    """Where master keys come from."""

    def load(self, create: bool) -> KeyRing:
        """Return the keys; ``create`` allows to make them when there are none yet."""

    def store(self, ring: KeyRing) -> None:
        """Keep these keys instead of the present ones."""


@dataclass(frozen=True, repr=False)
class GivenKey:
    """A master key that the caller keeps."""

    key: bytes

    def load(self, create: bool) -> KeyRing:
        """Return the key."""
        return KeyRing((self.key,))

    def store(self, ring: KeyRing) -> None:
        """Refuse: the caller keeps the key."""
        raise GalleryKeyError("a key given as bytes cannot be replaced here; use a key file")


@dataclass(frozen=True)
class EnvironmentKey:
    """A master key in an environment variable, 64 hexadecimal digits or base64."""

    variable: str = KEY_VARIABLE

    def load(self, create: bool) -> KeyRing:
        """Return the key.

        Raises:
            GalleryKeyError: The variable is not set or not a key.
        """
        text = os.environ.get(self.variable, "")
        if not text:
            raise GalleryKeyError(
                f"environment variable {self.variable} is not set; set it to the master key, "
                "or use a key file"
            )
        return KeyRing((parse_key(text, f"environment variable {self.variable}"),))

    def store(self, ring: KeyRing) -> None:
        """Refuse: the environment cannot be written from here."""
        raise GalleryKeyError(
            f"the key in {self.variable} cannot be replaced from here; use a key file"
        )


@dataclass(frozen=True)
class KeyFile:
    """Master keys in a file that only its owner may read (mode 0600), made on first use."""

    path: Path

    def load(self, create: bool) -> KeyRing:
        """Return the keys of the file.

        Raises:
            GalleryKeyError: The file is missing, readable by others, or malformed.
        """
        if not self.path.exists():
            if not create:
                raise GalleryKeyError(
                    f"key file {self.path} is missing, but the gallery is encrypted with its key; "
                    "restore the file (without it the gallery cannot be read by anybody)"
                )
            self._write(KeyRing((new_key(),)), replace=False)
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
            lines = self.path.read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise GalleryKeyError(f"key file {self.path} cannot be read: {error}") from error
        if mode & 0o077:
            raise GalleryKeyError(
                f"key file {self.path} has mode {mode:04o}, others could read it; "
                f"chmod 600 {self.path}, and rotate the key if others had access"
            )
        if len(lines) < 2 or lines[0] != _FILE_HEADER:
            raise GalleryKeyError(f"{self.path} is not a key file of this software")
        return KeyRing(tuple(parse_key(line, f"key file {self.path}") for line in lines[1:]))

    def store(self, ring: KeyRing) -> None:
        """Replace the file; the old content is overwritten before it is unlinked."""
        self._write(ring, replace=True)

    def _write(self, ring: KeyRing, replace: bool) -> None:
        lines = [_FILE_HEADER, *(key.hex() for key in ring.keys)]
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = _write_private(self.path, ("\n".join(lines) + "\n").encode("ascii"))
            if replace:
                old = os.open(self.path, os.O_WRONLY) if self.path.exists() else None
                os.replace(fresh, self.path)
                if old is not None:
                    _overwrite(old)
            else:
                _link_first(fresh, self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            raise GalleryKeyError(f"key file {self.path} cannot be written: {error}") from error


def _write_private(path: Path, content: bytes) -> Path:
    """Write a durable file of mode 0600 beside ``path`` and return its name."""
    descriptor, name = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _link_first(fresh: Path, path: Path) -> None:
    """Give ``fresh`` its final name unless another process was first, whose file then stands."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _overwrite(descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make a rename in this directory survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def key_source(key_file: str | Path = "", environment: Mapping[str, str] = os.environ) -> KeySource:
    """Return the key file when one is named, else the environment variable when set.

    Raises:
        GalleryKeyError: Neither is there.
    """
    if str(key_file):
        return KeyFile(Path(key_file).expanduser())
    if environment.get(KEY_VARIABLE):
        return EnvironmentKey()
    raise GalleryKeyError(
        f"no master key: name a key file (it is made on first use) or set {KEY_VARIABLE}"
    )
