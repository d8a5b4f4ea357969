"""Tiny trees in the layouts of other people's data sets."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

FRAMES = 6


def clouds(seed: int = 0, frames: int = FRAMES) -> list[np.ndarray]:
    """Clouds of somebody 12 m ahead of a sensor 1.7 m above the ground, walking across it."""
    rng = np.random.default_rng(seed)
    out = []
    for number in range(frames):
        points = rng.uniform((-0.1, -0.25, -1.7), (0.1, 0.25, 0.0), (80 + number, 3))
        out.append(points + (12.0, -0.3 + 0.13 * number, 0.0))
    return out


def pictures(seed: int = 0, frames: int = FRAMES) -> np.ndarray:
    """RGB (T, 64, 64, 3) with a red person on a dark ground."""
    image = np.random.default_rng(seed).integers(20, 60, (frames, 64, 64, 3)).astype(np.uint8)
    image[:, 4:60, 20:44] = (200, 30, 10)
    return image


def silhouettes(frames: int = FRAMES) -> np.ndarray:
    """(T, 64, 64) bytes."""
    mask = np.zeros((frames, 64, 64), np.uint8)
    mask[:, 4:60, 20:44] = 255
    return mask


def dump(path: Path, value: Any) -> None:
    """Write a pickle, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value))


def sustech_walk(folder: Path, channels_first: bool = False, seed: int = 0, **other: Any) -> None:
    """Write the streams of one walk; ``other`` replaces streams, None leaves one out."""
    rgb = pictures(seed)
    view = folder.name
    streams = {
        "00": ("LiDAR-PCDs", clouds(seed, 9)),
        "05": ("Camera-RGB_raw", pictures(seed, 20)),
        "08-sync": ("LiDAR-PCDs", clouds(seed)),
        "12-sync": ("Camera-Ratios-HW", np.tile([[180, 90]], (FRAMES, 1))),
        "13-sync": ("Camera-RGB_raw", rgb.transpose(0, 3, 1, 2) if channels_first else rgb),
        "15-sync": ("Camera-Sils_raw", silhouettes()),
    }
    for number, (name, value) in streams.items():
        value = other.get("s" + number[:2], value)
        if value is not None:
            dump(folder / f"{number}-{view}-{name}.pkl", value)


def sustech_tree(root: Path) -> Path:
    """Write three identities with two walks each."""
    for seed, person in enumerate(("0000", "0001", "0002")):
        sustech_walk(root / person / "00-nm" / "000", seed=seed)
        sustech_walk(root / person / "01-nt" / "045-far", channels_first=True, seed=seed)
    return root


def freegait_tree(root: Path, nested: bool) -> Path:
    """Write two identities with two walks each, in either layout."""
    for seed, person in enumerate(("00001", "00002")):
        for sequence in ("seq-0", "seq-1"):
            folder = root / person / "dev1" / sequence
            for name, value in (("image", silhouettes()), ("lidar", clouds(seed))):
                dump(folder / name / "a.pkl" if nested else folder / f"{name}.pkl", value)
    return root


def write_partition(path: Path, **lists: list[str]) -> Path:
    """Write a partition file."""
    path.write_text(json.dumps(lists))
    return path
