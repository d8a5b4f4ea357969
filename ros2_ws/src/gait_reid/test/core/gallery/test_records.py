from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gait_reid.core.gallery.errors import RecordFormatError
from gait_reid.core.gallery.records import decode_record, encode_record, make_record
from gait_reid.core.types import Embedding, GalleryRecord, Modality

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=12)

RECORDS = st.builds(
    GalleryRecord,
    record_id=TEXT.filter(bool),
    person_id=TEXT.filter(bool),
    display_name=TEXT,
    embedding=st.builds(
        Embedding,
        values=hnp.arrays(
            np.float32,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
            elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
        ),
        model_id=TEXT.filter(bool),
        modality=st.integers(0, 7).map(Modality),
        window_start_ns=INT64,
        window_end_ns=INT64,
        num_frames=st.integers(0, 2**32 - 1),
        tokens=st.none()
        | hnp.arrays(
            np.float16,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
            elements=st.floats(width=16, allow_nan=False, allow_infinity=False),
        ),
    ),
    created_ns=INT64,
    expires_ns=st.none() | INT64,
    consent=st.booleans(),
    source=TEXT,
)


def same(first: GalleryRecord, second: GalleryRecord) -> bool:
    """Compare every field; dataclass equality cannot compare arrays."""
    a, b = dict(vars(first)), dict(vars(second))
    x, y = dict(vars(a.pop("embedding"))), dict(vars(b.pop("embedding")))
    arrays = [[one.pop("values"), one.pop("tokens")] for one in (x, y)]
    bits = [[None if one is None else (one.shape, one.tobytes()) for one in two] for two in arrays]
    return a == b and x == y and bits[0] == bits[1]


@given(RECORDS)
def test_what_is_written_is_read(record: GalleryRecord) -> None:
    assert same(decode_record(encode_record(record)), record)


@given(RECORDS, st.data())
def test_one_changed_byte_is_noticed(record: GalleryRecord, data: st.DataObject) -> None:
    raw = bytearray(encode_record(record))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RecordFormatError):
        decode_record(bytes(raw))


@given(RECORDS, st.data())
def test_a_cut_record_is_noticed(record: GalleryRecord, data: st.DataObject) -> None:
    raw = encode_record(record)
    with pytest.raises(RecordFormatError):
        decode_record(raw[: data.draw(st.integers(0, len(raw) - 1))])


@given(st.binary(max_size=200), st.sampled_from([b"\x01", b"\x02"]))
def test_garbage_with_a_valid_checksum_is_refused(body: bytes, version: bytes) -> None:
    raw = b"GRRC" + version + body
    raw += struct.pack("<I", zlib.crc32(raw))
    try:
        decode_record(raw)
    except RecordFormatError:
        return
    assert encode_record(decode_record(raw)) == raw


def test_another_version_is_named() -> None:
    embedding = Embedding(np.ones((1, 2), np.float32), "m", Modality.LIDAR)
    raw = bytearray(encode_record(make_record(embedding)))
    raw[4] = 9
    with pytest.raises(RecordFormatError, match="format version 9, this software reads 1 to 2"):
        decode_record(bytes(raw))


def test_a_walk_without_tokens_is_still_written_as_version_1() -> None:
    """What stood in galleries before tokens is read, and older software reads what needs none."""
    plain = Embedding(np.ones((1, 2), np.float32), "m", Modality.LIDAR)
    assert encode_record(make_record(plain))[4] == 1
    tokens = np.arange(6, dtype=np.float16).reshape(2, 3)
    walk = make_record(Embedding(plain.values, "m", Modality.CAMERA, tokens=tokens))
    raw = encode_record(walk)
    assert raw[4] == 2
    assert len(raw) == len(encode_record(make_record(plain))) + 8 + tokens.nbytes
    assert decode_record(raw).embedding.tokens.tolist() == tokens.tolist()
    cut = raw[: -4 - 2]
    with pytest.raises(RecordFormatError, match="announces 2 x 3 tokens but holds 10 bytes"):
        decode_record(cut + struct.pack("<I", zlib.crc32(cut)))


def test_tokens_are_bounded_and_of_16_bits() -> None:
    values = np.ones((1, 2), np.float32)
    for tokens in (np.zeros((2, 3), np.float32), np.zeros((1, 2**19 + 1), np.float16)):
        with pytest.raises(ValueError, match="allowed: 2 to 1048576 bytes of float16"):
            Embedding(values, "m", Modality.CAMERA, tokens=tokens)
    with pytest.raises(ValueError, match="tokens of model m hold NaN"):
        Embedding(values, "m", Modality.CAMERA, tokens=np.full((1, 1), np.inf, np.float16))


def test_new_records_get_ids_and_an_expiry() -> None:
    embedding = Embedding(np.ones((1, 2), np.float32), "m", Modality.LIDAR)
    first = make_record(embedding, retention_s=2.5, now_ns=1_000)
    second = make_record(embedding, person_id=first.person_id, now_ns=1_000)
    assert first.record_id != second.record_id
    assert first.person_id == second.person_id
    assert first.expires_ns == 1_000 + 2_500_000_000
    assert second.expires_ns is None
    with pytest.raises(ValueError, match="retention_s is -1"):
        make_record(embedding, retention_s=-1.0)
