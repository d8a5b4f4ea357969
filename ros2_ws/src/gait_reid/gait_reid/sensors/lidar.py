"""LiDAR scans from the network or from a capture file, whatever the sensor."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gait_reid.core.types import Float32, PointCloud
from gait_reid.sensors.base import SourceError
from gait_reid.sensors.packets import PacketSource, PcapReader, UdpReceiver
from gait_reid_common.parameters import param, validate

VELODYNE_MODELS = (
    "vlp16", "puck_hires", "hdl32e", "vlp32a", "vlp32b", "vlp32c", "vls128",
    "hdl64e_s1", "hdl64e_s2", "hdl64e_s3",
)  # fmt: skip
FOREIGN_PACKETS = 200


class LidarScan(NamedTuple):
    """One turn of the sensor.

    Attributes:
        host_ns: Arrival of the last packet, Unix nanoseconds.
        sensor_ns: Time of the last point on the sensor's clock, nanoseconds.
        xyz: (n, 3) float32, metres, sensor frame (REP-103), returns only.
        intensity: (n,) float32, the sensor's scale.
        coverage: Fraction of the turn that was received, [0, 1].
        lost: Packets of this turn that did not come.
    """

    host_ns: int
    sensor_ns: int
    xyz: Float32
    intensity: Float32
    coverage: float
    lost: int


class ScanDecoder(Protocol):
    """Turns packets into scans."""

    @property
    def model(self) -> str:
        """Sensor in words, ``unknown`` until packets tell."""

    @property
    def nominal_hz(self) -> float:
        """Turns per second, 0 while unknown."""

    @property
    def foreign(self) -> int:
        """Number of packets that are not of this sensor."""

    @property
    def expects(self) -> str:
        """What packets should look like, for error messages."""

    def decode(self, stamp_ns: int, payload: bytes) -> LidarScan | None:
        """Take one packet; return the scan that it completes."""

    def finish(self) -> LidarScan | None:
        """Return what is left of the last scan, and start anew."""


@dataclass(frozen=True)
class LidarConfig:
    """Where scans come from."""

    model: str = param(
        "auto",
        "Sensor; auto tells Velodyne models from their packets, and Ouster from its metadata",
        choices=("auto", "ouster", *VELODYNE_MODELS),
    )
    pcap: str = param("", "Capture file to play instead of listening to the network")
    ip_address: str = param(
        "", "Address of the sensor; empty: take packets from anywhere (REP-138)"
    )
    ip_port: int = param(
        0, "UDP port; 0: 2368 for Velodyne, 7502 for Ouster, any for a file (REP-138)", "", 0, 65535
    )
    metadata: str = param(
        "", "Ouster: JSON file; empty and live: asked from the sensor at ip_address"
    )
    calibration: str = param("", "Velodyne: YAML file of the ROS driver; empty: the model's own")
    frame_id: str = param("lidar", "Frame of the points (REP-138)")
    stamp_source: str = param(
        "host",
        "Stamps are arrivals at the host, or the sensor's clock (which PTP or GPS must set)",
        choices=("host", "sensor"),
    )
    time_offset_s: float = param(
        0.0, "Added to every stamp, for example minus the latency (REP-138)", "s", -10.0, 10.0
    )
    rpm: float = param(
        0.0, "Turns per minute that are expected; 0: as the sensor says", "1/min", 0.0, 3000.0
    )
    min_range_m: float = param(0.3, "Nearer returns are left out", "m", 0.0, 10.0)
    max_range_m: float = param(120.0, "Farther returns are left out", "m", 1.0, 500.0)
    min_coverage: float = param(0.9, "Scans of which less was received are dropped", "", 0.0, 1.0)

    def __post_init__(self) -> None:
        validate(self)
        if self.min_range_m >= self.max_range_m:
            raise ValueError(
                f"min_range_m is {self.min_range_m}, expected less than max_range_m, "
                f"{self.max_range_m}"
            )


@dataclass
class LidarStatistics:
    """What happened since the source was opened.

    Attributes:
        packets: Packets of the sensor that were received.
        lost: Packets that should have come in between.
        overflowed: Packets that the system threw away because nobody took them in time.
        foreign: Packets that are not of this sensor.
        scans: Scans that were handed over.
        incomplete: Scans with packets missing, handed over or not.
        dropped: Scans that were not handed over because too much was missing.
    """

    packets: int = 0
    lost: int = 0
    overflowed: int = 0
    foreign: int = 0
    scans: int = 0
    incomplete: int = 0
    dropped: int = 0


class LidarSource:
    """Scans of one LiDAR, live or recorded; see `gait_reid.sensors.base.Source`."""

    def __init__(self, config: LidarConfig, clock: Callable[[], int] | None = None) -> None:
        """Prepare.

        Args:
            config: Where scans come from.
            clock: Stamps of a file are moved so that its first scan is stamped with the time that
                this returns, nanoseconds; None leaves them as recorded.
        """
        self.config = config
        self.statistics = LidarStatistics()
        self._clock = clock
        self._shift_ns: int | None = None
        self._decoder: ScanDecoder | None = None
        self._packets: PacketSource | None = None
        self._model, self._nominal_hz = "unknown", 0.0
        self._received = self._foreign = self._overflowed = 0

    @property
    def live(self) -> bool:
        """Whether scans come from a sensor."""
        return not self.config.pcap

    @property
    def ended(self) -> bool:
        """Whether a file was read to its end."""
        return self._packets is not None and self._packets.ended

    @property
    def model(self) -> str:
        """Sensor in words, ``unknown`` before the first packets."""
        return self._model

    @property
    def nominal_hz(self) -> float:
        """Scans per second that the sensor should make, 0 while unknown."""
        return self.config.rpm / 60.0 if self.config.rpm > 0.0 else self._nominal_hz

    def open(self) -> None:
        """Open port or file and prepare the decoder.

        Raises:
            SourceError: Names what is missing or wrong, and the fix.
        """
        self.close()
        config = self.config
        self._decoder = make_decoder(config)
        if config.pcap:
            self._packets = PcapReader(config.pcap, config.ip_port)
        else:
            default = 7502 if is_ouster(config) else 2368
            self._packets = UdpReceiver(config.ip_address, config.ip_port or default)
        self._packets.open()
        self._shift_ns = None
        self._received = self._foreign = self._overflowed = 0

    def read(self, timeout_s: float) -> PointCloud | None:
        """Return the next scan, or None when none was complete in time or the file has ended.

        Raises:
            SourceError: Packets come but are not of this sensor, or the file is damaged.
        """
        packets, decoder = self._packets, self._decoder
        if packets is None or decoder is None:
            raise SourceError("lidar", self.config.model, "is not open; call open() first")
        deadline_s = _now_s() + timeout_s
        while True:
            packet = packets.read(max(deadline_s - _now_s(), 0.0) if packets.live else timeout_s)
            if packet is None:
                return self._finish(packets, decoder) if packets.ended else None
            scan = decoder.decode(packet.stamp_ns, packet.payload)
            self._count(packets, decoder)
            if scan is not None and (cloud := self._deliver(scan)) is not None:
                return cloud
            if packets.live and _now_s() >= deadline_s:
                return None

    def close(self) -> None:
        """Release port or file; may be called twice."""
        if self._packets is not None:
            self._packets.close()
            self._packets = None
            self._decoder = None

    def _count(self, packets: PacketSource, decoder: ScanDecoder) -> None:
        statistics = self.statistics
        statistics.packets += 1
        statistics.overflowed += packets.overflowed - self._overflowed
        statistics.foreign += decoder.foreign - self._foreign
        self._received += 1
        self._overflowed, self._foreign = packets.overflowed, decoder.foreign
        self._model, self._nominal_hz = decoder.model, decoder.nominal_hz
        if decoder.foreign >= FOREIGN_PACKETS and decoder.foreign == self._received:
            raise self._mismatch(packets, decoder)

    def _finish(self, packets: PacketSource, decoder: ScanDecoder) -> PointCloud | None:
        """Return what a file ends with, unless nothing in it was of this sensor."""
        if self._foreign == self._received:
            raise self._mismatch(packets, decoder)
        return self._deliver(decoder.finish())

    def _mismatch(self, packets: PacketSource, decoder: ScanDecoder) -> SourceError:
        fix = f"{decoder.foreign} packets came and none is of this sensor: {decoder.expects}"
        return SourceError(packets.name, self.config.model, fix)

    def _deliver(self, scan: LidarScan | None) -> PointCloud | None:
        if scan is None:
            return None
        config, statistics = self.config, self.statistics
        statistics.lost += scan.lost
        statistics.incomplete += scan.lost > 0 or scan.coverage < 0.99
        if scan.coverage < config.min_coverage:
            statistics.dropped += 1
            return None
        statistics.scans += 1
        stamp_ns = scan.host_ns if config.stamp_source == "host" else scan.sensor_ns
        if self._clock is not None and not self.live:
            if self._shift_ns is None:
                self._shift_ns = self._clock() - stamp_ns
            stamp_ns += self._shift_ns
        stamp_ns += round(config.time_offset_s * 1e9)
        return PointCloud(stamp_ns, config.frame_id, scan.xyz, scan.intensity)


def is_ouster(config: LidarConfig) -> bool:
    """Return whether the sensor is an Ouster."""
    return config.model == "ouster" or (config.model == "auto" and bool(config.metadata))


def make_decoder(config: LidarConfig) -> ScanDecoder:
    """Return the decoder of the configured sensor.

    Raises:
        SourceError: Its library, metadata or calibration is missing or wrong.
    """
    if is_ouster(config):
        from gait_reid.sensors.ouster import OusterDecoder, read_metadata

        metadata = read_metadata(config.metadata, config.ip_address)
        return OusterDecoder(metadata, config.min_range_m, config.max_range_m)
    from gait_reid.sensors.velodyne import VelodyneDecoder

    return VelodyneDecoder(config.model, config.calibration, config.min_range_m, config.max_range_m)


def _now_s() -> float:
    return time.monotonic()
