"""Following people: batched Kalman filter and optimal assignment, driven by stamps.

The order of one step is that of SORT (Bewley et al., ICIP 2016): predict to the measurement time,
associate, update, prune, spawn. Sure detections are assigned before doubtful ones, and doubtful
ones only continue confirmed tracks (ByteTrack, Zhang et al., ECCV 2022). Nothing counts frames: a
dropped frame is a longer time step, no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gait_reid.core import kalman
from gait_reid.core.association import assign, association_cost
from gait_reid.core.track_table import TrackTable, grow_old, observe
from gait_reid.core.types import Detections, Int64, Tracks, TrackState
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class TrackerConfig:
    """Parameters of the tracker."""

    acceleration_std_m_s2: float = param(
        1.2,
        "How hard people accelerate (standard deviation)",
        unit="m/s^2",
        minimum=0.01,
        maximum=20.0,
    )
    initial_speed_std_m_s: float = param(
        1.0, "Spread of the unknown speed of a new track", unit="m/s", minimum=0.01, maximum=10.0
    )
    gate: float = param(
        11.8,
        "Largest squared Mahalanobis distance of a match (11.8: three sigma of two axes)",
        minimum=1.0,
        maximum=100.0,
    )
    max_distance_m: float = param(
        3.0,
        "Largest distance between a predicted and a detected position",
        unit="m",
        minimum=0.1,
        maximum=20.0,
    )
    roi_weight: float = param(
        6.0, "Cost of boxes that do not overlap in the picture", minimum=0.0, maximum=100.0
    )
    sure_score: float = param(
        0.5, "Detections from this score on may start a track", minimum=0.0, maximum=1.0
    )
    min_hits: int = param(4, "Detections that confirm a track", minimum=1, maximum=100)
    min_age_s: float = param(0.2, "Age that confirms a track", unit="s", minimum=0.0, maximum=10.0)
    tentative_max_gap_s: float = param(
        0.35,
        "A tentative track that is not seen for this long is dropped",
        unit="s",
        minimum=0.01,
        maximum=10.0,
    )
    lost_after_s: float = param(
        0.35,
        "A confirmed track that is not seen for this long is lost",
        unit="s",
        minimum=0.01,
        maximum=10.0,
    )
    max_gap_s: float = param(
        2.0,
        "A lost track that is not seen for this long is dropped",
        unit="s",
        minimum=0.05,
        maximum=60.0,
    )
    coasting_decay_s: float = param(
        0.0,
        "How fast the speed of somebody who is lost is forgotten, 0: never",
        unit="s",
        minimum=0.0,
        maximum=60.0,
    )
    spawn_distance_m: float = param(
        0.3,
        "No new track starts this close to one that was seen now",
        unit="m",
        minimum=0.0,
        maximum=5.0,
    )

    def __post_init__(self) -> None:
        validate(self)


class Tracker:
    """Follows people from detections of any mix of sensors.

    One instance serves one site. Track ids start at 1 and are never reused, also not after a reset.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self._config = config or TrackerConfig()
        self._tracks = TrackTable.empty()
        self._next_id = 1
        self._stamp_ns: int | None = None

    def reset(self) -> None:
        """Drop all tracks, for example after a backward time jump."""
        self._tracks = TrackTable.empty()
        self._stamp_ns = None

    def update(self, detections: Detections) -> Tracks:
        """Advance to the stamp of ``detections`` and return every living track.

        Raises:
            ValueError: The detections are older than the last ones; call `reset` when time jumped.
        """
        previous_ns = detections.stamp_ns if self._stamp_ns is None else self._stamp_ns
        if detections.stamp_ns < previous_ns:
            raise ValueError(
                f"detections of {detections.stamp_ns} ns are older than the tracker's "
                f"{previous_ns} ns; reset it first"
            )
        self._stamp_ns = detections.stamp_ns
        dt_s = (detections.stamp_ns - previous_ns) * 1e-9
        self._predict(dt_s)
        matched_tracks, matched_detections = self._associate(detections)
        self._correct(detections, matched_tracks, matched_detections)
        self._prune(detections.stamp_ns, dt_s)
        self._spawn(detections, matched_detections)
        return self._snapshot(detections)

    def _predict(self, dt_s: float) -> None:
        tracks = self._tracks
        if self._config.coasting_decay_s > 0.0:
            lost = tracks.state == TrackState.LOST
            tracks.mean[lost, 2:] *= math.exp(-dt_s / self._config.coasting_decay_s)
        kalman.predict(tracks.mean, tracks.covariance, dt_s, self._config.acceleration_std_m_s2**2)
        tracks.roi += dt_s * tracks.roi_velocity
        tracks.modality[:] = 0
        tracks.detection_index[:] = -1

    def _associate(self, detections: Detections) -> tuple[Int64, Int64]:
        tracks, config = self._tracks, self._config
        cost = association_cost(
            tracks.mean,
            tracks.covariance,
            tracks.roi,
            detections.position,
            detections.covariance,
            detections.roi,
            config.gate,
            config.max_distance_m,
            config.roi_weight,
        )
        sure = detections.score >= config.sure_score
        if sure.all():
            return assign(cost)
        rows, columns = assign(cost, columns=sure)
        free = tracks.state != TrackState.TENTATIVE
        free[rows] = False
        more_rows, more_columns = assign(cost, free, ~sure)
        return np.concatenate((rows, more_rows)), np.concatenate((columns, more_columns))

    def _correct(self, detections: Detections, rows: Int64, columns: Int64) -> None:
        tracks = self._tracks
        kalman.update(
            tracks.mean,
            tracks.covariance,
            rows,
            columns,
            detections.position,
            detections.covariance,
        )
        observe(
            tracks.last_seen_ns,
            tracks.hits,
            tracks.score,
            tracks.height_z,
            tracks.size,
            tracks.roi,
            tracks.roi_velocity,
            rows,
            columns,
            detections.stamp_ns,
            detections.position,
            detections.size,
            detections.roi,
            detections.score,
        )
        tracks.modality[rows] = detections.modality[columns]
        tracks.detection_index[rows] = columns

    def _prune(self, stamp_ns: int, dt_s: float) -> None:
        tracks, config = self._tracks, self._config
        lives = grow_old(
            tracks.state,
            tracks.detection_index,
            tracks.first_seen_ns,
            tracks.last_seen_ns,
            tracks.hits,
            tracks.score,
            stamp_ns,
            math.exp(-dt_s / config.max_gap_s),
            config.min_hits,
            config.min_age_s,
            config.lost_after_s,
            config.tentative_max_gap_s,
            config.max_gap_s,
        )
        if not lives.all():
            self._tracks = tracks.select(lives)

    def _spawn(self, detections: Detections, matched: Int64) -> None:
        config, tracks = self._config, self._tracks
        new = detections.score >= config.sure_score
        new[matched] = False
        if not new.any():
            return
        seen = tracks.mean[tracks.detection_index >= 0, :2]
        if len(seen):
            offset = detections.position[:, None, :2] - seen[None]
            new &= np.linalg.norm(offset, axis=2).min(axis=1) > config.spawn_distance_m
        self._begin(detections, np.flatnonzero(new))

    def _begin(self, detections: Detections, rows: Int64) -> None:
        n = len(rows)
        mean = np.zeros((n, 4))
        mean[:, :2] = detections.position[rows, :2]
        covariance = np.zeros((n, 4, 4))
        covariance[:, :2, :2] = detections.covariance[rows]
        covariance[:, 2, 2] = covariance[:, 3, 3] = self._config.initial_speed_std_m_s**2
        stamps = np.full(n, detections.stamp_ns, np.int64)
        ids = np.arange(self._next_id, self._next_id + n, dtype=np.int64)
        self._next_id += n
        born = TrackTable(
            ids,
            mean,
            covariance,
            detections.position[rows, 2].copy(),
            detections.size[rows].copy(),
            detections.roi[rows].copy(),
            np.zeros((n, 4)),
            np.full(n, TrackState.TENTATIVE, np.uint8),
            detections.modality[rows].copy(),
            rows.astype(np.int32),
            stamps,
            stamps.copy(),
            np.ones(n, np.int32),
            0.3 * detections.score[rows],
        )
        self._tracks = self._tracks.extend(born)

    def _snapshot(self, detections: Detections) -> Tracks:
        tracks = self._tracks
        n = len(tracks)
        position, velocity = np.zeros((n, 3)), np.zeros((n, 3))
        position[:, :2], position[:, 2], velocity[:, :2] = (
            tracks.mean[:, :2],
            tracks.height_z,
            tracks.mean[:, 2:],
        )
        roi = np.full((n, 4), np.nan)
        seen = tracks.detection_index >= 0
        roi[seen] = detections.roi[tracks.detection_index[seen]]
        return Tracks(
            detections.stamp_ns,
            detections.frame_id,
            tracks.track_id.copy(),
            position,
            velocity,
            tracks.covariance.copy(),
            tracks.size.copy(),
            roi,
            tracks.state.copy(),
            tracks.modality.copy(),
            tracks.detection_index.copy(),
            tracks.first_seen_ns.copy(),
            tracks.last_seen_ns.copy(),
            tracks.hits.copy(),
            tracks.score.copy(),
        )
