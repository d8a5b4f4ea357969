"""``gait-reid demo``: the real nodes on a simulated scene or on a recording."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from gait_reid.cli import options, recorded_demo
from gait_reid.cli.console import FAILED, OUT, CommandError, reporting_errors

SCENES = "gait_reid.scenes"
_NO_SIMULATOR = (
    "the demonstration needs the simulator (package gait_reid_sim), which is not installed, or a "
    "recording: --video FILE (somebody who walks past a camera that stands still) or --bag DIR (a "
    "rosbag2 with a cloud or picture topic)"
)
_SCENE = "Simulated scene"
RADAR_POINTS, RADAR_EMULATOR, RADAR_OFF = "points", "emulator", "off"


@dataclass(frozen=True)
class SceneOptions:
    """What the user wants to see of a simulated scene.

    Attributes:
        scenario: Scenario of the library, or a YAML file.
        output: Folder for the overlay video and the log.
        encoder: Encoder of walks; empty: that of the parameters.
        rate: Largest number of scene seconds per second; 0: 1, or what this machine can follow.
        seed: Seed of everything random; None: the scenario's own.
        params: ROS parameter file of the nodes, or None.
        rviz: Whether to open RViz.
        radar_model: Folder of the Mission model for the scene's room with a radar; None: the one
            that comes with the suite.
        radar: ``points``: the simulator publishes the radar's points; ``emulator``: the radar's
            driver does, which runs an emulated board in real time; ``off``: the room is not run.
    """

    scenario: str
    output: Path
    encoder: str = ""
    rate: float = 0.0
    seed: int | None = None
    params: Path | None = None
    rviz: bool = False
    radar_model: Path | None = None
    radar: str = RADAR_POINTS


def command(
    video: Annotated[
        Path | None, typer.Option("--video", metavar="FILE", help="video of somebody who walks")
    ] = None,
    bag: Annotated[
        Path | None, typer.Option("--bag", metavar="DIR", help="rosbag2 of somebody who walks")
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="scenario of the simulator's library, or a YAML file",
            rich_help_panel=_SCENE,
        ),
    ] = "entrance",
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="encoder of walks; default: that of the parameters",
            rich_help_panel=_SCENE,
        ),
    ] = "",
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, help="seed of the scene; default: its own", rich_help_panel=_SCENE
        ),
    ] = None,
    rviz: Annotated[
        bool, typer.Option("--rviz", help="open RViz where it exists", rich_help_panel=_SCENE)
    ] = False,
    radar_model: Annotated[
        Path | None,
        typer.Option(
            "--radar-model",
            metavar="FOLDER",
            help="Mission model of the scene's room with a radar; default: that of the suite",
            rich_help_panel=_SCENE,
        ),
    ] = None,
    radar: Annotated[
        str,
        typer.Option(
            "--radar",
            metavar="KIND",
            help="points: of the simulator; emulator: of the driver, which runs an emulated board "
            "in real time; off: only the entrance",
            rich_help_panel=_SCENE,
        ),
    ] = RADAR_POINTS,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="where the overlay video and the log go")
    ] = Path("output/demo"),
    params: options.ParamsFile = None,
    rate: Annotated[
        float,
        typer.Option(
            "--rate",
            "--speed",
            min=0.0,
            max=10.0,
            help="pace of the scene or recording at most; 0: what this machine can do",
        ),
    ] = 0.0,
) -> None:
    """Start the nodes, let people be enrolled on their first walk, and recognise them later.

    Without a recording, simulated people walk through a scene: those who come back are to be
    recognised, strangers are to stay unknown, and a summary compares the answers with the truth.
    With a recording, the walker of its first half is enrolled and recognised in the second.

    Where a scene has a room with a radar (building), it runs beside the entrance, on one gallery:
    who walks there is ranked among those who were enrolled at the entrance.

    The gallery of the demonstration is temporary. The exit status is 0 when everybody was enrolled,
    more than half of those who came back (or the walker) were recognised, and nobody was called by
    a wrong name.
    """
    with reporting_errors():
        if video is not None and bag is not None:
            raise CommandError("give --video or --bag, not both")
        path = video or bag
        if path is None:
            settings = SceneOptions(
                scenario, output, encoder, rate, seed, params, rviz, radar_model, radar
            )
            _check(settings)
            succeeded = _show_scene(settings)
        else:
            succeeded = _show_recording(path, bag is not None, output, params, rate)
        if not succeeded:
            raise typer.Exit(FAILED)


def _check(settings: SceneOptions) -> None:
    """Look whether the options fit together.

    Raises:
        CommandError: They do not.
    """
    known = (RADAR_POINTS, RADAR_EMULATOR, RADAR_OFF)
    if settings.radar not in known:
        raise CommandError(f"--radar {settings.radar} is not known; give {', '.join(known)}")
    if settings.radar == RADAR_EMULATOR and settings.rate not in (0.0, 1.0):
        raise CommandError(
            f"--rate {settings.rate:g}: the emulated board runs in real time; leave --rate out, "
            f"or take --radar {RADAR_POINTS}"
        )


def _show_scene(settings: SceneOptions) -> bool:
    """Hand over to the simulator, which this package knows by its entry point only.

    Raises:
        CommandError: It is not installed.
    """
    for entry in entry_points(group=SCENES):
        return bool(entry.load()(settings))
    raise CommandError(_NO_SIMULATOR)


def _show_recording(
    path: Path, is_bag: bool, output: Path, params: Path | None, speed: float
) -> bool:
    watch = recorded_demo.show(path, is_bag, output, params, speed)
    OUT.print(recorded_demo.table_of(watch))
    OUT.print(recorded_demo.verdict(watch), markup=False, soft_wrap=True)
    OUT.print(f"overlay: {output / 'overlay.mp4'}, log: {output / 'demo.log'}", soft_wrap=True)
    return watch.enrolled_ns is not None and bool(watch.recognised)
