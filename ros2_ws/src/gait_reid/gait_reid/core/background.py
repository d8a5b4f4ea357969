"""The empty scene at full resolution, and the edges of people against it.

`gait_reid.core.motion` looks for motion in a picture of some 320 pixels width, where a person at
20 m is two dozen pixels high. Where the person's edges are is found here, in the crop alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from gait_reid.core.motion import Motion, brightest
from gait_reid.core.types import Float64, Int64, UInt8

_BANDS = 8  # one of them is refreshed with each picture
_WEIGHT = 0.25  # of the new picture in a band
_STEADY_PX = 0.3  # of the reduced picture, about as well as displacements are known
_LEAST_CHANGE = 7.0  # grey levels
_NOISE_FACTOR = 2.5  # times the usual change where nobody is
_EDGE_SHARE = 0.5
_MIN_OUTSIDE, _SAMPLES = 50, 500  # pixels
_MIN_SHARE = 1 / 3  # of the rough silhouette


class BackgroundPicture:
    """Keeps the picture of a scene without people, a band of rows at a time.

    A picture of two million pixels costs a quarter of a millisecond; what moves is left out.
    """

    def __init__(self) -> None:
        self._picture: UInt8 | None = None
        self._shake: Float64 = np.zeros(2)  # of the picture that was taken first
        self._band = 0

    def reset(self) -> None:
        """Forget the scene."""
        self._picture = None

    def update(self, image: UInt8, motion: Motion) -> UInt8 | None:
        """Take the next picture and what moves in it.

        Args:
            image: (h, w, 3) uint8.
            motion: Of this picture.

        Returns:
            (h, w, 3) uint8, the scene without people, good until the next picture; None before
            motion is known, and where the camera has moved.
        """
        if self._picture is None or self._picture.shape != image.shape or not motion.warm:
            self._picture, self._shake, self._band = image.copy(), motion.shake, 0
            return None
        if np.abs(motion.shake - self._shake).max() > _STEADY_PX:
            return None
        rows = len(image)
        low, high = (rows * (self._band + i) // _BANDS for i in range(2))
        self._band = (self._band + 1) % _BANDS
        band = self._picture[low:high]
        mixed = cv2.addWeighted(band, 1.0 - _WEIGHT, image[low:high], _WEIGHT, 0.0)
        cv2.copyTo(mixed, _still(motion, low, high, image.shape[1]), band)
        return self._picture


def _still(motion: Motion, low: int, high: int, width: int) -> UInt8:
    """Return (high - low, width) uint8 of some rows, zero where something moves or nearly does."""
    last_row, last_column = motion.mask.shape[0] - 1, motion.mask.shape[1] - 1
    # Rows and columns beyond the reduced picture are like its last ones.
    rows = np.minimum(np.arange(low, high) * motion.scale, last_row).astype(np.intp)
    columns = np.minimum(np.arange(width) * motion.scale, last_column).astype(np.intp)
    top = max(int(rows[0]) - 2, 0)
    around = motion.mask[top : int(rows[-1]) + 3]
    still = cv2.bitwise_not(cv2.dilate(around, np.ones((5, 5), np.uint8)))
    return np.ascontiguousarray(still[rows - top][:, columns])


def sharpened(rough: UInt8, cut: UInt8, scene: UInt8, reach: int) -> UInt8:
    """Return a silhouette whose edges are those of the picture.

    Well inside of a rough silhouette everything is the person's, far outside nothing is; in
    between, what differs from the empty scene does, by more than noise and by half of what it
    differs beside: optics blur an edge to both sides of where it is.

    Args:
        rough: (h, w) uint8, 255 on the person.
        cut: (h, w, 3) uint8, the picture.
        scene: (h, w, 3) uint8, the same part of the empty scene.
        reach: Pixels by which the rough edge may be wrong.

    Returns:
        (h, w) uint8, 255 on the person; the rough one where hardly anything differs.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near = cv2.dilate(rough, kernel)
    inside = cv2.erode(rough, kernel, borderValue=0)
    outside = _some_of(near)
    if len(outside) < _MIN_OUTSIDE:
        outside = _some_of(rough)  # medians bear that some of it is the person
    if len(outside) < _MIN_OUTSIDE:
        return rough
    # The light has changed since.
    pixels = [one.reshape(-1, 3)[outside].astype(np.float32) for one in (cut, scene)]
    lit = cv2.add(scene, (*_middle(pixels[0] - pixels[1]).tolist(), 0.0))
    size = cv2.blur(brightest(cv2.absdiff(cut, lit)), (3, 3))
    noise = float(_middle(size.ravel()[outside]))
    beside = cv2.convertScaleAbs(cv2.dilate(size, np.ones((5, 5), np.uint8)), None, _EDGE_SHARE)
    least = cv2.max(beside, max(_LEAST_CHANGE, _NOISE_FACTOR * noise))
    differs = cv2.bitwise_and(cv2.compare(size, least, cv2.CMP_GT), near)
    if cv2.countNonZero(differs) < _MIN_SHARE * cv2.countNonZero(rough):
        return rough
    return np.asarray(cv2.bitwise_or(differs, inside), np.uint8)


def _middle(values: np.ndarray) -> np.ndarray:
    """Return the upper median along the first axis, at a third of the time of numpy's."""
    ordered: np.ndarray = np.sort(values, axis=0)[len(values) // 2]
    return ordered


def _some_of(mask: UInt8) -> Int64:
    """Return places of pixels that a mask leaves out, evenly chosen."""
    outside = np.flatnonzero(mask == 0)
    return outside[:: max(len(outside) // _SAMPLES, 1)]
