"""Messages made from radar frames."""

from __future__ import annotations

import array

import numpy as np
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from gait_reid_common.stamps import to_stamp
from gait_reid_msgs.msg import RadarInfo, RadarRangeProfile, RadarTarget, RadarTargetArray
from ti_mmwave_driver.core.chirp import ChirpDesign
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.types import RadarFrame, RadarPoints, RadarTargets

POINT_FIELDS = ("x", "y", "z", "velocity", "intensity", "noise")
"""Columns of a point table under the names that point clouds use; intensity is the SNR in dB."""

_FIELD_BYTES = 4
_DB_PER_COUNT = 20.0 * np.log10(2.0) / 512.0
"""Range profiles are log2 magnitudes with 9 fractional bits."""


def _header(frame: RadarFrame, frame_id: str) -> Header:
    return Header(stamp=to_stamp(frame.stamp_ns), frame_id=frame_id)


def to_point_cloud(frame: RadarFrame, frame_id: str) -> PointCloud2:
    """Points of a frame, possibly none: x, y, z [m], velocity [m/s], intensity and noise [dB].

    Args:
        frame: Decoded and stamped frame.
        frame_id: Frame of the radar, REP-103 axes.
    """
    return to_cloud_message(frame.points, frame.stamp_ns, frame_id)


def to_cloud_message(points: RadarPoints, stamp_ns: int, frame_id: str) -> PointCloud2:
    """Points as a message; see :func:`to_point_cloud`."""
    count = len(points)
    step = _FIELD_BYTES * len(POINT_FIELDS)
    message = PointCloud2(
        header=Header(stamp=to_stamp(stamp_ns), frame_id=frame_id),
        height=1,
        width=count,
        fields=[
            PointField(name=name, offset=_FIELD_BYTES * index, datatype=PointField.FLOAT32, count=1)
            for index, name in enumerate(POINT_FIELDS)
        ],
        is_bigendian=False,
        point_step=step,
        row_step=step * count,
        is_dense=True,
    )
    # rclpy takes this type as it is and checks every element of any other.
    message.data = array.array("B", points.table.astype("<f4", copy=False).tobytes())
    return message


def to_targets(frame: RadarFrame, targets: RadarTargets, frame_id: str) -> RadarTargetArray:
    """Targets of the firmware's tracker.

    Args:
        frame: Frame that they came with.
        targets: The targets.
        frame_id: Frame of the radar, REP-103 axes.
    """
    columns = (targets.position, targets.velocity, targets.acceleration)
    message = RadarTargetArray(header=_header(frame, frame_id))
    for index in range(len(targets)):
        position, velocity, acceleration = (column[index].tolist() for column in columns)
        low, high = targets.height[index].tolist()
        message.targets.append(
            RadarTarget(
                target_id=int(targets.target_id[index]),
                position=Point(x=position[0], y=position[1], z=position[2]),
                velocity=Vector3(x=velocity[0], y=velocity[1], z=velocity[2]),
                acceleration=Vector3(x=acceleration[0], y=acceleration[1], z=acceleration[2]),
                confidence=float(targets.confidence[index]),
                min_height=low,
                max_height=high,
            )
        )
    if frame.target_index is not None:
        message.point_targets = array.array("B", frame.target_index.tobytes())
    return message


def to_range_profile(frame: RadarFrame, bin_size_m: float, frame_id: str) -> RadarRangeProfile:
    """Range profile of a frame that has one; empty otherwise."""
    profile = frame.range_profile
    counts = np.zeros(0, np.float32) if profile is None else profile.astype(np.float32)
    message = RadarRangeProfile(header=_header(frame, frame_id), bin_size_m=bin_size_m)
    message.magnitude_db = array.array("f", (counts * np.float32(_DB_PER_COUNT)).tobytes())
    return message


def to_info(
    design: ChirpDesign | None,
    profile: Profile,
    identity: dict[str, str],
    serial_number: str,
    header: Header,
) -> RadarInfo:
    """What the radar is and what its profile achieves.

    Args:
        design: First frame design, ``None`` for a recording without a profile.
        profile: The profile.
        identity: What the firmware said of itself.
        serial_number: USB serial number.
        header: Time of the change and frame of the points.
    """
    message = RadarInfo(
        header=header,
        platform=identity.get("Platform", ""),
        firmware_version=identity.get("mmWave SDK Version", ""),
        device=identity.get("Device Info", ""),
        serial_number=serial_number,
        profile_name=profile.name,
        profile="".join(f"{command.text}\n" for command in profile),
    )
    if design is not None:
        message.frame_period_s = design.period_ms * 1e-3
        message.range_resolution_m = design.range_resolution_m
        message.max_range_m = design.max_range_m
        message.usable_range_m = design.usable_range_m
        message.velocity_resolution_m_s = design.velocity_resolution_m_s
        message.max_velocity_m_s = design.max_velocity_m_s
        message.bandwidth_hz = design.bandwidth_mhz * 1e6
        message.start_frequency_hz = design.start_ghz * 1e9
        message.num_transmitters = design.transmitters
        message.num_receivers = design.receivers
    return message
