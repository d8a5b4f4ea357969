"""Rules on detection, fields of view, calibration and monitoring."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.design import FrameDesign, applies_to
from ti_mmwave_driver.core.profile import Profile, ProfileCommand
from ti_mmwave_driver.core.violation import Violation, error, warning

MAX_DC_BINS = 32
_LVDS_FORMATS = (0, 1, 4)
_DIRECTIONS = {0: "range", 1: "Doppler"}


def check_detection(profile: Profile, frame: FrameDesign) -> Iterator[Violation]:
    """Detection commands against the frame they apply to."""
    if not frame.design.is_complete:
        return
    for command in profile.all("cfarCfg"):
        if applies_to(command, frame.subframe):
            yield from _check_cfar(command, frame)
    for command in profile.all("cfarFovCfg"):
        if applies_to(command, frame.subframe):
            yield from _check_field_of_view(command, frame)
    for command in profile.all("calibDcRangeSig"):
        if applies_to(command, frame.subframe):
            yield from _check_dc_calibration(command, frame)


def _check_cfar(command: ProfileCommand, frame: FrameDesign) -> Iterator[Violation]:
    direction, mode, window, guard, shift = (command.integer(index) for index in range(1, 6))
    if direction not in _DIRECTIONS or window < 1:
        return
    bins = frame.design.doppler_bins if direction else frame.design.range_bins
    if 2 * (window + guard) >= bins:
        message = (
            f"window {window} and guard {guard} on both sides span {2 * (window + guard)} bins, "
            f"there are {bins} {_DIRECTIONS[direction]} bins"
        )
        yield error("cfar_window", message, command)
    summed = 2 * window if mode == 0 else window
    expected = math.ceil(math.log2(summed))
    if shift != expected:
        message = f"divisor shift is {shift}; {expected} averages {summed} cells"
        yield warning("cfar_divisor", message, command)


def _check_field_of_view(command: ProfileCommand, frame: FrameDesign) -> Iterator[Violation]:
    low, high = command.number(2), command.number(3)
    direction = command.integer(1)
    if not low < high:
        message = f"lowest value {low:g} is not below highest value {high:g}"
        yield error("field_of_view", message, command)
    elif direction == 0:
        longest = frame.design.max_range_m
        if low < 0 or low >= longest:
            message = f"range starts at {low:g} m, this chirp sees 0 to {longest:.2f} m"
            yield error("range_limit", message, command)
        elif high > longest:
            message = f"range up to {high:g} m asked for, this chirp sees {longest:.2f} m"
            yield warning("range_limit", message, command)
    else:
        fastest = frame.design.max_velocity_m_s
        if low > fastest or high < -fastest:
            message = f"{low:g} to {high:g} m/s lies outside +-{fastest:.2f} m/s, nothing is seen"
            yield error("velocity_limit", message, command)
        elif max(abs(low), abs(high)) > fastest * 1.001:
            message = f"{low:g} to {high:g} m/s asked for, +-{fastest:.2f} m/s is unambiguous"
            yield warning("velocity_limit", message, command)


def _check_dc_calibration(command: ProfileCommand, frame: FrameDesign) -> Iterator[Violation]:
    negative, positive, averages = (command.integer(index) for index in range(2, 5))
    if positive - negative + 1 > MAX_DC_BINS:
        message = f"bins {negative} to {positive} are more than {MAX_DC_BINS}"
        yield error("dc_calibration", message, command)
    bins = frame.design.doppler_bins
    if averages.bit_count() != 1 or averages <= bins:
        message = f"averages over {averages} chirps, must be a power of two above {bins}"
        yield error("dc_calibration", message, command)


def check_angles(profile: Profile) -> Iterator[Violation]:
    """Angular field of view."""
    for command in profile.all("aoaFovCfg"):
        for low, high, name in ((1, 2, "azimuth"), (3, 4, "elevation")):
            if not command.number(low) < command.number(high):
                message = (
                    f"lowest {name} {command.number(low):g} deg is not below highest "
                    f"{command.number(high):g} deg"
                )
                yield error("field_of_view", message, command)
        if any(command.number(index) != command.integer(index) for index in range(1, 5)):
            yield warning("field_of_view", "the firmware cuts decimals of degrees", command)


def check_processing(profile: Profile, firmware: Firmware) -> Iterator[Violation]:
    """Options that exclude one another or do not exist in a demo."""
    for command in profile.all("extendedMaxVelocity"):
        if firmware is Firmware.OUT_OF_BOX_64XX and command.integer(1):
            yield error("extended_velocity", "is not supported by this demo", command)
    for command in profile.all("bpmCfg"):
        if not command.integer(1):
            continue
        masks = {chirp.integer(7) for chirp in profile.all("chirpCfg")}
        if len(masks) != 1 or next(iter(masks)).bit_count() != 2:
            message = f"enabled, but the chirps have tx masks {sorted(masks)}; one pair is needed"
            yield error("bpm", message, command)
    if any(c.integer(1) for c in profile.all("bpmCfg")):
        for command in profile.all("extendedMaxVelocity"):
            if command.integer(1):
                yield error("extended_velocity", "does not go with bpmCfg", command)


def check_calibration(profile: Profile) -> Iterator[Violation]:
    """Calibration commands that change what the sensor does."""
    for command in profile.all("measureRangeBiasAndRxChanPhase"):
        if command.integer(0):
            message = "measures the antenna calibration against a target; use 0 for operation"
            yield warning("calibration", message, command)
    for command in profile.all("calibData"):
        if command.integer(0) and command.integer(1):
            yield error("calibration", "saves and restores at once", command)


def check_monitoring(profile: Profile) -> Iterator[Violation]:
    """Signal monitors and the LVDS stream."""
    for command in profile.all("CQSigImgMonitor"):
        if command.integer(2) % 2:
            message = f"{command.integer(2)} samples per slice, must be even"
            yield error("monitor", message, command)
    for command in profile.all("lvdsStreamCfg"):
        if command.integer(2) not in _LVDS_FORMATS:
            message = f"format is {command.integer(2)}, allowed are 0, 1 and 4"
            yield error("lvds", message, command)
    monitor = profile.last("analogMonitor")
    if monitor is None:
        return
    for index, name in ((0, "CQRxSatMonitor"), (1, "CQSigImgMonitor")):
        if monitor.integer(index) and not profile.has(name):
            yield error("monitor", f"is enabled, but {name} is missing", monitor)
