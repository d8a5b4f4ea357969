"""SUSTech1K (Shen et al., CVPR 2023) in OpenGait's layout, and LRGait where it is assumed alike.

``<id>/<kind>/<view>/NN-[sync-]<view>-<sensor>-<stream>.pkl``, for example
``0000/00-nm/000/08-sync-000-LiDAR-PCDs.pkl``. The streams ``sync`` are pairs of LiDAR (10 Hz) and
camera frames that belong together; only they are used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gait_reid.core.types import Float64, UInt8
from gait_reid_sim.core.dataset.record import WalkFrames
from gait_reid_training.data.adapter import (
    Adapter,
    WalkEntry,
    WalkError,
    as_clouds,
    as_pictures,
    as_silhouettes,
    check_lengths,
    place_walk,
    split_of,
    stamps_of,
    stream,
)

RATE_HZ = 10.0
STREAMS = {
    "points": "LiDAR-PCDs", "sizes": "Camera-Ratios-HW", "pictures": "Camera-RGB_raw",
    "silhouettes": "Camera-Sils_raw",
}  # fmt: skip
_FILE = re.compile(r"\d+-sync-.+?-((?:LiDAR|Camera)-[A-Za-z_-]+)\.pkl")
_KINDS = {
    "nm": "ordinary", "bg": "bag", "cl": "clothes", "cr": "carrying", "ub": "umbrella",
    "uf": "uniform", "oc": "occlusion", "nt": "night",
}  # fmt: skip
_LRGAIT_KIND = re.compile(r"([DN])-?(\d+)")


def find_sustech1k(source: Path, partition: dict[str, Any]) -> tuple[list[WalkEntry], list[str]]:
    """Return the walks and what is no walk, with the reason."""
    return _find(source, partition, _describe)


def find_lrgait(source: Path, partition: dict[str, Any]) -> tuple[list[WalkEntry], list[str]]:
    """Return the walks of a tree ``<id>/<D|N>-<metres>/<view>`` and what is no walk."""
    return _find(source, partition, _describe_lrgait)


def _find(
    source: Path, partition: dict[str, Any], describe: Any
) -> tuple[list[WalkEntry], list[str]]:
    entries, refused = [], []
    for folder in sorted(source.glob("*/*/*")):
        if not folder.is_dir():
            continue
        person, kind, view = folder.parts[-3:]
        split = split_of(partition, person)
        try:
            if split is None:
                raise WalkError(f"{folder}: identity {person!r} is in no list of the partition")
            entries.append(
                WalkEntry(
                    split, person, f"{kind}-{view}", folder=folder, files=_files(folder),
                    view_deg=_view(folder, view), **describe(folder, kind),
                )
            )  # fmt: skip
        except WalkError as error:
            refused.append(str(error))
    return entries, refused


def _files(folder: Path) -> dict[str, Path]:
    """Return the synchronised streams of a walk."""
    named = {}
    for path in sorted(folder.glob("*.pkl")):
        found = _FILE.fullmatch(path.name)
        for name, ending in STREAMS.items():
            if found and found[1] == ending:
                named[name] = path
    if not named:
        have = ", ".join(path.name for path in sorted(folder.iterdir())[:4]) or "nothing"
        raise WalkError(
            f"{folder}: no synchronised streams such as 08-sync-000-LiDAR-PCDs.pkl, only {have}"
        )
    return named


def _view(folder: Path, view: str) -> float:
    """Return the degrees that a folder's name begins with; ``-near`` and ``-far`` may follow."""
    found = re.fullmatch(r"(\d{1,3})(-[a-z0-9]+)?", view)
    if not found:
        raise WalkError(f"{folder}: view {view!r}, expected degrees such as 045 or 180-far")
    return float(found[1])


def _describe(folder: Path, kind: str) -> dict[str, Any]:
    found = re.fullmatch(r"\d\d-(.+)", kind)
    marks = re.split(r"[-_]", found[1]) if found else []
    known = [_KINDS[mark] for mark in marks if mark in _KINDS]
    if not known:
        raise WalkError(f"{folder}: kind {kind!r}, expected for example 00-nm or 02-bg")
    outfit = "+".join(one for one in known if one != "night") or "ordinary"
    return {"condition": kind, "outfit": outfit, "light": "night" if "nt" in marks else "day"}


def _describe_lrgait(folder: Path, kind: str) -> dict[str, Any]:
    found = _LRGAIT_KIND.fullmatch(kind)
    if not found:
        raise WalkError(f"{folder}: kind {kind!r}, expected for example D-10 or N-50")
    range_m, light = float(found[2]), "day" if found[1] == "D" else "night"
    gallery = light == "day" and range_m == 10.0
    return {"condition": "gallery" if gallery else kind, "light": light, "range_m": range_m}


def read_walk(entry: WalkEntry, allow_missing: bool = False) -> WalkFrames:
    """Return the frames of a walk.

    Raises:
        WalkError: A sensor is missing and must not be, or streams do not fit together.
        PickleError: A file is damaged, or asks for code.
    """
    for name in ("points", "pictures"):
        if name not in entry.files and not allow_missing:
            raise WalkError(
                f"{entry.folder}: no synchronised {STREAMS[name]} (missing sensors are taken with "
                "--allow-missing)"
            )
    streams = _load(entry)
    count = check_lengths(entry, streams)
    clouds = streams.get("points", [])
    position, velocity = place_walk(clouds or [np.zeros((0, 4), np.float32)] * count, RATE_HZ)
    sizes = streams.get("sizes")
    pictures = _shaped(streams.get("pictures", []), sizes, cv2.INTER_LINEAR)
    masks = _shaped(streams.get("silhouettes", []), sizes, cv2.INTER_NEAREST)
    for picture, mask in zip(pictures, masks):
        if picture.shape[:2] != mask.shape:
            raise WalkError(
                f"{entry.folder}: pictures of {picture.shape[:2]} and silhouettes of {mask.shape} "
                "pixels"
            )
    roi = np.full((count, 4), np.nan, np.float32)
    if pictures or masks:
        shown = sizes if sizes is not None else [one.shape[:2] for one in pictures or masks]
        roi = np.array([(0.0, 0.0, w, h) for h, w in shown], np.float32)
    return WalkFrames(
        stamps_of(count, RATE_HZ), position, velocity, np.zeros((0, 21, 3), np.float32), clouds,
        [*pictures], [*masks], roi, [], np.zeros(3),
    )  # fmt: skip


def _load(entry: WalkEntry) -> dict[str, Any]:
    """Return the streams that there are, checked one by one."""
    checks = {
        "points": as_clouds, "pictures": as_pictures, "silhouettes": as_silhouettes,
        "sizes": _sizes,
    }  # fmt: skip
    streams = {
        name: check(entry, stream(entry, name))
        for name, check in checks.items()
        if name in entry.files
    }
    if not {"points", "pictures"} & set(streams):
        raise WalkError(f"{entry.folder}: neither points nor pictures")
    return streams


def _sizes(entry: WalkEntry, values: Any) -> Float64:
    sizes = np.asarray(values)
    if sizes.ndim != 2 or sizes.shape[1] != 2 or sizes.dtype.kind not in "iuf":
        raise WalkError(f"{entry.folder}: sizes of shape {sizes.shape}, expected (T, 2)")
    sizes = sizes.astype(np.float64)
    if not np.isfinite(sizes).all() or (sizes <= 0).any():
        raise WalkError(f"{entry.folder}: sizes that are not positive")
    return sizes


def _shaped(pictures: list[UInt8], sizes: Float64 | None, interpolation: int) -> list[UInt8]:
    """Return pictures in the shape that they had before they were made square."""
    if sizes is None:
        return pictures
    out: list[UInt8] = []
    for picture, (height, width) in zip(pictures, sizes):
        rows = picture.shape[0]
        columns = int(np.clip(round(rows * width / height), 2, 2 * rows))
        out.append(
            np.asarray(cv2.resize(picture, (columns, rows), interpolation=interpolation), np.uint8)
        )
    return out


SUSTECH1K = Adapter("SUSTech1K", find_sustech1k, read_walk)
LRGAIT = Adapter(
    "LRGait",
    find_lrgait,
    read_walk,
    assumed="LRGait's files are not public: they are taken to be named and filled as SUSTech1K's, "
    "in folders <id>/<D|N>-<metres>/<view>. Unchecked on the data set itself.",
)
