"""Rules on single lines and their order: what the command parser of the firmware refuses."""

from __future__ import annotations

from collections.abc import Iterator

from ti_mmwave_driver.core.commands import (
    COMMANDS,
    OPTIONAL_LAST_ARGUMENT,
    Argument,
    Firmware,
)
from ti_mmwave_driver.core.design import ADVANCED_FRAME_MODE
from ti_mmwave_driver.core.mandatory import DIRECTIONAL, MANDATORY
from ti_mmwave_driver.core.profile import Profile, ProfileCommand, parse_number
from ti_mmwave_driver.core.violation import Violation, error, warning

MAX_LINE_CHARACTERS = 255
MAX_TOKENS = 40
MAX_PROFILES = 4
_AFTER_MODE = ("profileCfg", "chirpCfg", "frameCfg", "advFrameCfg", "subFrameCfg")


def check_lines(profile: Profile, firmware: Firmware) -> Iterator[Violation]:
    """Names, argument counts, argument types and ranges."""
    known = COMMANDS[firmware]
    for command in profile:
        if len(command.text) > MAX_LINE_CHARACTERS:
            message = f"{len(command.text)} characters, at most {MAX_LINE_CHARACTERS} are read"
            yield error("line_length", message, command)
        if len(command.arguments) + 1 > MAX_TOKENS:
            message = f"{len(command.arguments) + 1} words, at most {MAX_TOKENS} are read"
            yield error("token_count", message, command)
        if command.name in OPTIONAL_LAST_ARGUMENT:
            limit = OPTIONAL_LAST_ARGUMENT[command.name]
            yield from _check_arguments(command, (limit,)[: len(command.arguments)])
        elif command.name in known:
            yield from _check_arguments(command, known[command.name])
        else:
            yield _unknown(command, firmware)


def _unknown(command: ProfileCommand, firmware: Firmware) -> Violation:
    others = [other.value for other in Firmware if command.name in COMMANDS[other]]
    hint = f"; {' and '.join(others)} would know it" if others else "; commands are case-sensitive"
    return error("unknown_command", f"not a command of {firmware.value}{hint}", command)


def _check_arguments(command: ProfileCommand, limits: tuple[Argument, ...]) -> Iterator[Violation]:
    words = command.arguments
    if len(words) != len(limits):
        message = f"{len(words)} arguments, exactly {len(limits)} are accepted"
        yield error("argument_count", message, command)
        return
    for word, limit in zip(words, limits):
        try:
            value = parse_number(word)
        except ValueError:
            yield error("argument_type", f"{limit.name} is {word!r}, not a number", command)
            continue
        if limit.integer and value != int(value):
            message = f"{limit.name} is {word}, but must be a whole number"
            yield error("argument_type", message, command)
        elif not limit.minimum <= value <= limit.maximum:
            message = f"{limit.name} is {word}, allowed is {limit.allowed}"
            yield error("argument_range", message, command)


def check_mandatory(profile: Profile, firmware: Firmware) -> Iterator[Violation]:
    """Commands without which sensorStart is refused."""
    for name in MANDATORY[firmware]:
        if not profile.has(name):
            message = f"{name} is missing; {firmware.value} refuses sensorStart without it"
            yield error("mandatory", message)
    if firmware is not Firmware.PEOPLE_COUNTING:
        for name in DIRECTIONAL:
            found = {command.integer(1) for command in profile.all(name)}
            for direction, meaning in ((0, "range"), (1, "Doppler")):
                if direction not in found:
                    message = f"{name} for {meaning} (direction {direction}) is missing"
                    yield error("mandatory", message)
        if firmware is not Firmware.AREA_SCANNER and not profile.has("calibData"):
            yield warning("mandatory", "calibData is missing; SDK 3.5 and later ask for it")
    mode = profile.last("dfeDataOutputMode")
    advanced = mode is not None and mode.integer(0) == ADVANCED_FRAME_MODE
    for name in ("advFrameCfg", "subFrameCfg") if advanced else ("frameCfg",):
        if not profile.has(name):
            yield error("mandatory", f"{name} is missing; dfeDataOutputMode asks for it")


def check_order(profile: Profile) -> Iterator[Violation]:
    """Commands that depend on earlier ones."""
    seen: set[str] = set()
    ramps: list[int] = []
    for command in profile:
        name = command.name
        if name in _AFTER_MODE and "dfeDataOutputMode" not in seen:
            yield error("order", "comes before dfeDataOutputMode, the firmware refuses it", command)
        if name == "profileCfg":
            if "flushCfg" not in seen:
                yield error("order", "comes before flushCfg, earlier profiles stay", command)
            ramps.append(command.integer(0))
        if name == "chirpCfg" and command.integer(2) not in ramps:
            message = f"refers to profile {command.integer(2)} that no line above defines"
            yield error("order", message, command)
        if "sensorStart" in seen and name != "sensorStart":
            yield error("order", "comes after sensorStart, the firmware ignores it", command)
        seen.add(name)
    if len(ramps) > MAX_PROFILES:
        message = f"{len(ramps)} of them, the firmware stores {MAX_PROFILES}"
        yield error("profile_count", message, profile.all("profileCfg")[MAX_PROFILES])
    yield from _check_start(profile)


def _check_start(profile: Profile) -> Iterator[Violation]:
    if not profile.has("sensorStart"):
        yield warning("order", "sensorStart is missing; the driver sends it, other tools do not")
    if not profile.has("sensorStop"):
        yield warning("order", "sensorStop is missing; a running board ignores the profile")
    for command in profile.all("sensorStart"):
        if command.arguments == ("0",):
            message = "argument 0 keeps the old configuration, it cannot follow a new one"
            yield error("order", message, command)


def check_mode(profile: Profile) -> Iterator[Violation]:
    """Frame commands that do not belong to the chosen mode."""
    for command in profile.all("dfeDataOutputMode"):
        mode = command.integer(0)
        if mode == 2:
            yield error("frame_mode", "mode 2 (continuous) is not supported by the demos", command)
        wrong = ("frameCfg",) if mode == ADVANCED_FRAME_MODE else ("advFrameCfg", "subFrameCfg")
        for other in profile:
            if other.name in wrong:
                yield error("frame_mode", f"does not go with dfeDataOutputMode {mode}", other)
    count = profile.last("advFrameCfg")
    if count is not None and count.integer(0) != len(profile.all("subFrameCfg")):
        message = (
            f"announces {count.integer(0)} subframes, {len(profile.all('subFrameCfg'))} follow"
        )
        yield error("subframe_count", message, count)
