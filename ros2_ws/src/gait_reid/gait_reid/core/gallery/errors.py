"""Errors of the gallery; each message names the thing, the value and the fix."""

from __future__ import annotations


class GalleryError(Exception):
    """The gallery could not do what was asked; nothing was changed unless the subclass says so."""


class RecordFormatError(GalleryError):
    """Bytes that should hold a record do not."""


class GalleryKeyError(GalleryError):
    """A key or passphrase is missing, malformed, unsafe or does not fit."""


class ConsentError(GalleryError):
    """A record without consent was offered to a gallery that requires it."""


class DuplicateRecordError(GalleryError):
    """A record with this id is already stored."""


class UnknownPersonError(GalleryError):
    """No person of this id is enrolled."""


class GalleryBusyError(GalleryError):
    """Another process held the database for too long."""


class GalleryFullError(GalleryError):
    """No room is left on the disk; the change was rolled back."""


class GalleryReadOnlyError(GalleryError):
    """The database can be read but not written."""


class GalleryCorruptError(GalleryError):
    """Stored bytes are damaged or were tampered with."""


class SchemaVersionError(GalleryError):
    """The database was written by another version of this software."""


class ScrubPendingError(GalleryBusyError):
    """Records are deleted, but old pages may still hold their bytes.

    Attributes:
        num_records: Records that were deleted.
    """

    def __init__(self, message: str, num_records: int) -> None:
        super().__init__(message)
        self.num_records = num_records
