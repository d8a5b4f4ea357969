"""Draws tracks and identities into a picture."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Mapping

import cv2
import numpy as np

from gait_reid.core.types import (
    Candidate,
    Decision,
    Match,
    Modality,
    Reason,
    Tracks,
    TrackState,
    UInt8,
)

UNKNOWN_RGB = (0.6, 0.6, 0.6)
RANKS_SHOWN = 3
REASONS = {
    Reason.TOO_SHORT: "walk too short",
    Reason.NO_RECORDS: "nobody is enrolled",
    Reason.OTHER_MODEL: "enrolled with another model",
    Reason.NOT_COMPARED: "not looked for by this sensor",
    Reason.NOT_WALKING: "does not walk",
    Reason.STRANGER: "near to nobody",
}
"""Why nobody is named, as people are told."""
_REFERENCE_HEIGHT_PX = 480


def person_rgb(person_id: str) -> tuple[float, float, float]:
    """Return the colour of a person, the same on every machine; grey for an empty id."""
    if not person_id:
        return UNKNOWN_RGB
    hue = zlib.crc32(person_id.encode()) / 2**32
    return colorsys.hsv_to_rgb(hue, 0.85, 1.0)


def identity_text(track_id: int, match: Match | None) -> str:
    """Return what people are told about a track, for example ``Anna 0.97  #12``.

    A candidate carries a question mark; who is not recognised is ``unknown``. A track that nobody
    has looked at yet shows its number alone.
    """
    if match is None:
        return f"#{track_id}"
    best = match.best
    if match.decision is Decision.UNKNOWN or best is None:
        return f"unknown  #{track_id}"
    return f"{_candidate_text(best, match.decision)}  #{track_id}"


def ranked_text(track_id: int, match: Match | None) -> str:
    """Return what people are told where there is room for more than a name.

    Candidates of a radar's walk are ranked below each other, nearest first, at most `RANKS_SHOWN`:
    the radar ranks people and seldom names one. Of who is unknown, it tells why.
    """
    if match is None or match.decision is Decision.CONFIRMED:
        return identity_text(track_id, match)
    if match.decision is Decision.UNKNOWN:
        why = REASONS.get(match.reason)
        return f"unknown, {why}  #{track_id}" if why else identity_text(track_id, match)
    if not match.modality & Modality.RADAR:
        return identity_text(track_id, match)
    further = [_candidate_text(one, match.decision) for one in match.candidates[1:RANKS_SHOWN]]
    return "\n".join([identity_text(track_id, match), *further])


def _candidate_text(candidate: Candidate, decision: Decision) -> str:
    name = candidate.display_name or candidate.person_id[:8]
    doubt = "" if decision is Decision.CONFIRMED else "?"
    return f"{name}{doubt} {candidate.probability:.2f}"


def draw_overlay(image: UInt8, tracks: Tracks, matches: Mapping[int, Match]) -> UInt8:
    """Return a copy of a picture with a box and a label for each person in it.

    Args:
        image: (h, w, 3) uint8 BGR.
        tracks: People of this instant; those without a box in the picture are left out.
        matches: Newest answer by track id.

    Returns:
        (h, w, 3) uint8 BGR. Confirmed persons are drawn in their colour and thick, everybody else
        in grey; who is not seen at this instant has a thin box.
    """
    canvas = np.ascontiguousarray(image).copy()
    scale = max(0.5, canvas.shape[0] / _REFERENCE_HEIGHT_PX)
    # Nearest last, so that labels of people in front are not covered.
    for row in np.argsort(tracks.roi[:, 3], kind="stable").tolist():
        if not np.isfinite(tracks.roi[row]).all():
            continue
        track_id = int(tracks.track_id[row])
        match = matches.get(track_id)
        rgb = person_rgb(match.person_id if match else "")
        bgr = tuple(round(255 * value) for value in reversed(rgb))
        seen = tracks.state[row] == TrackState.CONFIRMED and tracks.modality[row] != 0
        x, y, width, height = np.rint(tracks.roi[row]).astype(int).tolist()
        thickness = max(1, round((2 if seen else 1) * scale))
        cv2.rectangle(canvas, (x, y), (x + width, y + height), bgr, thickness)
        _draw_label(canvas, identity_text(track_id, match), (x, y), bgr, scale)
    return canvas


def _draw_label(
    canvas: UInt8, text: str, corner: tuple[int, int], bgr: tuple[int, ...], scale: float
) -> None:
    """Write dark text on a coloured bar above ``corner``, moved into the picture."""
    font, size, weight = cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, max(1, round(scale))
    (width, height), baseline = cv2.getTextSize(text, font, size, weight)
    bar = height + baseline + 2
    x = max(0, min(corner[0], canvas.shape[1] - width - 4))
    y = max(bar, corner[1])
    cv2.rectangle(canvas, (x, y - bar), (x + width + 4, y), bgr, cv2.FILLED)
    place = (x + 2, y - baseline)
    cv2.putText(canvas, text, place, font, size, (20, 20, 20), weight, cv2.LINE_AA)
