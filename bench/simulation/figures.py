"""Figures of simulated people beside recorded ones, and pictures of what the sensors see.

``python -m bench.simulation.figures`` writes the pictures to docs/images and the table to
docs/simulation.md. Recordings that are not at hand are left out, and the table says so.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from bench.simulation import plots, recorded, simulated
from bench.simulation.recorded import Floats, LidarPeople, RadarFrames
from bench.simulation.simulated import GaitFigures
from gait_reid_sim.core.dataset.sheets import SHEETS
from gait_reid_sim.core.sensors.beams import beam_table

ROOT = Path(__file__).resolve().parents[2]
RANGES_M = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("GAIT_REID_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of recordings")
    parser.add_argument("--people", type=int, default=40, help="simulated people")
    parser.add_argument("--no-sheets", action="store_true", help="leave the contact sheets alone")
    options = parser.parse_args(arguments)
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    missing: list[str] = []
    lines = _gait(options.data, options.people, images, missing)
    lines += _points(options.data, images, missing)
    lines += [f"Not compared: {reason}." for reason in missing]
    replace_section(ROOT / "docs" / "simulation.md", "figures", lines)
    if not options.no_sheets:
        for name, draw in SHEETS.items():
            path = images / f"simulated_{name}.jpg"
            cv2.imwrite(str(path), draw(), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return 0


def _try(read: Callable[[Path], T], data: Path, missing: list[str]) -> T | None:
    try:
        return read(data)
    except FileNotFoundError as error:
        missing.append(str(error))
        print(f"skipped: {error}", file=sys.stderr)
        return None


def _gait(data: Path, people: int, images: Path, missing: list[str]) -> list[str]:
    """Return the table of gait."""
    own = simulated.gait_figures(simulated.walks(people))
    walks = _try(recorded.mocap_walks, data, missing)
    other = simulated.gait_figures(walks) if walks else None
    plots.gait(own, other, images / "simulation_gait.png")
    count = 0 if other is None else len(other.values)
    lines = [f"| gait | simulated, {people} people | recorded, {count} walks |", "|---|---|---|"]
    for column, name in enumerate(own.names):
        rest = "-" if other is None else _spread(other, column)
        lines.append(f"| {name} | {_spread(own, column)} | {rest} |")
    return [*lines, ""]


def _spread(figures: GaitFigures, column: int) -> str:
    values = figures.values[:, column]
    digits = 0 if abs(values.mean()) > 20.0 else 2 if values.mean() < 3.0 else 1
    return f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"


def _points(data: Path, images: Path, missing: list[str]) -> list[str]:
    """Return the tables of LiDAR and radar."""
    long = simulated.lidar_points(beam_table("long_128"), RANGES_M, 12)
    people = _try(recorded.ouster_people, data, missing)
    own = None
    if people is not None:
        own = simulated.lidar_points(people.table, people.range_m.tolist(), 12, people.mount_m)
    radars = [
        simulated.radar_frames("gait", (2.0,), 8),
        simulated.radar_frames("gait", (2.0, 4.0, 6.0), 4),
        *(f for f in (_try(recorded.mars, data, missing), _try(recorded.radhar, data, missing))
          if f is not None),
    ]  # fmt: skip
    plots.points(RANGES_M, long, people, own, radars, images / "simulation_points.png")
    return [*_lidar_table(long, people, own), "", *_radar_table(radars), ""]


def _lidar_table(long: Floats, people: LidarPeople | None, own: Floats | None) -> list[str]:
    lines = ["| LiDAR points on a person | range | simulated (10 to 90 %) | recorded |"]
    lines.append("|---|---|---|---|")
    for range_m, counts in zip(RANGES_M, long):
        lines.append(f"| 128 beams over 32 degrees | {range_m:.0f} m | {_band(counts)} | |")
    if people is not None and own is not None:
        for range_m, points, remark, counts in zip(
            people.range_m, people.points, people.remarks, own
        ):
            lines.append(
                f"| OS-1-32, {remark} | {range_m:.1f} m | {_band(counts)} | {points:.0f} |"
            )
    return lines


def _band(counts: Floats) -> str:
    low, high = np.percentile(counts, [10, 90])
    return f"{counts.mean():.0f} ({low:.0f} to {high:.0f})"


def _radar_table(radars: Sequence[RadarFrames]) -> list[str]:
    lines = [
        "| radar | points a frame | moving | Doppler: sd | within a frame | step |",
        "|---|---|---|---|---|---|",
    ]
    for r in radars:
        figures = f"{r.counts.mean():.0f} | {r.moving.mean():.1f} | {r.velocity.std():.2f} m/s"
        lines.append(
            f"| {r.source} | {figures} | {r.spread.mean():.2f} m/s | {r.resolution_m_s:.2f} m/s |"
        )
    return lines


def replace_section(file: Path, name: str, lines: Sequence[str]) -> None:
    """Write lines between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` of a file.

    Raises:
        ValueError: The file has no such marks.
    """
    text = file.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{file.name} has no section between {begin} and {end}")
    body = "\n".join(lines).strip()
    new = pattern.sub(lambda _: f"{begin}\n{body}\n{end}", text)
    file.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
