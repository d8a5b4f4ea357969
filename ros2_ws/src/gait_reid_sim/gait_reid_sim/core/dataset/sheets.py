"""Contact sheets: people, strides and what each sensor sees of them, to be judged by eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float32, Float64, UInt8
from gait_reid_sim.core.body.model import LEG
from gait_reid_sim.core.dataset.plan import Condition, DatasetPlan
from gait_reid_sim.core.dataset.record import Recorded, Walk, record_walk
from gait_reid_sim.core.person import OUTFITS

VIEWS_DEG = (0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
RANGES_M = (10.0, 20.0, 30.0, 40.0, 50.0)
PEOPLE = tuple(f"sheet-{i:02d}" for i in range(12))
CLOTHES = (*OUTFITS, "ordinary", "own")
"""One outfit for each of `PEOPLE`."""
HEIGHT = 160
_ABOVE_M = 2.05
_WHITE = (255, 255, 255)

Floats = npt.NDArray[np.floating[Any]]

_PLAN = DatasetPlan(
    "sheet", 0, {}, ("lidar", "camera", "radar"), 2, 10.0, "long_128", "long", HEIGHT, ()
)


def view_sheet(people: Sequence[str] = PEOPLE, outfits: Sequence[str] = CLOTHES) -> UInt8:
    """Return pictures at 10 m: a row for each person, a column for each of `VIEWS_DEG`."""
    rows = []
    for person, outfit in zip(people, outfits):
        tiles = [_picture(_recorded(person, outfit, 10.0, view)) for view in VIEWS_DEG]
        rows.append(_captioned(np.hstack(tiles), outfit))
    return np.vstack([_header([f"{view:.0f} deg" for view in VIEWS_DEG], HEIGHT // 2), *rows])


def range_sheet(people: Sequence[str] = PEOPLE, outfits: Sequence[str] = CLOTHES) -> UInt8:
    """Return picture, LiDAR and radar at each of `RANGES_M`, a row for each person.

    LiDAR points are seen from the sensor, shaded by intensity. Radar points are drawn at their
    height, sidewards by their radial velocity: the middle is rest, the edges are 3 m/s.
    """
    rows = []
    for row, (person, outfit) in enumerate(zip(people, outfits)):
        walks = [_recorded(person, outfit, r, VIEWS_DEG[(3 * row) % 8]) for r in RANGES_M]
        tiles = [np.hstack([_picture(w), _cloud(w), _doppler(w)]) for w in walks]
        rows.append(_captioned(np.hstack(tiles), outfit))
    width = HEIGHT // 2 * 3
    return np.vstack([_header([f"{r:.0f} m" for r in RANGES_M], width), *rows])


def sensor_sheet(person: str = PEOPLE[0], ranges_m: Sequence[float] = (10.0, 30.0, 50.0)) -> UInt8:
    """Return what every sensor sees of one person, a row for each distance.

    Columns: camera by day and by night, LiDAR of 128 beams from the front and from the side, radar.
    """
    rows = []
    for range_m in ranges_m:
        day = _recorded(person, "own", range_m, 60.0, "day", 256)
        night = _recorded(person, "own", range_m, 60.0, "night", 256)
        tiles = [_picture(day), _picture(night), _cloud(day, 256), _cloud(day, 256, 90.0)]
        tiles.append(_doppler(day, 256))
        row = np.hstack([cv2.copyMakeBorder(t, 0, 2, 0, 2, cv2.BORDER_CONSTANT) for t in tiles])
        points, echoes = len(day.points[1]), len(day.radar[1])
        text = f"{range_m:.0f} m: {points} LiDAR points, {echoes} radar points"
        rows.append(_captioned(row, text))
    names = ("camera, day", "camera, night", "LiDAR, front", "LiDAR, side", "radar")
    return np.vstack([_header(names, 130), *rows])


def stride_sheet(people: Sequence[str] = PEOPLE[:6], frames: int = 12) -> UInt8:
    """Return every person's walk, 0.1 s from picture to picture, seen from the side.

    The line below each row shows the ankles from above: where they stand still, they are planted.
    """
    rows = []
    for person in people:
        walk = _recorded(person, "own", 7.0, 90.0, frames=frames)
        tiles = [_letter(image) for image in walk.images]
        rows += [np.hstack(tiles), _footprints(walk, HEIGHT // 2 * frames)]
    return np.vstack(rows)


@lru_cache(maxsize=256)
def _recorded(
    person: str,
    outfit: str,
    range_m: float,
    view_deg: float,
    light: str = "day",
    height: int = HEIGHT,
    frames: int = 2,
) -> Recorded:
    plan = replace(_PLAN, image_height=height, frames=frames)
    condition = Condition("sheet", (range_m,), (view_deg,), (outfit,), light)
    return record_walk(plan, Walk(person, condition, range_m, view_deg, outfit, 0))


def _letter(image: UInt8 | None) -> UInt8:
    return np.zeros((HEIGHT, HEIGHT // 2, 3), np.uint8) if image is None else image


def _picture(walk: Recorded) -> UInt8:
    return _letter(walk.images[1])


def _sidewards(walk: Recorded, points: Float32, turn_deg: float) -> Float64:
    """Return how far to the right points are of the person, seen from ``turn_deg`` beside."""
    at = walk.position[1]
    away = np.arctan2(at[1], at[0]) + np.deg2rad(turn_deg)
    gap = points[:, :2] - at[:2]
    return np.asarray(gap[:, 0] * np.sin(away) - gap[:, 1] * np.cos(away), np.float64)


def _cloud(walk: Recorded, height: int = HEIGHT, turn_deg: float = 0.0) -> UInt8:
    """Return the LiDAR points of a frame, brighter with their intensity."""
    points = walk.points[1]
    shade = np.clip(90.0 + 165.0 * points[:, 3] / max(float(points[:, 3].max(initial=1.0)), 1.0),
                    0.0, 255.0)  # fmt: skip
    colours = np.stack([shade, shade, 0.45 * shade], axis=1)
    return _dots(_sidewards(walk, points, turn_deg), points[:, 2], colours, height, 1)


def _doppler(walk: Recorded, height: int = HEIGHT) -> UInt8:
    """Return the radar points of a frame: height over velocity, brighter with their SNR."""
    points = walk.radar[1]
    share = np.clip(points[:, 4] / 30.0, 0.3, 1.0)
    colours = share[:, None] * np.array([90.0, 190.0, 255.0])
    tile = _dots(points[:, 3] * 0.5 / 3.0, points[:, 2], colours, height, 2)
    tile[:, height // 4] = np.maximum(tile[:, height // 4], 60)
    return tile


def _dots(right: Floats, up: Floats, colours: Floats, height: int, radius: int) -> UInt8:
    """Return a tile 1:2 with discs at metres to the right of its middle and above the ground."""
    tile = np.zeros((height, height // 2, 3), np.uint8)
    scale = height / _ABOVE_M
    for x, z, colour in zip(right, up, colours):
        at = (round(height / 4 + float(x) * scale), round(height - 4 - float(z) * scale))
        cv2.circle(tile, at, radius, tuple(float(c) for c in colour), -1)
    return tile


def _footprints(walk: Recorded, width: int, height: int = 28) -> UInt8:
    """Return a strip with the ankles' places from above, brighter with time."""
    strip = np.full((height, width, 3), 40, np.uint8)
    heading = walk.velocity.mean(axis=0)[:2].astype(np.float64)
    heading /= np.linalg.norm(heading)
    across = np.array([-heading[1], heading[0]])
    for side, colour in (("left", (80, 200, 255)), ("right", (255, 180, 80))):
        ankles = walk.joints[:, LEG[side][2], :2] - walk.position[0, :2]
        along, aside = ankles @ heading, ankles @ across
        for number, (x, y) in enumerate(zip(along, aside)):
            at = (round(40 + float(x) * width * 0.42), round(height / 2 - float(y) * 40))
            share = 0.35 + 0.65 * number / len(ankles)
            cv2.circle(strip, at, 3, tuple(share * c for c in colour), -1)
    return strip


def _captioned(row: UInt8, text: str) -> UInt8:
    out = row.copy()
    cv2.putText(out, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 2, cv2.LINE_AA)
    cv2.putText(out, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, _WHITE, 1, cv2.LINE_AA)
    return out


def _header(names: Sequence[str], width: int) -> UInt8:
    strip = np.full((20, width * len(names), 3), 30, np.uint8)
    for column, name in enumerate(names):
        at = (column * width + 4, 14)
        cv2.putText(strip, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _WHITE, 1, cv2.LINE_AA)
    return strip


SHEETS: dict[str, Callable[[], UInt8]] = {
    "people": view_sheet,
    "distances": range_sheet,
    "sensors": sensor_sheet,
    "strides": stride_sheet,
}
"""Every sheet by the name of its file."""
