"""Results as JSON: one line per processed instant.

::

    {"stamp_ns": ..., "sensors": ["lidar", "camera"], "sequence_id": "...",
     "detections": [{"position": [x, y, z], "size": [l, w, h] | null, "roi": [x, y, w, h] | null,
                     "score": p, "sensors": [...]}],
     "tracks": [{"track_id": n, "state": "confirmed", "position": [...], "velocity": [...],
                 "size": [...] | null, "roi": [...] | null, "hits": n, "score": p,
                 "sensors": [...]}],
     "matches": [{"track_id": n, "decision": "confirmed", "reason": "none", "person_id": "...",
                  "margin": m | null,
                  "candidates": [{"person_id", "display_name", "distance", "probability"}],
                  "window_start_ns", "window_end_ns", "num_frames", "sensors", "gallery_version",
                  "model_id", "latency_ms"}]}

Positions are metres in the site's frame, regions of interest pixels. ``person_id`` of a match is
empty unless the decision is confirmed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gait_reid.core.pipeline import PipelineResult
from gait_reid.core.types import Detections, Match, Modality, Tracks, TrackState


def result_to_json(result: PipelineResult) -> dict[str, Any]:
    """Return one instant in the form of the module's description."""
    percept = result.percept
    return {
        "stamp_ns": result.stamp_ns,
        "sensors": _sensors(percept.frames.modality),
        "sequence_id": percept.sequence_id,
        "detections": _detections(percept.detections),
        "tracks": _tracks(percept.tracks),
        "matches": [match_to_json(match) for match in result.matches],
    }


def match_to_json(match: Match) -> dict[str, Any]:
    """Return one answer."""
    return {
        "track_id": match.track_id,
        "stamp_ns": match.stamp_ns,
        "decision": match.decision.name.lower(),
        "reason": match.reason.name.lower(),
        "person_id": match.person_id,
        "candidates": [
            {
                "person_id": candidate.person_id,
                "display_name": candidate.display_name,
                "distance": candidate.distance,
                "probability": candidate.probability,
            }
            for candidate in match.candidates
        ],
        "margin": match.margin if math.isfinite(match.margin) else None,
        "window_start_ns": match.window_start_ns,
        "window_end_ns": match.window_end_ns,
        "num_frames": match.num_frames,
        "sensors": _sensors(match.modality),
        "gallery_version": match.gallery_version,
        "model_id": match.model_id,
        "latency_ms": match.latency_ms,
    }


def _detections(detections: Detections) -> list[dict[str, Any]]:
    return [
        {
            "position": _numbers(detections.position[row]),
            "size": _numbers(detections.size[row]),
            "roi": _numbers(detections.roi[row]),
            "score": float(detections.score[row]),
            "sensors": _sensors(detections.modality[row]),
        }
        for row in range(len(detections))
    ]


def _tracks(tracks: Tracks) -> list[dict[str, Any]]:
    return [
        {
            "track_id": int(tracks.track_id[row]),
            "state": TrackState(tracks.state[row]).name.lower(),
            "position": _numbers(tracks.position[row]),
            "velocity": _numbers(tracks.velocity[row]),
            "size": _numbers(tracks.size[row]),
            "roi": _numbers(tracks.roi[row]),
            "hits": int(tracks.hits[row]),
            "score": float(tracks.score[row]),
            "sensors": _sensors(tracks.modality[row]),
        }
        for row in range(len(tracks))
    ]


def _numbers(values: Any) -> list[float] | None:
    """Return rounded numbers (a tenth of a millimetre), or None when they are not known."""
    array = np.asarray(values, np.float64)
    return [round(float(value), 4) for value in array] if np.isfinite(array).all() else None


def _sensors(modality: int) -> list[str]:
    flags = (Modality.CAMERA, Modality.LIDAR, Modality.RADAR)
    return [flag.describe() for flag in flags if int(modality) & flag]
