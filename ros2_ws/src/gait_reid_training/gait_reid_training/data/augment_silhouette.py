"""Silhouettes as motion gives them: coarse, too wide or too narrow, with parts missing.

Data sets hold silhouettes that a renderer or a segmentation network has drawn, at the resolution of
the picture. Live ones come from `gait_reid.core.motion`: cut out of a picture reduced to some 320
pixels width, where a person at 20 m is two dozen pixels high, with the shadow at the feet and
without what has the colour of the background.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gait_reid.core.network_input import FrameInputs
from gait_reid.core.preprocess import normalise_silhouette
from gait_reid.core.types import Float64, UInt8
from gait_reid_training.data.augment_picture import coarser

_HEIGHT = 0  # column of `FrameInputs.quality`, in units of 128 pixels
_SHARES = (1 / 8, 1 / 2)  # pixels of the reduced picture per pixel
_LEVELS = (0.15, 0.55)  # share of a pixel that is the person's in one that moves
_NOISE = 40.0  # grey levels
_MIN_ROWS = 6
_SHADOW_CHANCE, _HIDDEN_CHANCE = 0.25, 0.25


@dataclass(frozen=True)
class Coarseness:
    """What stays the same along a walk.

    Attributes:
        share: Pixels of the reduced picture per pixel.
        level: Share of a pixel that must be the person's for the pixel to be.
        shadow: How far the feet are drawn out sidewards, of the height; 0: no shadow.
        hidden: First and last row, of the height, of clothes in the background's colour.
    """

    share: float
    level: float
    shadow: float
    hidden: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Coarseness:
        """Return what one walk has."""
        share = np.exp(rng.uniform(*np.log(_SHARES)))
        shadow = rng.uniform(0.05, 0.2) if rng.random() < _SHADOW_CHANCE else 0.0
        top = rng.uniform(0.1, 0.9)
        size = rng.uniform(0.05, 0.35) if rng.random() < _HIDDEN_CHANCE else 0.0
        return cls(float(share), float(rng.uniform(*_LEVELS)), shadow, (top, top + size))


def change_silhouettes(
    frames: FrameInputs, shape: tuple[int, ...], factor: Float64, chance: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Make the silhouettes of walks as they are from farther away, and some of them coarse.

    Args:
        frames: B * T frames, those of a walk together; changed in place.
        shape: B and T.
        factor: (B,) by how much farther away each walk is made.
        chance: That a walk's silhouettes are coarse.
        rng: Random numbers.
    """
    walks, length = shape
    chosen = rng.random(walks) < chance
    for walk in np.flatnonzero(chosen | (factor > 1.0)).tolist():
        change = Coarseness.draw(rng)
        for row in range(walk * length, (walk + 1) * length):
            silhouette = frames.silhouette[row, 0]
            if not silhouette.any():
                continue
            height = 128.0 * float(frames.quality[row, _HEIGHT])
            if chosen[walk]:
                silhouette = coarse(silhouette, height / factor[walk], change, rng)
            elif factor[walk] > 1.0:
                silhouette = coarser(silhouette, height / 128.0, factor[walk])
            frames.silhouette[row, 0] = silhouette


def coarse(
    silhouette: UInt8, height_px: float, change: Coarseness, rng: np.random.Generator
) -> UInt8:
    """Return a normalised silhouette as motion in a reduced picture would give it.

    Args:
        silhouette: (h, w) uint8, the person as high as the picture.
        height_px: Height of the person in the camera's picture.
        change: What the walk has.
        rng: What each frame has for itself.

    Returns:
        (h, w) uint8, normalised anew; black where too little is left.
    """
    rows, columns = silhouette.shape
    drawn = silhouette.copy()
    if change.shadow:
        reach = max(round(change.shadow * rows), 1)
        feet = drawn[-max(rows // 12, 1) :]
        feet[:] = cv2.dilate(feet, np.ones((1, 2 * reach + 1), np.uint8), anchor=(0, 0))
    top, bottom = (round(rows * one) for one in change.hidden)
    drawn[top:bottom][rng.random((max(min(bottom, rows) - top, 0), columns)) < 0.8] = 0
    small_rows = int(np.clip(round(height_px * change.share), _MIN_ROWS, rows))
    size = (max(round(columns * small_rows / rows), 4), small_rows)
    small = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    edge = (small > 0.0) & (small < 255.0)
    small[edge] += np.float32(_NOISE) * rng.standard_normal(np.count_nonzero(edge), np.float32)
    moving = np.where(small > 255.0 * change.level, 255, 0).astype(np.uint8)
    large = cv2.resize(moving, (columns, rows), interpolation=cv2.INTER_LINEAR)
    body = cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1]
    normal = normalise_silhouette(body, (rows, columns))
    if normal is None:
        return np.zeros_like(silhouette)
    return np.round(255.0 * normal).astype(np.uint8)
