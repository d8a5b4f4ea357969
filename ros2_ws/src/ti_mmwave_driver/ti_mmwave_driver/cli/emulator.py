"""mmwave-emulator: an IWR6843 without a board, on two pseudo terminals."""

from __future__ import annotations

import argparse
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ti_mmwave_driver.core.commands import Firmware
from ti_mmwave_driver.emulator import damage
from ti_mmwave_driver.emulator.board import BoardOptions, EmulatedBoard
from ti_mmwave_driver.emulator.scene import walking_person

FAULTS: dict[str, Callable[[EmulatedBoard], None]] = {
    "lose-bytes": lambda board: board.damage_next(damage.lose_bytes),
    "flip-bits": lambda board: board.damage_next(damage.flip_bits),
    "absurd-length": lambda board: board.damage_next(damage.absurd_length),
    "cut-short": lambda board: board.damage_next(damage.cut_short),
    "unplug": EmulatedBoard.unplug,
    "plug": EmulatedBoard.plug,
    "reboot": EmulatedBoard.reboot,
    "exception": EmulatedBoard.fail,
    "stall": EmulatedBoard.stall,
    "silent-start": EmulatedBoard.start_silently,
}
"""What can be asked for, on the command line or by a line on standard input."""

_POLL_S = 0.1


def _scheduled(text: str) -> tuple[float, str]:
    name, separator, time_s = text.partition("@")
    if name not in FAULTS or not separator:
        known = ", ".join(FAULTS)
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME@SECONDS with NAME one of {known}")
    try:
        return float(time_s), name
    except ValueError:
        raise argparse.ArgumentTypeError(f"{time_s!r} is not a time in seconds") from None


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mmwave-emulator",
        description="Emulate an IWR6843 with the out-of-box demo: FOLDER/cli and FOLDER/data.",
        epilog=f"Faults, also as lines on standard input: {', '.join(FAULTS)}; quit ends.",
    )
    parser.add_argument("folder", type=Path, help="where the two ports appear")
    parser.add_argument("--points", type=int, default=30, help="points per frame, 0 to 500")
    builds = [Firmware.OUT_OF_BOX_68XX.value, Firmware.OUT_OF_BOX_64XX.value]
    parser.add_argument("--firmware", choices=builds, default=builds[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds")
    parser.add_argument(
        "--fault",
        type=_scheduled,
        action="append",
        default=[],
        metavar="NAME@S",
        help="cause a fault so many seconds after the start; may be repeated",
    )
    options = parser.parse_args(argv)
    if not 0 <= options.points <= 500:
        parser.error(f"--points is {options.points}; it must be 0 to 500")
    return options


def _apply(board: EmulatedBoard, name: str) -> None:
    print(f"{name}: {board.frames_sent} frames so far", flush=True)
    FAULTS[name](board)


def _next_line(timeout_s: float, watch_input: bool) -> str | None:
    """A line of standard input, empty at its end; ``None`` when none came in time."""
    if not watch_input:
        time.sleep(timeout_s)
        return None
    ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
    return sys.stdin.readline() if ready else None


def _serve(board: EmulatedBoard, faults: list[tuple[float, str]], duration_s: float | None) -> None:
    begin_s = time.monotonic()
    pending = sorted(faults)
    watch_input = True
    while duration_s is None or time.monotonic() - begin_s < duration_s:
        while pending and time.monotonic() - begin_s >= pending[0][0]:
            _apply(board, pending.pop(0)[1])
        line = _next_line(_POLL_S, watch_input)
        if line == "":
            watch_input = False
        word = (line or "").strip()
        if word == "quit":
            return
        if word in FAULTS:
            _apply(board, word)
        elif word:
            print(f"{word!r} is not one of {', '.join(FAULTS)}, quit", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command until it is interrupted."""
    options = _arguments(argv)
    scene = walking_person(options.points, options.seed)
    settings = BoardOptions(firmware=Firmware(options.firmware), seed=options.seed)
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        with EmulatedBoard(options.folder, scene, settings) as board:
            print(f"command port {board.cli_port}\ndata port    {board.data_port}", flush=True)
            _serve(board, options.fault, options.duration)
            print(f"{board.frames_sent} frames sent", flush=True)
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"mmwave-emulator: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
