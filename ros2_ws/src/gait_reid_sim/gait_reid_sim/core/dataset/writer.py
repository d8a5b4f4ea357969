"""Write a data set: one folder per identity, in parallel, resumable, the same on every run."""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gait_reid.core.types import UInt8
from gait_reid_sim.core.dataset.plan import DatasetPlan
from gait_reid_sim.core.dataset.record import record_walk, walks_of
from gait_reid_sim.core.dataset.shard import Shard, write_shard
from gait_reid_sim.core.person import describe

FORMAT = "gait_reid tracklets 1"


class DatasetExistsError(ValueError):
    """The folder holds another data set."""


class DatasetBusyError(ValueError):
    """Another process writes into the folder."""


def write_dataset(
    plan: DatasetPlan,
    root: Path,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a data set, or what is missing of it; return the manifest.

    Args:
        plan: What to write.
        root: Folder; made when absent.
        workers: Processes.
        progress: Called with finished and total numbers of identities.

    Raises:
        DatasetExistsError: The folder holds a data set of another plan.
        DatasetBusyError: Another process writes into the folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        return _write(plan, root, workers, progress or (lambda finished, total: None))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other processes from writing into the folder; the lock goes with the process."""
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatasetBusyError(
                f"another process writes the data set in {root}: wait for it or stop it"
            ) from error
        yield


def _write(plan: DatasetPlan, root: Path, workers: int, report: Callable[[int, int], None]) -> Path:
    """Write what is missing; see `write_dataset`."""
    text = plan.text()
    marker = root / "plan.json"
    if marker.exists() and marker.read_text(encoding="utf-8") != text:
        raise DatasetExistsError(
            f"{root} holds a data set of another plan ({marker.name} differs): "
            "choose another folder or delete this one"
        )
    marker.write_text(text, encoding="utf-8")
    everyone = [(split, name) for split, names in plan.identities.items() for name in names]
    missing = [(s, n) for s, n in everyone if not (root / s / n / "tracklets.json").exists()]
    done = len(everyone) - len(missing)
    report(done, len(everyone))
    for _ in _run(plan, root, missing, workers):
        done += 1
        report(done, len(everyone))
    return _manifest(plan, root, text)


def _run(plan: DatasetPlan, root: Path, missing: list[tuple[str, str]], workers: int) -> Any:
    """Yield once for each identity that has been written."""
    if workers <= 1:
        for split, name in missing:
            yield write_identity(plan, root, split, name)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _end_with_parent) as pool:
        queue = list(reversed(missing))
        running: set[Future[str]] = set()
        while queue or running:
            while queue and len(running) < 2 * workers:
                running.add(pool.submit(write_identity, plan, root, *queue.pop()))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def _end_with_parent() -> None:
    """End this worker when the process that started it is killed, instead of working on."""
    parent = multiprocessing.parent_process()

    def wait_for_it() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


def write_identity(plan: DatasetPlan, root: Path, split: str, person_id: str) -> str:
    """Write the walks of one identity; return its name."""
    cv2.setNumThreads(1)
    folder = root / split / person_id
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_shard(folder, [record_walk(plan, walk) for walk in walks_of(plan, person_id)])
    return person_id


def folder_hash(folder: Path) -> str:
    """Return the SHA-256 of a folder's files, names included."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _manifest(plan: DatasetPlan, root: Path, plan_text: str) -> Path:
    splits = {
        split: [
            {**describe(plan.person(name)), "sha256": folder_hash(root / split / name)}
            for name in names
        ]
        for split, names in plan.identities.items()
    }
    manifest = {
        "format": FORMAT,
        "name": plan.name,
        "simulated": True,
        "plan_sha256": hashlib.sha256(plan_text.encode()).hexdigest(),
        "tracklets_per_identity": plan.walks_per_identity,
        "frames": plan.frames,
        "modalities": list(plan.modalities),
        "splits": splits,
    }
    if plan.recorded_gait is not None:
        manifest["recorded_gait"] = {
            "takes": plan.recorded_gait.takes, "left_out": plan.recorded_gait.left_out,
        }  # fmt: skip
    path = root / "manifest.json"
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return path


def contact_sheet(plan: DatasetPlan, root: Path, split: str, people: int = 12) -> UInt8 | None:
    """Return a picture: one row per identity, one column per tracklet, or None without pictures."""
    rows = []
    for name in plan.identities.get(split, ())[:people]:
        shard = Shard(root / split / name)
        count = min(len(shard.tracklets), 12)
        chosen = np.linspace(0, len(shard.tracklets) - 1, count).astype(int)
        rows.append(np.hstack([_tile(shard, int(index)) for index in chosen]))
    width = max((row.shape[1] for row in rows), default=0)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return np.vstack(rows) if rows else None


def _tile(shard: Shard, index: int) -> UInt8:
    """Return picture and points, seen from the sensor, of the middle frame of a tracklet."""
    row = shard.tracklets[index]
    frame = row["first"] + row["frames"] // 2
    tile = np.zeros((128, 128, 3), np.uint8)
    image = shard.image("images", frame)
    if image is not None:
        tile[:, :64] = cv2.resize(image, (64, 128), interpolation=cv2.INTER_AREA)
    if shard.has("points"):
        points = 1e-3 * shard.part("points", frame)
        at = shard.array("position")[frame]
        away = np.arctan2(at[1], at[0])
        aside = -points[:, 0] * np.sin(away) + points[:, 1] * np.cos(away)
        u = np.clip(96.0 - 62.0 * aside, 64, 127).astype(int)
        v = np.clip(124.0 - 62.0 * points[:, 2], 0, 127).astype(int)
        tile[v, u] = (255, 255, 120)
    return tile
