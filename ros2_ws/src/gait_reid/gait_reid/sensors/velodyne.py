"""Velodyne scans by velodyne-decoder, with an account of the packets that did not come.

Packet layout from the user manuals (VLP-16 63-9243, HDL-32E 63-9113): twelve firing blocks of 100
bytes, each with its azimuth in hundredths of a degree at byte 2; then the time in microseconds
since the hour, the return mode and the model.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from gait_reid.sensors.base import SourceError
from gait_reid.sensors.lidar import LidarScan

PACKET_BYTES = 1206
POSITION_PACKET_BYTES = 512
HOUR_US = 3_600_000_000
_NAMES = {
    "vlp16": "VLP16",
    "puck_hires": "PuckHiRes",
    "hdl32e": "HDL32E",
    "vlp32a": "VLP32A",
    "vlp32b": "VLP32B",
    "vlp32c": "VLP32C",
    "vls128": "VLS128",
    "hdl64e_s1": "HDL64E_S1",
    "hdl64e_s2": "HDL64E_S2",
    "hdl64e_s3": "HDL64E_S3",
}
_FACTORY_BYTES = {
    0x21: "Velodyne HDL-32E",
    0x22: "Velodyne VLP-16",
    0x24: "Velodyne Puck Hi-Res",
    0x28: "Velodyne VLP-32C",
    0xA1: "Velodyne VLS-128",
}


class _PacketAccount:
    """Counts what is missing between packets, from their times and azimuths."""

    def __init__(self) -> None:
        self.lost = 0
        self.turned_deg = 0.0
        self.speed_hz = 0.0
        self._time_us: int | None = None
        self._azimuth = 0
        self._period_us = 0.0

    def add(self, azimuth: int, time_us: int) -> None:
        """Take note of one packet."""
        if self._time_us is not None:
            step_us = (time_us - self._time_us) % HOUR_US
            step_deg = ((azimuth - self._azimuth) % 36000) / 100.0
            if not self._period_us and 0 < step_us < 100_000:
                self._period_us = float(step_us)
            missing = round(step_us / self._period_us) - 1 if self._period_us else 0
            if 0 < missing < 10_000:
                self.lost += missing
            elif not missing:
                # Slow adaptation: the first step may have been a gap.
                self._period_us += 0.05 * (step_us - self._period_us)
                self.turned_deg += step_deg
                if step_us:
                    self.speed_hz = step_deg / 360.0 / (step_us * 1e-6)
            if step_us < 0.7 * self._period_us:
                self._period_us = float(step_us)
        self._time_us, self._azimuth = time_us, azimuth

    def take(self) -> tuple[int, float]:
        """Return packets lost and degrees covered since the last call."""
        result = self.lost, self.turned_deg
        self.lost, self.turned_deg = 0, 0.0
        return result


class VelodyneDecoder:
    """Decodes packets of rotating Velodyne sensors; see `gait_reid.sensors.lidar.ScanDecoder`."""

    expects = (
        f"Velodyne data packets have {PACKET_BYTES} bytes; look at the sensor's web page for "
        "the data port, and set ip_port and model"
    )

    def __init__(
        self,
        model: str = "auto",
        calibration: str = "",
        min_range_m: float = 0.3,
        max_range_m: float = 120.0,
    ) -> None:
        """Prepare.

        Raises:
            SourceError: velodyne-decoder is missing, or the calibration cannot be read.
        """
        self.model = "unknown" if model == "auto" else f"Velodyne {_NAMES[model]}"
        self.foreign = 0
        self._account = _PacketAccount()
        self._library = _import_library()
        options: dict[str, Any] = {"min_range": min_range_m, "max_range": max_range_m}
        if model != "auto":
            options["model"] = getattr(self._library.Model, _NAMES[model])
        if calibration:
            options["calibration"] = self._calibration(calibration)
        self._options = options
        self._stream = self._new_stream()

    @property
    def nominal_hz(self) -> float:
        """Turns per second that the packets show, 0 before the second packet."""
        return self._account.speed_hz

    def _new_stream(self) -> Any:
        return self._library.StreamDecoder(self._library.Config(**self._options))

    def _calibration(self, path: str) -> Any:
        try:
            return self._library.Calibration.read(path)
        except Exception as error:  # the library raises what its YAML reader does
            fix = f"cannot be read ({error}); expected the YAML of the ROS velodyne driver"
            raise SourceError("calibration file", path, fix) from error

    def decode(self, stamp_ns: int, payload: bytes) -> LidarScan | None:
        """Take one packet; return the scan that it completes.

        Raises:
            SourceError: The model needs a calibration, or does not fit the packets.
        """
        if len(payload) != PACKET_BYTES or payload[1] not in (0xDD, 0xEE):
            self.foreign += len(payload) != POSITION_PACKET_BYTES
            return None
        azimuth = struct.unpack_from("<H", payload, 2)[0]
        time_us, model = struct.unpack_from("<IxB", payload, PACKET_BYTES - 6)
        self.model = _FACTORY_BYTES.get(model, self.model)
        try:
            scan = self._stream.decode(stamp_ns * 1e-9, payload)
        except Exception as error:
            self._stream = self._new_stream()
            fix = f"{error}; set model and calibration to those of the sensor"
            raise SourceError("Velodyne packet of model", f"0x{model:02x}", fix) from error
        # The packet that completes a scan belongs to the next one.
        result = None if scan is None else self._scan(scan)
        self._account.add(azimuth, time_us)
        return result

    def finish(self) -> LidarScan | None:
        """Return what is left of the last scan, and start anew."""
        scan = self._stream.finish()
        self._stream = self._new_stream()
        return None if scan is None else self._scan(scan)

    def _scan(self, scan: tuple[Any, Any]) -> LidarScan:
        stamps, points = scan
        lost, turned_deg = self._account.take()
        points = np.asarray(points)
        return LidarScan(
            host_ns=round(stamps.host * 1e9),
            sensor_ns=round(stamps.device * 1e9),
            xyz=np.ascontiguousarray(points[:, :3], np.float32),
            intensity=np.ascontiguousarray(points[:, 3], np.float32),
            coverage=min(turned_deg / 358.0, 1.0),
            lost=lost,
        )


def _import_library() -> Any:
    try:
        import velodyne_decoder
    except ImportError as error:
        fix = f"cannot be imported ({error}); install it with 'pip install velodyne-decoder==3.1.0'"
        raise SourceError("library", "velodyne-decoder", fix) from error
    return velodyne_decoder
