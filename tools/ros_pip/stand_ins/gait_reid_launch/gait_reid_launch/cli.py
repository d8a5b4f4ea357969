"""``gait-reid-launch PACKAGE FILE name:=value ...``: runs an XML launch file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gait_reid_launch.arguments import declared_arguments, show
from gait_reid_launch.console import Console, log_folder
from gait_reid_launch.context import Context
from gait_reid_launch.errors import LaunchError
from gait_reid_launch.processes import ProcessDescription
from gait_reid_launch.reader import read_processes
from gait_reid_launch.substitutions import package_share
from gait_reid_launch.supervisor import Supervisor
from gait_reid_launch.transport import clean_shared_memory, with_transport


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        file, words = _launch_file(options.package, options.file, options.arguments)
        if options.show_args:
            print(show(declared_arguments(file, os.environ)))
            return 0
        return _run(file, parse_arguments(words), options)
    except LaunchError as error:
        print(f"[ERROR] [launch]: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gait-reid-launch",
        description="Runs an XML launch file, as `ros2 launch` does.",
    )
    parser.add_argument(
        "-s", "--show-args", "--show-arguments", action="store_true", help="show the arguments"
    )
    parser.add_argument(
        "-a",
        "--show-all-subprocesses-output",
        action="store_true",
        help="show the output of every process on the screen",
    )
    parser.add_argument("package", help="package that contains the launch file, or a path to one")
    parser.add_argument("file", nargs="?", help="name of the launch file in the package")
    parser.add_argument("arguments", nargs="*", help="name:=value; the last one of a name counts")
    return parser


def _launch_file(
    package: str, name: str | None, arguments: Sequence[str]
) -> tuple[Path, Sequence[str]]:
    """The launch file, and the words that are arguments to it."""
    if Path(package).is_file():
        return Path(package), [*([] if name is None else [name]), *arguments]
    if name is None:
        raise LaunchError(f"{package!r} is no launch file, and no file of a package is named")
    share = Path(package_share(package))
    found = [path for path in sorted(share.rglob("*")) if path.name == name]
    if len(found) != 1:
        present = sorted(path.name for path in share.rglob("*.launch.xml"))
        raise LaunchError(
            f"package {package!r} has {len(found)} files {name!r} in {share}; "
            f"its launch files: {', '.join(present) or 'none'}"
        )
    return found[0], arguments


def parse_arguments(words: Sequence[str]) -> dict[str, str]:
    """Reads ``name:=value`` words; the last one of a name counts.

    Raises:
        LaunchError: a word is none.
    """
    values = {}
    for word in words:
        name, sign, value = word.partition(":=")
        if not (name and sign and value):
            raise LaunchError(f"malformed launch argument {word!r}, expected '<name>:=<value>'")
        values[name] = value
    return values


def _run(file: Path, values: Mapping[str, str], options: argparse.Namespace) -> int:
    environment = with_transport(os.environ)
    messages: list[str] = []
    with tempfile.TemporaryDirectory(prefix="launch_params_") as folder:
        context = Context(environment, file, Path(folder))
        descriptions = read_processes(context, values, messages.append)
        console = Console(log_folder(environment))
        for message in messages:
            console.say("INFO", "launch.user", message)
        clean_shared_memory(lambda text: console.say("INFO", "launch", text))
        if options.show_all_subprocesses_output:
            descriptions = [replace(description, output="both") for description in descriptions]
        try:
            return asyncio.run(_supervise(descriptions, console))
        finally:
            console.close()


async def _supervise(descriptions: Sequence[ProcessDescription], console: Console) -> int:
    return await Supervisor(descriptions, console).run()
