"""What a site must know of a simulated scene: which sensors it has, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from scipy.spatial.transform import Rotation

from gait_reid.cli.console import CommandError
from gait_reid.cli.settings import load_config
from gait_reid_sim.core.scene.scenario import Scenario, SensorPlan

SENSORS = ("lidar", "camera")


def sensors_of(scenario: Scenario) -> dict[str, SensorPlan]:
    """Return the sensors of a scene that a site listens to, the slowest first.

    Raises:
        CommandError: It has none.
    """
    found = {plan.name: plan for plan in scenario.sensors if plan.name == plan.type}
    sensors = {name: found[name] for name in SENSORS if name in found}
    if not sensors:
        raise CommandError(
            f"scenario {scenario.name} has no sensor called {' or '.join(SENSORS)}; its sensors "
            f"are {', '.join(plan.name for plan in scenario.sensors)}"
        )
    return sensors


def site_parameters(
    scenario: Scenario,
    encoder: str,
    params: Path | None,
    target: Path,
    radar_model: Path | None = None,
) -> Path:
    """Write the parameters of a scene's site: the user's, its sensors' places, and the encoder.

    Args:
        scenario: The scene.
        encoder: Encoder of walks before LiDAR and camera; empty: that of the parameters.
        params: File of the user, or None.
        target: File to write.
        radar_model: Folder of the Mission model, where a radar's room is run as well.

    Raises:
        CommandError: The user's file is no parameter file.
    """
    content: dict[str, Any] = {}
    if params is not None:
        load_config(params)
        content = yaml.safe_load(params.read_text()) or {}
    perception = _section(content, "tracker").setdefault("perception", {})
    for name, plan in sensors_of(scenario).items():
        perception[name] = mount_parameters(plan)
    if radar_model is not None:
        _add_room(content, scenario, radar_model.resolve())
    # On a slow machine the scene takes its time, and a walk may be enrolled late.
    _section(content, "gallery").setdefault("live_max_age_s", 60.0)
    if encoder:
        _section(content, "reid").setdefault("reidentification", {})["encoder"] = encoder
    target.write_text(yaml.safe_dump(content))
    load_config(target)
    return target


def _add_room(content: dict[str, Any], scenario: Scenario, model: Path) -> None:
    """Say where the radar is, and which model people are enrolled with for its room."""
    perception = _section(content, "radar_tracker").setdefault("perception", {})
    for plan in scenario.sensors:
        if plan.name == plan.type == "radar":
            perception[plan.name] = mount_parameters(plan)
    mission = _section(content, "reid").setdefault("reidentification", {}).setdefault("mission", {})
    mission |= {"model": model.name, "model_directory": str(model.parent)}


def _section(content: dict[str, Any], node: str) -> dict[str, Any]:
    section = content.setdefault(f"/**/{node}", {}).setdefault("ros__parameters", {})
    assert isinstance(section, dict)  # load_config has looked
    return section


def mount_parameters(plan: SensorPlan) -> dict[str, list[float]]:
    """Return where a sensor is, as parameters of a tracker."""
    turn = Rotation.from_matrix(plan.mount.rotation).as_euler("xyz")
    return {
        "translation_m": [float(value) for value in plan.mount.translation],
        "rotation_rpy_rad": [float(value) for value in turn],
    }
