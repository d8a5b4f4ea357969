"""gait_reid_msgs/Gallery, GalleryRecord and Embedding <-> GalleryRecord and Embedding."""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gait_reid.core.types import Embedding, Float16, GalleryRecord, Modality
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from gait_reid_msgs.msg import Embedding as EmbeddingMessage
    from gait_reid_msgs.msg import Gallery
    from gait_reid_msgs.msg import GalleryRecord as GalleryRecordMessage


def embedding_to_message(embedding: Embedding) -> EmbeddingMessage:
    """Return the message of one embedding."""
    from gait_reid_msgs.msg import Embedding as EmbeddingMessage

    parts, dim = embedding.values.shape
    message = EmbeddingMessage(
        model_id=embedding.model_id,
        modality=int(embedding.modality),
        parts=parts,
        dim=dim,
        window_start=to_stamp(embedding.window_start_ns),
        window_end=to_stamp(embedding.window_end_ns),
        num_frames=embedding.num_frames,
    )
    values = array.array("f")
    values.frombytes(np.ascontiguousarray(embedding.values, np.float32).tobytes())
    message.values = values
    if embedding.tokens is not None:
        message.token_frames = len(embedding.tokens)
        tokens = array.array("B")
        tokens.frombytes(np.ascontiguousarray(embedding.tokens, "<f2").tobytes())
        message.tokens = tokens
    return message


def embedding_from_message(message: EmbeddingMessage) -> Embedding:
    """Return the embedding.

    Raises:
        ValueError: The number of values is not parts x dim, tokens do not fill their frames, or see
            `Embedding`.
    """
    values = np.array(message.values, np.float32)
    if len(values) != message.parts * message.dim or not len(values):
        raise ValueError(
            f"embedding of model '{message.model_id}' has {len(values)} values, expected "
            f"parts x dim = {message.parts} x {message.dim}"
        )
    return Embedding(
        values.reshape(message.parts, message.dim),
        message.model_id,
        Modality(message.modality),
        to_ns(message.window_start),
        to_ns(message.window_end),
        int(message.num_frames),
        _tokens(message),
    )


def _tokens(message: EmbeddingMessage) -> Float16 | None:
    size, frames = len(message.tokens), int(message.token_frames)
    if not size and not frames:
        return None
    if not frames or size % (2 * frames) or not size:
        raise ValueError(
            f"embedding of model '{message.model_id}' has {size} bytes of tokens for {frames} "
            "frames, expected as many 16-bit numbers for each"
        )
    content = np.frombuffer(message.tokens, "<f2").astype(np.float16)
    return content.reshape(frames, -1)


def record_to_message(record: GalleryRecord) -> GalleryRecordMessage:
    """Return the message of one record."""
    from gait_reid_msgs.msg import GalleryRecord as GalleryRecordMessage

    return GalleryRecordMessage(
        record_id=record.record_id,
        person_id=record.person_id,
        display_name=record.display_name,
        embedding=embedding_to_message(record.embedding),
        created=to_stamp(record.created_ns),
        has_expiry=record.expires_ns is not None,
        expires=to_stamp(record.expires_ns or 0),
        consent=record.consent,
        source=record.source,
    )


def record_from_message(message: GalleryRecordMessage) -> GalleryRecord:
    """Return the record.

    Raises:
        ValueError: See `embedding_from_message` and `GalleryRecord`.
    """
    return GalleryRecord(
        message.record_id,
        message.person_id,
        message.display_name,
        embedding_from_message(message.embedding),
        to_ns(message.created),
        to_ns(message.expires) if message.has_expiry else None,
        bool(message.consent),
        message.source,
    )


def to_message(records: Sequence[GalleryRecord], version: int, changed_ns: int) -> Gallery:
    """Return the whole gallery as a message."""
    from gait_reid_msgs.msg import Gallery

    message = Gallery(version=version)
    message.header.stamp = to_stamp(changed_ns)
    message.model_ids = sorted({record.embedding.model_id for record in records})
    message.records = [record_to_message(record) for record in records]
    return message


def from_message(message: Gallery) -> list[GalleryRecord]:
    """Return the records.

    Raises:
        ValueError: A record contradicts itself.
    """
    return [record_from_message(record) for record in message.records]
