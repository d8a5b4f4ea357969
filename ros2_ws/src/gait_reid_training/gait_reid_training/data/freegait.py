"""FreeGait (Han et al., ACM MM 2024) in OpenGait's layouts.

``<id>/<device>/<seq>/{image,lidar,...}.pkl``, or the same with a folder for each stream. ``image``
holds silhouettes, not pictures. The partition lists identities (TRAIN_SET, TEST_SET) and walks
``id-device-seq`` (PROBE_SET, GALLERY_SET).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gait_reid_sim.core.dataset.record import WalkFrames
from gait_reid_training.data.adapter import (
    Adapter,
    WalkEntry,
    WalkError,
    as_clouds,
    as_silhouettes,
    check_lengths,
    place_walk,
    split_of,
    stamps_of,
    stream,
)

RATE_HZ = 10.0
_STREAMS = {"silhouettes": "image", "points": "lidar"}


def find_freegait(source: Path, partition: dict[str, Any]) -> tuple[list[WalkEntry], list[str]]:
    """Return the walks and what is no walk, with the reason."""
    entries, refused = [], []
    probes = set(map(str, partition.get("PROBE_SET", ())))
    for folder in sorted(source.glob("*/*/*")):
        if not folder.is_dir():
            continue
        person, device, sequence = folder.parts[-3:]
        files = {name: path for name, s in _STREAMS.items() if (path := _file(folder, s))}
        split = split_of(partition, person)
        if not files:
            refused.append(f"{folder}: neither image.pkl nor lidar.pkl, nor folders of these names")
        elif split is None:
            refused.append(f"{folder}: identity {person!r} is in no list of the partition")
        else:
            kind = "probe" if "-".join((person, device, sequence)) in probes else "gallery"
            condition = kind if split == "test" else "train"
            name = f"{device}-{sequence}"
            entries.append(WalkEntry(split, person, name, condition, folder, files))
    return entries, refused


def _file(folder: Path, name: str) -> Path | None:
    """Return the file of a stream, in either layout."""
    if (folder / f"{name}.pkl").is_file():
        return folder / f"{name}.pkl"
    inside = sorted((folder / name).glob("*.pkl"))
    return inside[0] if len(inside) == 1 else None


def read_freegait(entry: WalkEntry, allow_missing: bool = False) -> WalkFrames:
    """Return the frames of a walk: silhouettes and points.

    Raises:
        WalkError: A sensor is missing and must not be, or streams do not fit together.
        PickleError: A file is damaged, or asks for code.
    """
    for name, file in _STREAMS.items():
        if name not in entry.files and not allow_missing:
            raise WalkError(
                f"{entry.folder}: no {file}.pkl (missing sensors are taken with --allow-missing)"
            )
    streams: dict[str, Any] = {}
    if "points" in entry.files:
        streams["points"] = as_clouds(entry, stream(entry, "points"))
    if "silhouettes" in entry.files:
        streams["silhouettes"] = as_silhouettes(entry, stream(entry, "silhouettes"))
    count = check_lengths(entry, streams)
    clouds = streams.get("points", [])
    masks = streams.get("silhouettes", [])
    position, velocity = place_walk(clouds or [np.zeros((0, 4), np.float32)] * count, RATE_HZ)
    roi = np.full((count, 4), np.nan, np.float32)
    if masks:
        roi = np.array([(0.0, 0.0, *one.shape[::-1]) for one in masks], np.float32)
    return WalkFrames(
        stamps_of(count, RATE_HZ), position, velocity, np.zeros((0, 21, 3), np.float32), clouds,
        [], masks, roi, [], np.zeros(3),
    )  # fmt: skip


FREEGAIT = Adapter("FreeGait", find_freegait, read_freegait)
