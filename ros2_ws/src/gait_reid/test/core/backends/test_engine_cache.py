"""Engines on disk: whole, of this very machine, built once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from pathlib import Path

import pytest

from gait_reid.core.backends import engine_cache
from gait_reid.core.backends.engine_cache import EngineCache, EngineKey, default_folder

KEY = EngineKey("ab" * 32, "10.3.0", "Orin", "8.7", "fp16", "batch (1, 4, 16)", 256)


def fail() -> bytes:
    raise AssertionError("built again")


def test_an_engine_is_built_once(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "engines")
    assert cache.load(KEY) is None
    assert cache.get_or_build(KEY, lambda: b"plan") == (b"plan", True)
    assert EngineCache(tmp_path / "engines").get_or_build(KEY, fail) == (b"plan", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("graph_sha256", "cd" * 32),
        ("tensorrt", "10.3.1"),
        ("gpu", "Thor"),
        ("compute_capability", "11.0"),
        ("precision", "fp32"),
        ("shapes", "batch (1, 8, 32)"),
        ("workspace_mib", 64),
    ],
)
def test_whatever_an_engine_depends_on_gives_another_one(
    tmp_path: Path, field: str, value: object
) -> None:
    cache = EngineCache(tmp_path)
    cache.get_or_build(KEY, lambda: b"plan")
    other = dataclasses.replace(KEY, **{field: value})
    assert cache.get_or_build(other, lambda: b"another") == (b"another", True)
    assert cache.load(KEY) == b"plan"


@pytest.mark.parametrize("damage", ["plan", "description", "exchanged"])
def test_a_damaged_engine_is_built_again(tmp_path: Path, damage: str) -> None:
    cache = EngineCache(tmp_path)
    cache.get_or_build(KEY, lambda: b"plan")
    if damage == "plan":
        (tmp_path / f"{KEY.digest}.plan").write_bytes(b"pla")
    elif damage == "description":
        (tmp_path / f"{KEY.digest}.json").write_text("{")
    else:
        other = dataclasses.replace(KEY, gpu="Thor")
        cache.get_or_build(other, lambda: b"plan")
        (tmp_path / f"{other.digest}.json").replace(tmp_path / f"{KEY.digest}.json")
    assert cache.load(KEY) is None
    assert cache.get_or_build(KEY, lambda: b"plan") == (b"plan", True)


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    with pytest.raises(AssertionError):
        cache.get_or_build(KEY, fail)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    cache.get_or_build(KEY, lambda: b"plan")
    cache.remove(KEY)
    assert cache.load(KEY) is None


def _build_slowly(folder: Path, built: Path) -> None:
    def build() -> bytes:
        with built.open("a") as file:
            file.write("x")
        return b"plan" * 10000

    assert EngineCache(folder).get_or_build(KEY, build)[0] == b"plan" * 10000


def test_processes_that_want_the_same_engine_build_it_once(tmp_path: Path) -> None:
    built = tmp_path / "built"
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_build_slowly, args=(tmp_path / "engines", built)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert built.read_text() == "x"


def test_the_least_recently_used_engines_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_cache, "KEPT_ENGINES", 2)
    cache = EngineCache(tmp_path)
    keys = [dataclasses.replace(KEY, workspace_mib=number) for number in range(4)]
    for number, key in enumerate(keys[:2]):
        cache.get_or_build(key, lambda: b"plan")
        os.utime(tmp_path / f"{key.digest}.plan", (number, number))
    cache.load(keys[0])
    cache.get_or_build(keys[2], lambda: b"plan")
    assert [cache.load(key) is not None for key in keys] == [True, False, True, False]


def test_where_engines_are_kept() -> None:
    assert default_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/gait_reid/engines")
    assert default_folder({}).parts[-3:] == (".cache", "gait_reid", "engines")


def test_tactics_are_shared_by_the_engines_of_one_device(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    same = dataclasses.replace(KEY, graph_sha256="00" * 32, precision="fp32")
    assert cache.timing_cache(KEY) == cache.timing_cache(same)
    assert cache.timing_cache(KEY) != cache.timing_cache(dataclasses.replace(KEY, gpu="Thor"))
