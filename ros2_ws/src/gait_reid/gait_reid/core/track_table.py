"""What the tracker keeps of each person."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64, Int32, Int64, UInt8


@dataclass
class TrackTable:
    """Parallel arrays of all living tracks; the same rows mean the same track."""

    track_id: Int64
    mean: Float64
    covariance: Float64
    height_z: Float64
    size: Float64
    roi: Float64
    roi_velocity: Float64
    state: UInt8
    modality: UInt8
    detection_index: Int32
    first_seen_ns: Int64
    last_seen_ns: Int64
    hits: Int32
    score: Float64

    @classmethod
    def empty(cls) -> TrackTable:
        """Return a table without tracks."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros((0, 4)),
            np.zeros((0, 4, 4)),
            np.zeros(0),
            np.zeros((0, 3)),
            np.zeros((0, 4)),
            np.zeros((0, 4)),
            np.zeros(0, np.uint8),
            np.zeros(0, np.uint8),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0),
        )

    def select(self, rows: npt.NDArray[np.bool_]) -> TrackTable:
        """Return the chosen rows."""
        return TrackTable(*(getattr(self, f.name)[rows] for f in fields(self)))

    def extend(self, other: TrackTable) -> TrackTable:
        """Return the rows of both."""
        return TrackTable(
            *(np.concatenate((getattr(self, f.name), getattr(other, f.name))) for f in fields(self))
        )

    def __len__(self) -> int:
        return len(self.track_id)


@compiled
def blend_boxes(
    height_z: Float64,
    size: Float64,
    roi: Float64,
    roi_velocity: Float64,
    rows: Int64,
    columns: Int64,
    gap_s: Float64,
    new_position: Float64,
    new_size: Float64,
    new_roi: Float64,
) -> None:
    """Mix what was detected into height, size and box of matched tracks, in place.

    NaN means unknown. Arrays as in `TrackTable` and `Detections`; ``gap_s``: (k,) seconds since
    each matched track was last seen.
    """
    for k in range(rows.shape[0]):
        i, j = rows[k], columns[k]
        height_z[i] += 0.2 * (new_position[j, 2] - height_z[i])
        for a in range(3):
            if np.isnan(size[i, a]):
                size[i, a] = new_size[j, a]
            elif not np.isnan(new_size[j, a]):
                size[i, a] += 0.2 * (new_size[j, a] - size[i, a])
        if np.isnan(new_roi[j, 0]):
            continue
        if not np.isnan(roi[i, 0]) and gap_s[k] > 0.0:
            # The stored box was already moved by the old velocity, so the residual corrects it.
            for a in range(2):
                shift = new_roi[j, a] + 0.5 * new_roi[j, a + 2] - roi[i, a] - 0.5 * roi[i, a + 2]
                roi_velocity[i, a] += 0.4 * shift / gap_s[k]
        roi[i] = new_roi[j]
