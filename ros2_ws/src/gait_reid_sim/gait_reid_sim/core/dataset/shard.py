"""The files of one identity: plain npy arrays that can be memory-mapped, and a list of tracklets.

``tracklets.json`` lists the tracklets with the rows of their frames. Arrays over frames:
``stamps_ns``, ``position``, ``velocity``, ``roi`` and, where they are known, ``joints``. Arrays of
variable length per frame come with ``*_start``, one entry more than there are frames: ``points``
(int16 millimetres relative to ``position``, ``intensity`` beside), ``images`` (JPEG or PNG bytes),
``silhouettes`` (PNG bytes), ``radar`` (x, y, z, velocity, SNR; metres in the fixed frame). What no
walk of the folder has is not there. ``viewpoint`` has one row per tracklet.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import (
    CropQuality,
    Modality,
    PersonCrop,
    Tracklet,
    UInt8,
)
from gait_reid_sim.core.dataset.record import Recorded, WalkFrames

JPEG_QUALITY = 90
FRAME_ID = "map"


def _encoded(images: Sequence[UInt8 | None], extension: str, options: list[int]) -> list[UInt8]:
    empty = np.zeros(0, np.uint8)
    return [
        empty if image is None else np.asarray(cv2.imencode(extension, image, options)[1]).ravel()
        for image in images
    ]


def _packed(parts: Sequence[npt.NDArray[Any]], width: int, dtype: type) -> dict[str, Any]:
    """Return concatenated parts and where each starts."""
    shape = (0, width) if width else (0,)
    data = np.concatenate([np.zeros(shape, dtype), *(p.astype(dtype) for p in parts)])
    return {"data": data, "start": np.cumsum([0, *(len(p) for p in parts)]).astype(np.int64)}


def write_shard(folder: Path, recorded: Sequence[Recorded]) -> None:
    """Write the tracklets of one identity; the folder appears only once it is complete."""
    rows = []
    for one in recorded:
        w = one.walk
        row = {
            "name": w.name, "person_id": w.person_id, "condition": w.condition.name,
            "light": w.condition.light, "range_m": w.range_m, "view_deg": w.view_deg,
            "outfit": w.outfit, "repeat": w.repeat,
        }  # fmt: skip
        rows.append({**row, **({"take": w.take} if w.take else {})})
    write_tracklets(folder, rows, recorded)


def write_tracklets(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    walks: Sequence[WalkFrames],
    lossless: bool = False,
) -> None:
    """Write the tracklets of one identity; the folder appears only once it is complete.

    Args:
        folder: Folder of the identity.
        rows: What each walk is: ``name``, ``person_id`` and what else is known of it.
        walks: What is recorded of each.
        lossless: Whether pictures are stored as PNG, because they were compressed before.
    """
    partial = folder.with_name(folder.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    first, table = 0, []
    for row, walk in zip(rows, walks):
        known = {key: value for key, value in row.items() if key != "take"}
        last = {"take": row["take"]} if "take" in row else {}
        table.append({**known, "first": first, "frames": len(walk.stamps_ns), **last})
        first += len(walk.stamps_ns)
    (partial / "tracklets.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    for name, array in _arrays(walks, lossless).items():
        np.save(partial / f"{name}.npy", array, allow_pickle=False)
    os.replace(partial, folder)


def _arrays(walks: Sequence[WalkFrames], lossless: bool) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {
        name: np.concatenate([getattr(walk, name) for walk in walks])
        for name in ("stamps_ns", "position", "velocity", "roi")
    }
    if all(len(walk.joints) == len(walk.stamps_ns) for walk in walks):
        arrays["joints"] = np.concatenate([walk.joints for walk in walks])
    arrays["viewpoint"] = np.array([walk.viewpoint for walk in walks])
    packs: dict[str, dict[str, Any]] = {}
    if any(walk.points for walk in walks):
        points = _of_all_frames(walks, "points", np.zeros((0, 4), np.float32))
        places = [at for walk in walks for at in walk.position]
        relative = [
            np.clip(np.round((p[:, :3] - at) * 1000.0), -32767, 32767)
            for p, at in zip(points, places)
        ]
        packs["points"] = _packed(relative, 3, np.int16)
        shine = [np.clip(np.round(p[:, 3]), 0, 255) for p in points]
        arrays["intensity"] = _packed(shine, 0, np.uint8)["data"]
    if any(walk.images for walk in walks):
        quality = [] if lossless else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        images = _of_all_frames(walks, "images", None)
        coded = _encoded(images, ".png" if lossless else ".jpg", quality)
        packs["images"] = _packed(coded, 0, np.uint8)
    if any(walk.silhouettes for walk in walks):
        masks = _of_all_frames(walks, "silhouettes", None)
        packs["silhouettes"] = _packed(_encoded(masks, ".png", []), 0, np.uint8)
    if any(walk.radar for walk in walks):
        echoes = _of_all_frames(walks, "radar", np.zeros((0, 5), np.float32))
        packs["radar"] = _packed(echoes, 5, np.float32)
    for name, pack in packs.items():
        arrays[name], arrays[f"{name}_start"] = pack["data"], pack["start"]
    return arrays


def _of_all_frames(walks: Sequence[WalkFrames], name: str, nothing: Any) -> list[Any]:
    """Return what a sensor has of every frame of every walk."""
    return [one for walk in walks for one in getattr(walk, name) or [nothing] * len(walk.stamps_ns)]


@dataclass(frozen=True)
class Shard:
    """The tracklets of one identity, read lazily.

    Attributes:
        folder: Folder that `write_shard` made.
    """

    folder: Path

    @cached_property
    def tracklets(self) -> list[dict[str, Any]]:
        """What each tracklet is, in order."""
        rows: list[dict[str, Any]] = json.loads(
            (self.folder / "tracklets.json").read_text(encoding="utf-8")
        )
        return rows

    @cached_property
    def _mapped(self) -> dict[str, npt.NDArray[Any]]:
        # Opening a file for every frame costs more than decoding its picture.
        return {}

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array, memory-mapped.

        Raises:
            FileNotFoundError: The data set does not hold it.
        """
        if name not in self._mapped:
            path = self.folder / f"{name}.npy"
            mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
            self._mapped[name] = mapped
        return self._mapped[name]

    def has(self, name: str) -> bool:
        """Return whether the data set holds an array."""
        return name in self._mapped or (self.folder / f"{name}.npy").is_file()

    def part(self, name: str, frame: int) -> npt.NDArray[Any]:
        """Return the entries of one frame of an array of variable length."""
        start = self.array(f"{name}_start")
        return np.asarray(self.array(name)[start[frame] : start[frame + 1]])

    def image(self, name: str, frame: int) -> UInt8 | None:
        """Return a picture (``images``) or a mask (``silhouettes``), or None without one."""
        data = self.part(name, frame) if self.has(name) else np.zeros(0, np.uint8)
        flag = cv2.IMREAD_COLOR if name == "images" else cv2.IMREAD_GRAYSCALE
        return np.asarray(cv2.imdecode(data, flag), np.uint8) if len(data) else None

    def tracklet(self, index: int) -> Tracklet:
        """Return a tracklet as the tracker would have collected it; the id is its row."""
        row = self.tracklets[index]
        frames = range(row["first"], row["first"] + row["frames"])
        crops = tuple(self._crop(index, frame) for frame in frames)
        return Tracklet(index, crops)

    def _crop(self, index: int, frame: int) -> PersonCrop:
        position = self.array("position")[frame].astype(np.float64)
        viewpoint = np.asarray(self.array("viewpoint")[index])
        points, intensity, modality = None, None, Modality.NONE
        if self.has("points"):
            start = self.array("points_start")
            points = (1e-3 * self.part("points", frame) + position).astype(np.float32)
            rows = slice(start[frame], start[frame + 1])
            intensity = np.asarray(self.array("intensity")[rows], np.float32)
            modality |= Modality.LIDAR if len(points) else Modality.NONE
        image, mask = self.image("images", frame), self.image("silhouettes", frame)
        if image is not None or mask is not None:
            modality |= Modality.CAMERA
        roi = self.array("roi")[frame].astype(np.float64)
        quality = CropQuality(
            range_m=float(np.linalg.norm((position - viewpoint)[:2])),
            pixel_height=float(np.nan_to_num(roi[3])),
            num_points=0 if points is None else len(points),
        )
        return PersonCrop(
            index,
            int(self.array("stamps_ns")[frame]),
            FRAME_ID,
            modality,
            position,
            self.array("velocity")[frame].astype(np.float64),
            roi,
            image,
            mask,
            points,
            intensity,
            viewpoint,
            quality,
        )
