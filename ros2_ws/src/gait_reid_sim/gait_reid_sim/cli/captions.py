"""Text below a picture."""

from __future__ import annotations

import cv2
import numpy as np

from gait_reid.core.types import UInt8

_HEIGHT_PX = 28
_BACKGROUND = 24
_INK = (235, 235, 235)


def draw_caption(picture: UInt8, text: str) -> UInt8:
    """Return a picture with a line of text on a dark bar below it.

    Args:
        picture: (h, w, 3) uint8 BGR, h and w even.
        text: ASCII text.

    Returns:
        (h + 28, w, 3) uint8 BGR.
    """
    bar = np.full((_HEIGHT_PX, picture.shape[1], 3), _BACKGROUND, np.uint8)
    cv2.putText(bar, text, (10, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return np.vstack([picture, bar])
