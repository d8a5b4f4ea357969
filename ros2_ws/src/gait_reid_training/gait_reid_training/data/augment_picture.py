"""Changes to the pictures of one walk: range, light, framing, noise, cover."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gait_reid.core.network_input import FrameInputs
from gait_reid.core.network_picture import GREY, picture_figures
from gait_reid.core.types import Float32, Float64, Int64, UInt8

_NOISE_BLOCK = 1 << 16
_FRAME_SHARE = 0.4  # of the box's error is new in every frame


@dataclass(frozen=True)
class PictureChange:
    """What happens to the pictures of a walk.

    Attributes:
        factor: By how much farther away the person is made.
        gain: (3,) gain of the colours.
        offset: Added after that.
        grey: Whether colours are taken away.
        noise: Standard deviation of noise, 0 for none.
        erase: Whether a part is covered.
        box: (3,) error of the detector's box in heights: sidewards, upwards, size.
    """

    factor: float
    gain: Float32
    offset: float
    grey: bool
    noise: float
    erase: bool
    box: Float64


def change_picture(
    frames: FrameInputs, rows: slice, change: PictureChange, rng: np.random.Generator
) -> None:
    """Change the pictures and their figures of quality in place."""
    levels = np.arange(256, dtype=np.float32)[:, None] * change.gain + np.float32(change.offset)
    table = np.clip(levels, 0.0, 255.0).astype(np.uint8)[:, None]
    drift = _FRAME_SHARE * np.abs(change.box) * rng.standard_normal((rows.stop - rows.start, 3))
    patch = _patch(frames.rgb.shape[2:], rng) if change.erase else None
    bars = _bars(frames.rgb[rows])
    for number, row in enumerate(range(rows.start, rows.stop)):
        if not frames.has_camera[row]:
            continue
        picture = np.ascontiguousarray(frames.rgb[row].transpose(1, 2, 0))
        picture = coarser(picture, frames.quality[row, 0], change.factor)
        picture = _lit(picture, change, table, rng)
        left, right = int(bars[number, 0]), picture.shape[1] - int(bars[number, 1])
        sharpness, brightness = picture_figures(picture[:, left:right, ::-1])
        frames.quality[row, 1:3] = np.log10(1.0 + sharpness) / 4.0, brightness
        # What is beside the box is no light that could have changed.
        picture[:, :left], picture[:, right:] = GREY, GREY
        picture = _moved(picture, change.box + drift[number])
        if patch is not None:
            picture[patch] = GREY
        frames.rgb[row] = picture.transpose(2, 0, 1)


def _bars(pictures: UInt8) -> Int64:
    """Return (T, 2) columns of grey on the left and on the right of pictures (T, 3, H, W)."""
    shown = (pictures[:, 0] != GREY).any(axis=1) | (pictures[:, 1:] != GREY).any(axis=(1, 2))
    sides = np.stack([shown.argmax(axis=1), shown[:, ::-1].argmax(axis=1)], axis=1)
    return np.where(shown.any(axis=1)[:, None], sides, 0)


def _lit(picture: UInt8, change: PictureChange, table: UInt8, rng: np.random.Generator) -> UInt8:
    """Return a picture in another light."""
    if change.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = np.asarray(cv2.LUT(picture, table), np.uint8)
    return _noisy(picture, change.noise, rng) if change.noise else picture


def coarser(picture: UInt8, height: float, factor: float) -> UInt8:
    """Return a picture as the camera has it from farther away.

    Args:
        picture: (rows, columns, ...) uint8.
        height: The person's height in the camera's picture before that, in units of 128 pixels.
        factor: By how much farther away.
    """
    rows, columns = picture.shape[:2]
    seen = 128.0 * float(height) / factor
    if factor <= 1.0 or seen >= rows:
        return picture
    share = max(seen, 8.0) / rows
    small = (max(round(columns * share), 2), max(round(rows * share), 4))
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def _moved(picture: UInt8, box: Float64) -> UInt8:
    """Return a picture cut out by a box that is a little wrong."""
    if not box.any():
        return picture
    rows, columns = picture.shape[:2]
    scale = float(np.clip(1.0 + box[2], 0.7, 1.4))
    right = 0.5 * columns * (1.0 - scale) + float(box[0]) * rows
    # Heads are found better than soles: the size changes below the top.
    down = 0.3 * float(box[1]) * rows
    matrix = np.array([[scale, 0.0, right], [0.0, scale, down]])
    return np.asarray(
        cv2.warpAffine(
            picture, matrix, (columns, rows), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY, GREY, GREY),
        ),
        np.uint8,
    )  # fmt: skip


def _patch(size: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, slice]:
    """Return rows and columns of a part of the picture that something covers."""
    rows, columns = size
    height = int(rng.integers(rows // 8, rows // 3 + 1))
    width = int(rng.integers(columns // 4, columns + 1))
    top = int(rng.integers(0, rows - height + 1))
    left = int(rng.integers(0, columns - width + 1))
    return slice(top, top + height), slice(left, left + width)


_normal = np.random.default_rng(0).standard_normal(_NOISE_BLOCK).astype(np.float32)


def _noisy(picture: UInt8, deviation: float, rng: np.random.Generator) -> UInt8:
    """Add noise out of a fixed block, from a place that is drawn: far cheaper than fresh noise."""
    start = int(rng.integers(0, _NOISE_BLOCK - picture.size))
    noise = _normal[start : start + picture.size].reshape(picture.shape)
    return np.clip(picture + deviation * noise, 0.0, 255.0).astype(np.uint8)
