"""Reads the arrays that Mission's authors published: radar, poses and pictures of the same walk.

Four files in a folder: radar (R, T, 64, 3+), poses (R, T, 24, 3), labels (R,) and pictures
(R, T, 3, 224, 224); two spellings of their names are known. Nothing is unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.radar_input import CHANNELS, RadarFrameInputs, RadarInputConfig, prepare_radar
from gait_reid.core.types import Float32, Int64, Modality, PersonCrop, UInt8
from gait_reid_training.data.adapter import place_walk
from gait_reid_training.data.index import DatasetError
from gait_reid_training.data.preparations import PoseFrames

RATE_HZ = 10.0
NAMES = (
    {"radar": "list_all_ti", "pose": "list_all_kinect_key", "label": "list_label_all",
     "picture": "list_all_image"},
    {"radar": "list_all_ti_final", "pose": "list_all_kinect_key_final",
     "label": "list_label_all_final", "picture": "list_all_rgb_full_final"},
)  # fmt: skip
FRAMES = 20
_SURE = 1.25  # ratio of roughness from which a layout of pictures is told apart
_LOOKED_AT = 12


@dataclass(frozen=True)
class MissionRecords:
    """R records of T frames, memory-mapped.

    Attributes:
        radar: (R, T, N, 3+) float; x, y, z, metres, and what else there is.
        pose: (R, T, J, 3) float, metres.
        picture: (R, T, 3, H, W) uint8 or float.
        labels: (R,) int64.
        people: Names, in order of the labels.
        channels_last: Whether the memory of a picture is really (H, W, 3), whatever its shape says.
    """

    radar: npt.NDArray[Any]
    pose: npt.NDArray[Any]
    picture: npt.NDArray[Any]
    labels: Int64
    people: tuple[str, ...]
    channels_last: bool

    def __len__(self) -> int:
        return len(self.labels)

    def pictures(self, record: int, size: tuple[int, int]) -> UInt8:
        """Return RGB pictures (T, 3, rows, columns) of a record."""
        block = np.asarray(self.picture[record])
        frames, _, height, width = block.shape
        if self.channels_last:
            images = block.reshape(frames, height, width, 3)
        else:
            images = block.transpose(0, 2, 3, 1)
        out = [_resized(_as_bytes(image), size) for image in images]
        return np.ascontiguousarray(np.stack(out).transpose(0, 3, 1, 2))

    def radar_frames(
        self, record: int, config: RadarInputConfig | None = None
    ) -> tuple[RadarFrameInputs, PoseFrames]:
        """Return the radar's frames of a record in the frame of the walk, and the poses.

        The place of the person is that of the points themselves. Radial velocity and strength are
        taken where the file has them as fourth and fifth column, and are zero otherwise. Poses keep
        their own axes, from the pelvis, because camera and radar share a frame in some files only;
        so the root is unknown and zero.
        """
        clouds = [_cloud(one) for one in np.asarray(self.radar[record], np.float32)]
        position, velocity = place_walk([cloud[:, :4] for cloud in clouds], RATE_HZ)
        crops = [
            PersonCrop(
                record, round(number * 1e9 / RATE_HZ), "radar", Modality.RADAR,
                place.astype(np.float64), speed.astype(np.float64), np.full(4, np.nan),
                points=cloud[:, :3], intensity=cloud[:, 4], point_velocity=cloud[:, 3],
            )
            for number, (cloud, place, speed) in enumerate(zip(clouds, position, velocity))
        ]  # fmt: skip
        joints = np.asarray(self.pose[record], np.float32).copy()
        joints[..., :2] -= joints[:, :1, :2]
        count = len(crops)
        poses = PoseFrames(np.zeros((count, 2), np.float32), joints, np.ones(count, np.bool_))
        return prepare_radar(crops, config or RadarInputConfig()), poses


def read_mission(folder: Path) -> MissionRecords:
    """Open the published arrays of one folder.

    Raises:
        DatasetError: Files are missing, hold objects, or do not fit together; or the order of the
            pictures' channels cannot be told.
    """
    paths = _find(folder)
    arrays = {name: _load(path) for name, path in paths.items()}
    _check(folder, paths, arrays)
    frames = min(*(arrays[name].shape[1] for name in ("radar", "pose", "picture")), FRAMES)
    people, labels = np.unique(arrays["label"].astype(str), return_inverse=True)
    picture = arrays["picture"][:, :frames]
    return MissionRecords(
        arrays["radar"][:, :frames], arrays["pose"][:, :frames], picture,
        labels.reshape(-1).astype(np.int64), tuple(people.tolist()),
        channels_last(picture, paths["picture"]),
    )  # fmt: skip


def _check(folder: Path, paths: dict[str, Path], arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse arrays of other shapes, and files that do not fit together."""
    shapes = {name: array.shape for name, array in arrays.items()}
    fits = {
        "radar": len(shapes["radar"]) == 4 and shapes["radar"][-1] >= 3,
        "pose": len(shapes["pose"]) == 4 and shapes["pose"][-1] == 3,
        "label": len(shapes["label"]) == 1,
        "picture": len(shapes["picture"]) == 5 and shapes["picture"][2] == 3,
    }
    for name, good in fits.items():
        if not good:
            raise DatasetError(f"{paths[name]} has shape {shapes[name]}, expected {_WANTED[name]}")
    counts = {paths[name].name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1 or not len(arrays["label"]):
        text = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DatasetError(f"{folder}: files with unequal numbers of records ({text})")
    if min(shapes[name][1] for name in ("radar", "pose", "picture")) < 2:
        raise DatasetError(f"{folder}: records of fewer than two frames")


_WANTED = {
    "radar": "(records, frames, points, 3 or more)", "pose": "(records, frames, joints, 3)",
    "label": "(records,)", "picture": "(records, frames, 3, rows, columns)",
}  # fmt: skip


def _find(folder: Path) -> dict[str, Path]:
    for names in NAMES:
        paths = {key: folder / f"{name}.npy" for key, name in names.items()}
        if any(path.is_file() for path in paths.values()):
            missing = [path.name for path in paths.values() if not path.is_file()]
            if missing:
                raise DatasetError(f"{folder}: {missing[0]} is missing")
            return paths
    known = " or ".join(f"{names['radar']}.npy" for names in NAMES)
    raise DatasetError(f"{folder} holds none of the published files, for example {known}")


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} is damaged or holds objects: {error}") from error
    if array.dtype.kind not in "biufU":
        raise DatasetError(f"{path} holds {array.dtype}, expected numbers")
    return array


def channels_last(picture: npt.NDArray[Any], path: Path) -> bool:
    """Return whether pictures (R, T, 3, H, W) lie in memory as (H, W, 3).

    A picture read in the wrong order is rough: its neighbouring pixels are not neighbours. Both
    readings of some pictures are compared.

    Raises:
        DatasetError: Neither reading is clearly smoother.
    """
    rows = np.unique(np.linspace(0, len(picture) - 1, _LOOKED_AT).astype(int))
    first = last = 0.0
    for row in rows:
        block = np.asarray(picture[row, 0], np.float32)
        height, width = block.shape[1:]
        first += _roughness(block.transpose(1, 2, 0))
        last += _roughness(block.reshape(height, width, 3))
    if max(first, last) < _SURE * min(first, last) or max(first, last) == 0.0:
        raise DatasetError(
            f"{path}: cannot tell whether colours come first or last (roughness {first:.1f} and "
            f"{last:.1f})"
        )
    return last < first


def _roughness(image: Float32) -> float:
    """Return the mean step between neighbouring pixels (H, W, 3)."""
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def _cloud(points: Float32) -> Float32:
    """Return (k, 5) points without padding: x, y, z, radial velocity, strength in dB."""
    there = np.isfinite(points).all(axis=1) & (points[:, :3] != 0.0).any(axis=1)
    table = np.zeros((int(there.sum()), CHANNELS), np.float32)
    columns = min(points.shape[1], CHANNELS)
    table[:, :columns] = points[there, :columns]
    return table


def _as_bytes(image: npt.NDArray[Any]) -> UInt8:
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    scale = 255.0 if image.max(initial=0.0) <= 1.0 else 1.0
    return np.clip(np.round(image * scale), 0, 255).astype(np.uint8)


def _resized(image: UInt8, size: tuple[int, int]) -> UInt8:
    rows, columns = size
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
