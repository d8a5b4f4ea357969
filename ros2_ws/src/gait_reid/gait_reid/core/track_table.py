"""What the tracker keeps of each person."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float64, Int32, Int64, TrackState, UInt8

# Compiled code takes plain integers only.
_TENTATIVE, _CONFIRMED, _LOST = (
    int(state) for state in (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST)
)


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
def observe(
    last_seen_ns: Int64,
    hits: Int32,
    score: Float64,
    height_z: Float64,
    size: Float64,
    roi: Float64,
    roi_velocity: Float64,
    rows: Int64,
    columns: Int64,
    stamp_ns: int,
    position: Float64,
    new_size: Float64,
    new_roi: Float64,
    new_score: Float64,
) -> None:
    """Mix what was detected into matched tracks, in place; NaN means unknown.

    The first seven arrays are those of `TrackTable`, the last four those of `Detections`; ``rows``
    and ``columns`` say which detection belongs to which track.
    """
    for k in range(rows.shape[0]):
        i, j = rows[k], columns[k]
        gap_s = (stamp_ns - last_seen_ns[i]) * 1e-9
        last_seen_ns[i] = stamp_ns
        hits[i] += 1
        score[i] += 0.3 * new_score[j] * (1.0 - score[i])
        height_z[i] += 0.2 * (position[j, 2] - height_z[i])
        for a in range(3):
            if np.isnan(size[i, a]):
                size[i, a] = new_size[j, a]
            elif not np.isnan(new_size[j, a]):
                size[i, a] += 0.2 * (new_size[j, a] - size[i, a])
        if np.isnan(new_roi[j, 0]):
            continue
        if not np.isnan(roi[i, 0]) and gap_s > 0.0:
            # The stored box was already moved by the old velocity, so the residual corrects it.
            for a in range(2):
                shift = new_roi[j, a] + 0.5 * new_roi[j, a + 2] - roi[i, a] - 0.5 * roi[i, a + 2]
                roi_velocity[i, a] += 0.4 * shift / gap_s
        roi[i] = new_roi[j]


@compiled
def grow_old(
    state: UInt8,
    detection_index: Int32,
    first_seen_ns: Int64,
    last_seen_ns: Int64,
    hits: Int32,
    score: Float64,
    stamp_ns: int,
    decay: float,
    min_hits: int,
    min_age_s: float,
    lost_after_s: float,
    tentative_max_gap_s: float,
    max_gap_s: float,
) -> npt.NDArray[np.bool_]:
    """Confirm, lose and end tracks, in place; return (n,) which of them live on.

    The arrays are those of `TrackTable`; ``decay`` multiplies the score of tracks not seen now.
    """
    lives = np.empty(state.shape[0], np.bool_)
    for i in range(state.shape[0]):
        gap_s = (stamp_ns - last_seen_ns[i]) * 1e-9
        age_s = (stamp_ns - first_seen_ns[i]) * 1e-9
        limit_s = tentative_max_gap_s if state[i] == _TENTATIVE else max_gap_s
        lives[i] = gap_s <= limit_s
        if detection_index[i] < 0:
            score[i] *= decay
            if state[i] != _TENTATIVE and gap_s > lost_after_s:
                state[i] = _LOST
        elif state[i] != _TENTATIVE or (hits[i] >= min_hits and age_s >= min_age_s):
            state[i] = _CONFIRMED
    return lives
