from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gait_reid.core.gallery.crypto import (
    KEY_VARIABLE,
    EnvironmentKey,
    KeyFile,
    KeyRing,
    key_id,
    key_source,
    new_key,
    parse_key,
    seal,
    unseal,
)
from gait_reid.core.gallery.errors import GalleryCorruptError, GalleryKeyError

KEYS = st.binary(min_size=32, max_size=32)


@given(KEYS, st.binary(), st.binary())
def test_sealed_bytes_open_with_the_same_key_and_context(
    key: bytes, text: bytes, bound: bytes
) -> None:
    sealed = seal(key, text, bound)
    assert unseal(key, sealed, bound, "it") == text
    assert seal(key, text, bound) != sealed


@given(KEYS, st.binary(), st.data())
def test_any_changed_byte_is_noticed(key: bytes, text: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(key, text, b"here"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(GalleryCorruptError, match="template 7"):
        unseal(key, bytes(sealed), b"here", "template 7")


@given(KEYS, KEYS.filter(lambda key: key != bytes(32)), st.binary(max_size=20))
def test_other_keys_contexts_and_lengths_do_not_open(
    key: bytes, difference: bytes, text: bytes
) -> None:
    sealed = seal(key, text, b"here")
    other = bytes(a ^ b for a, b in zip(key, difference))
    for wrong_key, raw, bound in (
        (other, sealed, b"here"),
        (key, sealed, b"there"),
        (key, sealed[:27], b"here"),
    ):
        with pytest.raises(GalleryCorruptError):
            unseal(wrong_key, raw, bound, "it")


def test_a_data_key_is_bound_to_its_person_and_its_master_key() -> None:
    old, new, data_key = KeyRing((new_key(),)), KeyRing((new_key(),)), new_key()
    wrapped = old.wrap(data_key, "p1")
    assert old.unwrap(wrapped, "p1", old.active_id) == data_key
    both = KeyRing((*new.keys, *old.keys))
    assert both.unwrap(wrapped, "p1", old.active_id) == data_key
    with pytest.raises(GalleryCorruptError, match="key of person p2"):
        old.unwrap(wrapped, "p2", old.active_id)
    with pytest.raises(GalleryKeyError, match=f"wrapped by master key {old.active_id}"):
        new.unwrap(wrapped, "p1", old.active_id)


def test_the_key_file_is_made_private_and_read_again(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "keys" / "master")
    with pytest.raises(GalleryKeyError, match=r"keys/master is missing.*restore"):
        source.load(create=False)
    ring = source.load(create=True)
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(source.path.parent.stat().st_mode) == 0o700
    assert source.load(create=True).keys == ring.keys
    assert ring.keys[0].hex() not in repr((ring, source))


def test_all_who_make_the_key_file_at_once_get_the_same_key(tmp_path: Path) -> None:
    source, rings = KeyFile(tmp_path / "master"), []
    threads = [
        threading.Thread(target=lambda: rings.append(source.load(create=True))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.active_id for ring in rings}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["master"]


def test_a_replaced_key_is_gone_from_the_old_file(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "master")
    old = source.load(create=True).keys[0]
    with source.path.open("rb") as held:
        source.store(KeyRing((new_key(),)))
        assert held.read().strip(b"\0") == b""
    assert old.hex() not in source.path.read_text()
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "master")
    source.load(create=True)
    source.path.chmod(0o644)
    with pytest.raises(GalleryKeyError, match=r"mode 0644.*chmod 600"):
        source.load(create=False)


@pytest.mark.parametrize("text", ["", "hello\n", "gait_reid master keys, version 1\nzz\n"])
def test_another_file_is_not_taken_for_a_key_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(GalleryKeyError, match="master"):
        KeyFile(path).load(create=True)
    assert path.read_text() == text


def test_keys_are_read_as_hexadecimal_or_base64() -> None:
    assert parse_key("ab" * 32 + "\n", "it") == bytes([0xAB]) * 32
    assert parse_key("q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", "it") == bytes([0xAB]) * 32
    secret = "not a key at all"
    with pytest.raises(GalleryKeyError, match="variable X holds 16 characters") as caught:
        parse_key(secret, "variable X")
    assert secret not in str(caught.value)


def test_the_key_comes_from_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(GalleryKeyError, match=f"set {KEY_VARIABLE}"):
        key_source()
    with pytest.raises(GalleryKeyError, match=f"{KEY_VARIABLE} is not set"):
        EnvironmentKey().load(create=True)
    key = new_key()
    monkeypatch.setenv(KEY_VARIABLE, key.hex())
    assert key_source().load(create=False).active_id == key_id(key)
    assert isinstance(key_source(tmp_path / "master"), KeyFile)
