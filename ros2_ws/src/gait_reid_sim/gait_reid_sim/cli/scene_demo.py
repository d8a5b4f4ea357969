"""The demonstration with a simulated scene: real nodes, people who come back, and the truth."""

from __future__ import annotations

import dataclasses
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.live import Live

from gait_reid.cli.console import ERR, OUT, CommandError
from gait_reid.cli.demo import RADAR_EMULATOR, SceneOptions
from gait_reid.cli.ros import ros_node
from gait_reid.cli.site import Site
from gait_reid.cli.video import StampedVideo
from gait_reid.core.types import Modality
from gait_reid_sim.cli.scene_node import SceneNode
from gait_reid_sim.cli.scene_report import figures, live_table, verdict, walks_table
from gait_reid_sim.cli.scene_room import Room, launch_room, ports_of, room_model
from gait_reid_sim.cli.scene_room_report import (
    room_figures,
    room_live_table,
    room_table,
    room_verdict,
)
from gait_reid_sim.cli.scene_site import sensors_of, site_parameters
from gait_reid_sim.core.scene.scenario import Scenario, ScenarioError, load_scenario
from gait_reid_sim.core.scene.simulation import Simulation
from gait_reid_sim.core.scoring.room import RoomSummary
from gait_reid_sim.core.scoring.summary import Summary
from gait_reid_sim.core.scoring.visits import visits_of

_START_TIMEOUT_S = 180.0
_SILENCE_S = 60.0
_LAST_ANSWERS_S = 2.5
_SITE = "bringup.launch.xml"
_SIMULATOR = "simulator.launch.xml"


@dataclass(frozen=True)
class _Play:
    """A scene that is going to be played.

    Attributes:
        simulation: The scene.
        options: What the user wants; with a model for the radar where its room is run.
    """

    simulation: Simulation
    options: SceneOptions

    @property
    def with_room(self) -> bool:
        """Whether the scene's room with a radar is run."""
        return self.options.radar_model is not None

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.simulation.scenario

    @property
    def emulated(self) -> bool:
        """Whether the radar's driver runs an emulated board."""
        return self.with_room and self.options.radar == RADAR_EMULATOR

    @property
    def overlay(self) -> Path:
        """File of the overlay."""
        return self.options.output / f"{self.scenario.name}.mp4"


def show(options: SceneOptions) -> bool:
    """Play a scene, print what became of it, and return whether it is as it should be.

    Raises:
        CommandError: The scenario, ROS or a node failed; names the log.
    """
    scenario = _scenario(options)
    options = dataclasses.replace(options, radar_model=room_model(scenario, options))
    play = _Play(Simulation(scenario), options)
    with _site(play) as (site, demo, room):
        _watch(demo, room, site, play)
    radar_only = demo.sightings.by_alone(Modality.RADAR)
    summary = Summary.of(demo.score, demo.latencies_ms, demo.drops(), radar_only)
    OUT.print(walks_table(summary, demo.begin_ns))
    scans = demo.scans(next(iter(sensors_of(scenario))))
    for line in figures(summary, demo.instants, scans, demo.pace):
        OUT.print(line, markup=False, soft_wrap=True)
    OUT.print(verdict(summary), markup=False, soft_wrap=True, style="bold")
    problems = summary.problems
    if room is not None:
        problems += _show_room(room.summary(), demo.begin_ns)
    elif radar_only:
        OUT.print("the room with a radar was not run: give --radar-model FOLDER", soft_wrap=True)
    OUT.print(f"overlay: {play.overlay}, log: {site.log}", soft_wrap=True)
    return not problems


def _show_room(summary: RoomSummary, begin_ns: int) -> list[str]:
    """Print what became of the room, and return what is not as it should be."""
    OUT.print(room_table(summary, begin_ns))
    for line in room_figures(summary):
        OUT.print(line, markup=False, soft_wrap=True)
    OUT.print(room_verdict(summary), markup=False, soft_wrap=True, style="bold")
    return summary.problems


def _scenario(options: SceneOptions) -> Scenario:
    try:
        scenario = load_scenario(options.scenario)
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    if options.seed is not None:
        scenario = dataclasses.replace(scenario, seed=options.seed)
    return scenario


@contextmanager
def _site(play: _Play) -> Iterator[tuple[Site, SceneNode, Room | None]]:
    """Start the nodes with an empty gallery, which is deleted in the end."""
    options, scenario = play.options, play.scenario
    folder = Path(tempfile.mkdtemp(prefix="gait_reid_demo_"))
    parameters = site_parameters(
        scenario, options.encoder, options.params, folder / "params.yaml", options.radar_model
    )
    try:
        with (
            Site(options.output / "demo.log") as site,
            ros_node("gait_reid_demo") as node,
            closing(StampedVideo(play.overlay, _rate_hz(play))) as video,
        ):
            demo = SceneNode(node, video, visits_of(scenario), OUT.print)
            rviz = rviz_is_there(options.rviz)
            _launch_entrance(site, play, folder, parameters, rviz)
            room = Room(demo) if play.with_room else None
            if room is not None:
                launch_room(site, options, folder, parameters, rviz)
            with ERR.status("starting the nodes"):
                demo.wait_until_ready(site.check, _START_TIMEOUT_S, room.topics if room else ())
            demo.listen_to_simulator()
            _launch_simulator(site, play, folder, parameters)
            yield site, demo, room
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _launch_entrance(site: Site, play: _Play, folder: Path, parameters: Path, rviz: bool) -> None:
    site.launch(
        _SITE,
        sensors=",".join(sensors_of(play.scenario)),
        database=str(folder / "gallery.sqlite"),
        key_file=str(folder / "gallery.key"),
        params_file=str(parameters),
        enroll_mission=str(play.with_room).lower(),
        use_sim_time=str(not play.emulated).lower(),
        respawn="false",
        rviz=str(rviz).lower(),
    )


def _launch_simulator(site: Site, play: _Play, folder: Path, parameters: Path) -> None:
    pace = {"rate": str(play.options.rate or 1.0), "wait_for": "matches"}
    if play.emulated:  # its driver stamps with this machine's clock, so nothing can wait
        pace = {
            "publish_clock": "false", "radar": RADAR_EMULATOR, "radar_ports": str(ports_of(folder))
        }  # fmt: skip
    site.launch(
        _SIMULATOR,
        scenario=str(_absolute(play.options.scenario)),
        seed=str(play.scenario.seed),
        params_file=str(parameters),
        **pace,
    )


def _absolute(scenario: str) -> str | Path:
    """Return a scenario so that another process finds it: a file by its full path."""
    path = Path(scenario)
    return path.resolve() if path.is_file() else scenario


def rviz_is_there(wanted: bool) -> bool:
    """Return whether RViz is to be opened, and say where it cannot be."""
    if wanted and shutil.which("rviz2") is None:
        ERR.print("RViz (rviz2) is not installed here; going on without it")
        return False
    return wanted


def _rate_hz(play: _Play) -> float:
    """Return how many overlays come per second: as many as instants."""
    plans = sensors_of(play.scenario)
    return play.simulation.rate_hz(next(iter(plans.values())))


def _watch(demo: SceneNode, room: Room | None, site: Site, play: _Play) -> None:
    """Show what happens until the scene is over.

    Raises:
        CommandError: A node died, or nothing is heard any more.
    """
    duration_s, title = play.scenario.duration_s, play.scenario.name
    heard_s, heard = time.monotonic(), 0
    with Live(console=OUT, refresh_per_second=4, transient=True) as live:
        while not demo.ended:
            demo.spin(0.1)
            site.check()
            table = live_table(demo, title, duration_s)
            live.update(table if room is None else Group(table, room_live_table(room)))
            if demo.instants != heard:
                heard_s, heard = time.monotonic(), demo.instants
            patience_s = _SILENCE_S if heard else _START_TIMEOUT_S
            if time.monotonic() - heard_s > patience_s:
                raise CommandError(
                    f"no tracks came for {patience_s:g} s at {demo.scene_s:.1f} s of the scene; "
                    f"the end of {site.log}:\n{site.tail()}"
                )
        # Reports come once per second, and the last frames are still on their way.
        for _ in range(math.ceil(_LAST_ANSWERS_S / 0.1)):
            demo.spin(0.1)
