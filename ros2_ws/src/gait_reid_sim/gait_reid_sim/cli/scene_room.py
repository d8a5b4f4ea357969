"""The room with a radar of a demonstration: started, listened to, and summed up."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from gait_reid.cli.console import CommandError
from gait_reid.cli.demo import RADAR_EMULATOR, RADAR_OFF, SceneOptions
from gait_reid.cli.site import Site
from gait_reid.core.encoders.mission import DEFAULT_MODEL
from gait_reid.core.models import MISSION, ModelError, available_models, load_model
from gait_reid.core.types import Match, Tracks
from gait_reid_sim.cli.scene_node import SceneNode, Shown
from gait_reid_sim.core.scene.scenario import Scenario, SensorPlan
from gait_reid_sim.core.scoring.room import RoomScore, RoomSummary

RADAR = "radar"
NAMESPACE = "room"
_LAUNCH = "radar_room.launch.xml"
_WAY = tuple(f"{NAMESPACE}/{node}" for node in ("radar", "radar_tracker", "reid"))


def radar_of(scenario: Scenario) -> SensorPlan | None:
    """Return the radar of a scene, or None."""
    plans = (plan for plan in scenario.sensors if plan.name == plan.type == RADAR)
    return next(plans, None)


def room_model(scenario: Scenario, options: SceneOptions) -> Path | None:
    """Return the folder of the model that the room with a radar is run with; None: it is not run.

    A scene that has a radar takes the model that was asked for, or else the one that comes with the
    suite.

    Raises:
        CommandError: There is a model without a radar, or the folder holds no Mission model.
    """
    if options.radar == RADAR_OFF:
        return None
    if options.radar_model is None:
        there = radar_of(scenario) is not None and DEFAULT_MODEL in available_models()
        return load_model(DEFAULT_MODEL).folder if there else None
    if radar_of(scenario) is None:
        raise CommandError(
            f"--radar-model is given, and scenario {scenario.name} has no sensor called {RADAR}; "
            "building has one"
        )
    folder = options.radar_model.resolve()
    try:
        model = load_model(folder.name, str(folder.parent))
    except ModelError as error:
        raise CommandError(f"--radar-model {options.radar_model}: {error}") from error
    if model.description.network != MISSION:
        raise CommandError(
            f"--radar-model {options.radar_model} is a model of {model.description.network}, "
            f"a room with a radar takes one of {MISSION}"
        )
    return folder


def launch_room(
    site: Site, options: SceneOptions, folder: Path, parameters: Path, rviz: bool = False
) -> None:
    """Start the nodes of the room; the gallery is that of the entrance.

    Args:
        site: Processes.
        options: What the user wants; with a radar model.
        folder: Where the ports of the emulated radar appear.
        parameters: Parameter file.
        rviz: Whether to open RViz for the room.
    """
    assert options.radar_model is not None  # room_model has looked
    model = options.radar_model
    emulated = options.radar == RADAR_EMULATOR
    ports = ports_of(folder) / RADAR
    source = (
        {"radar": "true", "cli_port": str(ports / "cli"), "data_port": str(ports / "data")}
        if emulated
        else {"radar": "false", "radar_topic": "/radar/points"}
    )
    site.launch(
        _LAUNCH,
        namespace=NAMESPACE,
        model=model.name,
        model_directory=str(model.parent),
        params_file=str(parameters),
        use_sim_time=str(not emulated).lower(),
        respawn="false",
        rviz=str(rviz).lower(),
        **source,
    )


def ports_of(folder: Path) -> Path:
    """Return the folder of the emulated radar's ports."""
    return folder / "ports"


class Room:
    """Listens to the room, and judges what is said there.

    Args:
        demo: Listens to the entrance and to the truth.

    Attributes:
        score: Truth, tracks and answers of the room.
        tracks: Newest tracks, or None.
        shown: Newest answer by track id.
        topics: Topics of the room that it listens to.
        latencies_ms: Latency of every answer that ranks people.
    """

    def __init__(self, demo: SceneNode) -> None:
        from gait_reid.nodes.topics import MATCHES, TRACKS

        visits = tuple(walk.visit for walk in demo.score.walks.values())
        self.score = RoomScore(visits, demo.score.known, demo.sightings)
        self.tracks: Tracks | None = None
        self.shown: dict[int, Shown] = {}
        self.latencies_ms: list[float] = []
        self._demo = demo
        demo.on_truth.append(self.score.see_truth)
        self.topics = tuple(f"{NAMESPACE}/{topic.name}" for topic in (TRACKS, MATCHES))
        for topic, name, take in zip(
            (TRACKS, MATCHES), self.topics, (self._on_tracks, self._on_matches)
        ):
            demo.node.create_subscription(topic.type, name, take, topic.requested.profile())

    def summary(self) -> RoomSummary:
        """Sum up the room."""
        return RoomSummary(
            self.score.walks_of_room(),
            len(self.score.known),
            tuple(self.latencies_ms),
            self._demo.drops(_WAY),
        )

    def _on_tracks(self, message: Any) -> None:
        from gait_reid.adapters import tracks

        self.tracks = tracks.from_message(message)
        self.score.see_tracks(self.tracks)

    def _on_matches(self, message: Any) -> None:
        from gait_reid.adapters import matches

        for match in matches.from_message(message):
            self._see_match(match)

    def _see_match(self, match: Match) -> None:
        latency_ms = self._demo.latency_ms(match.stamp_ns)
        if math.isnan(latency_ms):  # the driver has its own stamps, of this machine's clock
            latency_ms = match.latency_ms
        self.shown[match.track_id] = Shown(match, latency_ms)
        if match.candidates:
            self.latencies_ms.append(latency_ms)
        self.score.see_match(match)
