"""What a data set holds: identities by split, and the conditions of their walks."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gait_reid_sim.core.dataset.recorded_gait import OWN, TAKES, RecordedGaits
from gait_reid_sim.core.gait.recording import Recording
from gait_reid_sim.core.person import OUTFITS, Person
from gait_reid_sim.core.scene.light import LIGHTS
from gait_reid_sim.core.scene.scenario import scenario_file
from gait_reid_sim.core.scene.yaml_lines import Entry, parse
from gait_reid_sim.core.sensors.beams import BEAM_TABLES
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES

SPLITS = ("train", "validation", "test")
MODALITIES = ("lidar", "camera", "radar")


@dataclass(frozen=True)
class Condition:
    """How walks are recorded; a data set holds every combination of the lists.

    Attributes:
        name: Name of the condition, the first part of a tracklet's name.
        ranges_m: Distances between sensor and person, at the middle of the walk.
        views_deg: Directions of walking, 0 towards the sensor, counter-clockwise from above.
        outfits: Names of clothes.
        light: Name of a light.
        repeats: Walks of each combination.
        occlusion: Chance that something low stands before the person.
        kept: Lowest share of LiDAR returns that a walk keeps.
        takes: Which takes of recorded people: ``all``, ``odd`` or ``even``.
    """

    name: str
    ranges_m: tuple[float, ...] = (10.0,)
    views_deg: tuple[float, ...] = (90.0,)
    outfits: tuple[str, ...] = ("ordinary",)
    light: str = "day"
    repeats: int = 1
    occlusion: float = 0.0
    kept: float = 1.0
    takes: str = "all"


@dataclass(frozen=True)
class DatasetPlan:
    """A data set.

    Attributes:
        name: Name of the data set.
        seed: Everything random follows from it and from the names of the identities.
        identities: Names by split; no name is in two splits.
        modalities: Sensors that are recorded.
        frames: Frames per tracklet.
        rate_hz: Frames per second.
        beams: LiDAR's beam table.
        profile: Radar's profile.
        image_height: Height of the crops, pixels; pictures are stored 1:2.
        conditions: Conditions.
        spread: Scales how different people are.
        within_spread: Scales how different the walks of one person are; no matter where they are
            recorded.
        recorded_gait: Where the identities walk as recorded people did: their walks.
    """

    name: str
    seed: int
    identities: dict[str, tuple[str, ...]]
    modalities: tuple[str, ...]
    frames: int
    rate_hz: float
    beams: str
    profile: str
    image_height: int
    conditions: tuple[Condition, ...]
    spread: float = 1.0
    within_spread: float = 1.0
    recorded_gait: RecordedGaits | None = None

    @property
    def walks_per_identity(self) -> int:
        """Number of tracklets of one identity, fewer where a recorded one lacks takes."""
        return sum(
            len(c.ranges_m) * len(c.views_deg) * len(c.outfits) * c.repeats for c in self.conditions
        )

    def person(self, person_id: str, take: str = "") -> Person:
        """Return an identity; a recorded one with the gait of a take."""
        if self.recorded_gait is None:
            return Person.of(person_id, self.spread)
        return self.recorded_gait.person(person_id, take, self.spread)

    def takes_of(self, person_id: str, condition: Condition) -> tuple[str, ...]:
        """Return the recorded takes of a condition, a single empty name where nothing is."""
        if self.recorded_gait is None:
            return ("",)
        return self.recorded_gait.takes_of(person_id, condition.takes)

    def recording(self, take: str) -> Recording | None:
        """Return a recorded walk, or None where the gait is simulated."""
        return self.recorded_gait.recording(take) if self.recorded_gait and take else None

    def text(self) -> str:
        """Return the plan as JSON; equal texts mean equal data sets."""
        values = dataclasses.asdict(self)
        for condition in values["conditions"]:
            if condition["takes"] == "all":
                del condition["takes"]
        if self.recorded_gait is None:
            del values["recorded_gait"]
        else:
            # The files are known by their content, wherever they lie.
            del values["recorded_gait"]["folder"]
        return json.dumps(values, indent=1, sort_keys=True)


_KEYS = (
    "description", "kind", "seed", "identities", "modalities", "frames", "rate_hz", "beams",
    "profile", "image_height", "conditions", "spread", "within_spread", "recorded_gait",
)  # fmt: skip


def is_dataset(text: str, source: str) -> bool:
    """Return whether a scenario file describes a data set (``kind: dataset``)."""
    top = parse(text, source)
    return isinstance(top.value, dict) and "kind" in top.value


def load_plan(name_or_path: str, recordings: str | Path | None = None) -> DatasetPlan:
    """Read and check the plan of a data set.

    Args:
        name_or_path: Name in the library, or a file.
        recordings: Folder of recorded walks, in place of the one that the file names.

    Raises:
        FileNotFoundError: No such file.
        ScenarioError: The file says something that cannot be done; names entry and line.
    """
    path = scenario_file(name_or_path)
    return read_plan(path.read_text(encoding="utf-8"), path.name, path.stem, recordings)


def read_plan(
    text: str,
    source: str = "dataset",
    name: str = "dataset",
    recordings: str | Path | None = None,
) -> DatasetPlan:
    """Check a plan given as text; see `load_plan`."""
    top = parse(text, source).fields(_KEYS, ("kind", "identities", "conditions"))
    top["kind"].text(("dataset",))
    frames = top["frames"].integer(2, 1000) if "frames" in top else 20
    rate_hz = top["rate_hz"].number(1.0, 60.0) if "rate_hz" in top else 10.0
    gaits = _recorded(top.get("recorded_gait"), recordings, frames / rate_hz)
    if gaits is None and recordings is not None:
        raise parse(text, source).error("has no recorded_gait, so it takes no recordings")
    modalities = tuple(MODALITIES)
    if "modalities" in top:
        modalities = top["modalities"].choices(lambda entry: entry.text(MODALITIES))

    def number(key: str, default: float, low: float, high: float) -> float:
        return top[key].number(low, high) if key in top else default

    return DatasetPlan(
        name,
        top["seed"].integer(0, 2**31) if "seed" in top else 0,
        _identities(top["identities"], gaits),
        modalities,
        frames,
        rate_hz,
        top["beams"].text(BEAM_TABLES) if "beams" in top else "long_128",
        top["profile"].text(RADAR_PROFILES) if "profile" in top else "long",
        top["image_height"].integer(16, 1024) if "image_height" in top else 256,
        tuple(_condition(n, e, gaits is not None) for n, e in top["conditions"].mapping().items()),
        number("spread", 1.0, 0.0, 5.0),
        number("within_spread", 1.0, 0.0, 5.0),
        gaits,
    )


def _recorded(
    entry: Entry | None, recordings: str | Path | None, least_s: float
) -> RecordedGaits | None:
    """Return the recorded walks that a plan asks for."""
    if entry is None:
        return None
    fields = entry.fields(("folder", "bodies"))
    folder = fields.get("folder", entry)
    if recordings is None and "folder" not in fields:
        raise entry.error("names no folder of recordings; give one with --recordings")
    bodies: list[str] = []
    if "bodies" in fields and fields["bodies"].value != OWN:
        bodies = [item.text() for item in fields["bodies"].items()]
    path = Path(recordings) if recordings is not None else Path(folder.text())
    try:
        return RecordedGaits.of(path, bodies, least_s)
    except (OSError, ValueError) as error:
        raise folder.error(f"{error} (--recordings gives another folder)") from error


def _names(split: str, value: Entry, gaits: RecordedGaits | None) -> list[tuple[str, Entry]]:
    """Return the identities of a split, each with its place in the file."""
    if gaits is None:
        if isinstance(value.value, list):
            return [(item.file_name(), item) for item in value.items()]
        count = value.integer(0, 1_000_000)
        return [(f"{split}-{i:05d}", value) for i in range(count)]
    if not isinstance(value.value, list):
        value.text(("all",))
        return [(name, value) for name in gaits.identities()]
    return [
        (name, item)
        for item in value.items()
        for name in gaits.identities([item.text(gaits.takes)])
    ]


def _identities(entry: Entry, gaits: RecordedGaits | None = None) -> dict[str, tuple[str, ...]]:
    """Return names by split.

    A number stands for as many names of the split's own; with recorded gait a list names
    subjects, and ``all`` stands for all of them.
    """
    out: dict[str, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for split, value in entry.fields(SPLITS).items():
        names = _names(split, value, gaits)
        for name, place in names:
            if name in seen:
                raise place.error(f"identity {name!r} is already in {seen[name]}")
            seen[name] = split
        out[split] = tuple(name for name, _ in names)
    if not seen:
        raise entry.error("names nobody")
    return out


def _condition(name: str, entry: Entry, recorded: bool) -> Condition:
    Entry(name, entry.line, entry.key, entry.source).file_name()
    known = (
        "ranges_m", "views_deg", "outfits", "light", "repeats", "occlusion", "kept", "takes",
    )  # fmt: skip
    fields = entry.fields(known)
    if "takes" in fields and not recorded:
        raise fields["takes"].error("is for recorded gait, and the plan has no recorded_gait")
    values: dict[str, object] = {}
    for key, low, high in (("ranges_m", 1.5, 120.0), ("views_deg", -360.0, 360.0)):
        if key in fields:
            values[key] = fields[key].choices(partial(Entry.number, low=low, high=high))
    if "outfits" in fields:
        values["outfits"] = fields["outfits"].choices(lambda e: e.text(OUTFITS))
    for key, allowed in (("light", tuple(LIGHTS)), ("takes", TAKES)):
        if key in fields:
            values[key] = fields[key].text(allowed)
    if "repeats" in fields:
        values["repeats"] = fields["repeats"].integer(1, 10000)
    for key in ("occlusion", "kept"):
        if key in fields:
            values[key] = fields[key].number(0.0, 1.0)
    return Condition(name, **values)  # type: ignore[arg-type]
