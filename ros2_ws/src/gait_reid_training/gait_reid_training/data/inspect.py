"""Says what a data set holds, in numbers and in pictures as networks see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gait_reid.core.network_input import FrameInputs, NetworkInputConfig, prepare
from gait_reid.core.types import UInt8
from gait_reid_sim.core.dataset.shard import Shard
from gait_reid_training.data.detected import as_detected
from gait_reid_training.data.index import PersonFolder, check_arrays, person_folders

STREAMS = ("images", "silhouettes", "points", "radar", "joints")
_TILE = 128
_CAPTION = 14
_WHITE = (235, 235, 235)


@dataclass(frozen=True)
class Group:
    """Walks of one split, condition and range.

    Attributes:
        split: Split.
        condition: Condition.
        range_m: Distance, to the next 5 m; None where unknown.
        light: Light.
        people: Number of identities.
        walks: Number of walks.
        frames: Number of frames.
    """

    split: str
    condition: str
    range_m: int | None
    light: str
    people: int
    walks: int
    frames: int


@dataclass(frozen=True)
class Inspection:
    """What a data set holds.

    Attributes:
        groups: Walks by split, condition and range.
        people: Identities by split.
        empty_frames: Stream -> frames without it.
        missing_walks: Stream -> walks without it in any frame.
        frames: Number of frames.
        walks: Number of walks.
        lengths: Shortest, median and longest walk, frames.
    """

    groups: tuple[Group, ...]
    people: dict[str, int]
    empty_frames: dict[str, int]
    missing_walks: dict[str, int]
    frames: int
    walks: int
    lengths: tuple[int, int, int]


def inspect(root: Path) -> Inspection:
    """Count what a data set in the project's tracklet format holds.

    Raises:
        DatasetError: No data set, or a damaged one.
    """
    everyone = person_folders(root)
    walks: Counter[tuple[str, str, int, str]] = Counter()
    frames: Counter[tuple[str, str, int, str]] = Counter()
    people: dict[tuple[str, str, int, str], set[str]] = {}
    lengths: list[int] = []
    empty, missing = Counter(dict.fromkeys(STREAMS, 0)), Counter(dict.fromkeys(STREAMS, 0))
    for person in everyone:
        check_arrays(person)
        shard = Shard(person.path)
        seen = {name: _seen(shard, name, person.frames) for name in STREAMS}
        for walk in person.walks:
            key = _group(person, walk)
            walks[key] += 1
            frames[key] += walk["frames"]
            people.setdefault(key, set()).add(person.path.name)
            lengths.append(walk["frames"])
            rows = slice(walk["first"], walk["first"] + walk["frames"])
            for name, there in seen.items():
                empty[name] += int((~there[rows]).sum())
                missing[name] += int(not there[rows].any())
    groups = tuple(
        Group(s, c, None if r < 0 else r, light, len(people[key]), walks[key], frames[key])
        for key in sorted(walks)
        for s, c, r, light in (key,)
    )
    return Inspection(
        groups, dict(Counter(person.split for person in everyone)), dict(empty), dict(missing),
        sum(lengths), len(lengths), (min(lengths), int(np.median(lengths)), max(lengths)),
    )  # fmt: skip


def _group(person: PersonFolder, walk: dict[str, object]) -> tuple[str, str, int, str]:
    range_m = walk.get("range_m")
    rounded = 5 * round(range_m / 5) if isinstance(range_m, (int, float)) else -1
    return person.split, str(walk.get("condition", "")), rounded, str(walk.get("light", ""))


def _seen(shard: Shard, name: str, frames: int) -> np.ndarray:
    """Return (frames,) bool, whether a stream has something of each frame."""
    if not shard.has(name):
        return np.zeros(frames, np.bool_)
    if not shard.has(f"{name}_start"):
        return np.ones(frames, np.bool_)
    return np.asarray(np.diff(shard.array(f"{name}_start")) > 0)


def contact_sheets(root: Path, people: int = 8, walks: int = 8) -> dict[str, UInt8]:
    """Return a picture for each split: a row per identity, a tile per walk.

    A tile shows the middle frame of a walk as networks take it: picture, silhouette, and points
    from the side of the walk.
    """
    sheets = {}
    everyone = person_folders(root)
    for split in dict.fromkeys(person.split for person in everyone):
        own = [person for person in everyone if person.split == split]
        chosen = np.unique(np.linspace(0, len(own) - 1, people).astype(int))
        sheets[split] = np.vstack([_row(own[index], walks) for index in chosen])
    return sheets


def _row(person: PersonFolder, count: int) -> UInt8:
    shard = Shard(person.path)
    chosen = np.unique(np.linspace(0, len(person.walks) - 1, count).astype(int)).tolist()
    config = NetworkInputConfig(num_points=256)
    tiles: list[UInt8] = []
    for index in chosen:
        crops = shard.tracklet(index).crops
        frames = prepare([as_detected(crops[len(crops) // 2])], config)
        tiles.append(_tile(frames, str(person.walks[index]["name"])))
    blank = np.zeros_like(tiles[0])
    row = np.hstack([*tiles, *[blank] * (count - len(tiles))])
    caption = np.full((_CAPTION, row.shape[1], 3), 50, np.uint8)
    cv2.putText(caption, person.path.name, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.38, _WHITE, 1)
    return np.vstack([caption, row])


def _tile(frames: FrameInputs, name: str) -> UInt8:
    """Return picture, silhouette and points of one frame beside each other."""
    picture = np.ascontiguousarray(frames.rgb[0].transpose(1, 2, 0)[:, :, ::-1])
    mask = cv2.cvtColor(frames.silhouette[0, 0], cv2.COLOR_GRAY2BGR)
    parts = [_scaled(picture), _scaled(mask), _side(frames)]
    tile = np.hstack(parts)
    if not (frames.has_camera[0] or frames.has_lidar[0]):
        tile[:] = (0, 0, 80)
    cv2.putText(tile, name[:26], (2, _TILE - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (80, 220, 255), 1)
    return cv2.copyMakeBorder(tile, 0, 2, 0, 2, cv2.BORDER_CONSTANT)


def _scaled(picture: UInt8) -> UInt8:
    width = _TILE * picture.shape[1] // picture.shape[0]
    return np.asarray(
        cv2.resize(picture, (width, _TILE), interpolation=cv2.INTER_NEAREST), np.uint8
    )


def _side(frames: FrameInputs) -> UInt8:
    """Return points seen from the left of the walk, brighter with their intensity."""
    tile = np.zeros((_TILE, _TILE // 2, 3), np.uint8)
    points: Sequence[np.ndarray] = frames.points[0][frames.point_mask[0]]
    for x, _, z, shine in points:
        at = (round(_TILE / 4 + 62.0 * float(x)), round(_TILE - 6 - 58.0 * float(z)))
        cv2.circle(tile, at, 1, (255, 255, 90.0 + 160.0 * float(shine)), -1)
    return tile
