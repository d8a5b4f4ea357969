"""People seen and followed: detections without ids, tracks with short-lived ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gait_reid.core.types.base import Float64, Int32, Int64, UInt8, check_shape


@dataclass(frozen=True)
class Detections:
    """People seen at one instant; no ids.

    Attributes:
        stamp_ns: Acquisition time.
        frame_id: Fixed frame of the site that positions are expressed in.
        position: (n, 3) float64, metres: the point on the ground below the person's centre.
        covariance: (n, 2, 2) float64, square metres, of the horizontal position.
        size: (n, 3) float64, metres: length, width, height of the upright box; NaN where unknown.
        roi: (n, 4) float64, pixels: x, y, width, height in the picture; NaN where no picture
            shows the person.
        score: (n,) float64 in [0, 1].
        modality: (n,) uint8, `Modality` flags of the sensors that saw the person.
        point_labels: (points of the LiDAR or radar cloud,) int32: row of the person that a point
            belongs to, -1 for none; None without a cloud.
        foreground: (h, w) uint8, 255 where the picture moves, at ``foreground_scale`` times the
            size of the picture; None without a picture.
        foreground_scale: Pixels of ``foreground`` per pixel of the picture.
        scene: (height, width, 3) uint8, the picture without people, good until the next one; None
            where it is not known.
    """

    stamp_ns: int
    frame_id: str
    position: Float64
    covariance: Float64
    size: Float64
    roi: Float64
    score: Float64
    modality: UInt8
    point_labels: Int32 | None = None
    foreground: UInt8 | None = None
    foreground_scale: float = 1.0
    scene: UInt8 | None = None

    def __post_init__(self) -> None:
        n = len(self.position)
        check_shape("Detections.position", self.position, (None, 3))
        check_shape("Detections.covariance", self.covariance, (n, 2, 2))
        check_shape("Detections.size", self.size, (n, 3))
        check_shape("Detections.roi", self.roi, (n, 4))
        check_shape("Detections.score", self.score, (n,))
        check_shape("Detections.modality", self.modality, (n,))
        if n and not (np.isfinite(self.position).all() and np.isfinite(self.covariance).all()):
            raise ValueError("Detections.position and covariance must be finite")

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> Detections:
        """Return an instant at which nobody was seen."""
        return cls(
            stamp_ns,
            frame_id,
            np.zeros((0, 3)),
            np.zeros((0, 2, 2)),
            np.zeros((0, 3)),
            np.zeros((0, 4)),
            np.zeros(0),
            np.zeros(0, np.uint8),
        )


@dataclass(frozen=True)
class Tracks:
    """People followed over time, at one instant.

    Attributes:
        stamp_ns: Acquisition time of the detections that made this state.
        frame_id: Fixed frame of the site.
        track_id: (n,) int64, unique for the life of the tracker, never reused.
        position: (n, 3) float64, metres, on the ground below the person.
        velocity: (n, 3) float64, m/s.
        covariance: (n, 4, 4) float64 of (x, y, vx, vy).
        size: (n, 3) float64, metres; NaN where unknown.
        roi: (n, 4) float64, pixels x, y, width, height; NaN where no picture shows the person now.
        state: (n,) uint8, `TrackState`.
        modality: (n,) uint8, `Modality` flags of the sensors that saw the person at this instant
            (0: coasting).
        detection_index: (n,) int32, row in the detections of this instant, -1 when coasting.
        first_seen_ns: (n,) int64.
        last_seen_ns: (n,) int64, time of the last detection.
        hits: (n,) int32, number of detections so far.
        score: (n,) float64, probability in [0, 1] that the track is a person who is still there.
    """

    stamp_ns: int
    frame_id: str
    track_id: Int64
    position: Float64
    velocity: Float64
    covariance: Float64
    size: Float64
    roi: Float64
    state: UInt8
    modality: UInt8
    detection_index: Int32
    first_seen_ns: Int64
    last_seen_ns: Int64
    hits: Int32
    score: Float64

    def __post_init__(self) -> None:
        n = len(self.track_id)
        check_shape("Tracks.position", self.position, (n, 3))
        check_shape("Tracks.velocity", self.velocity, (n, 3))
        check_shape("Tracks.covariance", self.covariance, (n, 4, 4))
        check_shape("Tracks.size", self.size, (n, 3))
        check_shape("Tracks.roi", self.roi, (n, 4))
        for name in (
            "state",
            "modality",
            "detection_index",
            "first_seen_ns",
            "last_seen_ns",
            "hits",
            "score",
        ):
            check_shape(f"Tracks.{name}", getattr(self, name), (n,))

    def __len__(self) -> int:
        return len(self.track_id)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> Tracks:
        """Return an instant without tracks."""
        return cls(
            stamp_ns,
            frame_id,
            np.zeros(0, np.int64),
            np.zeros((0, 3)),
            np.zeros((0, 3)),
            np.zeros((0, 4, 4)),
            np.zeros((0, 3)),
            np.zeros((0, 4)),
            np.zeros(0, np.uint8),
            np.zeros(0, np.uint8),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0),
        )
