"""mmwave-config: check a radar profile, or plan one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ti_mmwave_driver.core import uart
from ti_mmwave_driver.core.check import DEFAULT_POINT_COUNT, CheckResult, check_profile
from ti_mmwave_driver.core.chirp import L3_MEMORY_BYTES, ChirpDesign
from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.core.design import FrameDesign, data_port_baud
from ti_mmwave_driver.core.planner import Board, PlanError, Requirements, plan_profile
from ti_mmwave_driver.core.profile import Profile, read_profile


def describe(design: ChirpDesign) -> str:
    """What a design achieves, one figure a line."""
    d = design
    lines = (
        f"range resolution     {d.range_resolution_m:.4f} m",
        f"range                {d.max_range_m:.2f} m, usable {d.usable_range_m:.2f} m",
        f"velocity resolution  {d.velocity_resolution_m_s:.4f} m/s",
        f"unambiguous velocity +-{d.max_velocity_m_s:.3f} m/s",
        f"sampled sweep        {d.bandwidth_mhz:.2f} MHz",
        f"ramp                 {d.start_ghz:.3f} to {d.end_ghz:.3f} GHz",
        f"frame                {d.period_ms:g} ms",
        f"chirps               {d.active_ms:.2f} ms ({100 * d.duty_cycle:.1f} % of the frame)",
        f"L3 memory            {d.memory_bytes / 1024:.0f} of {L3_MEMORY_BYTES // 1024} KB",
    )
    return "\n".join(f"  {line}" for line in lines)


def _describe_uart(profile: Profile, frame: FrameDesign) -> str:
    baud = data_port_baud(profile)
    most = uart.most_points(frame.design, frame.output, baud)
    return f"  data port            {baud} baud, at most {most} points per frame"


def _report(profile: Profile, result: CheckResult) -> None:
    for violation in result.violations:
        print(violation)
    for frame in result.frames:
        if frame.design.is_complete:
            print(f"subframe {frame.subframe}:")
            print(describe(frame.design))
            if result.firmware is not Firmware.PEOPLE_COUNTING:
                print(_describe_uart(profile, frame))
    verdict = "refused" if result.errors else "accepted"
    print(
        f"{profile.name}: {verdict} for {result.firmware.value}, {len(result.errors)} errors, "
        f"{len(result.warnings)} warnings"
    )


def _check(options: argparse.Namespace) -> int:
    firmware = Firmware(options.firmware) if options.firmware else None
    try:
        profiles = [read_profile(path) for path in options.files]
    except (OSError, ValueError) as error:
        print(f"mmwave-config: {error}", file=sys.stderr)
        return 2
    failed = False
    for profile in profiles:
        result = check_profile(profile, firmware, options.points)
        _report(profile, result)
        failed = failed or bool(result.errors)
    return int(failed)


def _plan(options: argparse.Namespace) -> int:
    try:
        plan = plan_profile(
            Requirements(
                options.range_resolution,
                options.max_range,
                options.max_velocity,
                options.velocity_resolution,
                options.rate,
                Board(options.board),
                not options.keep_static,
            )
        )
        if options.output is None:
            print(plan.text, end="")
        else:
            options.output.write_text(plan.text, encoding="utf-8")
    except (PlanError, ValueError, OSError) as error:
        print(f"mmwave-config: {error}", file=sys.stderr)
        return 1
    print(describe(plan.design), file=sys.stderr)
    print(f"  data port            at most {plan.max_points} points per frame", file=sys.stderr)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mmwave-config", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="name every rule that a profile breaks")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.add_argument("--firmware", choices=[f.value for f in Firmware])
    check.add_argument(
        "--points",
        type=int,
        default=DEFAULT_POINT_COUNT,
        help="points per frame that the data port must carry (default %(default)s)",
    )
    check.set_defaults(run=_check)
    plan = commands.add_parser("plan", help="write a profile that meets requirements")
    for name, unit in (
        ("range-resolution", "M"),
        ("max-range", "M"),
        ("max-velocity", "M/S"),
        ("velocity-resolution", "M/S"),
        ("rate", "HZ"),
    ):
        plan.add_argument(f"--{name}", type=float, required=True, metavar=unit)
    plan.add_argument("--board", choices=[board.value for board in Board], default="isk")
    plan.add_argument("--keep-static", action="store_true", help="keep what does not move")
    plan.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    plan.set_defaults(run=_plan)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 when a profile is refused or cannot be planned, 2 when unreadable."""
    options = _arguments(argv)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
