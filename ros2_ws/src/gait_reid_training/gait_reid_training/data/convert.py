"""Writes data sets of others in the project's tracklet format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from gait_reid_sim.core.dataset.record import WalkFrames
from gait_reid_sim.core.dataset.shard import write_tracklets
from gait_reid_sim.core.dataset.writer import FORMAT, folder_hash
from gait_reid_training.data.adapter import Adapter, WalkEntry, WalkError, read_partition
from gait_reid_training.data.freegait import FREEGAIT
from gait_reid_training.data.index import DatasetError
from gait_reid_training.data.opengait import PickleError, UnsafePickleError
from gait_reid_training.data.sustech1k import LRGAIT, SUSTECH1K

ADAPTERS: dict[str, Adapter] = {"sustech1k": SUSTECH1K, "freegait": FREEGAIT, "lrgait": LRGAIT}


@dataclass(frozen=True)
class Conversion:
    """What became of a data set.

    Attributes:
        people: Identities that were written, by split.
        walks: Walks that were written.
        refused: Why each of the others was not.
    """

    people: dict[str, int]
    walks: int
    refused: tuple[str, ...]


def convert(
    source: Path,
    form: str,
    output: Path,
    partition: Path | None = None,
    validation: int = 0,
    allow_missing: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Convert a data set; identities that are there already are kept, so it can be resumed.

    Args:
        source: Root of the data set.
        form: One of `ADAPTERS`.
        output: Folder of the result.
        partition: JSON file with TRAIN_SET and TEST_SET; without it everybody is for testing.
        validation: Number of training identities, the last by name, that become the split
            ``validation``.
        allow_missing: Take walks that lack a sensor.
        progress: Called with finished and total numbers of identities.

    Raises:
        DatasetError: Unknown format, no walks, or the folder holds another data set.
        UnsafePickleError: A file asks for code; nothing more of this source is read.
    """
    if form not in ADAPTERS:
        raise DatasetError(f"format {form!r} is unknown, known are {', '.join(ADAPTERS)}")
    adapter = ADAPTERS[form]
    try:
        entries, refused = adapter.find(source, read_partition(partition))
    except WalkError as error:
        raise DatasetError(str(error)) from error
    if not entries:
        first = f"; {refused[0]}" if refused else ""
        raise DatasetError(f"{source} holds no walks of {adapter.title}{first}")
    _claim(output, form)
    entries = _with_validation(entries, validation)
    people = [list(group) for _, group in groupby(entries, lambda e: (e.split, e.person_id))]
    report = progress or (lambda finished, total: None)
    walks, counts = 0, {"train": 0, "validation": 0, "test": 0}
    for number, own in enumerate(people):
        written, faults = _convert_person(output, own, adapter, allow_missing)
        walks, refused = walks + written, [*refused, *faults]
        counts[own[0].split] += written > 0
        report(number + 1, len(people))
    if not walks:
        raise DatasetError(f"none of the {len(entries)} walks could be converted; {refused[0]}")
    _write_manifest(output, form, adapter, walks, refused)
    return Conversion(counts, walks, tuple(refused))


def _with_validation(entries: Sequence[WalkEntry], count: int) -> list[WalkEntry]:
    trained = sorted({entry.person_id for entry in entries if entry.split == "train"})
    if count and count >= len(trained):
        raise DatasetError(f"{count} identities for validation, only {len(trained)} are to train")
    chosen = set(trained[len(trained) - count :]) if count else set()
    moved = [
        replace(entry, split="validation") if entry.person_id in chosen else entry
        for entry in entries
    ]
    return sorted(moved, key=lambda entry: (entry.split, entry.person_id, entry.name))


def _claim(output: Path, form: str) -> None:
    """Mark the folder, or see that it is being filled with the same kind of data."""
    output.mkdir(parents=True, exist_ok=True)
    marker = output / "conversion.json"
    text = json.dumps({"format": FORMAT, "source": form}) + "\n"
    if marker.exists() and marker.read_text(encoding="utf-8") != text:
        raise DatasetError(f"{output} holds a data set of another source ({marker.name} differs)")
    if not marker.exists() and any(output.iterdir()):
        raise DatasetError(f"{output} is not empty and holds no conversion: choose another folder")
    marker.write_text(text, encoding="utf-8")


def _convert_person(
    output: Path, entries: Sequence[WalkEntry], adapter: Adapter, allow_missing: bool
) -> tuple[int, list[str]]:
    """Write the walks of one identity; return how many, and why the others were not."""
    folder = output / entries[0].split / entries[0].person_id
    if (folder / "tracklets.json").is_file():
        rows = json.loads((folder / "tracklets.json").read_text(encoding="utf-8"))
        return len(rows), _remembered(folder)
    rows, walks, refused = [], [], []
    for entry in entries:
        try:
            frames = adapter.read(entry, allow_missing)
        except UnsafePickleError:
            raise
        except (WalkError, PickleError) as error:
            refused.append(str(error))
            continue
        rows.append(_row(entry, frames))
        walks.append(frames)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if walks:
        write_tracklets(folder, rows, walks, lossless=True)
    if refused:
        _memory(folder).write_text(json.dumps(refused, indent=1) + "\n", encoding="utf-8")
    return len(walks), refused


def _memory(folder: Path) -> Path:
    return folder.with_name(folder.name + ".refused.json")


def _remembered(folder: Path) -> list[str]:
    """Return what was refused of an identity when it was written."""
    file = _memory(folder)
    if not file.is_file():
        return []
    found: list[str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _row(entry: WalkEntry, frames: WalkFrames) -> dict[str, Any]:
    """Return what is known of a walk; what is unknown is left out."""
    row: dict[str, Any] = {
        "name": entry.name, "person_id": entry.person_id, "condition": entry.condition,
        "light": entry.light, "outfit": entry.outfit,
    }  # fmt: skip
    range_m = entry.range_m
    if range_m is None and frames.points:
        range_m = round(float(np.median(np.hypot(*frames.position[:, :2].T))), 2)
    for key, value in (("range_m", range_m), ("view_deg", entry.view_deg)):
        if value is not None:
            row[key] = value
    return row


def _write_manifest(
    output: Path, form: str, adapter: Adapter, walks: int, refused: Sequence[str]
) -> None:
    splits = {
        split.name: [
            {"person_id": folder.name, "sha256": folder_hash(folder)}
            for folder in sorted(split.iterdir())
            if (folder / "tracklets.json").is_file()
        ]
        for split in sorted(output.iterdir())
        if split.name in ("train", "validation", "test")
    }
    manifest = {
        "format": FORMAT, "name": output.name, "simulated": False, "source": form,
        "assumed": adapter.assumed, "walks": walks, "refused": list(refused), "splits": splits,
    }  # fmt: skip
    partial = output / "manifest.json.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, output / "manifest.json")
