"""gait_reid_msgs/PersonTrackArray <-> Tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gait_reid.core.types import Float64, Tracks
from gait_reid_common.stamps import to_ns, to_stamp

if TYPE_CHECKING:
    from sensor_msgs.msg import RegionOfInterest

    from gait_reid_msgs.msg import PersonTrack, PersonTrackArray

# Entries of the row-major 6 x 6 covariance that hold x x, x y, y x, y y.
_PLANAR = np.array([0, 1, 6, 7])
_BELOW_SPEED_M_S = 1e-3


def to_message(tracks: Tracks, camera_frame_id: str = "") -> PersonTrackArray:
    """Return the message; covariances between position and velocity do not fit into it."""
    from gait_reid_msgs.msg import PersonTrackArray

    message = PersonTrackArray()
    message.header.stamp = to_stamp(tracks.stamp_ns)
    message.header.frame_id = tracks.frame_id
    message.tracks = [_track(tracks, row, camera_frame_id) for row in range(len(tracks))]
    return message


def _track(tracks: Tracks, row: int, camera_frame_id: str) -> PersonTrack:
    from geometry_msgs.msg import Vector3

    from gait_reid_msgs.msg import PersonTrack

    message = PersonTrack(
        track_id=int(tracks.track_id[row]),
        state=int(tracks.state[row]),
        modality=int(tracks.modality[row]),
        score=float(tracks.score[row]),
        first_seen=to_stamp(int(tracks.first_seen_ns[row])),
        last_seen=to_stamp(int(tracks.last_seen_ns[row])),
        hits=int(tracks.hits[row]),
    )
    x, y, z = tracks.size[row].tolist()
    message.size = Vector3(x=x, y=y, z=z)
    _fill_motion(message, tracks, row)
    if np.isfinite(tracks.roi[row]).all():
        message.has_roi, message.roi = True, _region(tracks.roi[row])
        message.camera_frame_id = camera_frame_id
    return message


def _fill_motion(message: PersonTrack, tracks: Tracks, row: int) -> None:
    pose, twist = message.pose.pose, message.twist.twist
    pose.position.x, pose.position.y, pose.position.z = tracks.position[row].tolist()
    vx, vy, vz = tracks.velocity[row].tolist()
    twist.linear.x, twist.linear.y, twist.linear.z = vx, vy, vz
    yaw = np.arctan2(vy, vx) if np.hypot(vx, vy) > _BELOW_SPEED_M_S else 0.0
    pose.orientation.z, pose.orientation.w = float(np.sin(yaw / 2)), float(np.cos(yaw / 2))
    position_covariance, velocity_covariance = np.zeros(36), np.zeros(36)
    position_covariance[_PLANAR] = tracks.covariance[row, :2, :2].ravel()
    velocity_covariance[_PLANAR] = tracks.covariance[row, 2:, 2:].ravel()
    message.pose.covariance, message.twist.covariance = position_covariance, velocity_covariance


def _region(roi: Float64) -> RegionOfInterest:
    from sensor_msgs.msg import RegionOfInterest

    left, top = np.maximum(np.rint(roi[:2]), 0).astype(int).tolist()
    right, bottom = np.maximum(np.rint(roi[:2] + roi[2:]), 0).astype(int).tolist()
    return RegionOfInterest(
        x_offset=left, y_offset=top, width=max(0, right - left), height=max(0, bottom - top)
    )


def from_message(message: PersonTrackArray) -> Tracks:
    """Return the tracks; what the message does not carry is zero, or -1 for detection rows."""
    items, n = message.tracks, len(message.tracks)
    covariance = np.zeros((n, 4, 4))
    for row, track in enumerate(items):
        covariance[row, :2, :2] = np.asarray(track.pose.covariance)[_PLANAR].reshape(2, 2)
        covariance[row, 2:, 2:] = np.asarray(track.twist.covariance)[_PLANAR].reshape(2, 2)
    positions = [track.pose.pose.position for track in items]
    velocities = [track.twist.twist.linear for track in items]
    return Tracks(
        to_ns(message.header.stamp),
        message.header.frame_id,
        np.array([track.track_id for track in items], np.int64),
        np.array([(p.x, p.y, p.z) for p in positions], np.float64).reshape(n, 3),
        np.array([(v.x, v.y, v.z) for v in velocities], np.float64).reshape(n, 3),
        covariance,
        np.array([(t.size.x, t.size.y, t.size.z) for t in items], np.float64).reshape(n, 3),
        np.array([_roi(track) for track in items], np.float64).reshape(n, 4),
        np.array([track.state for track in items], np.uint8),
        np.array([track.modality for track in items], np.uint8),
        np.full(n, -1, np.int32),
        np.array([to_ns(track.first_seen) for track in items], np.int64),
        np.array([to_ns(track.last_seen) for track in items], np.int64),
        np.array([track.hits for track in items], np.int32),
        np.array([track.score for track in items], np.float64),
    )


def _roi(track: PersonTrack) -> tuple[float, float, float, float]:
    if not track.has_roi:
        return (np.nan, np.nan, np.nan, np.nan)
    roi = track.roi
    return (roi.x_offset, roi.y_offset, roi.width, roi.height)
