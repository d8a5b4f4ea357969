"""A tiny model with the graphs of Mission, made by hand: for tests that need no training.

People have two traits between 0 and 1. A camera sees them as red and green; a radar hears them as
signal-to-noise ratio (in units of 30 dB) and radial velocity (m/s). Vectors know of the first trait
alone, pairs of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gait_reid.core.types import CropQuality, Modality, PersonCrop
from gait_reid.testing.graphs import graph_bytes, write_model_folder

IMAGE, POINTS, FRAMES, GROUP = (16, 8), 8, 6, 3
_EMBEDDING = """first = Gather<axis=1>(mean, zero)
           angle = Mul(first, quarter)
           across = Cos(angle)
           up = Sin(angle)
           embedding = Concat<axis=1>(across, up)"""
_GRAPHS = {
    "vision": (
        "(uint8[batch,3,16,8] rgb) => (float[batch,1,2] frame)",
        """values = Cast<to=1>(rgb)
           mean = ReduceMean<keepdims=0>(values, area)
           two_of = Gather<axis=1>(mean, colours)
           share = Div(two_of, full)
           frame = Unsqueeze(share, one)""",
    ),
    "radar": (
        f"(float[batch,{POINTS},5] points, bool[batch,{POINTS}] point_mask)"
        f" => (float[batch,{POINTS},2] own, float[batch,2] frame)",
        """kept = Cast<to=1>(point_mask)
           last = Unsqueeze(kept, two)
           traits = Gather<axis=2>(points, columns)
           own = Mul(traits, last)
           total = ReduceSum<keepdims=0>(own, one)
           number = ReduceSum<keepdims=1>(kept, one)
           safe = Max(number, least)
           frame = Div(total, safe)""",
    ),
    "vision_walk": (
        f"(float[batch,{FRAMES},1,2] frames, bool[batch,{FRAMES}] frame_mask)"
        f" => (float[batch,2] embedding, float[batch,{FRAMES},2] tokens)",
        """kept = Cast<to=1>(frame_mask)
           last = Unsqueeze(kept, two)
           flat = Squeeze(frames, two)
           tokens = Mul(flat, last)
           total = ReduceSum<keepdims=0>(tokens, one)
           number = ReduceSum<keepdims=1>(kept, one)
           safe = Max(number, least)
           mean = Div(total, safe)
           """
        + _EMBEDDING,
    ),
    "radar_walk": (
        f"(float[batch,{FRAMES},{POINTS},2] own, float[batch,{FRAMES},2] frames,"
        f" bool[batch,{FRAMES},{POINTS}] point_mask)"
        f" => (float[batch,2] embedding, float[batch,{FRAMES},{POINTS},2] tokens)",
        """heard = Cast<to=1>(point_mask)
           wide = Unsqueeze(heard, three)
           tokens = Mul(own, wide)
           kept = ReduceMax<keepdims=0>(heard, two)
           last = Unsqueeze(kept, two)
           some = Mul(frames, last)
           total = ReduceSum<keepdims=0>(some, one)
           number = ReduceSum<keepdims=1>(kept, one)
           safe = Max(number, least)
           mean = Div(total, safe)
           """
        + _EMBEDDING,
    ),
    "pair": (
        f"(float16[batch,{GROUP},{FRAMES},2] vision, bool[batch,{GROUP},{FRAMES}] vision_mask,"
        f" float16[batch,{FRAMES},{POINTS},2] radar, bool[batch,{FRAMES},{POINTS}] radar_mask)"
        f" => (float[batch,{GROUP}] distance)",
        """seen = Cast<to=1>(vision)
           kept = Cast<to=1>(vision_mask)
           total = ReduceSum<keepdims=0>(seen, two)
           number = ReduceSum<keepdims=1>(kept, two)
           safe = Max(number, least)
           person = Div(total, safe)
           heard = Cast<to=1>(radar)
           points = Cast<to=1>(radar_mask)
           sum = ReduceSum<keepdims=0>(heard, both)
           count = ReduceSum<keepdims=0>(points, both)
           enough = Max(count, least)
           column = Unsqueeze(enough, one)
           walker = Div(sum, column)
           row = Unsqueeze(walker, one)
           difference = Sub(person, row)
           square = Mul(difference, difference)
           away = ReduceSum<keepdims=0>(square, two)
           distance = Sqrt(away)""",
    ),
}
_CONSTANTS: dict[str, np.ndarray[Any, Any]] = {
    "zero": np.array([0], np.int64), "one": np.array([1], np.int64),
    "two": np.array([2], np.int64), "three": np.array([3], np.int64),
    "area": np.array([2, 3], np.int64), "both": np.array([1, 2], np.int64),
    "colours": np.array([0, 1], np.int64), "columns": np.array([4, 3], np.int64),
    "full": np.array(255.0, np.float32), "least": np.array(1.0, np.float32),
    "quarter": np.array(np.pi / 2.0, np.float32),
}  # fmt: skip


def write_mission_model(
    folder: Path, change: Mapping[str, Any] | None = None, pairs: bool = True
) -> None:
    """Write the model into a folder that bears its name.

    Args:
        folder: Made when it is not there.
        change: Entries of ``model.yaml`` that differ.
        pairs: Whether there is a graph of pairs.
    """
    content = {
        "network": "mission", "frames": FRAMES, "min_frames": 4, "frame_period_s": 0.1,
        "training_data": "none: made by hand",
        "input": {"image_size": list(IMAGE), "num_points": 4},
        "radar_input": {"num_points": POINTS},
        "calibration": {
            "max_distance": 0.15, "min_margin": 0.02, "min_frames": 4, "logistic_midpoint": 0.15,
        },
    }  # fmt: skip
    graphs = {
        name: graph_bytes(name, *one, _CONSTANTS)
        for name, one in _GRAPHS.items()
        if pairs or name != "pair"
    }
    write_model_folder(folder, content, graphs, change)


def seen_crop(
    number: int, track_id: int, traits: tuple[float, float], **quality: Any
) -> PersonCrop:
    """Return the crop of one frame before a camera, ten frames a second.

    Args:
        number: Of the frame.
        track_id: Track.
        traits: Of the person.
        **quality: Fields of `CropQuality`.
    """
    image = np.zeros((40, 20, 3), np.uint8)
    image[..., 2], image[..., 1] = (round(255 * one) for one in traits)
    figures = CropQuality(pixel_height=40.0, **{"sharpness": 50.0, **quality})
    return PersonCrop(
        track_id, number * 10**8, "hall", Modality.CAMERA, np.array([5.0, 0.1 * number, 0.0]),
        np.array([0.0, 1.0, 0.0]), np.array([10.0, 10.0, 20.0, 40.0]), image=image,
        quality=figures,
    )  # fmt: skip


def heard_crop(
    number: int, track_id: int, traits: tuple[float, float], points: int = 6
) -> PersonCrop:
    """Return the crop of one frame before a radar, ten frames a second.

    Args:
        number: Of the frame.
        track_id: Track.
        traits: Of the person.
        points: Points on the person.
    """
    position = np.array([3.0, 0.1 * number, 0.0])
    rng = np.random.default_rng([track_id, number])
    xyz = position + rng.uniform([-0.2, -0.2, 0.5], [0.2, 0.2, 1.5], (points, 3))
    return PersonCrop(
        track_id, number * 10**8, "room", Modality.RADAR, position, np.array([0.0, 1.0, 0.0]),
        np.full(4, np.nan), points=xyz.astype(np.float32),
        intensity=np.full(points, 30.0 * traits[0], np.float32),
        point_velocity=np.full(points, traits[1], np.float32),
        quality=CropQuality(num_points=points),
    )  # fmt: skip
