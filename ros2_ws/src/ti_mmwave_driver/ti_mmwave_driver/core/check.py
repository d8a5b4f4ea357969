"""Checks a profile before a single byte of it goes to the board."""

from __future__ import annotations

from dataclasses import dataclass

from ti_mmwave_driver.core import rules_detection, rules_signal, rules_syntax
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.design import FrameDesign, detect_firmware, frame_designs
from ti_mmwave_driver.core.profile import Profile
from ti_mmwave_driver.core.violation import Severity, Violation

DEFAULT_POINT_COUNT = 100


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a check.

    Attributes:
        firmware: Firmware whose rules were applied.
        violations: Broken rules in the order of the file.
        frames: Frame designs that could be worked out.
    """

    firmware: Firmware
    violations: tuple[Violation, ...]
    frames: tuple[FrameDesign, ...]

    @property
    def errors(self) -> tuple[Violation, ...]:
        """Violations that forbid the profile."""
        return tuple(v for v in self.violations if v.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Violation, ...]:
        """Violations that do not forbid the profile."""
        return tuple(v for v in self.violations if v.severity is Severity.WARNING)


class ProfileError(ValueError):
    """A profile that must not be sent to the board.

    Attributes:
        violations: What is wrong with it.
    """

    def __init__(self, name: str, violations: tuple[Violation, ...]) -> None:
        super().__init__(f"{name} is refused:\n" + "\n".join(f"  {v}" for v in violations))
        self.violations = violations


def check_profile(
    profile: Profile,
    firmware: Firmware | None = None,
    point_count: int = DEFAULT_POINT_COUNT,
) -> CheckResult:
    """Apply every rule.

    Args:
        profile: Profile to check.
        firmware: Firmware on the board; by default the one that the commands belong to.
        point_count: Points per frame for which the data port must be fast enough.
    """
    firmware = firmware or detect_firmware(profile)
    frames = tuple(frame_designs(profile))
    found: list[Violation] = [
        *rules_syntax.check_lines(profile, firmware),
        *rules_syntax.check_mandatory(profile, firmware),
        *rules_syntax.check_order(profile),
        *rules_syntax.check_mode(profile),
        *rules_signal.check_ramps(profile),
        *rules_signal.check_channels(profile, firmware),
        *rules_signal.check_frame_references(profile),
        *rules_detection.check_angles(profile),
        *rules_detection.check_processing(profile, firmware),
        *rules_detection.check_calibration(profile),
        *rules_detection.check_monitoring(profile),
    ]
    for frame in frames:
        found += rules_signal.check_design(frame)
        found += rules_detection.check_detection(profile, frame)
        if firmware in (Firmware.OUT_OF_BOX_68XX, Firmware.OUT_OF_BOX_64XX):
            found += rules_signal.check_uart(profile, frame, point_count)
    found.sort(key=lambda violation: violation.line_number or 0)
    return CheckResult(firmware, tuple(dict.fromkeys(found)), frames)


def require_valid(
    profile: Profile,
    firmware: Firmware | None = None,
    point_count: int = DEFAULT_POINT_COUNT,
) -> CheckResult:
    """As :func:`check_profile`, but refuse a profile with errors.

    Raises:
        ProfileError: The profile breaks a rule.
    """
    result = check_profile(profile, firmware, point_count)
    if result.errors:
        raise ProfileError(profile.name, result.errors)
    return result
