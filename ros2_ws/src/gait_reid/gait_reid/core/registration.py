"""How far the picture of a camera that should stand still has moved."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64, UInt8

_ROWS, _COLUMNS = 2, 3
_MIN_BLOCK = 12
_MIN_RESPONSE = 0.1
_AGREEMENT_PX = 0.5
_STILL_PX = 0.3


class Registration:
    """Compares pictures with the first one, block by block, by phase correlation.

    People move in some blocks, the camera moves all of them: only what most blocks agree on counts.
    """

    def __init__(self, max_displacement: float) -> None:
        """Take the largest believable displacement, as a part of the width."""
        self._max_displacement = max_displacement
        self._reference: list[npt.NDArray[np.float32]] = []
        self._window: npt.NDArray[np.float32] | None = None

    def displacement(self, picture: UInt8) -> Float64:
        """Return (2,) pixels from the first picture to this one (h, w, 3), zero when it stands."""
        blocks = _blocks(picture)
        if not self._reference:
            self._reference = blocks
            if blocks:
                self._window = cv2.createHanningWindow(blocks[0].shape[::-1], cv2.CV_32F)
            return np.zeros(2)
        shifts = []
        for before, now in zip(self._reference, blocks):
            shift, response = cv2.phaseCorrelate(before, now, self._window)
            if response > _MIN_RESPONSE:
                shifts.append(shift)
        if len(shifts) <= _ROWS * _COLUMNS // 2:
            return np.zeros(2)
        moved = 2.0 * np.array(shifts)
        middle = np.median(moved, axis=0)
        agree = np.hypot(*(moved - middle).T) < _AGREEMENT_PX
        size = np.hypot(*middle)
        limit = self._max_displacement * picture.shape[1]
        if agree.sum() <= _ROWS * _COLUMNS // 2 or not _STILL_PX < size <= limit:
            return np.zeros(2)
        return moved[agree].mean(axis=0)


def _blocks(picture: UInt8) -> list[npt.NDArray[np.float32]]:
    """Return equal parts of the picture in grey at half its size; none when it is too small."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape[0] // 2, grey.shape[1] // 2
    # phaseCorrelate is half a pixel wrong for odd sizes.
    rows, columns = height // _ROWS // 2 * 2, width // _COLUMNS // 2 * 2
    if min(rows, columns) < _MIN_BLOCK:
        return []
    half = cv2.resize(
        grey[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
    )
    small = half.astype(np.float32)
    return [
        np.ascontiguousarray(small[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns])
        for r in range(_ROWS)
        for c in range(_COLUMNS)
    ]
