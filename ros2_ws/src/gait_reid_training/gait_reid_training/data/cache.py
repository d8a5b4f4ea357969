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
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.network_input import VERSION, FrameInputs, NetworkInputConfig, prepare
from gait_reid_common.parameters import to_mapping
from gait_reid_sim.core.dataset.shard import Shard
from gait_reid_training.data.detected import as_detected
from gait_reid_training.data.index import (
    PersonFolder,
    WalkTable,
    dataset_hash,
    person_folders,
)

_LOG = logging.getLogger(__name__)
FORMAT = "gait_reid prepared walks 1"
POINTS = 128
"""Points per frame that are kept, so that fewer can be drawn anew each time."""
Progress = Callable[[int, int], None]


class CacheError(ValueError):
    """Prepared frames cannot be used; the message names the reason and what to do."""


@dataclass(frozen=True)
class Cache:
    """Prepared frames of a data set.

    Attributes:
        folder: Where they lie.
        walks: All walks.
        frames: All frames, memory-mapped; the walks' rows refer to them.
    """

    folder: Path
    walks: WalkTable
    frames: FrameInputs


def cache_folder(source: Path, cache: str | Path = "") -> Path:
    """Return where the prepared frames of a data set lie: in it, or in a folder of caches."""
    return Path(cache) / source.name if str(cache) else source / "prepared"


def cache_config(config: NetworkInputConfig) -> NetworkInputConfig:
    """Return what frames are prepared with: all inputs, whatever a network leaves out."""
    points = max(config.num_points, POINTS)
    return replace(config, num_points=points, with_silhouette=True, with_depth=True)


def open_cache(
    source: Path,
    config: NetworkInputConfig,
    cache: str | Path = "",
    workers: int = 1,
    progress: Progress | None = None,
) -> Cache:
    """Open the prepared frames of a data set; prepare them first where they are missing.

    Args:
        source: Data set.
        config: What the network takes.
        cache: Folder of caches; empty: inside of the data set.
        workers: Processes that prepare.
        progress: Called with finished and total numbers of identities.

    Raises:
        DatasetError: The data set cannot be read.
        CacheError: The prepared frames are of other data, or prepared otherwise.
    """
    target = cache_folder(source, cache)
    wanted = cache_config(config)
    if not (target / "cache.json").is_file():
        build_cache(source, target, wanted, workers, progress)
    _check(target, _key(person_folders(source), wanted))
    return _opened(target)


def build_cache(
    source: Path,
    target: Path,
    config: NetworkInputConfig,
    workers: int = 1,
    progress: Progress | None = None,
) -> None:
    """Prepare all frames of a data set, or go on where that was interrupted.

    Raises:
        DatasetError: The data set cannot be read.
        CacheError: The folder holds frames that were prepared otherwise.
    """
    people = person_folders(source)
    key = _key(people, config)
    target.mkdir(parents=True, exist_ok=True)
    with _lock(target):
        if (target / "cache.json").is_file():
            _check(target, key)
            return
        done = _begin(target, people, key, config)
        report = progress or (lambda finished, total: None)
        report(int(done.sum()), len(people))
        first = np.cumsum([0, *(person.frames for person in people)])
        missing = np.flatnonzero(done == 0)
        tasks = [(target, people[i], int(first[i]), config) for i in missing]
        for finished in _run(tasks, workers):
            done[missing[finished]] = 1
            report(int(done.sum()), len(people))
        _finish(target, people, key)


def _key(people: Sequence[PersonFolder], config: NetworkInputConfig) -> dict[str, Any]:
    """Return what prepared frames depend on."""
    return {
        "format": FORMAT,
        "preparation": VERSION,
        "source_sha256": dataset_hash(people),
        "input": to_mapping(config),
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
    target: Path, people: Sequence[PersonFolder], key: dict[str, Any], config: NetworkInputConfig
) -> npt.NDArray[np.uint8]:
    """Make the empty arrays, or find those of an interrupted run; return who is done."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    marker = target / "building"
    done = target / "done.npy"
    if not (marker.is_file() and marker.read_text(encoding="utf-8") == digest and done.is_file()):
        total = sum(person.frames for person in people)
        for name, array in _one_frame(config).items():
            shape = (total, *array.shape[1:])
            path = target / f"{name}.npy"
            np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=shape)
        np.save(done, np.zeros(len(people), np.uint8))
        marker.write_text(digest, encoding="utf-8")
    mapped: npt.NDArray[np.uint8] = np.load(done, mmap_mode="r+")
    return mapped


def _one_frame(config: NetworkInputConfig) -> dict[str, npt.NDArray[Any]]:
    """Return one empty frame as it is stored."""
    return _stored(FrameInputs.empty(config, 1))


def _stored(frames: FrameInputs) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays to write; half a millimetre is enough for points."""
    arrays = {one.name: getattr(frames, one.name) for one in fields(frames)}
    arrays["points"] = arrays["points"].astype(np.float16)
    return arrays


def _run(
    tasks: Sequence[tuple[Path, PersonFolder, int, NetworkInputConfig]], workers: int
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


def _write(target: Path, person: PersonFolder, first: int, config: NetworkInputConfig) -> None:
    """Prepare and write the frames of one identity."""
    cv2.setNumThreads(1)
    shard = Shard(person.path)
    arrays = {name: np.load(target / f"{name}.npy", mmap_mode="r+") for name in _one_frame(config)}
    for number, walk in enumerate(person.walks):
        crops = [as_detected(crop) for crop in shard.tracklet(number).crops]
        rows = slice(first + walk["first"], first + walk["first"] + walk["frames"])
        for name, values in _stored(prepare(crops, config)).items():
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


def _opened(target: Path) -> Cache:
    try:
        rows = json.loads((target / "walks.json").read_text(encoding="utf-8"))
        # Plain views: indexing a memmap makes a slow object each time.
        arrays = {
            one.name: np.load(target / f"{one.name}.npy", mmap_mode="r").view(np.ndarray)
            for one in fields(FrameInputs)
        }
        frames = FrameInputs(**arrays)
    except (OSError, ValueError) as error:
        raise CacheError(f"{target} is damaged ({error}); delete it") from error
    walks = WalkTable.of(rows)
    total = int(walks.frames.sum())
    if total != len(frames):
        raise CacheError(f"{target} holds {len(frames)} frames of {total}; delete it")
    return Cache(target, walks, frames)
