"""Tracks and matches -> visualization_msgs/MarkerArray for RViz."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from gait_reid.core.overlay import person_rgb, ranked_text
from gait_reid.core.types import Match, Tracks, TrackState
from gait_reid_common.stamps import to_stamp

if TYPE_CHECKING:
    from visualization_msgs.msg import Marker, MarkerArray

BODIES, VELOCITIES, IDENTITIES = "bodies", "velocities", "identities"
NAMESPACES = (BODIES, VELOCITIES, IDENTITIES)

_DEFAULT_SIZE_M = (0.5, 0.5, 1.7)
_LIFETIME_NS = 3_000_000_000
_SLOW_M_S = 0.1
_TEXT_M = 0.3
_ALPHA = {TrackState.TENTATIVE: 0.2, TrackState.CONFIRMED: 0.7, TrackState.LOST: 0.35}


def to_message(tracks: Tracks, matches: Mapping[int, Match], shown: Collection[int]) -> MarkerArray:
    """Return the markers of one instant.

    A marker keeps its namespace and id for the life of its track, so that RViz changes it in place;
    markers of tracks that are gone are deleted by name. The lifetime only cleans up after a
    visualizer that has died.

    Args:
        tracks: People of this instant.
        matches: Newest answer by track id.
        shown: Track ids of the array before this one.
    """
    from visualization_msgs.msg import Marker, MarkerArray

    message = MarkerArray()
    for row, track_id in enumerate(tracks.track_id.tolist()):
        match = matches.get(track_id)
        message.markers += [
            _body(tracks, row, match),
            _velocity(tracks, row, match),
            _identity(tracks, row, match),
        ]
    for track_id in sorted(set(shown) - set(tracks.track_id.tolist())):
        for namespace in NAMESPACES:
            marker = _marker(tracks, namespace, track_id)
            marker.action = Marker.DELETE
            message.markers.append(marker)
    return message


def _marker(tracks: Tracks, namespace: str, track_id: int) -> Marker:
    from visualization_msgs.msg import Marker

    marker = Marker(ns=namespace, id=track_id % 2**31, action=Marker.ADD)
    marker.header.stamp = to_stamp(tracks.stamp_ns)
    marker.header.frame_id = tracks.frame_id
    marker.lifetime.sec, marker.lifetime.nanosec = divmod(_LIFETIME_NS, 10**9)
    marker.pose.orientation.w = 1.0
    return marker


def _coloured(marker: Marker, match: Match | None, alpha: float) -> Marker:
    red, green, blue = person_rgb(match.person_id if match else "")
    marker.color.r, marker.color.g, marker.color.b = float(red), float(green), float(blue)
    marker.color.a = alpha
    return marker


def _size(tracks: Tracks, row: int) -> tuple[float, float, float]:
    size = np.where(np.isfinite(tracks.size[row]), tracks.size[row], _DEFAULT_SIZE_M)
    length, width, height = size.tolist()
    return length, width, height


def _body(tracks: Tracks, row: int, match: Match | None) -> Marker:
    marker = _marker(tracks, BODIES, int(tracks.track_id[row]))
    marker.type = marker.CYLINDER
    marker.scale.x, marker.scale.y, marker.scale.z = _size(tracks, row)
    x, y, z = tracks.position[row].tolist()
    position = marker.pose.position
    position.x, position.y, position.z = x, y, z + 0.5 * marker.scale.z
    return _coloured(marker, match, _ALPHA[TrackState(tracks.state[row])])


def _velocity(tracks: Tracks, row: int, match: Match | None) -> Marker:
    from geometry_msgs.msg import Point

    marker = _marker(tracks, VELOCITIES, int(tracks.track_id[row]))
    marker.type = marker.ARROW
    marker.scale.x, marker.scale.y, marker.scale.z = 0.05, 0.12, 0.15
    # An arrow without length is an error for RViz, and one without action would stay behind.
    if float(np.hypot(*tracks.velocity[row, :2])) < _SLOW_M_S:
        marker.action = marker.DELETE
        return marker
    start = tracks.position[row] + (0.0, 0.0, 0.1)
    for x, y, z in (start.tolist(), (start + tracks.velocity[row]).tolist()):
        marker.points.append(Point(x=x, y=y, z=z))
    return _coloured(marker, match, 0.9)


def _identity(tracks: Tracks, row: int, match: Match | None) -> Marker:
    track_id = int(tracks.track_id[row])
    marker = _marker(tracks, IDENTITIES, track_id)
    marker.type = marker.TEXT_VIEW_FACING
    marker.scale.z = _TEXT_M
    marker.text = ranked_text(track_id, match)
    # RViz centres the lines at the position.
    lift = 0.25 + 0.5 * _TEXT_M * marker.text.count("\n")
    x, y, z = tracks.position[row].tolist()
    position = marker.pose.position
    position.x, position.y, position.z = x, y, z + _size(tracks, row)[2] + lift
    return _coloured(marker, match, 1.0)
