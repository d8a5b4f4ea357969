from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gait_reid.core.gallery.errors import GalleryCorruptError, GalleryError, GalleryKeyError
from gait_reid.core.gallery.export import read_export, write_export
from gait_reid.core.types import GalleryRecord

KEY = bytes(32)
PASSPHRASE = "correct horse battery staple"
Walk = Callable[..., GalleryRecord]


def read_all(path: Path, key: str | bytes) -> list[str]:
    return [one.record_id for one in read_export(path, key)[1]]


@pytest.fixture
def exported(tmp_path: Path, walk: Walk) -> Path:
    path = tmp_path / "gallery.export"
    records = [walk(number, display_name="Ada Lovelace") for number in range(3)]
    assert write_export(path, KEY, {"aliases": {"a": "b"}}, records) == 3
    return path


@pytest.mark.parametrize("key", [KEY, PASSPHRASE])
def test_an_export_is_private_and_comes_back(tmp_path: Path, walk: Walk, key: str | bytes) -> None:
    path = tmp_path / "one"
    write_export(path, key, {"gallery_version": 4}, [walk(1, display_name="Ada Lovelace")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    raw = path.read_bytes()
    assert b"Lovelace" not in raw
    assert walk(1).embedding.values.tobytes() not in raw
    about, records = read_export(path, key)
    assert about == {"gallery_version": 4}
    (record,) = records
    assert record.display_name == "Ada Lovelace"
    assert (record.embedding.values == walk(1).embedding.values).all()


def test_every_changed_byte_is_noticed(exported: Path) -> None:
    raw = exported.read_bytes()
    for position in range(len(raw)):
        exported.write_bytes(raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :])
        with pytest.raises(GalleryError, match="export"):
            read_all(exported, KEY)


def test_every_cut_and_every_addition_is_noticed(exported: Path) -> None:
    raw = exported.read_bytes()
    for length in range(len(raw)):
        exported.write_bytes(raw[:length])
        with pytest.raises(GalleryCorruptError):
            read_all(exported, KEY)
    exported.write_bytes(raw + b"x")
    with pytest.raises(GalleryCorruptError, match="behind its end"):
        read_all(exported, KEY)


def test_exchanged_records_are_noticed(exported: Path) -> None:
    raw = exported.read_bytes()
    frames, offset = [], 25
    while offset < len(raw):
        end = offset + 4 + int.from_bytes(raw[offset : offset + 4], "little")
        frames.append(raw[offset:end])
        offset = end
    assert len(frames) == 5
    frames[1], frames[2] = frames[2], frames[1]
    exported.write_bytes(raw[:25] + b"".join(frames))
    with pytest.raises(GalleryCorruptError, match="damaged at frame 1"):
        read_all(exported, KEY)


def test_wrong_keys_are_told_from_damage(exported: Path, tmp_path: Path, walk: Walk) -> None:
    with pytest.raises(GalleryKeyError, match="wrong passphrase or key"):
        read_all(exported, bytes([1]) * 32)
    with pytest.raises(GalleryKeyError, match="encrypted with a 32-byte key"):
        read_all(exported, PASSPHRASE)
    with pytest.raises(GalleryKeyError, match="31 bytes, expected 32"):
        write_export(tmp_path / "x", bytes(31), {}, [])
    with pytest.raises(GalleryKeyError, match="5 characters, expected at least 12"):
        write_export(tmp_path / "x", "short", {}, [walk()])
    assert not (tmp_path / "x").exists()


def test_a_file_that_asks_for_too_much_work_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(b"GRXP\x01\x01" + bytes([40, 8, 1]) + bytes(16) + bytes(64))
    with pytest.raises(GalleryCorruptError, match=r"N = 2\^40"):
        read_all(path, PASSPHRASE)


def test_nothing_is_overwritten_and_nothing_half_written_stays(
    exported: Path, tmp_path: Path, walk: Walk
) -> None:
    before = exported.read_bytes()
    with pytest.raises(GalleryError, match="exists already"):
        write_export(exported, KEY, {}, [])
    assert exported.read_bytes() == before

    def failing() -> object:
        yield walk(1)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_export(tmp_path / "half", KEY, {}, failing())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gallery.export"]
    with pytest.raises(GalleryError, match="nowhere/x cannot be written"):
        write_export(tmp_path / "nowhere" / "x", KEY, {}, [])
    with pytest.raises(GalleryError, match="missing cannot be read"):
        read_all(tmp_path / "missing", KEY)
    (tmp_path / "text").write_text("hello, this is not an export file")
    with pytest.raises(GalleryCorruptError, match="not a gallery export file"):
        read_all(tmp_path / "text", KEY)
