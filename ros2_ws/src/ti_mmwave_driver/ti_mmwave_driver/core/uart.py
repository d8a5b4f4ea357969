"""How long a frame occupies the data port."""

from __future__ import annotations

from dataclasses import dataclass

from ti_mmwave_driver.core.chirp import ChirpDesign

DEFAULT_BAUD = 921_600
BITS_PER_BYTE = 10
PADDING_UNIT_BYTES = 32
_HEADER_BYTES = 40
_TLV_HEADER_BYTES = 8
_POINT_BYTES = 16
_SIDE_INFO_BYTES = 4
_STATISTICS_BYTES = 24
_TEMPERATURE_BYTES = 28


@dataclass(frozen=True)
class OutputSelection:
    """What guiMonitor asks the out-of-box demo to send.

    Attributes:
        points: 0 none, 1 points with side information, 2 points only.
        range_profile: Range profile.
        noise_profile: Noise profile.
        azimuth_heat_map: Static azimuth heat map.
        range_doppler: Range-Doppler heat map.
        statistics: Statistics and temperature.
    """

    points: int = 1
    range_profile: bool = False
    noise_profile: bool = False
    azimuth_heat_map: bool = False
    range_doppler: bool = False
    statistics: bool = True


def frame_bytes(design: ChirpDesign, output: OutputSelection, point_count: int) -> int:
    """Length of a packet of the out-of-box demo with ``point_count`` points."""
    payloads = []
    if output.points:
        payloads.append(_POINT_BYTES * point_count)
    if output.points == 1:
        payloads.append(_SIDE_INFO_BYTES * point_count)
    if output.range_profile:
        payloads.append(2 * design.range_bins)
    if output.noise_profile:
        payloads.append(2 * design.range_bins)
    if output.azimuth_heat_map:
        payloads.append(4 * design.range_bins * min(design.virtual_antennas, 8))
    if output.range_doppler:
        payloads.append(2 * design.range_bins * design.doppler_bins)
    if output.statistics:
        payloads += [_STATISTICS_BYTES, _TEMPERATURE_BYTES]
    length = _HEADER_BYTES + sum(payloads) + _TLV_HEADER_BYTES * len(payloads)
    return length + -length % PADDING_UNIT_BYTES


def transmit_ms(byte_count: int, baud: int = DEFAULT_BAUD) -> float:
    """Time that many bytes take on a UART with one start and one stop bit."""
    return byte_count * BITS_PER_BYTE / baud * 1e3


def available_ms(design: ChirpDesign) -> float:
    """Time between the last chirp of a frame and the first of the next."""
    return design.period_ms - design.active_ms


def most_points(design: ChirpDesign, output: OutputSelection, baud: int = DEFAULT_BAUD) -> int:
    """Points that fit into the time between two frames, at most 500; -1 when not even none do."""
    budget_bytes = available_ms(design) * baud / (BITS_PER_BYTE * 1e3)
    fixed = frame_bytes(design, output, 0)
    if fixed > budget_bytes:
        return -1
    per_point = {0: 0, 1: _POINT_BYTES + _SIDE_INFO_BYTES, 2: _POINT_BYTES}[output.points]
    return 500 if per_point == 0 else min(500, int((budget_bytes - fixed) // per_point))
