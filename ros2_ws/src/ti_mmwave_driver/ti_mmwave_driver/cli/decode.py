"""mmwave-decode: a recording of the data port as JSON lines, a summary on standard error."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ti_mmwave_driver.core.parser import FrameParser
from ti_mmwave_driver.core.points import PlausibilityLimits
from ti_mmwave_driver.core.tlv import Demo
from ti_mmwave_driver.core.types import RadarFrame, RadarPoints, RadarTargets

_CHUNK_BYTES = 65_536
_ARRAYS = (
    "range_profile",
    "noise_profile",
    "azimuth_heat_map",
    "elevation_heat_map",
    "range_doppler",
    "target_index",
    "vital_signs",
)


def _numbers(array: np.ndarray, digits: int = 4) -> Any:
    """Lists with rounded numbers; NaN becomes null, which JSON knows."""
    if array.dtype.kind != "f":
        return array.tolist()
    flat = [round(x, digits) if math.isfinite(x) else None for x in array.ravel().tolist()]
    if array.ndim == 1:
        return flat
    width = array.shape[1]
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def _points(points: RadarPoints) -> dict[str, Any]:
    return {
        "xyz": _numbers(points.xyz),
        "velocity": _numbers(points.velocity),
        "snr_db": _numbers(points.snr_db, 1),
        "noise_db": _numbers(points.noise_db, 1),
    }


def _targets(targets: RadarTargets) -> dict[str, Any]:
    return {
        "target_id": targets.target_id.tolist(),
        "position": _numbers(targets.position),
        "velocity": _numbers(targets.velocity),
        "acceleration": _numbers(targets.acceleration),
        "confidence": _numbers(targets.confidence),
        "height": _numbers(targets.height),
    }


def frame_to_json(frame: RadarFrame, with_arrays: bool = False) -> dict[str, Any]:
    """A frame as plain values for :func:`json.dumps`.

    Args:
        frame: Decoded frame.
        with_arrays: Also range profile, heat maps and the like.
    """
    header = frame.header
    record: dict[str, Any] = {
        "frame": header.frame_number,
        "subframe": header.subframe_number,
        "format": header.format.value,
        "sdk": header.sdk_version,
        "platform": f"{header.platform:#x}",
        "cpu_cycles": header.cpu_cycles,
        "points": _points(frame.points),
        "implausible_points": frame.implausible_points,
    }
    if frame.static_points is not None:
        record["static_points"] = _points(frame.static_points)
    if frame.targets is not None:
        record["targets"] = _targets(frame.targets)
    if frame.statistics is not None:
        record["statistics"] = frame.statistics._asdict()
    if frame.temperature is not None:
        record["temperature_deg_c"] = frame.temperature.sensors_deg_c
    for name in ("presence", "occupancy"):
        if getattr(frame, name) is not None:
            record[name] = getattr(frame, name)
    if frame.unknown_tlvs:
        record["unknown_tlvs"] = list(frame.unknown_tlvs)
    if with_arrays:
        for name in _ARRAYS:
            if getattr(frame, name) is not None:
                record[name] = _numbers(getattr(frame, name))
    return record


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def summary(parser: FrameParser) -> str:
    """One paragraph on what was accepted and what was not."""
    counters = parser.counters
    rejected = sum(counters.rejected_packets.values())
    lines = [
        f"{counters.frames} frames from {counters.bytes_received} bytes, "
        f"{counters.bytes_rejected} bytes rejected, {parser.buffered_bytes} bytes of an incomplete "
        "frame at the end"
    ]
    if rejected:
        reasons = ", ".join(f"{name} {count}" for name, count in counters.rejected_packets.items())
        lines.append(f"{rejected} packets rejected: {reasons}")
    if counters.implausible_points:
        lines.append(f"{counters.implausible_points} implausible points left out")
    if counters.unknown_tlvs:
        types = ", ".join(f"type {kind}: {n}" for kind, n in sorted(counters.unknown_tlvs.items()))
        lines.append(f"unknown blocks skipped: {types}")
    return "\n".join(lines)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mmwave-decode",
        description="Decode a recording of an IWR6843 data port: one JSON line per frame.",
    )
    defaults = PlausibilityLimits()
    parser.add_argument(
        "file", type=Path, help="recorded bytes of the data port; - is standard input"
    )
    parser.add_argument("--demo", choices=[demo.value for demo in Demo], default=Demo.AUTO.value)
    parser.add_argument("--arrays", action="store_true", help="also write profiles and heat maps")
    parser.add_argument("--max-range", type=float, default=defaults.max_range_m, metavar="M")
    parser.add_argument(
        "--max-velocity", type=float, default=defaults.max_velocity_m_s, metavar="M/S"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 when no frame was found, 2 for wrong arguments."""
    options = _arguments(argv)
    try:
        limits = PlausibilityLimits(options.max_range, options.max_velocity)
        parser = FrameParser(Demo(options.demo), limits)
        stream = sys.stdin.buffer if str(options.file) == "-" else options.file.open("rb")
    except (OSError, ValueError) as error:
        print(f"mmwave-decode: {error}", file=sys.stderr)
        return 2
    with stream:
        for chunk in _chunks(stream):
            for frame in parser.feed(chunk):
                print(json.dumps(frame_to_json(frame, options.arrays)))
    print(summary(parser), file=sys.stderr)
    return 0 if parser.counters.frames else 1


if __name__ == "__main__":
    sys.exit(main())
