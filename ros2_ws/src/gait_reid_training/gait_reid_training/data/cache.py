"""Prepared frames of a data set as memory-mapped arrays, so that pictures are decoded once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid_common.parameters import to_mapping
from gait_reid_sim.core.dataset.shard import Shard
from gait_reid_training.data.index import (
    PersonFolder,
    WalkTable,
    check_arrays,
    dataset_hash,
    person_folders,
)
from gait_reid_training.data.preparations import Preparation

_LOG = logging.getLogger(__name__)
FORMAT = "gait_reid prepared walks 1"
Progress = Callable[[int, int], None]


class CacheError(ValueError):
    """Prepared frames cannot be used; the message names the reason and what to do."""


@dataclass(frozen=True)
class Cache:
    """Prepared frames of a data set.

    Attributes:
        folder: Where they lie.
        walks: All walks.
        frames: All frames as the preparation makes them, memory-mapped; the walks' rows refer to
            them.
    """

    folder: Path
    walks: WalkTable
    frames: Any


def cache_folder(source: Path, preparation: Preparation, cache: str | Path = "") -> Path:
    """Return where prepared frames of a data set lie: in it, or in a folder of caches."""
    if str(cache):
        return Path(cache) / f"{source.name}{preparation.suffix}"
    return source / f"prepared{preparation.suffix}"


def open_cache(
    source: Path,
    preparation: Preparation,
    cache: str | Path = "",
    workers: int = 1,
    progress: Progress | None = None,
) -> Cache:
    """Open the prepared frames of a data set; prepare them first where they are missing.

    Args:
        source: Data set.
        preparation: How frames are prepared.
        cache: Folder of caches; empty: inside of the data set.
        workers: Processes that prepare.
        progress: Called with finished and total numbers of identities.

    Raises:
        DatasetError: The data set cannot be read.
        CacheError: The prepared frames are of other data, or prepared otherwise.
    """
    target = cache_folder(source, preparation, cache)
    if not (target / "cache.json").is_file():
        build_cache(source, target, preparation, workers, progress)
    _check(target, _key(person_folders(source), preparation))
    return _opened(target, preparation)


def build_cache(
    source: Path,
    target: Path,
    preparation: Preparation,
    workers: int = 1,
    progress: Progress | None = None,
) -> None:
    """Prepare all frames of a data set, or go on where that was interrupted.

    Raises:
        DatasetError: The data set cannot be read.
        CacheError: The folder holds frames that were prepared otherwise.
    """
    people = person_folders(source)
    key = _key(people, preparation)
    target.mkdir(parents=True, exist_ok=True)
    with _lock(target):
        if (target / "cache.json").is_file():
            _check(target, key)
            return
        done = _begin(target, people, key, preparation)
        report = progress or (lambda finished, total: None)
        report(int(done.sum()), len(people))
        first = np.cumsum([0, *(person.frames for person in people)])
        missing = np.flatnonzero(done == 0)
        tasks = [(target, people[i], int(first[i]), preparation) for i in missing]
        for finished in _run(tasks, workers):
            done[missing[finished]] = 1
            report(int(done.sum()), len(people))
        _finish(target, people, key)


def _key(people: Sequence[PersonFolder], preparation: Preparation) -> dict[str, Any]:
    """Return what prepared frames depend on."""
    return {
        "format": FORMAT,
        "preparation": preparation.version,
        "source_sha256": dataset_hash(people),
        "input": to_mapping(preparation.config),
    }


def _check(target: Path, key: dict[str, Any]) -> None:
    found = json.loads((target / "cache.json").read_text(encoding="utf-8"))
    if found == json.loads(json.dumps(key)):
        return
    known = {**found, **found.get("input", {})}
    wanted = json.loads(json.dumps({**key, **key["input"]}))
    name = next(one for one in wanted if one != "input" and known.get(one) != wanted[one])
    raise CacheError(
        f"{target} is stale: its {name} is {known.get(name)!r}, wanted is {wanted[name]!r}; delete "
        "it to have the frames prepared anew, or use another cache folder"
    )


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Let one process prepare at a time; the others wait for it."""
    with (target / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _begin(
    target: Path, people: Sequence[PersonFolder], key: dict[str, Any], preparation: Preparation
) -> npt.NDArray[np.uint8]:
    """Make the empty arrays, or find those of an interrupted run; return who is done."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    marker = target / "building"
    done = target / "done.npy"
    if not (marker.is_file() and marker.read_text(encoding="utf-8") == digest and done.is_file()):
        total = sum(person.frames for person in people)
        for name, array in preparation.stored(preparation.empty()).items():
            shape = (total, *array.shape[1:])
            path = target / f"{name}.npy"
            np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=shape)
        np.save(done, np.zeros(len(people), np.uint8))
        marker.write_text(digest, encoding="utf-8")
    mapped: npt.NDArray[np.uint8] = np.load(done, mmap_mode="r+")
    return mapped


def _run(
    tasks: Sequence[tuple[Path, PersonFolder, int, Preparation]], workers: int
) -> Iterator[int]:
    """Yield the number of each task when it is finished."""
    if workers <= 1 or len(tasks) <= 1:
        for number, task in enumerate(tasks):
            _write(*task)
            yield number
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        numbers = {pool.submit(_write, *task): number for number, task in enumerate(tasks)}
        for future in as_completed(numbers):
            future.result()
            yield numbers[future]


def _write(target: Path, person: PersonFolder, first: int, preparation: Preparation) -> None:
    """Prepare and write the frames of one identity."""
    cv2.setNumThreads(1)
    check_arrays(person)
    shard = Shard(person.path)
    names = preparation.stored(preparation.empty())
    arrays = {name: np.load(target / f"{name}.npy", mmap_mode="r+") for name in names}
    for number, walk in enumerate(person.walks):
        rows = slice(first + walk["first"], first + walk["first"] + walk["frames"])
        for name, values in preparation.stored(preparation.prepare(shard, number)).items():
            arrays[name][rows] = values


def _finish(target: Path, people: Sequence[PersonFolder], key: dict[str, Any]) -> None:
    rows, first = [], 0
    for person in people:
        for walk in person.walks:
            rows.append({**walk, "split": person.split, "first": first + walk["first"]})
        first += person.frames
    (target / "walks.json").write_text(json.dumps(rows) + "\n", encoding="utf-8")
    partial = target / "cache.json.partial"
    partial.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, target / "cache.json")
    for name in ("building", "done.npy"):
        (target / name).unlink()


def _opened(target: Path, preparation: Preparation) -> Cache:
    try:
        rows = json.loads((target / "walks.json").read_text(encoding="utf-8"))
        # Plain views: indexing a memmap makes a slow object each time.
        arrays = {
            name: np.load(target / f"{name}.npy", mmap_mode="r").view(np.ndarray)
            for name in preparation.stored(preparation.empty())
        }
        frames = preparation.of(arrays)
    except (OSError, ValueError) as error:
        raise CacheError(f"{target} is damaged ({error}); delete it") from error
    walks = WalkTable.of(rows)
    total = int(walks.frames.sum())
    if total != len(frames):
        raise CacheError(f"{target} holds {len(frames)} frames of {total}; delete it")
    return Cache(target, walks, frames)
