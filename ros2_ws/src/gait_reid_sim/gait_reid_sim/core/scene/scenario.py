"""A scenario: what a YAML file says about a scene, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from gait_reid.core.geometry import Pose
from gait_reid_common.parameters import ParameterError, from_mapping, parameters_of
from gait_reid_sim.core.body.solids import box
from gait_reid_sim.core.gait.itinerary import Itinerary, Path, Pause
from gait_reid_sim.core.person import OUTFITS
from gait_reid_sim.core.scene.light import LIGHTS, Light, Weather
from gait_reid_sim.core.scene.scenery import Scenery, Solid, pole, wall
from gait_reid_sim.core.scene.yaml_lines import Entry, ScenarioError, parse
from gait_reid_sim.core.sensors.beams import BEAM_TABLES
from gait_reid_sim.core.sensors.camera_types import CameraConfig
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES

LIBRARY = FilePath(__file__).resolve().parents[2] / "library"
SENSOR_TYPES = ("lidar", "camera", "radar")


@dataclass(frozen=True)
class SensorPlan:
    """One sensor of a scenario.

    Attributes:
        name: Name in the file.
        type: One of `SENSOR_TYPES`.
        mount: Body frame of the sensor in the fixed frame (x forward, REP-103).
        beams: LiDAR: name of the beam table.
        profile: Radar: name of the profile.
        camera: Camera: configuration.
        kept: LiDAR: share of returns that survive.
        rate_hz: Frames per second; None: the sensor's own.
    """

    name: str
    type: str
    mount: Pose
    beams: str = "os1_64"
    profile: str = "gait"
    camera: CameraConfig = CameraConfig()
    kept: float = 1.0
    rate_hz: float | None = None


@dataclass(frozen=True)
class WalkPlan:
    """One walk of one person.

    Attributes:
        person_id: Who.
        itinerary: Where.
        enter_s: When.
        outfit: Name of the clothes.
    """

    person_id: str
    itinerary: Itinerary
    enter_s: float
    outfit: str


@dataclass(frozen=True)
class Scenario:
    """A checked scenario.

    Attributes:
        name: Name.
        seed: Everything random follows from it.
        duration_s: Length of the scene.
        light: Illumination.
        weather: Rain and fog.
        scenery: What stands around.
        sensors: Sensors.
        walks: Walks, in the order of the file.
        spread: Scales how different people are.
        within_spread: Scales how different the walks of one person are.
        strangers: People whom a demonstration never enrols.
    """

    name: str
    seed: int
    duration_s: float
    light: Light
    weather: Weather
    scenery: Scenery
    sensors: tuple[SensorPlan, ...]
    walks: tuple[WalkPlan, ...]
    spread: float = 1.0
    within_spread: float = 1.0
    strangers: frozenset[str] = frozenset()


def scenario_file(name_or_path: str) -> FilePath:
    """Return the file of a scenario of the library, or the path as given.

    Raises:
        FileNotFoundError: Neither a scenario of the library nor a file.
    """
    path = FilePath(name_or_path)
    for candidate in (path, LIBRARY / f"{name_or_path}.yaml"):
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(file.stem for file in LIBRARY.glob("*.yaml")))
    raise FileNotFoundError(f"{name_or_path} is neither a file nor a scenario, known are {known}")


def load_scenario(name_or_path: str) -> Scenario:
    """Read and check a scenario.

    Raises:
        FileNotFoundError: No such file.
        ScenarioError: The file says something that cannot be done; names entry and line.
    """
    path = scenario_file(name_or_path)
    return read_scenario(path.read_text(encoding="utf-8"), path.name, path.stem)


_KEYS = (
    "seed", "duration_s", "light", "weather", "ground", "solids", "sensors", "people",
    "spread", "within_spread", "description",
)  # fmt: skip


def read_scenario(text: str, source: str = "scenario", name: str = "scenario") -> Scenario:
    """Check a scenario given as text; see `load_scenario`."""
    top = parse(text, source).fields(_KEYS, ("duration_s", "sensors", "people"))
    plans = tuple(_sensor(n, e) for n, e in top["sensors"].mapping().items())
    people = list(top["people"].items())
    walks = tuple(walk for person in people for walk in _walks(person))
    return Scenario(
        name,
        top["seed"].integer(0) if "seed" in top else 0,
        top["duration_s"].number(0.1, 36000.0),
        light_of(top.get("light")),
        _parameters(Weather, top["weather"]) if "weather" in top else Weather(),
        _scenery(top.get("ground"), top.get("solids")),
        plans,
        walks,
        top["spread"].number(0.0, 5.0) if "spread" in top else 1.0,
        top["within_spread"].number(0.0, 5.0) if "within_spread" in top else 1.0,
        frozenset(filter(None, map(_stranger, people))),
    )


def _parameters(cls: type, entry: Entry, **defaults: object):  # type: ignore[no-untyped-def]
    """Return a parameter class from a mapping; an error names the line."""
    known = [info.key for info in parameters_of(cls)]
    fields = entry.fields(known)
    try:
        return from_mapping(cls, {**defaults, **{n: e.plain() for n, e in fields.items()}})
    except ParameterError as error:
        place = fields.get(error.key, entry)
        raise place.error(f"is {error.value!r}, allowed: {error.allowed}") from error


def light_of(entry: Entry | None) -> Light:
    """Return a light by name or by settings on top of a named one (``preset``)."""
    if entry is None:
        return Light()
    if isinstance(entry.value, str):
        return Light(**LIGHTS[entry.text(LIGHTS)])
    fields = dict(entry.fields([*(info.key for info in parameters_of(Light)), "preset"]))
    preset = fields.pop("preset", None)
    base = LIGHTS[preset.text(LIGHTS)] if preset else {}
    return _parameters(Light, Entry(fields, entry.line, entry.key, entry.source), **base)


def _mount(entry: Entry) -> Pose:
    names = ("x", "y", "z", "roll_deg", "pitch_deg", "yaw_deg")
    fields = entry.fields(names, ("z",))
    values = [fields[n].number() if n in fields else 0.0 for n in names]
    fields["z"].number(0.1, 100.0)
    return Pose.from_xyz_rpy(*values[:3], *np.deg2rad(values[3:]))


def _sensor(name: str, entry: Entry) -> SensorPlan:
    camera_keys = [info.key for info in parameters_of(CameraConfig)]
    known = {"type", "mount", "rate_hz"}
    kind = entry.fields([*known, "beams", "kept", "profile", *camera_keys], ("type", "mount"))
    type_ = kind["type"].text(SENSOR_TYPES)
    own = {"lidar": ("beams", "kept"), "radar": ("profile",), "camera": tuple(camera_keys)}[type_]
    fields = entry.fields([*known, *own])
    mount = _mount(fields["mount"])
    camera = CameraConfig()
    if type_ == "camera":
        chosen = {n: e for n, e in fields.items() if n in camera_keys}
        camera = _parameters(CameraConfig, Entry(chosen, entry.line, entry.key, entry.source))
    return SensorPlan(
        name,
        type_,
        mount,
        fields["beams"].text(BEAM_TABLES) if "beams" in fields else "os1_64",
        fields["profile"].text(RADAR_PROFILES) if "profile" in fields else "gait",
        camera,
        fields["kept"].number(0.0, 1.0) if "kept" in fields else 1.0,
        fields["rate_hz"].number(0.5, 120.0) if "rate_hz" in fields else None,
    )


_PERSON_KEYS = ("id", "walks", "stranger")


def _stranger(entry: Entry) -> str:
    """Return the id of somebody who is a stranger, else nothing."""
    fields = entry.fields(_PERSON_KEYS, ("id",))
    return fields["id"].text() if "stranger" in fields and fields["stranger"].flag() else ""


def _walks(entry: Entry) -> list[WalkPlan]:
    fields = entry.fields(_PERSON_KEYS, ("id", "walks"))
    return [_walk(fields["id"].text(), walk) for walk in fields["walks"].items()]


def _walk(person_id: str, entry: Entry) -> WalkPlan:
    known = ("enter_s", "path", "speed_m_s", "pauses", "outfit", "starts_moving", "ends_moving")
    fields = entry.fields(known, ("path",))
    points = [point.vector(2, -10000.0, 10000.0) for point in fields["path"].items()]
    path = fields["path"].made(lambda: Path.through(points))
    speed = fields["speed_m_s"].number(0.3, 2.3) if "speed_m_s" in fields else None
    pauses = [_pause(pause) for pause in fields["pauses"].items()] if "pauses" in fields else []
    moving = {n: fields[n].flag() for n in ("starts_moving", "ends_moving") if n in fields}
    return WalkPlan(
        person_id,
        entry.made(lambda: Itinerary(path, speed, tuple(pauses), **moving)),
        fields["enter_s"].number(0.0) if "enter_s" in fields else 0.0,
        fields["outfit"].text(OUTFITS) if "outfit" in fields else "own",
    )


def _pause(entry: Entry) -> Pause:
    fields = entry.fields(("at_m", "duration_s", "seat_height_m"), ("at_m", "duration_s"))
    values = {name: field.number() for name, field in fields.items()}
    return entry.made(lambda: Pause(**values))


def _scenery(ground: Entry | None, solids: Entry | None) -> Scenery:
    keys = ("colour", "reflectivity", "roughness_m", "sky_colour")
    fields = ground.fields(keys) if ground else {}
    settings: dict[str, object] = {}
    for name, entry in fields.items():
        target = name if name == "sky_colour" else f"ground_{name}"
        settings[target] = entry.vector(3, 0.0, 1.0) if "colour" in name else entry.number(0.0, 1.0)
    return Scenery.of([_solid(entry) for entry in solids.items()] if solids else [], **settings)


def _solid(entry: Entry) -> Solid:
    shapes = ("wall", "box", "pole")
    fields = entry.fields([*shapes, "colour", "reflectivity"])
    chosen = [name for name in shapes if name in fields]
    if len(chosen) != 1:
        raise entry.error(f"has {len(chosen)} shapes, expected one of {', '.join(shapes)}")
    shape = fields[chosen[0]]
    if chosen[0] == "wall":
        f = shape.fields(("from", "to", "height_m", "thickness_m"), ("from", "to", "height_m"))
        thick = f["thickness_m"].number(0.01) if "thickness_m" in f else 0.2
        surface = wall(f["from"].vector(2), f["to"].vector(2), f["height_m"].number(0.05), thick)
    elif chosen[0] == "box":
        f = shape.fields(("at", "size", "yaw_deg"), ("at", "size"))
        size = f["size"].vector(3, 0.01, 1000.0)
        yaw = np.deg2rad(f["yaw_deg"].number()) if "yaw_deg" in f else 0.0
        surface = box((*f["at"].vector(2), 0.5 * size[2]), size, float(yaw))
    else:
        f = shape.fields(("at", "radius_m", "height_m"), ("at", "radius_m", "height_m"))
        surface = pole(f["at"].vector(2), f["radius_m"].number(0.01), f["height_m"].number(0.05))
    colour = fields["colour"].vector(3, 0.0, 1.0) if "colour" in fields else (0.35, 0.34, 0.32)
    shine = fields["reflectivity"].number(0.0, 1.0) if "reflectivity" in fields else 0.4
    return Solid(surface, colour, shine)  # type: ignore[arg-type]


__all__ = ["Scenario", "ScenarioError", "SensorPlan", "WalkPlan", "load_scenario", "read_scenario"]
