"""Models on disk: found by name, checked whole, and refused by name when something does not fit.

A model is a folder with ``model.yaml``, which names its graphs with their sha256. The models that
come with the suite are listed with the sha256 of their ``model.yaml`` in ``manifest.yaml``; a model
of a folder without a manifest is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gait_reid.core.backends.base import Graph
from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.network_input import VERSION as INPUT_VERSION
from gait_reid.core.network_input import NetworkInputConfig
from gait_reid.core.radar_input import VERSION as RADAR_INPUT_VERSION
from gait_reid.core.radar_input import RadarInputConfig
from gait_reid_common.parameters import from_mapping, param, to_mapping, validate

SCHEMA = 1
PACKAGE = "gait_reid_models"
DESCRIPTION, MANIFEST = "model.yaml", "manifest.yaml"
MISSION = "mission"
GRAPHS = {
    "emgaitnet": ("camera", "cloud", "semantics", "frame", "sequence"),
    MISSION: ("vision", "radar", "vision_walk", "radar_walk", "pair"),
}
"""Graphs of each network; ``semantics`` and ``pair`` may be absent."""

_OPTIONAL = {"semantics", "pair"}
_MAX_GRAPH_BYTES = 512 * 1024 * 1024


class ModelError(ValueError):
    """A model cannot be used; the message names the file, what was found, and the fix."""


@dataclass(frozen=True)
class ModelDescription:
    """What ``model.yaml`` says of the network beside its graphs.

    Attributes:
        name: Of the model, and of its folder.
        network: Architecture; one of `GRAPHS`.
        frames: Frames that the sequence graph takes.
        min_frames: Frames that make a walk.
        key_frame: Whether semantic tokens of a walk come from its best frame alone.
        frame_period_s: Time between the frames that it learned from; 0: any.
        licence: SPDX name.
        training_data: What it was trained on, and what it therefore knows.
        input_version: Of `gait_reid.core.network_input`.
        radar_input_version: Of `gait_reid.core.radar_input`, where it takes a radar.
    """

    name: str = param("", "Name of the model")
    network: str = param("emgaitnet", "Architecture", choices=tuple(GRAPHS))
    frames: int = param(30, "Frames that the sequence graph takes", "", 1, 1000)
    min_frames: int = param(10, "Frames that make a walk", "", 1, 1000)
    key_frame: bool = param(False, "Semantic tokens from the best frame of a walk")
    frame_period_s: float = param(
        0.0, "Time between the frames that it learned from, 0: any", "s", 0.0, 1.0
    )
    licence: str = param("", "SPDX name of the licence")
    training_data: str = param("", "What it was trained on")
    input_version: int = param(INPUT_VERSION, "Of the preparation of inputs", "", 1)
    radar_input_version: int = param(
        RADAR_INPUT_VERSION, "Of the preparation of a radar's inputs", "", 1
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.min_frames > self.frames:
            raise ValueError(
                f"min_frames is {self.min_frames}, allowed: at most frames, {self.frames}"
            )


@dataclass(frozen=True)
class Model:
    """A model that was found and checked.

    Attributes:
        description: Of the network.
        folder: Where it is.
        input: What its graphs take of camera and LiDAR.
        radar_input: What they take of a radar, where they do.
        calibration: Thresholds measured for it.
        graphs: By name, 32-bit.
        half_graphs: The same in 16 bits; empty when the model has none.
        model_id: Name and a hash of everything that decides what its embeddings mean.
    """

    description: ModelDescription
    folder: Path
    input: NetworkInputConfig
    radar_input: RadarInputConfig
    calibration: Calibration
    graphs: Mapping[str, Graph]
    half_graphs: Mapping[str, Graph]
    model_id: str


def load_model(name: str, directory: str = "") -> Model:
    """Find and check a model.

    Args:
        name: Of the model's folder.
        directory: Folder that holds it; empty for the models that come with the suite.

    Raises:
        ModelError: It is not there, damaged, or of another version.
    """
    folder = _find(name, directory)
    path = folder / DESCRIPTION
    content = _read(path, "check the spelling, or export the model again")
    _check_manifest(folder, content)
    mapping = _parse(path, content)
    if mapping.pop("schema", None) != SCHEMA:
        raise ModelError(f"{path}: schema is not {SCHEMA}; this suite reads no other one")
    known = {"input", "radar_input", "graphs", "half_graphs", "calibration", "training"}
    try:
        description = from_mapping(
            ModelDescription, {key: one for key, one in mapping.items() if key not in known}
        )
        inputs = from_mapping(NetworkInputConfig, mapping.get("input", {}))
        radar = from_mapping(RadarInputConfig, mapping.get("radar_input", {}))
        calibration = _calibration(description, mapping.get("calibration") or {})
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: {error}") from error
    _check_description(path, name, description)
    if calibration.min_frames > description.frames:
        raise ModelError(
            f"{path}: calibration.min_frames is {calibration.min_frames}, allowed: at most frames, "
            f"{description.frames}, or nobody would ever be recognised"
        )
    graphs = _graphs(folder, description, mapping.get("graphs"))
    half = _graphs(folder, description, mapping["half_graphs"]) if "half_graphs" in mapping else {}
    digests = {key: one.sha256 for key, one in graphs.items()}
    return Model(
        description, folder, inputs, radar, calibration, graphs, half,
        model_id(description, inputs, digests, radar),
    )  # fmt: skip


def _calibration(description: ModelDescription, given: Mapping[str, Any]) -> Calibration:
    """Return a model's thresholds; what a radar hears of a walk names nobody unless they say so."""
    general = {
        "min_frames": min(Calibration().min_frames, description.frames),
        "may_confirm": description.network != MISSION,
    }
    return from_mapping(Calibration, {**general, **given})


def model_id(
    description: ModelDescription,
    inputs: NetworkInputConfig,
    graphs: Mapping[str, str],
    radar: RadarInputConfig | None = None,
) -> str:
    """Return name and hash of what decides the meaning of embeddings.

    Thresholds are not part of it: a gallery outlives a calibration.

    Args:
        description: Of the network.
        inputs: What its graphs take.
        graphs: sha256 by name.
        radar: What they take of a radar, where they do.
    """
    content: list[Any] = [
        description.input_version, description.key_frame, to_mapping(inputs), dict(graphs)
    ]  # fmt: skip
    if description.network == MISSION:
        content += [
            description.radar_input_version, description.frame_period_s,
            to_mapping(radar or RadarInputConfig()),
        ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{description.name}-{digest[:12]}"


def model_folders(environment: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Yield the folders of models that exist: installed ones first, then those of the checkout."""
    prefixes = environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    places = [Path(prefix) / "share" / PACKAGE for prefix in prefixes if prefix]
    places += [parent / "models" for parent in Path(__file__).resolve().parents]
    yield from (place for place in places if (place / MANIFEST).is_file())


def available_models(directory: str = "") -> list[str]:
    """Return the names of the models of a folder, or of those that come with the suite."""
    folders = [Path(directory)] if directory else list(model_folders())
    return sorted({path.parent.name for one in folders for path in one.glob(f"*/{DESCRIPTION}")})


def _find(name: str, directory: str) -> Path:
    if not name or Path(name).name != name:
        raise ModelError(f"model is '{name}', expected the name of a model's folder")
    if directory and not Path(directory).is_dir():
        raise ModelError(f"model_directory is {directory}: there is no such folder")
    places = [Path(directory)] if directory else list(model_folders())
    for place in places:
        if (place / name / DESCRIPTION).is_file():
            return place / name
    there = ", ".join(available_models(directory)) or "none"
    where = ", ".join(map(str, places)) or f"no folder of models; is {PACKAGE} installed?"
    raise ModelError(f"model '{name}' is not in {where}; there are: {there}")


def _read(path: Path, hint: str) -> bytes:
    try:
        if path.stat().st_size > _MAX_GRAPH_BYTES:
            raise ModelError(f"{path} is larger than {_MAX_GRAPH_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); {hint}") from error


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        mapping = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no YAML ({error})") from error
    if not isinstance(mapping, dict):
        raise ModelError(f"{path} is no mapping of names to values")
    return mapping


def _check_manifest(folder: Path, content: bytes) -> None:
    path = folder.parent / MANIFEST
    if not path.is_file():
        return
    mapping = _parse(path, _read(path, "install the suite again"))
    if mapping.get("schema") != SCHEMA:
        raise ModelError(f"{path}: schema is {mapping.get('schema')!r}, known is {SCHEMA}")
    listed = {one.get("name"): one.get("sha256") for one in mapping.get("models") or []}
    if folder.name not in listed:
        raise ModelError(
            f"model '{folder.name}' is not listed in {path}; add it, or give its folder as "
            "model_directory without a manifest"
        )
    _check_sha256(folder / DESCRIPTION, content, listed[folder.name], str(path))


def _check_sha256(path: Path, content: bytes, wanted: Any, says: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ModelError(
            f"{path} has sha256 {found}, {says} says {wanted}: it is damaged or was exchanged; "
            "install or export the model again"
        )


def _check_description(path: Path, name: str, description: ModelDescription) -> None:
    if description.name != name:
        raise ModelError(f"{path}: name is '{description.name}', expected '{name}' as the folder")
    for name, mine in (
        ("input_version", INPUT_VERSION), ("radar_input_version", RADAR_INPUT_VERSION)
    ):  # fmt: skip
        found = getattr(description, name)
        if found != mine:
            raise ModelError(
                f"{path}: {name} is {found}, this suite prepares version {mine}; train and export "
                "the model again"
            )


def _graphs(folder: Path, description: ModelDescription, listed: Any) -> dict[str, Graph]:
    path, names = folder / DESCRIPTION, GRAPHS[description.network]
    given = listed if isinstance(listed, dict) else {}
    missing = [name for name in names if name not in given and name not in _OPTIONAL]
    unknown = sorted(set(given) - set(names))
    if missing or unknown:
        raise ModelError(
            f"{path}: graphs are {', '.join(given) or 'none'}; missing: {', '.join(missing) or '-'}"
            f", unknown: {', '.join(unknown) or '-'}; export the model again"
        )
    return {name: _graph(folder, name, given[name]) for name in names if name in given}


def _graph(folder: Path, name: str, entry: Any) -> Graph:
    file = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(file, str) or Path(file).name != file:
        raise ModelError(f"{folder / DESCRIPTION}: graph '{name}' names no file of the folder")
    path = folder / file
    content = _read(path, "export the model again")
    _check_sha256(path, content, entry.get("sha256"), DESCRIPTION)
    return Graph(f"{folder.name}/{file}", content, entry["sha256"])
