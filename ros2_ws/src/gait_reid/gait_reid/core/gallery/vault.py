"""Turns records and names into stored bytes and back, encrypted per person or not."""

from __future__ import annotations

from dataclasses import replace

from gait_reid.core.gallery.crypto import KeyRing, KeySource, key_id, new_key, seal, unseal
from gait_reid.core.gallery.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryKeyError,
    RecordFormatError,
)
from gait_reid.core.gallery.records import decode_record, encode_record
from gait_reid.core.types import GalleryRecord

ENCRYPTED = "encrypted"
ROTATED = "rotated"
PLAIN = "plain"
PROTECTIONS = (ENCRYPTED, ROTATED, PLAIN)


class Vault:
    """Holds the master keys of one open gallery.

    Args:
        where: The gallery in words, for messages.
        protection: One of ``PROTECTIONS``; ``plain`` keeps no keys.
        source: Where the master key comes from.
    """

    def __init__(self, where: str, protection: str, source: KeySource | None) -> None:
        self._where = where
        self._source = source
        self._ring: KeyRing | None = None
        self.protected = protection != PLAIN

    @property
    def ring(self) -> KeyRing:
        """The master keys.

        Raises:
            GalleryKeyError: The gallery is not encrypted.
        """
        if self._ring is None:
            raise GalleryKeyError(f"{self._where} is not encrypted, it has no master key")
        return self._ring

    @property
    def source(self) -> KeySource:
        """Where the master keys come from."""
        if self._source is None:
            raise GalleryKeyError(f"{self._where} is encrypted; give its master key")
        return self._source

    def follow(self, master_key_id: str) -> str:
        """Make the key that the database names the one in use; load keys where needed.

        Args:
            master_key_id: Name of the key in the database, empty for a new gallery.

        Returns:
            Name of the key in use, empty without protection.

        Raises:
            GalleryKeyError: That key is not to be had.
        """
        if not self.protected:
            return ""
        if self._ring is None or self._ring.active_id != master_key_id:
            ring = self.source.load(create=not master_key_id)
            if master_key_id and master_key_id not in ring:
                raise GalleryKeyError(
                    f"{self._where} is encrypted with master key {master_key_id}, the given one is "
                    f"{ring.active_id}; give the right key or name the right gallery"
                )
            first = [key for key in ring.keys if key_id(key) == (master_key_id or ring.active_id)]
            self._ring = KeyRing((*first, *(key for key in ring.keys if key not in first)))
        return self.ring.active_id

    def next_ring(self, target: KeySource | None) -> KeyRing:
        """Return a ring with a new key in use and the present ones behind it.

        Args:
            target: Where the new key comes from; None makes one and writes it where the present
                one is, beside it, so that a crash at any moment loses neither.

        Raises:
            GalleryKeyError: The new key is the present one, or cannot be kept.
        """
        if target is None:
            ring = KeyRing((new_key(), *self.ring.keys))
            self.source.store(ring)
            return ring
        fresh = target.load(create=True)
        if fresh.active_id in self.ring:
            raise GalleryKeyError(f"the new master key of {self._where} is the present one")
        return KeyRing((fresh.keys[0], *self.ring.keys))

    def adopt(self, ring: KeyRing, target: KeySource | None) -> None:
        """Use a ring of ``next_ring``, once the database does."""
        self._ring = ring
        self._source = target or self._source

    def settle(self) -> None:
        """Keep the key in use and drop all others, on the ring and where they come from."""
        only = KeyRing(self.ring.keys[:1])
        if len(self.source.load(create=False).keys) > 1:
            self.source.store(only)
        self._ring = only

    def new_person(self, person_id: str) -> tuple[bytes, bytes, str]:
        """Return a fresh data key, the same wrapped, and the name of the wrapping key."""
        if not self.protected:
            return b"", b"", ""
        data_key = new_key()
        return data_key, self.ring.wrap(data_key, person_id), self.ring.active_id

    def data_key(self, person_id: str, wrapped: bytes, master_key_id: str) -> bytes:
        """Return the data key of a person."""
        return self.ring.unwrap(wrapped, person_id, master_key_id) if self.protected else b""

    def close_name(self, data_key: bytes, person_id: str, name: str) -> bytes:
        """Return a display name as it is stored."""
        text = name.encode("utf-8")
        return seal(data_key, text, _name_of(person_id)) if self.protected else text

    def open_name(self, data_key: bytes, person_id: str, stored: bytes) -> str:
        """Return a stored display name."""
        what = f"name of person {person_id} in {self._where}"
        text = unseal(data_key, stored, _name_of(person_id), what) if self.protected else stored
        return text.decode("utf-8")

    def close_record(self, data_key: bytes, record: GalleryRecord) -> bytes:
        """Return a record as it is stored; its display name is kept with the person."""
        data = encode_record(replace(record, display_name=""))
        return seal(data_key, data, _record_of(record.record_id)) if self.protected else data

    def open_record(self, data_key: bytes, record_id: str, stored: bytes) -> GalleryRecord:
        """Return a stored record.

        Raises:
            GalleryCorruptError: Damaged, tampered with, or moved from another row.
        """
        what = f"record {record_id} in {self._where}"
        bound_to = _record_of(record_id)
        data = unseal(data_key, stored, bound_to, what) if self.protected else stored
        try:
            return decode_record(data)
        except RecordFormatError as error:
            raise GalleryCorruptError(f"{what} is damaged: {error}") from error


def check_protection(where: str, found: str, wanted: str) -> None:
    """Raise when a gallery was made with another protection than is asked for."""
    if found != wanted:
        raise GalleryError(
            f"{where} was made with template protection {found!r}, asked for is {wanted!r}; "
            "set protection to what it is, or export it and import it into a new gallery"
        )


def _name_of(person_id: str) -> bytes:
    return b"gait_reid name\0" + person_id.encode("utf-8")


def _record_of(record_id: str) -> bytes:
    return b"gait_reid record\0" + record_id.encode("utf-8")
