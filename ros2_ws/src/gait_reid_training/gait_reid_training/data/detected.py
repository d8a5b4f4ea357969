"""Makes crops with a wide margin look like those that a detector cuts out."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gait_reid.core.types import PersonCrop

_MIN_SHARE = 0.55  # of the cut-out's height; a smaller silhouette is a person who is half hidden
_SEEN = 0.96  # of the height: boxes of detectors end a little above the soles
_USUAL_BOX = (0.2, 0.12, 0.6, 0.76)  # x, y, width, height of people in simulated cut-outs


def as_detected(crop: PersonCrop) -> PersonCrop:
    """Return the crop cut to the person, as live detectors do.

    Simulated people fill 0.63 to 0.87 of the height of their cut-outs; in the boxes of the live
    detectors they begin at the top (to 0.02) and are 1.02 to 1.07 as high as the box, because
    feet hardly move against the ground. With a silhouette its extents are the box, the soles left
    out. People whose legs something hides keep their size.
    """
    if crop.image is None or crop.silhouette is None:
        return crop
    rows, columns = crop.silhouette.shape
    x, y, width, height = cv2.boundingRect(crop.silhouette)
    if not height:
        return crop
    if height < _MIN_SHARE * rows:
        usual = np.round(np.array(_USUAL_BOX) * (columns, rows, columns, rows)).astype(int)
        x, y, width, height = (int(value) for value in usual)
    height = max(round(_SEEN * height), 1)
    part = np.s_[y : y + height, x : x + width]
    scale = np.array([crop.roi[2] / columns, crop.roi[3] / rows])
    low = crop.roi[:2] + scale * (x, y)
    roi = np.concatenate([low, scale * (width, height)])
    quality = replace(crop.quality, pixel_height=float(np.nan_to_num(roi[3])))
    return replace(
        crop,
        image=np.ascontiguousarray(crop.image[part]),
        silhouette=np.ascontiguousarray(crop.silhouette[part]),
        roi=roi,
        quality=quality,
    )
