"""What data sets of others have in common: finding walks, reading frames, refusing by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_sim.core.dataset.record import WalkFrames
from gait_reid_training.data.opengait import load_pickle

_SURFACE_M = 0.1  # from the side that a LiDAR sees to the middle of a body
_SMOOTHED_FRAMES = 7
_FEET_PERCENT = 2.0


class WalkError(ValueError):
    """A walk cannot be converted; the message names the file and the fault."""


@dataclass(frozen=True)
class WalkEntry:
    """A walk that was found, not yet read.

    Attributes:
        split: ``train`` or ``test``.
        person_id: Who walks.
        name: Name of the walk, unique among those of the person.
        condition: Condition by the data set's own name.
        folder: Where its files lie.
        files: File of each stream.
        light: ``day``, ``night``; empty where unknown.
        outfit: Clothes and what is carried; empty where unknown.
        range_m: Distance from the sensor; None where it has to be measured.
        view_deg: Direction of walking, 0 towards the sensor; None where unknown.
    """

    split: str
    person_id: str
    name: str
    condition: str
    folder: Path
    files: dict[str, Path]
    light: str = ""
    outfit: str = ""
    range_m: float | None = None
    view_deg: float | None = None


@dataclass(frozen=True)
class Adapter:
    """How a data set is read.

    Attributes:
        title: Name of the data set.
        find: Source and partition in, walks and refusals out.
        read: A walk and whether a sensor may be missing in, frames out.
        assumed: What is taken for granted because it could not be checked; empty: nothing.
    """

    title: str
    find: Callable[[Path, dict[str, Any]], tuple[list[WalkEntry], list[str]]]
    read: Callable[[WalkEntry, bool], WalkFrames]
    assumed: str = ""


def read_partition(path: Path | None) -> dict[str, Any]:
    """Return the lists of a partition file: TRAIN_SET, TEST_SET and what else there is.

    Raises:
        WalkError: Not such a file.
    """
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WalkError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or not {"TRAIN_SET", "TEST_SET"} <= set(found):
        raise WalkError(f"{path}: expected lists TRAIN_SET and TEST_SET of identities")
    both = set(map(str, found["TRAIN_SET"])) & set(map(str, found["TEST_SET"]))
    if both:
        raise WalkError(f"{path}: {sorted(both)[0]!r} is in TRAIN_SET and in TEST_SET")
    return found


def split_of(partition: dict[str, Any], person_id: str) -> str | None:
    """Return the split of an identity: ``test`` without a partition, None where it has none."""
    if not partition:
        return "test"
    for name, key in (("train", "TRAIN_SET"), ("test", "TEST_SET")):
        if person_id in map(str, partition[key]):
            return name
    return None


def stream(entry: WalkEntry, name: str) -> Any:
    """Return what the file of a stream holds."""
    return load_pickle(entry.files[name])


def check_lengths(entry: WalkEntry, streams: dict[str, Sequence[Any]]) -> int:
    """Return the number of frames.

    Raises:
        WalkError: There is none, or streams differ; names their lengths.
    """
    lengths = {name: len(values) for name, values in streams.items()}
    if len(set(lengths.values())) != 1:
        text = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise WalkError(f"{entry.folder}: streams of unequal length ({text})")
    count = next(iter(lengths.values()))
    if not count:
        raise WalkError(f"{entry.folder}: no frames")
    return count


def as_clouds(entry: WalkEntry, values: Any) -> list[Float32]:
    """Return one cloud (k, 4) per frame: x, y, z and intensity, 0 where there is none.

    Args:
        entry: The walk.
        values: List of (k, 3+) arrays or one (T, k, 3+) array; rows of zeros pad.

    Raises:
        WalkError: Anything else.
    """
    if not isinstance(values, (list, tuple, np.ndarray)):
        raise WalkError(f"{entry.folder}: points are {type(values).__name__}, expected arrays")
    clouds = []
    for number, one in enumerate(values):
        points = np.asarray(one)
        if points.size == 0:
            points = np.zeros((0, 3))
        if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "iuf":
            raise WalkError(
                f"{entry.folder}: frame {number} has points of shape {points.shape} and type "
                f"{points.dtype}, expected (k, 3) numbers"
            )
        points = points[:, :4].astype(np.float32)
        points = points[np.isfinite(points).all(axis=1) & (points[:, :3] != 0.0).any(axis=1)]
        if points.shape[1] == 3:
            points = np.column_stack([points, np.zeros(len(points), np.float32)])
        clouds.append(points)
    return clouds


def as_pictures(entry: WalkEntry, values: Any) -> list[UInt8]:
    """Return RGB pictures as BGR (h, w, 3), whether channels come first or last.

    Raises:
        WalkError: Neither or both axes have three entries, or the values are no bytes.
    """
    array = _bytes(entry, values, "pictures")
    if array.ndim != 4 or (array.shape[1] == 3) == (array.shape[3] == 3):
        raise WalkError(
            f"{entry.folder}: pictures of shape {array.shape}, expected (T, 3, H, W) or "
            "(T, H, W, 3)"
        )
    if array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    return [np.ascontiguousarray(one[:, :, ::-1]) for one in array]


def as_silhouettes(entry: WalkEntry, values: Any) -> list[UInt8]:
    """Return silhouettes (h, w), 255 on the person.

    Raises:
        WalkError: Not (T, H, W) or (T, 1, H, W) of bytes.
    """
    array = _bytes(entry, values, "silhouettes")
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 3:
        raise WalkError(f"{entry.folder}: silhouettes of shape {array.shape}, expected (T, H, W)")
    threshold = 0 if array.max(initial=0) <= 1 else 127
    return [np.ascontiguousarray((one > threshold).astype(np.uint8) * 255) for one in array]


def _bytes(entry: WalkEntry, values: Any, what: str) -> UInt8:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise WalkError(f"{entry.folder}: {what} of several sizes ({error})") from error
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype != np.uint8:
        raise WalkError(f"{entry.folder}: {what} are {array.dtype}, expected uint8")
    return array


def place_walk(clouds: Sequence[Float32], rate_hz: float) -> tuple[Float32, Float32]:
    """Return where a person is and how fast, (T, 3) each, from clouds around the sensor.

    The place is the median of the points, moved from the surface to the middle of the body, and
    smoothed; its height is that of the feet. Frames without points are interpolated. Without any
    points the person stands 10 m in front of the sensor.
    """
    count = len(clouds)
    seen = np.array([len(cloud) >= 3 for cloud in clouds])
    if not seen.any():
        ahead = np.tile(np.array([10.0, 0.0, 0.0], np.float32), (count, 1))
        return ahead, np.zeros((count, 3), np.float32)
    measured = np.array([_place(cloud) for cloud, one in zip(clouds, seen) if one])
    rows = np.arange(count)
    place = np.stack([np.interp(rows, rows[seen], column) for column in measured.T], axis=1)
    place, step = _smoothed(place)
    velocity = step * rate_hz
    velocity[:, 2] = 0.0
    return place.astype(np.float32), velocity.astype(np.float32)


def _place(cloud: Float32) -> Float64:
    x, y = np.median(cloud[:, :2].astype(np.float64), axis=0)
    away = _SURFACE_M / max(float(np.hypot(x, y)), 1e-6)
    return np.array([x * (1 + away), y * (1 + away), np.percentile(cloud[:, 2], _FEET_PERCENT)])


def _smoothed(place: Float64) -> tuple[Float64, Float64]:
    """Return places and steps per frame of straight lines fitted around every frame."""
    window = min(_SMOOTHED_FRAMES, len(place) - 1 + len(place) % 2)
    if window < 3:
        return place, np.zeros_like(place)
    even = savgol_filter(place, window, 1, axis=0)
    # Feet leave the ground: the lowest of the walk's frames stand on it.
    lowest = savgol_filter(np.minimum(place[:, 2], np.median(place[:, 2])), window, 1)
    even[:, 2] = lowest
    return even, savgol_filter(place, window, 1, deriv=1, axis=0)


def stamps_of(count: int, rate_hz: float) -> npt.NDArray[np.int64]:
    """Return stamps of evenly spaced frames, nanoseconds."""
    return np.round(np.arange(count) * (1e9 / rate_hz)).astype(np.int64)
