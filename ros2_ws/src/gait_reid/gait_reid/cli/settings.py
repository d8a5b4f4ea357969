"""The parameters of the chain from the same YAML files that the nodes read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from gait_reid.cli.console import CommandError
from gait_reid.core.pipeline import RADAR, PipelineConfig
from gait_reid.core.reidentification_config import MISSION
from gait_reid_common.parameters import flatten, from_mapping

# Node and what its parameters begin with there and here; the rest of them is for ROS alone.
_SECTIONS = {
    "tracker": {"sync.": "sync.", "perception.": "perception."},
    "radar_tracker": {"perception.": "radar_perception."},
    "reid": {"reidentification.": "reidentification."},
}
_ENCODER = "reidentification.encoder"


def load_config(
    path: Path | None, sensors: tuple[str, ...] = (), chosen: Mapping[str, Any] | None = None
) -> PipelineConfig:
    """Return the configuration of the chain.

    Args:
        path: ROS parameter file with sections of the nodes ``tracker``, ``radar_tracker`` and
            ``reid``, or None for the defaults.
        sensors: Sensors that a recording has; others are not waited for.
        chosen: Values that go before those of the file.

    Raises:
        CommandError: The file is missing, no YAML or no parameter file.
        ParameterError: A value is not allowed.
    """
    values = {**(_chain_parameters(path) if path else {}), **(chosen or {})}
    if sensors == (RADAR,):
        # Nothing else makes something of a radar.
        values = {_ENCODER: MISSION, **values, "sync.sensors": list(sensors)}
    config = from_mapping(PipelineConfig, values)
    if not sensors:
        return config
    present = tuple(name for name in config.sync.sensors if name in sensors)
    if not present:
        raise CommandError(
            f"sync.sensors is {', '.join(config.sync.sensors)}, but the recording has "
            f"{', '.join(sensors)}; choose another recording or other sensors"
        )
    return replace(config, sync=replace(config.sync, sensors=present))


def _chain_parameters(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"parameter file {path}: cannot be read ({error})") from error
    found: dict[str, Any] = {}
    for node, parameters in _node_sections(content, path):
        flat = flatten(parameters)
        for prefix, here in _SECTIONS.get(node, {}).items():
            own = [key for key in flat if key.startswith(prefix)]
            found.update({here + key[len(prefix) :]: flat[key] for key in own})
    return found


def _node_sections(content: Any, path: Path, name: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    """Return (node name without namespace, parameters) of every section, namespaces included."""
    if not isinstance(content, Mapping):
        raise CommandError(
            f"parameter file {path}: expected nodes with ros__parameters, as in config/*.yaml"
        )
    found: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in content.items():
        if key == "ros__parameters":
            found.append((name.rpartition("/")[2], value or {}))
        elif isinstance(value, Mapping):
            found += _node_sections(value, path, str(key))
    return found
