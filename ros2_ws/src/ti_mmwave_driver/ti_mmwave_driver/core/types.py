"""The nouns of the driver: what one radar frame holds after decoding.

Axes follow REP-103 in the radar's own frame: x forward (TI's y, boresight), y left (minus TI's x),
z up. Lengths are metres, velocities metres per second, angles radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]


class HeaderFormat(Enum):
    """Frame headers that TI's firmware for the IWR6843 writes."""

    OUT_OF_BOX = "out_of_box"
    AREA_SCANNER = "area_scanner"
    PEOPLE_COUNTING = "people_counting"
    LEGACY_PEOPLE_COUNTING = "legacy_people_counting"


class FrameHeader(NamedTuple):
    """Frame header, the same fields for each of the four layouts.

    Attributes:
        format: Which layout the bytes had.
        version: SDK version word, ``major << 24 | minor << 16 | bugfix << 8 | build``.
        total_packet_bytes: Length of the whole packet, header and padding included.
        platform: Device word, 0x000A6843 for the IWR6843.
        frame_number: Counts frames since sensorStart.
        cpu_cycles: 200 MHz cycle counter at packet build time, wraps every 21.47 s; ``None`` where
            the layout has none.
        num_detected: Number of detected points the header announces, 0 where it has no
            such word.
        num_tlvs: Number of type-length-value blocks.
        subframe_number: 0 to 3 with advanced frames, else 0.
    """

    format: HeaderFormat
    version: int
    total_packet_bytes: int
    platform: int
    frame_number: int
    cpu_cycles: int | None
    num_detected: int
    num_tlvs: int
    subframe_number: int

    @property
    def sdk_version(self) -> str:
        """SDK version as TI prints it, for example ``03.05.00.04``."""
        return ".".join(f"{byte:02d}" for byte in self.version.to_bytes(4, "big"))


@dataclass(frozen=True)
class RadarPoints:
    """Detected points of one frame, in one table that is also the data of a point cloud message.

    Attributes:
        table: float32 (N, 6), C-contiguous: x, y, z in metres (REP-103 axes in the radar frame),
            radial velocity in m/s (positive when receding), signal to noise ratio in dB and noise
            level in dB (both NaN where the firmware does not report them).
    """

    table: FloatArray

    def __len__(self) -> int:
        return len(self.table)

    @property
    def xyz(self) -> FloatArray:
        """float32 (N, 3) view, metres."""
        return self.table[:, :3]

    @property
    def velocity(self) -> FloatArray:
        """float32 (N,) view, radial velocity in m/s, positive when receding."""
        return self.table[:, 3]

    @property
    def snr_db(self) -> FloatArray:
        """float32 (N,) view, signal to noise ratio in dB."""
        return self.table[:, 4]

    @property
    def noise_db(self) -> FloatArray:
        """float32 (N,) view, noise level in dB."""
        return self.table[:, 5]

    @classmethod
    def empty(cls) -> RadarPoints:
        """No points."""
        return cls(np.zeros((0, 6), np.float32))

    @classmethod
    def from_columns(
        cls, xyz: ArrayLike, velocity: ArrayLike, snr_db: ArrayLike, noise_db: ArrayLike
    ) -> RadarPoints:
        """Build the table from xyz (N, 3), velocity, SNR and noise (N,) or scalars."""
        xyz = np.asarray(xyz, np.float32)
        table = np.empty((len(xyz), 6), np.float32)
        table[:, :3] = xyz
        table[:, 3], table[:, 4], table[:, 5] = velocity, snr_db, noise_db
        return cls(table)


@dataclass(frozen=True)
class RadarTargets:
    """Targets that the firmware's own tracker reports.

    Attributes:
        target_id: uint32 (N,), the firmware's track number.
        position: float32 (N, 3), metres, REP-103 axes in the radar frame.
        velocity: float32 (N, 3), m/s.
        acceleration: float32 (N, 3), m/s^2.
        confidence: float32 (N,), 0 to 1; NaN where the firmware reports none.
        height: float32 (N, 2), lowest and highest z in metres; NaN where not reported.
    """

    target_id: NDArray[np.uint32]
    position: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    confidence: FloatArray
    height: FloatArray

    def __len__(self) -> int:
        return len(self.target_id)


class FrameStatistics(NamedTuple):
    """Timing and load that the out-of-box demo measures (TLV 6)."""

    interframe_processing_us: int
    transmit_output_us: int
    interframe_margin_us: int
    interchirp_margin_us: int
    active_frame_cpu_percent: int
    interframe_cpu_percent: int


@dataclass(frozen=True)
class Temperature:
    """Temperature report (TLV 9 of SDK 3.5 and later).

    Attributes:
        valid: Whether the RF front end answered.
        time_ms: Device time of the measurement since power-on.
        sensors_deg_c: Name to degrees Celsius: rx0 to rx3, tx0 to tx2, pm, dig0, dig1.
    """

    valid: bool
    time_ms: int
    sensors_deg_c: dict[str, int]

    @property
    def hottest_deg_c(self) -> int:
        """Highest of all sensors in degrees Celsius."""
        return max(self.sensors_deg_c.values())


class RadarFrame(NamedTuple):
    """One decoded frame.

    Attributes:
        header: Decoded header.
        points: Plausible points, possibly none.
        packet: The bytes of the whole packet; the arrays below are views of it.
        stamp_ns: Host time of acquisition in nanoseconds since the epoch, 0 until stamped.
        implausible_points: Points left out by the plausibility check.
        static_points: Points of the area scanner's static detection.
        targets: Targets of the firmware's tracker.
        target_index: uint8 (M,), target of each point of the *previous* frame; 253 weak signal,
            254 out of bounds, 255 noise.
        presence: The firmware's presence flag.
        occupancy: The firmware's zone occupancy bit mask.
        vital_signs: float32 (35,), raw vital-signs block: id, range bin, then 33 figures.
        statistics: Timing and load.
        temperature: Temperature report.
        range_profile: uint16 (R,), log2 magnitude in Q9 per range bin at zero Doppler.
        noise_profile: uint16 (R,), the same at the highest Doppler bin.
        azimuth_heat_map: int16 (R*A, 2), imaginary and real part per range bin and antenna.
        elevation_heat_map: int16 (R*A, 2), as above over all virtual antennas.
        range_doppler: uint16 (R*D,), log2 magnitude in Q9, Doppler index fastest.
        unknown_tlvs: Types of blocks that this driver does not know.
    """

    header: FrameHeader
    points: RadarPoints
    packet: bytes
    stamp_ns: int = 0
    implausible_points: int = 0
    static_points: RadarPoints | None = None
    targets: RadarTargets | None = None
    target_index: NDArray[np.uint8] | None = None
    presence: bool | None = None
    occupancy: int | None = None
    vital_signs: FloatArray | None = None
    statistics: FrameStatistics | None = None
    temperature: Temperature | None = None
    range_profile: NDArray[np.uint16] | None = None
    noise_profile: NDArray[np.uint16] | None = None
    azimuth_heat_map: NDArray[np.int16] | None = None
    elevation_heat_map: NDArray[np.int16] | None = None
    range_doppler: NDArray[np.uint16] | None = None
    unknown_tlvs: tuple[int, ...] = ()
