"""Connected pieces of a mask of moving pixels, and which of them moved together recently."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64, Int32, UInt8

_MAX_PIECES = 48
_MIN_PIXELS = 4
_BRIDGE = (3, 7)  # columns, rows: legs below a dark coat are farther apart than people side by side
_MEMORY_S = 0.8


@dataclass(frozen=True)
class Pieces:
    """Connected pieces, largest first.

    Attributes:
        roi: (n, 4) float64, boxes in pixels of the mask.
        area: (n,) float64, moving pixels.
        group: (n,) int32, equal for pieces that recent motion connects.
        pixels: (p, 2) int32, x and y of every moving pixel.
        piece: (p,) int32, row of the piece that the pixel belongs to.
    """

    roi: Float64
    area: Float64
    group: Int32
    pixels: Int32
    piece: Int32


class PieceSplitter:
    """Splits masks, and remembers where something moved within the last second."""

    def __init__(self) -> None:
        self._recent: npt.NDArray[np.float32] | None = None
        self._bridge = cv2.getStructuringElement(cv2.MORPH_RECT, _BRIDGE)

    def split(self, mask: UInt8, elapsed_s: float) -> Pieces:
        """Return the pieces of a mask (h, w) that comes ``elapsed_s`` after the last one."""
        clean = cv2.medianBlur(mask, 3)
        groups = self._remember(clean, elapsed_s)
        joined = cv2.dilate(clean, self._bridge)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        y, x = np.nonzero(clean)
        area = np.bincount(labels[y, x], minlength=len(stats)).astype(np.float64)
        chosen = np.argsort(-area[1:], kind="stable")[:_MAX_PIECES] + 1
        chosen = chosen[area[chosen] >= _MIN_PIXELS]
        rank = np.full(len(stats), -1, np.int32)
        rank[chosen] = np.arange(len(chosen))
        piece = rank[labels[y, x]]
        kept = piece >= 0
        x, y, piece = x[kept], y[kept], piece[kept]
        roi = stats[chosen, :4].astype(np.float64)
        inset = (np.array(_BRIDGE) - 1) / 2.0
        roi[:, :2] += inset
        roi[:, 2:] = np.maximum(roi[:, 2:] - 2.0 * inset, 1.0)
        group = np.zeros(len(chosen), np.int32)
        group[piece] = groups[y, x]
        return Pieces(roi, area[chosen], group, np.column_stack([x, y]).astype(np.int32), piece)

    def _remember(self, clean: UInt8, elapsed_s: float) -> Int32:
        """Return labels of the connected areas in which something moved recently."""
        if self._recent is None or self._recent.shape != clean.shape:
            self._recent = np.zeros(clean.shape, np.float32)
        self._recent *= np.float32(np.exp(-elapsed_s / _MEMORY_S))
        self._recent[clean > 0] = 1.0
        moved = (self._recent > 0.3).view(np.uint8)
        return cv2.connectedComponents(cv2.dilate(moved, self._bridge), connectivity=8)[1]
