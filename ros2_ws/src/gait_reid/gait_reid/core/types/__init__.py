"""The nouns of gait re-identification.

Every noun is a frozen dataclass of parallel numpy arrays. Times are integer nanoseconds of
acquisition. Lengths are metres, angles radians, axes follow REP-103 (x forward, y left, z up);
pixel coordinates follow OpenCV (origin at the upper left corner, x right, y down).

Detections, tracks and identities are different types on purpose: a detection has no id, a track id
is a short-lived number, a person id is permanent and comes from the gallery alone (REP-155).
"""

from __future__ import annotations

from gait_reid.core.types.base import (
    Decision,
    Float16,
    Float32,
    Float64,
    Int32,
    Int64,
    Modality,
    Reason,
    TrackState,
    UInt8,
    check_shape,
)
from gait_reid.core.types.crops import CropQuality, PersonCrop, Tracklet
from gait_reid.core.types.identity import Candidate, Embedding, GalleryRecord, Match
from gait_reid.core.types.people import Detections, Tracks
from gait_reid.core.types.sensing import CameraFrame, CameraIntrinsics, PointCloud, SensorFrames

__all__ = [
    "CameraFrame",
    "CameraIntrinsics",
    "Candidate",
    "CropQuality",
    "Decision",
    "Detections",
    "Embedding",
    "Float16",
    "Float32",
    "Float64",
    "GalleryRecord",
    "Int32",
    "Int64",
    "Match",
    "Modality",
    "PersonCrop",
    "PointCloud",
    "Reason",
    "SensorFrames",
    "TrackState",
    "Tracklet",
    "Tracks",
    "UInt8",
    "check_shape",
]
