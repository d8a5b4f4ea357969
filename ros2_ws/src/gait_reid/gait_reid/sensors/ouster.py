"""Ouster scans, decoded from the documented packet format without the vendor's library."""

from __future__ import annotations

import numpy as np

from gait_reid.core.types import Float32
from gait_reid.sensors.lidar import LidarScan
from gait_reid.sensors.ouster_format import PROFILES, OusterMetadata, read_metadata

__all__ = ["OusterDecoder", "read_metadata"]

LIDAR_PACKET = 1
IMU_PACKET_BYTES = (48, 52)


class OusterDecoder:
    """Puts packets together to turns; see `gait_reid.sensors.lidar.ScanDecoder`."""

    def __init__(
        self, metadata: OusterMetadata, min_range_m: float = 0.3, max_range_m: float = 120.0
    ) -> None:
        self.metadata = metadata
        self.model = metadata.model
        self.nominal_hz = metadata.rate_hz
        self.foreign = 0
        self._packet = metadata.packet
        self._profile = PROFILES[metadata.profile]
        self._direction, self._offset = metadata.beams()
        self._expected = metadata.expected
        self._limits_mm = (1e3 * min_range_m, 1e3 * max_range_m)
        shape = (metadata.columns, metadata.rows)
        self._range = np.zeros(shape, np.uint32)
        self._intensity = np.zeros(shape, np.uint16)
        self._seen = np.zeros(metadata.columns, np.bool_)
        self._frame_id: int | None = None
        self._host_ns = 0
        self._sensor_ns = 0

    @property
    def expects(self) -> str:
        """What packets should look like."""
        return (
            f"the metadata ({self.metadata.model}, {self.metadata.profile}, {self.metadata.rows} "
            f"beams) ask for packets of {self._packet.itemsize} bytes; use the metadata of this "
            "very sensor, and set ip_port to its lidar port"
        )

    def decode(self, stamp_ns: int, payload: bytes) -> LidarScan | None:
        """Take one packet; return the turn that it completes."""
        if len(payload) != self._packet.itemsize:
            self.foreign += len(payload) not in IMU_PACKET_BYTES
            return None
        packet = np.frombuffer(payload, self._packet)[0]
        columns = packet["columns"]
        if self._profile.header:
            kind, frame_id = (int(value) for value in packet["header"][:4].view("<u2"))
            if kind != LIDAR_PACKET:
                self.foreign += 1
                return None
        else:
            frame_id = int(columns["frame_id"][0])
        if self._frame_id is not None and frame_id != self._frame_id:
            if (self._frame_id - frame_id) % 65536 < 16:
                return None  # came late; its turn is already out
            finished = self._take()
        else:
            finished = None
        self._frame_id = frame_id
        self._store(columns)
        self._host_ns = stamp_ns
        if finished is None and self._seen[self._expected].all():
            return self._take()
        return finished

    def finish(self) -> LidarScan | None:
        """Return what is left of the last turn, and start anew."""
        scan = self._take()
        self._frame_id = None
        return scan

    def _store(self, columns: np.ndarray[tuple[int, ...], np.dtype[np.void]]) -> None:
        valid = (columns["status"] & 1).astype(np.bool_)
        valid &= columns["measurement_id"] < self.metadata.columns
        if not valid.any():
            return
        columns = columns[valid]
        index, pixels = columns["measurement_id"], columns["pixels"]
        unit = self._profile.range_unit_mm
        self._range[index] = (pixels["range"] & self._profile.range_mask).astype(np.uint32) * unit
        self._intensity[index] = pixels[self._profile.intensity]
        self._seen[index] = True
        self._sensor_ns = int(columns["timestamp"][-1])

    def _take(self) -> LidarScan | None:
        """Return the present turn, if there is any of it, and make room for the next."""
        received = int(self._seen[self._expected].sum())
        if not received:
            return None
        xyz, intensity = self._points()
        missing = len(self._expected) - received
        scan = LidarScan(
            self._host_ns,
            self._sensor_ns,
            xyz,
            intensity,
            coverage=received / len(self._expected),
            lost=missing // self.metadata.columns_per_packet,
        )
        self._range[:] = 0
        self._seen[:] = False
        return scan

    def _points(self) -> tuple[Float32, Float32]:
        low, high = self._limits_mm
        hit = (self._range >= max(low, 1.0)) & (self._range <= high)
        distance = self._range[hit].astype(np.float32) * np.float32(1e-3)
        xyz = self._direction[hit] * distance[:, None] + self._offset[hit]
        return xyz, self._intensity[hit].astype(np.float32)
