"""Rules on ramp, sampling, memory, duty cycle and UART: what the radar can physically do."""

from __future__ import annotations

from collections.abc import Iterator

from ti_mmwave_driver.core import uart
from ti_mmwave_driver.core.chirp import ADC_BUFFER_BYTES, L3_MEMORY_BYTES
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.design import (
    FrameDesign,
    data_port_baud,
    receiver_count,
    transmit_mask,
)
from ti_mmwave_driver.core.profile import Profile, ProfileCommand
from ti_mmwave_driver.core.violation import Violation, error, warning

MAX_DUTY_CYCLE = 0.5
MAX_BACK_OFF_DB = 26
MIN_RX_GAIN_DB, MAX_RX_GAIN_DB = 30, 48
MIN_DOPPLER_LOOPS = 16
LOOP_UNIT = 4
ALL_RECEIVERS = 4
START_FREQUENCY_STEP_GHZ = 2.7 / 2**26


def check_ramps(profile: Profile) -> Iterator[Violation]:
    """Codes packed into the arguments of profileCfg."""
    for ramp in profile.all("profileCfg"):
        if ramp.number(7) <= 0:
            yield error("slope", f"slope is {ramp.number(7):g} MHz/us, must be above 0", ramp)
        for antenna in range(3):
            back_off_db = ramp.integer(5) >> 8 * antenna & 0xFF
            if back_off_db > MAX_BACK_OFF_DB:
                message = (
                    f"back-off of transmitter {antenna} is {back_off_db} dB, "
                    f"at most {MAX_BACK_OFF_DB}"
                )
                yield error("tx_power", message, ramp)
        yield from _check_gain(ramp)


def _check_gain(ramp: ProfileCommand) -> Iterator[Violation]:
    code = ramp.integer(13)
    gain_db, target = code & 0x3F, code >> 6
    if target > 2:
        yield error("rx_gain", f"gain code {code} has RF gain target {target}, at most 2", ramp)
    if not MIN_RX_GAIN_DB <= gain_db <= MAX_RX_GAIN_DB or gain_db % 2:
        message = f"gain is {gain_db} dB (low 6 bits of {code}), allowed is an even 30 to 48 dB"
        yield error("rx_gain", message, ramp)


def check_channels(profile: Profile, firmware: Firmware) -> Iterator[Violation]:
    """Antennas of chirps against those that are enabled."""
    enabled = transmit_mask(profile)
    channel = profile.last("channelCfg")
    if (
        channel is not None
        and firmware is Firmware.OUT_OF_BOX_64XX
        and receiver_count(profile) != ALL_RECEIVERS
    ):
        message = f"rx mask is {channel.integer(0)}, this demo needs all four (15)"
        yield error("receivers", message, channel)
    for chirp in profile.all("chirpCfg"):
        mask = chirp.integer(7)
        if mask & ~enabled:
            message = f"tx mask {mask} uses antennas that channelCfg (mask {enabled}) disables"
            yield error("tx_mask", message, chirp)
        if chirp.integer(1) < chirp.integer(0):
            message = f"end index {chirp.integer(1)} is below start index {chirp.integer(0)}"
            yield error("chirp_index", message, chirp)


def check_frame_references(profile: Profile) -> Iterator[Violation]:
    """Frames that ask for chirps that are not there."""
    defined: set[int] = set()
    for chirp in profile.all("chirpCfg"):
        defined.update(range(chirp.integer(0), min(chirp.integer(1), 511) + 1))
    frames = [(c, c.integer(0), c.integer(1)) for c in profile.all("frameCfg")]
    frames += [
        (c, c.integer(2), c.integer(2) + c.integer(3) - 1) for c in profile.all("subFrameCfg")
    ]
    for command, first, last in frames:
        if last < first:
            yield error("chirp_index", f"last chirp {last} is below first chirp {first}", command)
        missing = [index for index in range(first, min(last, 511) + 1) if index not in defined]
        if missing:
            yield error("chirp_index", f"chirp {missing[0]} is not defined by chirpCfg", command)


def check_design(frame: FrameDesign) -> Iterator[Violation]:
    """Everything that follows from one frame design."""
    if not frame.design.is_complete:
        return
    yield from _check_band(frame)
    yield from _check_sampling(frame)
    yield from _check_chirps(frame)
    yield from _check_memory(frame)
    yield from _check_loops(frame)
    yield from _check_duty(frame)


def _check_band(frame: FrameDesign) -> Iterator[Violation]:
    design = frame.design
    if not design.fits_one_oscillator:
        message = (
            f"ramp goes from {design.start_ghz:.3f} to {design.end_ghz:.3f} GHz; it must lie "
            "within 57 to 60.75 GHz or within 60 to 64 GHz"
        )
        yield error("band", message, frame.ramp)
    code = int(design.start_ghz / START_FREQUENCY_STEP_GHZ)
    for name, value in (("start frequency", code), ("slope", design.slope_code)):
        if value % 2:
            yield warning("code_parity", f"{name} code {value} is odd; it is rounded", frame.ramp)


def _check_sampling(frame: FrameDesign) -> Iterator[Violation]:
    design = frame.design
    end_us = design.adc_start_us + design.sampling_us
    if end_us > design.ramp_us:
        message = (
            f"sampling ends {end_us:.2f} us after the start of the ramp (ADC start "
            f"{design.adc_start_us:g} + {design.samples} samples at {design.sample_rate_ksps:g} "
            f"ksps), the ramp already at {design.ramp_us:g} us"
        )
        yield error("sampling_window", message, frame.ramp)
    if design.adc_buffer_bytes > ADC_BUFFER_BYTES:
        message = (
            f"{design.samples} samples of {design.receivers} receivers are "
            f"{design.adc_buffer_bytes} bytes, the ADC buffer holds {ADC_BUFFER_BYTES}"
        )
        yield error("adc_buffer", message, frame.ramp)


def _check_chirps(frame: FrameDesign) -> Iterator[Violation]:
    masks = [chirp.integer(7) for chirp in frame.chirps]
    one_each = all(mask.bit_count() == 1 for mask in masks)
    if not one_each and len(set(masks)) > 1:
        message = f"tx masks {masks}: either one antenna per chirp or the same set in all"
        yield error("tx_mask", message, frame.chirps[0])
    if one_each and len(set(masks)) != len(masks):
        message = f"tx masks {masks} use an antenna twice in one loop"
        yield error("tx_mask", message, frame.chirps[0])
    if len({chirp.integer(2) for chirp in frame.chirps}) > 1:
        message = "chirps of one frame use different profiles, the demo allows one"
        yield error("profile_mix", message, frame.chirps[0])


def _check_memory(frame: FrameDesign) -> Iterator[Violation]:
    design = frame.design
    if design.memory_bytes > L3_MEMORY_BYTES:
        message = (
            f"radar cube and detection matrix take {design.memory_bytes / 1024:.0f} KB "
            f"({design.range_bins} range bins, {design.loops} loops, {design.virtual_antennas} "
            f"virtual antennas), L3 holds {L3_MEMORY_BYTES // 1024} KB"
        )
        yield error("l3_memory", message, frame.frame)


def _check_loops(frame: FrameDesign) -> Iterator[Violation]:
    loops = frame.design.loops
    if loops % LOOP_UNIT:
        message = f"{loops} loops, must be a multiple of {LOOP_UNIT}"
        yield error("loops", message, frame.frame)
    if loops < MIN_DOPPLER_LOOPS:
        message = f"{loops} loops are padded to {MIN_DOPPLER_LOOPS} Doppler bins"
        yield warning("loops", message, frame.frame)


def _check_duty(frame: FrameDesign) -> Iterator[Violation]:
    design = frame.design
    if design.duty_cycle > MAX_DUTY_CYCLE:
        message = (
            f"chirps take {design.active_ms:.1f} of {design.period_ms:g} ms "
            f"({100 * design.duty_cycle:.0f} %), allowed is {100 * MAX_DUTY_CYCLE:.0f} %"
        )
        yield error("duty_cycle", message, frame.frame)


def check_uart(profile: Profile, frame: FrameDesign, point_count: int) -> Iterator[Violation]:
    """Whether what is sent fits between two frames."""
    design, output = frame.design, frame.output
    if not design.is_complete or design.active_ms >= design.period_ms:
        return
    baud = data_port_baud(profile)
    needed_ms = uart.transmit_ms(uart.frame_bytes(design, output, point_count), baud)
    available_ms = uart.available_ms(design)
    if needed_ms > available_ms:
        most = uart.most_points(design, output, baud)
        room = f"room for {most} points" if most >= 0 else "not even room for an empty frame"
        message = (
            f"a frame with {point_count} points takes {needed_ms:.1f} ms at {baud} baud, "
            f"{available_ms:.1f} ms lie between two frames: {room}; send less (guiMonitor), "
            "lower the frame rate or raise configDataPort"
        )
        yield error("uart_budget", message, frame.frame)
