"""Crops of noise: for tests that ask how much is computed, and not who somebody is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from gait_reid.core.types import CropQuality, Modality, PersonCrop

_GOOD = CropQuality(range_m=5.0, pixel_height=120.0, sharpness=80.0, brightness=0.5, num_points=40)


def noisy_crop(
    number: int,
    track_id: int = 1,
    seed: int = 0,
    modality: Modality = Modality.CAMERA | Modality.LIDAR,
    **quality: Any,
) -> PersonCrop:
    """Return the crop of one frame: a noisy person who walks along y, ten frames a second.

    Args:
        number: Of the frame.
        track_id: Track.
        seed: Of the person.
        modality: Sensors that see the person.
        **quality: Fields of `CropQuality` that differ from a good one.
    """
    rng = np.random.default_rng([seed, number])
    position = np.array([5.0, 0.1 * number, 0.0])
    xyz = rng.uniform([-0.3, -0.3, 0.3], [0.3, 0.3, 1.7], (40, 3)) + position
    camera, lidar = bool(modality & Modality.CAMERA), bool(modality & Modality.LIDAR)
    return PersonCrop(
        track_id, 10**9 + number * 10**8, "site", modality, position, np.array([0.0, 1.0, 0.0]),
        np.array([10.0, 10.0, 60.0, 120.0]) if camera else np.full(4, np.nan),
        image=rng.integers(0, 255, (120, 60, 3), np.uint8) if camera else None,
        silhouette=np.full((120, 60), 255, np.uint8) if camera else None,
        points=xyz.astype(np.float32) if lidar else None,
        intensity=np.full(40, 100.0, np.float32) if lidar else None,
        viewpoint=np.array([0.0, 0.0, 1.5]),
        quality=dataclasses.replace(_GOOD, **quality),
    )  # fmt: skip
