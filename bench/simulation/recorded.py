"""Figures of other people's recordings. The recordings themselves are not part of the project."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gait_reid_sim.core.gait.recording import Recording, load_recording
from gait_reid_sim.core.sensors.beams import BeamTable

Floats = npt.NDArray[np.float64]
STATIC_M_S = 1e-6
NEAR_M = 0.5
"""What a radar reports nearer than this is its own housing."""


@dataclass(frozen=True)
class RadarFrames:
    """Points of many frames.

    Attributes:
        source: Where they come from.
        counts: (f,) points of each frame.
        moving: (f,) points of each frame with a velocity other than zero.
        velocity: (n,) m/s of the moving ones.
        spread: (k,) standard deviation of the moving ones of each frame that has three or more.
        resolution_m_s: Smallest velocity other than zero.
    """

    source: str
    counts: Floats
    moving: Floats
    velocity: Floats
    spread: Floats
    resolution_m_s: float

    @classmethod
    def of(cls, source: str, frame: npt.ArrayLike, velocity: npt.ArrayLike) -> RadarFrames:
        """Count points by the number of their frame."""
        frames, speed = np.asarray(frame), np.asarray(velocity, np.float64)
        numbers, row = np.unique(frames, return_inverse=True)
        moves = np.abs(speed) > STATIC_M_S
        size = len(numbers)
        counts = np.bincount(row, minlength=size).astype(np.float64)
        moving = np.bincount(row[moves], minlength=size).astype(np.float64)
        least = float(np.abs(speed[moves]).min()) if moves.any() else 0.0
        sums, squares = (np.bincount(row[moves], speed[moves] ** power, size) for power in (1, 2))
        many = moving >= 3
        mean = sums[many] / moving[many]
        spread = np.sqrt(np.maximum(squares[many] / moving[many] - mean**2, 0.0))
        return cls(source, counts, moving, speed[moves], spread, least)


def mocap_walks(data: Path) -> list[Recording]:
    """Return the motion-captured walks.

    Raises:
        FileNotFoundError: They are not there.
    """
    files = sorted(_existing(data / "mocap").glob("*.npz"))
    return [load_recording(file) for file in files]


def mars(data: Path) -> RadarFrames:
    """Return the radar points of MARS, subject 1: exercises about 2 m before a 77 GHz radar.

    Raises:
        FileNotFoundError: They are not there.
    """
    file = _existing(data / "radar/pointclouds/mars_subject1_radar_test.csv.gz")
    table = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=(0, 5))
    return RadarFrames.of("MARS, exercises at 2 m, static points kept", table[:, 0], table[:, 1])


def radhar(data: Path) -> RadarFrames:
    """Return the radar points of RadHAR's walk: a 77 GHz radar at 30 frames a second.

    Raises:
        FileNotFoundError: They are not there.
    """
    file = _existing(data / "radar/pointclouds/radhar_walk_sample.txt.gz")
    with gzip.open(file, "rt", encoding="ascii") as stream:
        text = stream.read()
    pattern = r"point_id: (\d+)\nx.*\ny.*\nz.*\nrange: ([\d.e+-]+)\nvelocity: ([\d.e+-]+)"
    table = np.array(re.findall(pattern, text), np.float64)
    frame = np.cumsum(table[:, 0] == 0)
    far = table[:, 1] > NEAR_M
    name = "RadHAR, walking in a room, static points kept"
    return RadarFrames.of(name, frame[far], table[far, 2])


@dataclass(frozen=True)
class LidarPeople:
    """People that were marked by eye in a scan.

    Attributes:
        table: The scanner's beams.
        mount_m: Height of the scanner above the people's feet.
        range_m: (n,) distances.
        points: (n,) points on each.
        remarks: What was noted of each.
    """

    table: BeamTable
    mount_m: float
    range_m: Floats
    points: Floats
    remarks: tuple[str, ...]


def ouster_people(data: Path) -> LidarPeople:
    """Return the people of the street scan of an OS-1-32; those who stand in pairs are halved.

    Raises:
        FileNotFoundError: It is not there.
    """
    folder = _existing(data / "lidar/ouster")
    metadata = json.loads((folder / "OS-1-32-G_v2.1.1_1024x10.json").read_text(encoding="utf-8"))
    marked = json.loads((folder / "people_by_eye_OS-1-32-G.json").read_text(encoding="utf-8"))
    people = marked["people"]
    pairs = np.array([2.0 if "two people" in p["comment"] else 1.0 for p in people])
    elevation = np.deg2rad(metadata["beam_altitude_angles"])
    order = np.argsort(elevation)
    table = BeamTable(
        elevation[order],
        int(metadata["data_format"]["columns_per_frame"]),
        divergence=3e-3,
        azimuth_offset=np.deg2rad(metadata["beam_azimuth_angles"])[order],
    )
    feet = [p["center"][2] - 0.5 * p["height"] for p in people]
    points = np.array([p["points"] for p in people]) / pairs
    ranges = np.array([float(p["range"]) for p in people])
    remarks = tuple(str(p["comment"]) for p in people)
    return LidarPeople(table, -float(np.median(feet)), ranges, points, remarks)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not in {path.parent}")
    return path
