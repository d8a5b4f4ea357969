"""Layout of Ouster lidar packets, and directions of the beams, from the sensor's metadata.

Written after Ouster's Firmware User Manual, "Lidar Data Packet Format" and "Lidar Range to XYZ".
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gait_reid.core.types import Float32, Float64, Int64
from gait_reid.sensors.base import SourceError

MAX_METADATA_BYTES = 4 << 20
DOWNLOAD_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Profile:
    """Layout of one packet profile.

    Attributes:
        header: Bytes before the first column.
        footer: Bytes after the last column.
        column: Fields before the pixels of a column.
        pixel: Fields of a pixel.
        column_footer: Fields after the pixels of a column.
        range_mask: Bits of the range field that hold the range.
        range_unit_mm: Millimetres per unit of range.
        intensity: Field that is taken for intensity.
    """

    header: int
    footer: int
    column: list[tuple[str, str]]
    pixel: np.dtype[np.void]
    column_footer: list[tuple[str, str]]
    range_mask: int
    range_unit_mm: int
    intensity: str


# The lidar frame looks backwards, towards the connector, and lies above the base.
_SENSOR_FROM_LIDAR = (-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 36.18, 0, 0, 0, 1)
_COLUMN = [("timestamp", "<u8"), ("measurement_id", "<u2"), ("status", "<u2")]


def _pixel(size: int, **fields: tuple[str, int]) -> np.dtype[np.void]:
    return np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": size,
        }
    )


PROFILES = {
    "LEGACY": Profile(
        0, 0,
        [("timestamp", "<u8"), ("measurement_id", "<u2"), ("frame_id", "<u2"), ("encoder", "<u4")],
        _pixel(12, range=("<u4", 0), reflectivity=("u1", 4), signal=("<u2", 6)),
        [("status", "<u4")], 0x000FFFFF, 1, "signal",
    ),
    "RNG19_RFL8_SIG16_NIR16": Profile(
        32, 32, _COLUMN,
        _pixel(12, range=("<u4", 0), reflectivity=("u1", 4), signal=("<u2", 6)),
        [], 0x0007FFFF, 1, "signal",
    ),
    "RNG19_RFL8_SIG16_NIR16_DUAL": Profile(
        32, 32, _COLUMN,
        _pixel(16, range=("<u4", 0), reflectivity=("u1", 3), signal=("<u2", 8)),
        [], 0x0007FFFF, 1, "signal",
    ),
    "RNG15_RFL8_NIR8": Profile(
        32, 32, _COLUMN,
        _pixel(4, range=("<u2", 0), reflectivity=("u1", 2)),
        [], 0x7FFF, 8, "reflectivity",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class OusterMetadata:
    """What a sensor says about itself.

    Attributes:
        model: Product, for example ``OS-1-32-G``.
        profile: Name in `PROFILES`.
        columns: Measurements per turn.
        rows: Beams.
        columns_per_packet: Measurements per packet.
        window: First and last measurement that the sensor sends; it may wrap around.
        rate_hz: Turns per second.
        altitude_deg: (rows,) elevation of the beams.
        azimuth_deg: (rows,) azimuth of the beams against the encoder.
        beam_origin_mm: Distance of the beams' origin from the axis.
        beam_height_mm: Height of the beams' origin.
        sensor_from_lidar: (4, 4) transform, millimetres.
    """

    model: str
    profile: str
    columns: int
    rows: int
    columns_per_packet: int
    window: tuple[int, int]
    rate_hz: float
    altitude_deg: Float64
    azimuth_deg: Float64
    beam_origin_mm: float
    beam_height_mm: float
    sensor_from_lidar: Float64

    @property
    def packet(self) -> np.dtype[np.void]:
        """Structured type of a packet."""
        profile = PROFILES[self.profile]
        pixels = ("pixels", profile.pixel, (self.rows,))
        columns = np.dtype([*profile.column, pixels, *profile.column_footer])
        return np.dtype(
            [
                ("header", "u1", (profile.header,)),
                ("columns", columns, (self.columns_per_packet,)),
                ("footer", "u1", (profile.footer,)),
            ]
        )

    @property
    def expected(self) -> Int64:
        """Indices of the measurements that a whole turn has."""
        first, last = self.window
        count = (last - first) % self.columns + 1
        return (first + np.arange(count)) % self.columns

    def beams(self) -> tuple[Float32, Float32]:
        """Return directions and offsets in metres: xyz = range * direction + offset.

        Both are (columns, rows, 3), in the sensor's frame.
        """
        encoder = 2 * np.pi * (1.0 - np.arange(self.columns)[:, None] / self.columns)
        azimuth = encoder - np.deg2rad(self.azimuth_deg)
        altitude = np.broadcast_to(np.deg2rad(self.altitude_deg), azimuth.shape)
        flat = np.cos(altitude)
        direction = np.stack(
            [np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(altitude)], axis=-1
        )
        encoder = np.broadcast_to(encoder, azimuth.shape)
        base = np.stack(
            [
                np.cos(encoder) * self.beam_origin_mm,
                np.sin(encoder) * self.beam_origin_mm,
                np.full(encoder.shape, self.beam_height_mm),
            ],
            axis=-1,
        )
        offset = base - np.hypot(self.beam_origin_mm, self.beam_height_mm) * direction
        turn, shift = self.sensor_from_lidar[:3, :3], self.sensor_from_lidar[:3, 3]
        offset = (offset @ turn.T + shift) * 1e-3
        return (direction @ turn.T).astype(np.float32), offset.astype(np.float32)


def read_metadata(path: str, ip_address: str = "") -> OusterMetadata:
    """Read metadata from a file, or from the sensor itself when ``path`` is empty.

    Raises:
        SourceError: The file or sensor cannot be read, or the metadata make no sense.
    """
    name = path or f"http://{ip_address}/api/v1/sensor/metadata"
    if path:
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            fix = f"{error.strerror}; save the sensor's http://SENSOR/api/v1/sensor/metadata there"
            raise SourceError("Ouster metadata", path, fix) from error
    elif ip_address:
        raw = _download(name)
    else:
        fix = "is needed to decode Ouster packets; set it to a file, or ip_address to the sensor's"
        raise SourceError("parameter metadata", "", fix)
    return parse_metadata(raw, name)


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:
            data: bytes = answer.read(MAX_METADATA_BYTES)
            return data
    except (OSError, urllib.error.URLError, ValueError) as error:
        fix = f"does not answer ({error}); check ip_address and network, or set metadata to a file"
        raise SourceError("Ouster sensor", url, fix) from error


def parse_metadata(raw: bytes, name: str) -> OusterMetadata:
    """Read metadata of any firmware since 2.0, in the flat or the nested form.

    Raises:
        SourceError: Names the entry that is missing or wrong.
    """
    try:
        tree = json.loads(raw)
    except ValueError as error:
        raise SourceError(
            "Ouster metadata", name, f"is not JSON ({error}); save it anew"
        ) from error
    if not isinstance(tree, dict):
        raise SourceError("Ouster metadata", name, "is no JSON object; save it anew")
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat.update(value if isinstance(value, dict) and key != "data_format" else {key: value})
    layout = tree.get("lidar_data_format") or tree.get("data_format") or {}
    try:
        return _metadata(flat, layout)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        fix = f"lacks or contradicts an entry ({error!r}); save that of this very sensor"
        raise SourceError("Ouster metadata", name, fix) from error


def _metadata(flat: dict[str, Any], layout: dict[str, Any]) -> OusterMetadata:
    mode = str(flat.get("lidar_mode", "1024x10"))
    altitude = np.asarray(flat["beam_altitude_angles"], np.float64).ravel()
    azimuth = np.asarray(flat["beam_azimuth_angles"], np.float64).ravel()
    rows = int(layout.get("pixels_per_column", len(altitude)))
    columns = int(layout.get("columns_per_frame", mode.split("x")[0]))
    profile = str(layout.get("udp_profile_lidar", "LEGACY"))
    if profile not in PROFILES:
        raise ValueError(f"packet profile {profile} is not known, known are {', '.join(PROFILES)}")
    if not (len(altitude) == len(azimuth) == rows and 0 < rows <= 256 and 0 < columns <= 8192):
        raise ValueError(f"{len(altitude)} beams, {rows} rows, {columns} columns")
    origin = float(flat.get("lidar_origin_to_beam_origin_mm", 0.0))
    beam = np.asarray(flat.get("beam_to_lidar_transform") or _translation(origin)).reshape(4, 4)
    per_packet = int(layout.get("columns_per_packet", 16))
    first, last = (int(edge) for edge in layout.get("column_window", (0, columns - 1)))
    if not (0 < per_packet <= columns and 0 <= first < columns and 0 <= last < columns):
        raise ValueError(f"{per_packet} columns per packet, window {first} to {last}")
    return OusterMetadata(
        model=f"Ouster {flat.get('prod_line', 'OS')}",
        profile=profile,
        columns=columns,
        rows=rows,
        columns_per_packet=per_packet,
        window=(first, last),
        rate_hz=float(mode.split("x")[1]) if "x" in mode else 10.0,
        altitude_deg=altitude,
        azimuth_deg=azimuth,
        beam_origin_mm=float(beam[0, 3]),
        beam_height_mm=float(beam[2, 3]),
        sensor_from_lidar=np.asarray(
            flat.get("lidar_to_sensor_transform") or _SENSOR_FROM_LIDAR, np.float64
        ).reshape(4, 4),
    )  # fmt: skip


def _translation(x_mm: float) -> list[float]:
    return [1, 0, 0, x_mm, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
