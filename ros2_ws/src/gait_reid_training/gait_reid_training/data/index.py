"""What walks a data set in the project's tracklet format holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64, Int64

Text = npt.NDArray[np.str_]
SPLITS = ("train", "validation", "test")
_OVER_FRAMES = ("stamps_ns", "position", "velocity", "roi")
_ROW_KEYS = ("name", "person_id", "first", "frames")


class DatasetError(ValueError):
    """A data set cannot be read; the message names file and fault."""


@dataclass(frozen=True)
class WalkTable:
    """n walks.

    Attributes:
        split: (n,) split.
        person_id: (n,) who walks.
        name: (n,) name of the walk.
        condition: (n,) name of the condition.
        light: (n,) ``day``, ``night``, ...; empty where unknown.
        outfit: (n,) clothes and what is carried; empty where unknown.
        range_m: (n,) distance from the sensor, NaN where unknown.
        view_deg: (n,) direction of walking, 0 towards the sensor, NaN where unknown.
        first: (n,) row of the first frame.
        frames: (n,) number of frames.
    """

    split: Text
    person_id: Text
    name: Text
    condition: Text
    light: Text
    outfit: Text
    range_m: Float64
    view_deg: Float64
    first: Int64
    frames: Int64

    def __len__(self) -> int:
        return len(self.name)

    def at(self, rows: npt.ArrayLike) -> WalkTable:
        """Return some of the walks."""
        return WalkTable(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> WalkTable:
        """Return the table of rows as ``walks.json`` has them."""

        def text(key: str) -> Text:
            return np.array([str(row.get(key, "")) for row in rows], dtype=np.str_)

        def number(key: str) -> Float64:
            return np.array([row.get(key, np.nan) for row in rows], np.float64)

        return cls(
            text("split"), text("person_id"), text("name"), text("condition"), text("light"),
            text("outfit"), number("range_m"), number("view_deg"),
            np.array([row["first"] for row in rows], np.int64),
            np.array([row["frames"] for row in rows], np.int64),
        )  # fmt: skip


@dataclass(frozen=True)
class PersonFolder:
    """The folder of one identity.

    Attributes:
        split: Split.
        path: Folder.
        walks: Rows of ``tracklets.json``.
        frames: Number of frames.
    """

    split: str
    path: Path
    walks: tuple[dict[str, Any], ...]
    frames: int


def person_folders(root: Path, splits: Sequence[str] = SPLITS) -> list[PersonFolder]:
    """Return the identities of a data set that are complete, in the order of splits and names.

    Raises:
        DatasetError: No data set, or a damaged list of walks.
    """
    found = [
        _person(split, path.parent)
        for split in splits
        for path in sorted(root.glob(f"{split}/*/tracklets.json"))
        if not path.parent.name.endswith(".partial")
    ]
    if not found:
        raise DatasetError(
            f"{root} holds no walks: expected {root.name}/<split>/<identity>/tracklets.json with "
            f"split one of {', '.join(splits)}"
        )
    return found


def _person(split: str, path: Path) -> PersonFolder:
    file = path / "tracklets.json"
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{file} is not JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise DatasetError(f"{file} lists no walks")
    frames = 0
    for number, row in enumerate(rows):
        missing = [key for key in _ROW_KEYS if not isinstance(row, dict) or key not in row]
        if missing:
            raise DatasetError(f"{file}: walk {number} has no {missing[0]!r}")
        if row["first"] != frames or not isinstance(row["frames"], int) or row["frames"] < 1:
            raise DatasetError(
                f"{file}: walk {number} ({row['name']}) has frames {row['first']} to "
                f"{row['first']}+{row['frames']}, expected one or more from {frames} on"
            )
        frames += row["frames"]
    return PersonFolder(split, path, tuple(rows), frames)


def check_arrays(person: PersonFolder) -> None:
    """Refuse an identity whose arrays do not fit its list of walks.

    Raises:
        DatasetError: Names the file, its length and the one expected.
    """
    for name in _OVER_FRAMES:
        _check_length(person, name, person.frames)
    _check_length(person, "viewpoint", len(person.walks))
    if (person.path / "joints.npy").is_file():
        _check_length(person, "joints", person.frames)
    for start in sorted(person.path.glob("*_start.npy")):
        starts = _check_length(person, start.stem, person.frames + 1)
        if starts[0] != 0 or (np.diff(starts) < 0).any():
            raise DatasetError(f"{start} does not ascend from 0")
        name = start.stem.removesuffix("_start")
        _check_length(person, name, int(starts[-1]))
        if name == "points":
            _check_length(person, "intensity", int(starts[-1]))


def _check_length(person: PersonFolder, name: str, expected: int) -> npt.NDArray[Any]:
    path = person.path / f"{name}.npy"
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} is missing or damaged: {error}") from error
    if array.ndim < 1 or len(array) != expected:
        raise DatasetError(f"{path} has shape {array.shape}, expected {expected} rows")
    return array


def dataset_hash(people: Sequence[PersonFolder]) -> str:
    """Return the SHA-256 of what walks there are and of the sizes of all files."""
    digest = hashlib.sha256()
    for person in people:
        digest.update(f"{person.split}/{person.path.name}\n".encode())
        for file in sorted(person.path.iterdir()):
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        digest.update((person.path / "tracklets.json").read_bytes())
    return digest.hexdigest()
