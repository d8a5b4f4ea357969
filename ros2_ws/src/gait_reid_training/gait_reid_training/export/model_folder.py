"""Writes a model: graphs, description, card; whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from gait_reid.core.backends.base import BackendError, Graph
from gait_reid.core.backends.files import store_atomically
from gait_reid.core.backends.onnxruntime import OnnxRuntimeBackend
from gait_reid.core.backends.parity import check_parity
from gait_reid.core.gallery.decision_config import Calibration
from gait_reid.core.models import DESCRIPTION, MANIFEST, SCHEMA, Model, ModelError, load_model
from gait_reid.core.network_input import VERSION, NetworkInputConfig
from gait_reid.core.radar_input import RadarInputConfig
from gait_reid_common.parameters import to_mapping
from gait_reid_training.export.card import figures_text, write_card
from gait_reid_training.export.graphs import check_parity as check_graph
from gait_reid_training.export.graphs import export_part, halved
from gait_reid_training.export.kinds import Exportable, exportable

MAX_FILE_BYTES = 16 * 1024 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportOptions:
    """How a model is written.

    Attributes:
        frames: Frames of a walk; 0: what is usual for the network, 30, or 10 for Mission.
        min_frames: Frames that make a walk.
        radar: What the network takes of a radar, where it does.
        frame_period_s: Time between the frames that Mission learned from.
        may_confirm: Whether Mission may name people; else they are candidates at most.
        half: Whether 16-bit graphs are written as well.
        licence: SPDX name.
        training_data: What it was trained on, one sentence.
        training: How it was trained: configuration, iterations, commands, seeds.
        simulated: Whether it was trained on simulated people alone.
        reports: Of ``gait-reid eval``, for the card.
        report_model: Name of the model in the reports; empty for the first one.
    """

    frames: int = 0
    min_frames: int = 10
    radar: RadarInputConfig = field(default_factory=RadarInputConfig)
    frame_period_s: float = 0.1
    may_confirm: bool = False
    half: bool = False
    licence: str = "Apache-2.0"
    training_data: str = "Simulated people only."
    training: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = True
    reports: Sequence[Mapping[str, Any]] = ()
    report_model: str = ""


def export_model(
    network: nn.Module,
    config: NetworkInputConfig,
    folder: Path,
    calibration: Calibration | None = None,
    options: ExportOptions | None = None,
) -> Model:
    """Write a model and read it back.

    Every graph is checked by ONNX's own checker and compared with the network (1e-4). The folder
    appears when everything is right; a model that was there is replaced.

    Args:
        network: An EMGaitNet or a Mission with its weights.
        config: The inputs that it was trained on.
        folder: Its name becomes the model's.
        calibration: Thresholds; None: those of a model that nobody calibrated.
        options: How to write.

    Raises:
        ModelError: A network that cannot be exported, a graph that differs from it, a file larger
            than 16 MiB, or a folder that holds something else.
    """
    chosen = options or ExportOptions()
    made_of = exportable(network, config, chosen.radar, chosen.frame_period_s, chosen.may_confirm)
    frames = chosen.frames or made_of.frames
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise ModelError(f"{folder} exists and holds no model; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export.") as temporary:
        made = Path(temporary) / folder.name
        made.mkdir()
        content = _write_graphs(made_of, made, frames, chosen.half)
        about = _describe(folder.name, made_of, config, calibration, frames, chosen)
        content = {**about, **content}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (made / DESCRIPTION).write_text(text, encoding="utf-8")
        (made / "CARD.md").write_text(_card(content, made_of, made, chosen), encoding="utf-8")
        model = load_model(folder.name, temporary)
        _replace(made, folder)
    _list_in_manifest(folder, chosen)
    return Model(**{**vars(model), "folder": folder})


def _write_graphs(made_of: Exportable, folder: Path, frames: int, half: bool) -> dict[str, Any]:
    graphs: dict[str, Any] = {}
    halves: dict[str, Any] = {}
    for part in made_of.parts(frames):
        graph = _write(folder, f"{part.name}.onnx", export_part(made_of.network, part))
        error = check_graph(part, graph)
        _log.info("%s: %d KiB, differs by %.1e", graph.name, len(graph.content) >> 10, error)
        graphs[part.name] = {"file": f"{part.name}.onnx", "sha256": graph.sha256}
        if half:
            halves[part.name] = _write_half(folder, part.name, graph) or graphs[part.name]
    return {"graphs": graphs, **({"half_graphs": halves} if halves else {})}


def _write_half(folder: Path, name: str, graph: Graph) -> dict[str, str] | None:
    """Write the 16-bit form of a graph; None where it differs too much."""
    file = f"{name}.half.onnx"
    half = _write(folder, file, halved(graph.content))
    try:
        check_parity(graph, OnnxRuntimeBackend(half, device="cpu"))
    except BackendError as error:
        _log.warning("%s stays 32-bit: %s", name, error)
        (folder / file).unlink()
        return None
    return {"file": file, "sha256": half.sha256}


def _write(folder: Path, file: str, content: bytes) -> Graph:
    if len(content) > MAX_FILE_BYTES:
        raise ModelError(
            f"{file} has {len(content) / 2**20:.1f} MiB, at most {MAX_FILE_BYTES >> 20} are "
            "allowed; choose smaller widths"
        )
    (folder / file).write_bytes(content)
    return Graph(f"{folder.name}/{file}", content, hashlib.sha256(content).hexdigest())


def _describe(
    name: str,
    made_of: Exportable,
    config: NetworkInputConfig,
    calibration: Calibration | None,
    frames: int,
    options: ExportOptions,
) -> dict[str, Any]:
    thresholds = {
        **({} if calibration is None else to_mapping(calibration)), **made_of.calibration
    }  # fmt: skip
    return {
        "schema": SCHEMA, "name": name, "network": made_of.architecture, "frames": frames,
        "min_frames": min(options.min_frames, frames),
        "licence": options.licence, "training_data": options.training_data,
        "input_version": VERSION, "input": to_mapping(config), **made_of.description,
        **({"calibration": thresholds} if thresholds else {}),
        "training": dict(options.training),
    }  # fmt: skip


def _card(
    content: Mapping[str, Any], made_of: Exportable, folder: Path, options: ExportOptions
) -> str:
    sizes = [f"`{one.name}` {one.stat().st_size >> 10} KiB" for one in folder.glob("*.onnx")]
    thresholds = [f"* {key}: {value:g}" for key, value in content.get("calibration", {}).items()]
    training = [f"* {key}: `{value}`" for key, value in options.training.items()]
    return write_card(
        {
            **made_of.card,
            "name": content["name"], "training_data": content["training_data"],
            "frames": content["frames"], "min_frames": content["min_frames"],
            "parameters": sum(one.numel() for one in made_of.network.parameters()),
            "files": ", ".join(sorted(sizes)), "licence": content["licence"],
            "training": "\n".join(training) or "Not recorded.",
            "figures": figures_text(options.reports, options.report_model),
            "thresholds": "\n".join(thresholds) or "Not calibrated: the general defaults apply.",
        },
        options.simulated,
    )  # fmt: skip


def _replace(made: Path, folder: Path) -> None:
    """Put a folder in the place of another one; the old one is whole until then."""
    old = made.with_name(".old")
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(made, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _list_in_manifest(folder: Path, options: ExportOptions) -> None:
    """Bring the entry of a model up to date where its folder's parent has a manifest."""
    path = folder.parent / MANIFEST
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text) or {}
    digest = hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()
    entry = {
        "name": folder.name, "sha256": digest, "licence": options.licence,
        "origin": options.training_data,
    }  # fmt: skip
    others = [one for one in content.get("models") or [] if one.get("name") != folder.name]
    models = sorted([*others, entry], key=lambda one: str(one["name"]))
    comments = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("#"))
    listed = yaml.safe_dump({"schema": SCHEMA, "models": models}, sort_keys=False, width=100)
    store_atomically(path, f"{comments}{listed}".encode())
