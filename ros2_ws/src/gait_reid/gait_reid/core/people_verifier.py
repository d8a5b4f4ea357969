"""Is there a person in this box? OpenCV's people detector, asked about few boxes only.

The detector is the linear SVM on histograms of oriented gradients of Dalal & Triggs 2005 with the
coefficients that OpenCV 4 ships. OpenCV 5 has none; `PeopleVerifier.available` says so, and callers
go by shape and motion alone then.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gait_reid.core.types import Float64, UInt8

_WINDOW = (64, 128)
_PERSON_HEIGHT = 96  # of the 128 rows of the window, as in the training set
_PERSON_WIDTH = 40
_MARGIN = 8
_SCALES = (0.87, 1.0, 1.15)
_WIDE_MARGIN = 24
_WIDE_SCALES = (1.0, 1.2, 1.45, 1.75)


@dataclass(frozen=True)
class Verdict:
    """Answer about one box.

    Attributes:
        score: Distance to the SVM's separating plane; positive for a person, -inf unless asked.
        roi: (4,) box of the best person found at about this place, pixels.
    """

    score: float
    roi: Float64


class PeopleVerifier:
    """Scores boxes with OpenCV's people detector where this OpenCV has it."""

    def __init__(self) -> None:
        self._detector = None
        coefficients = getattr(cv2, "HOGDescriptor_getDefaultPeopleDetector", None)
        if coefficients is not None:
            self._detector = cv2.HOGDescriptor()
            self._detector.setSVMDetector(coefficients())

    @property
    def available(self) -> bool:
        """Whether this OpenCV has the people detector."""
        return self._detector is not None

    def verify(self, image: UInt8, roi: npt.ArrayLike, wide: bool = False) -> Verdict:
        """Look for a person of about the box's height around it.

        Args:
            image: (h, w, 3) uint8 BGR.
            roi: (4,) pixels; the person's box from head to feet.
            wide: Whether the box may show a part of the person only: look for larger people, and
                farther around.
        """
        roi = np.asarray(roi, np.float64)
        best = Verdict(-np.inf, roi)
        if self._detector is None or not (roi[2:] > 1.0).all():
            return best
        margin = _WIDE_MARGIN if wide else _MARGIN
        for scale in _WIDE_SCALES if wide else _SCALES:
            pixels_per_row = roi[3] * scale / _PERSON_HEIGHT
            window, corner = _cut(image, roi, pixels_per_row, margin)
            places, weights = self._detector.detect(window, hitThreshold=-5.0, winStride=(8, 8))
            scores = np.ravel(weights)
            if len(scores) and scores.max() > best.score:
                place = np.asarray(places[int(scores.argmax())], np.float64).reshape(2)
                best = Verdict(float(scores.max()), _person_box(corner, place, pixels_per_row))
        return best


def _cut(image: UInt8, roi: Float64, pixels_per_row: float, margin: int) -> tuple[UInt8, Float64]:
    """Return the detector's window with a margin around the middle of a box, and its corner."""
    size = np.array(_WINDOW) + 2 * margin
    corner = roi[:2] + 0.5 * roi[2:] - 0.5 * size * pixels_per_row
    low = np.floor(corner).astype(int)
    high = np.ceil(corner + size * pixels_per_row).astype(int)
    limit = np.array(image.shape[1::-1])
    inner_low, inner_high = np.clip(low, 0, limit), np.clip(high, 0, limit)
    inner = image[inner_low[1] : inner_high[1], inner_low[0] : inner_high[0]]
    if inner.size == 0:
        return np.zeros((int(size[1]), int(size[0]), 3), np.uint8), corner
    # Reduce before padding: the padding of a large box would cost more than the detector.
    target = np.maximum(np.rint((inner_high - inner_low) / pixels_per_row), 1).astype(int)
    small = cv2.resize(inner, (int(target[0]), int(target[1])), interpolation=cv2.INTER_LINEAR)
    left, top = ((inner_low - low) / pixels_per_row).astype(int)
    missing = size - target - (left, top)
    padded = cv2.copyMakeBorder(
        small,
        int(top),
        int(max(missing[1], 0)),
        int(left),
        int(max(missing[0], 0)),
        cv2.BORDER_REPLICATE,
    )
    return padded[: size[1], : size[0]], corner


def _person_box(corner: Float64, place: Float64, pixels_per_row: float) -> Float64:
    inset = (np.array(_WINDOW) - (_PERSON_WIDTH, _PERSON_HEIGHT)) / 2.0
    low = corner + (place + inset) * pixels_per_row
    return np.concatenate([low, np.array([_PERSON_WIDTH, _PERSON_HEIGHT]) * pixels_per_row])
