"""From what the application needs to a valid profile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from ti_mmwave_driver.core import uart
from ti_mmwave_driver.core.check import ProfileError, require_valid
from ti_mmwave_driver.core.chirp import (
    L3_MEMORY_BYTES,
    OSCILLATOR_BANDS_GHZ,
    SLOPE_STEP_MHZ_US,
    SPEED_OF_LIGHT_M_S,
    USABLE_RANGE_FRACTION,
    ChirpDesign,
)
from ti_mmwave_driver.core.profile import parse_profile

SAMPLE_RATES_KSPS = (12500, 10000, 8000, 6250, 5000, 4000, 3125, 2500, 2000)
MAX_SLOPE_MHZ_US = 250.0
MAX_SAMPLES = 512
ADC_START_US = 3.0
RAMP_MARGIN_US = 0.5
MIN_IDLE_US = 7.0
MAX_IDLE_US = 5242.0
MIN_LOOPS, MAX_LOOPS, LOOP_UNIT = 16, 252, 4
MAX_DUTY_CYCLE = 0.5


class Board(Enum):
    """Evaluation modules; they differ in antenna geometry and in the demo that runs on them."""

    ISK = "isk"
    BOOST = "boost"
    ODS = "ods"
    AOP = "aop"


_TX_ORDER = {
    Board.ISK: (1, 4, 2),
    Board.BOOST: (1, 4, 2),
    Board.ODS: (1, 2, 4),
    Board.AOP: (1, 2, 4),
}
_PHASE = {
    Board.ISK: (1, 1, 1, 1),
    Board.BOOST: (1, 1, 1, 1),
    Board.ODS: (1, -1, -1, 1),
    Board.AOP: (1, -1, 1, -1),
}


class PlanError(ValueError):
    """No profile can do what is asked; the message names the limit that is in the way."""


@dataclass(frozen=True)
class Requirements:
    """What the application needs.

    Attributes:
        range_resolution_m: At least this fine.
        max_range_m: At least this far, within the 80 % of the beat frequency that are usable.
        max_velocity_m_s: At least this fast, unambiguous, plus or minus.
        velocity_resolution_m_s: At least this fine.
        rate_hz: Frames per second.
        board: Evaluation module.
        static_clutter_removal: Leave out what does not move.
    """

    range_resolution_m: float
    max_range_m: float
    max_velocity_m_s: float
    velocity_resolution_m_s: float
    rate_hz: float
    board: Board = Board.ISK
    static_clutter_removal: bool = True

    def __post_init__(self) -> None:
        for name in (
            "range_resolution_m",
            "max_range_m",
            "max_velocity_m_s",
            "velocity_resolution_m_s",
            "rate_hz",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; it must be a number above 0")


@dataclass(frozen=True)
class Plan:
    """A profile and what it achieves.

    Attributes:
        text: The profile, ready to be written to a .cfg file.
        design: What it achieves.
        max_points: Points per frame that the data port carries at the frame rate.
    """

    text: str
    design: ChirpDesign
    max_points: int


def plan_profile(need: Requirements) -> Plan:
    """Design chirp and frame and write the profile.

    Args:
        need: What the application needs.

    Returns:
        The plan; its profile passes :func:`~ti_mmwave_driver.core.check.check_profile`.

    Raises:
        PlanError: The requirements exceed what the radar can do.
    """
    design = _with_frame(_chirp(need), need)
    text = _write(design, need)
    try:
        require_valid(parse_profile(text, "plan"))
    except ProfileError as error:
        raise PlanError(f"no valid profile for these requirements: {error}") from error
    return Plan(text, design, uart.most_points(design, uart.OutputSelection()))


def _chirp(need: Requirements) -> ChirpDesign:
    """Fastest sampling whose ramp stays within slope and band."""
    wanted_mhz = SPEED_OF_LIGHT_M_S / (2e6 * need.range_resolution_m)
    samples = need.max_range_m / (USABLE_RANGE_FRACTION * need.range_resolution_m)
    count = 4 * math.ceil(samples / 4 - 1e-9)
    if count > MAX_SAMPLES:
        raise PlanError(
            f"{need.max_range_m:g} m at {need.range_resolution_m:g} m need {count} samples per "
            f"chirp, at most {MAX_SAMPLES} fit with all antennas: shorten the range or coarsen "
            "the range resolution"
        )
    for rate_ksps in SAMPLE_RATES_KSPS:
        slope = _slope(wanted_mhz * rate_ksps * 1e-3 / count)
        if slope > MAX_SLOPE_MHZ_US:
            continue
        ramp_us = math.ceil((ADC_START_US + count / rate_ksps * 1e3 + RAMP_MARGIN_US) * 10) / 10
        start_ghz = _start_ghz(slope * ramp_us * 1e-3)
        if start_ghz is None:
            continue
        return ChirpDesign(
            start_ghz=start_ghz,
            idle_us=MIN_IDLE_US,
            adc_start_us=ADC_START_US,
            ramp_us=ramp_us,
            slope_mhz_us=slope,
            samples=count,
            sample_rate_ksps=rate_ksps,
            transmitters=3,
            receivers=4,
            loops=MIN_LOOPS,
            period_ms=1e3 / need.rate_hz,
        )
    raise PlanError(
        f"a range resolution of {need.range_resolution_m:g} m needs {wanted_mhz:.0f} MHz of "
        "sampled sweep; with its margins it exceeds the 4 GHz of one oscillator"
    )


def _slope(wanted_mhz_us: float) -> float:
    """Next slope upwards that the synthesizer makes exactly, an even code."""
    code = 2 * math.ceil(wanted_mhz_us / SLOPE_STEP_MHZ_US / 2)
    return math.ceil(code * SLOPE_STEP_MHZ_US * 1e3) / 1e3


def _start_ghz(sweep_ghz: float) -> float | None:
    for first, last in reversed(OSCILLATOR_BANDS_GHZ):
        if first + sweep_ghz <= last:
            return first
    return None


def _with_frame(chirp: ChirpDesign, need: Requirements) -> ChirpDesign:
    """Fewest loops, then the longest idle time that keeps the velocity unambiguous."""
    per_transmitter = 4e-6 * chirp.transmitters
    longest_us = chirp.wavelength_m / (per_transmitter * need.max_velocity_m_s)
    shortest_us = chirp.ramp_us + MIN_IDLE_US
    if longest_us < shortest_us:
        fastest = chirp.wavelength_m / (per_transmitter * shortest_us)
        raise PlanError(
            f"{need.max_velocity_m_s:g} m/s needs a chirp every {longest_us:.1f} us, this ramp "
            f"takes {shortest_us:.1f} us and reaches {fastest:.2f} m/s: coarsen the range "
            "resolution or shorten the range"
        )
    chirp_us = min(math.floor(longest_us * 10) / 10, chirp.ramp_us + MAX_IDLE_US)
    total_us = chirp.wavelength_m / (2e-6 * chirp.transmitters * need.velocity_resolution_m_s)
    loops = max(MIN_LOOPS, LOOP_UNIT * math.ceil(total_us / chirp_us / LOOP_UNIT - 1e-9))
    design = _replace(chirp, round(chirp_us - chirp.ramp_us, 2), loops)
    _check_limits(design, need)
    return design


def _replace(chirp: ChirpDesign, idle_us: float, loops: int) -> ChirpDesign:
    values = {**chirp.__dict__, "idle_us": idle_us, "loops": loops}
    return ChirpDesign(**values)


def _check_limits(design: ChirpDesign, need: Requirements) -> None:
    if design.loops > MAX_LOOPS or design.memory_bytes > L3_MEMORY_BYTES:
        raise PlanError(
            f"{need.velocity_resolution_m_s:g} m/s at {need.max_velocity_m_s:g} m/s needs "
            f"{design.loops} loops, which take {design.memory_bytes / 1024:.0f} KB of "
            f"{L3_MEMORY_BYTES // 1024} KB: coarsen the velocity resolution, lower the maximum "
            "velocity or coarsen the range resolution"
        )
    if design.duty_cycle > MAX_DUTY_CYCLE:
        raise PlanError(
            f"a velocity resolution of {need.velocity_resolution_m_s:g} m/s needs "
            f"{design.active_ms:.1f} ms of chirps, allowed is half of the {design.period_ms:g} ms "
            "period: coarsen the velocity resolution or lower the rate"
        )


def _write(design: ChirpDesign, need: Requirements) -> str:
    order, phase = _TX_ORDER[need.board], _PHASE[need.board]
    phases = " ".join(f"{value} 0" for value in phase * 3)
    velocity = math.floor(design.max_velocity_m_s * 100) / 100
    chirps = "\n".join(f"chirpCfg {i} {i} 0 0 0 0 0 {mask}" for i, mask in enumerate(order))
    bpm = "" if need.board is Board.AOP else "bpmCfg -1 0 0 0\n"
    return f"""\
% {need.board.value.upper()}: {design.range_resolution_m:.4f} m up to {design.usable_range_m:.2f} m,
% {design.velocity_resolution_m_s:.4f} m/s up to +-{design.max_velocity_m_s:.3f} m/s,
% {need.rate_hz:g} frames/s, {100 * design.duty_cycle:.1f} % duty cycle
sensorStop
flushCfg
dfeDataOutputMode 1
channelCfg 15 7 0
adcCfg 2 1
adcbufCfg -1 0 1 1 1
lowPower 0 0
profileCfg 0 {design.start_ghz:g} {design.idle_us:g} {design.adc_start_us:g} {design.ramp_us:g} \
0 0 {design.slope_mhz_us:.3f} 1 {design.samples} {design.sample_rate_ksps:.0f} 0 0 158
{chirps}
frameCfg 0 2 {design.loops} 0 {design.period_ms:g} 1 0
guiMonitor -1 1 0 0 0 0 1
cfarCfg -1 0 2 8 4 3 0 15.0 0
cfarCfg -1 1 0 4 2 3 1 15.0 0
multiObjBeamForming -1 1 0.5
clutterRemoval -1 {int(need.static_clutter_removal)}
calibDcRangeSig -1 0 -5 8 {max(256, 2 * design.doppler_bins)}
extendedMaxVelocity -1 0
{bpm}lvdsStreamCfg -1 0 0 0
compRangeBiasAndRxChanPhase 0.0 {phases}
measureRangeBiasAndRxChanPhase 0 1.5 0.2
CQRxSatMonitor 0 3 4 63 0
CQSigImgMonitor 0 127 4
analogMonitor 0 0
aoaFovCfg -1 -90 90 -90 90
cfarFovCfg -1 0 0.25 {math.floor(design.usable_range_m * 100) / 100:g}
cfarFovCfg -1 1 -{velocity:g} {velocity:g}
calibData 0 0 0
sensorStart
"""
