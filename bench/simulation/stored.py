"""The same probe on data sets that `gait-reid simulate` has written.

``python -m bench.simulation.stored --learn DIR --test DIR`` learns from the training split of one
data set and recognises the test split of another: everybody is enrolled with all walks of the
condition ``gallery``, the walks of the other conditions are probes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from bench.simulation.features import Projection, lidar_features, picture_features, rank1
from bench.simulation.figures import replace_section
from bench.simulation.probe import Table
from bench.simulation.recorded import Floats
from gait_reid.core.types import Float32, UInt8
from gait_reid_sim.core.dataset.shard import Shard

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stored:
    """A tracklet from a file, as `bench.simulation.features` wants it."""

    points: list[Float32]
    images: list[UInt8 | None]
    position: Float32
    velocity: Float32


def read(root: Path, split: str, people: int, workers: int = 1) -> Table:
    """Return the features of the first ``people`` identities of a split.

    Raises:
        FileNotFoundError: The folder holds no complete data set.
    """
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    names = [entry["person_id"] for entry in manifest["splits"][split]][:people]
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(partial(_read_one, root / split), names))
    else:
        parts = [_read_one(root / split, name) for name in names]
    people_, conditions, ranges, lidar, pictures = zip(*[row for part in parts for row in part])
    return Table(people_, conditions, np.array(ranges), np.array(lidar), np.array(pictures))


def _read_one(folder: Path, name: str) -> list[tuple[str, str, float, Floats, Floats]]:
    cv2.setNumThreads(1)
    shard = Shard(folder / name)
    rows = []
    for row in shard.tracklets:
        frames = range(row["first"], row["first"] + row["frames"])
        position = np.asarray(shard.array("position")[frames[0] : frames[-1] + 1])
        velocity = np.asarray(shard.array("velocity")[frames[0] : frames[-1] + 1])
        points = [
            (1e-3 * shard.part("points", frame) + at).astype(np.float32)
            for frame, at in zip(frames, position)
        ]
        images = [shard.image("images", frame) for frame in frames]
        seen = Stored(points, images, position, velocity)
        features = lidar_features(seen), picture_features(seen)
        rows.append((name, str(row["condition"]), float(row["range_m"]), *features))
    return rows


def table(learn: Table, test: Table) -> list[str]:
    """Return rank-1 by modality, condition and distance, percent."""
    conditions = sorted(set(test.conditions) - {"gallery"})
    ranges = sorted(set(test.ranges_m[np.array(test.conditions) != "gallery"]))
    count = len(set(test.people))
    heads = " | ".join(f"{r:.0f} m" for r in ranges)
    lines = [f"| rank-1 in percent, {count} enrolled | {heads} |", "|---|" + "---|" * len(ranges)]
    kinds, distances = np.array(test.conditions), test.ranges_m
    people = np.array(test.people)
    for of in ("lidar", "pictures"):
        project = Projection(getattr(learn, of), learn.people, 96)
        codes = project(getattr(test, of))
        gallery = kinds == "gallery"
        for condition in conditions:
            cells = []
            for range_m in ranges:
                probe = (kinds == condition) & (distances == range_m)
                found = rank1(codes[gallery], people[gallery].tolist(), codes[probe],
                              people[probe].tolist())  # fmt: skip
                cells.append(f"{100 * found:.0f}")
            lines.append(f"| {of}, {condition} | " + " | ".join(cells) + " |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learn", type=Path, required=True, help="data set to learn from")
    parser.add_argument("--test", type=Path, required=True, help="data set to recognise")
    parser.add_argument("--people", type=int, default=200, help="people to learn from")
    parser.add_argument("--section", default="stored", help="section of docs/simulation.md")
    parser.add_argument("-j", "--workers", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    learn = read(options.learn, "train", options.people, options.workers)
    lines = table(learn, read(options.test, "test", 100_000, options.workers))
    print("\n".join(lines), flush=True)
    replace_section(ROOT / "docs" / "simulation.md", options.section, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
