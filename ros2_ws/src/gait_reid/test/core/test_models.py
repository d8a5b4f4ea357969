"""Models on disk: found, whole, and refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gait_reid.core.models import ModelError, available_models, load_model, model_folders
from gait_reid.core.network_input import VERSION
from gait_reid.testing.models import write_model

pytest.importorskip("onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "tiny")
    return tmp_path


def load(folder: Path, name: str = "tiny") -> Any:
    return load_model(name, str(folder))


def test_a_model_is_read_whole(folder: Path) -> None:
    model = load(folder)
    assert list(model.graphs) == ["camera", "cloud", "semantics", "frame", "sequence"]
    assert model.graphs["frame"].name == "tiny/frame.onnx"
    assert (model.input.image_size, model.input.num_points) == ((8, 8), 5)
    assert (model.calibration.max_distance, model.calibration.min_frames) == (0.75, 6)
    assert (model.description.frames, model.description.licence) == (12, "Apache-2.0")
    assert model.half_graphs == {}
    assert available_models(str(folder)) == ["tiny"]
    write_model(folder / "tiny", change={"calibration": None})
    assert load(folder).calibration.min_frames == 12


def test_the_id_follows_what_embeddings_mean(folder: Path) -> None:
    first = load(folder).model_id
    assert first.startswith("tiny-")
    write_model(folder / "tiny", change={"calibration": {"max_distance": 0.2}, "min_frames": 5})
    assert load(folder).model_id == first
    write_model(folder / "tiny", seed=1)
    assert load(folder).model_id != first
    write_model(folder / "tiny", change={"input": {"image_size": [8, 8], "num_points": 6}})
    assert load(folder).model_id != first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "model.yaml: schema is not 1"),
        ({"schema": None}, "schema is not 1"),
        ({"name": "other"}, "name is 'other', expected 'tiny'"),
        ({"network": "resnet"}, "'network' is 'resnet', allowed: .*emgaitnet"),
        ({"frames": "many"}, "'frames' is 'many'"),
        ({"frames": 3}, "min_frames is 4, allowed: at most frames, 3"),
        ({"input_version": VERSION + 1}, f"input_version is {VERSION + 1}, this suite prepares"),
        ({"input": {"image_size": [8]}}, "image_size"),
        ({"calibration": {"max_distence": 1.0}}, "did you mean 'max_distance'"),
        ({"calibration": {"max_distance": 3.0}}, "'max_distance' is 3.0, allowed: .*0 to 2"),
        ({"calibration": {"min_frames": 13}}, "min_frames is 13, allowed: at most frames, 12"),
        ({"wings": 2}, "'wings' .* does not exist"),
        ({"graphs": None}, "missing: camera, cloud, frame, sequence"),
        ({"graphs": {"camera": {"file": "../x.onnx"}}}, "missing: cloud, frame, sequence"),
        ({"half_graphs": {"camera": {}}}, "missing: cloud, frame, sequence"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(
    folder: Path, change: dict[str, Any], words: str
) -> None:
    write_model(folder / "tiny", change=change)
    with pytest.raises(ModelError, match=words):
        load(folder)


def test_a_graph_cannot_lie_outside_the_folder(folder: Path) -> None:
    graphs = write_model(folder / "tiny")["graphs"]
    graphs["cloud"]["file"] = "../cloud.onnx"
    write_model(folder / "tiny", change={"graphs": graphs})
    with pytest.raises(ModelError, match="graph 'cloud' names no file of the folder"):
        load(folder)


def test_missing_and_damaged_files_are_named(folder: Path) -> None:
    path = folder / "tiny" / "frame.onnx"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    found = hashlib.sha256(content[:-1] + b"?").hexdigest()
    with pytest.raises(
        ModelError, match=f"frame.onnx has sha256 {found}, model.yaml says .*export"
    ):
        load(folder)
    path.unlink()
    with pytest.raises(ModelError, match="frame.onnx cannot be read .No such file.*export"):
        load(folder)
    (folder / "tiny" / "model.yaml").write_text("a: [")
    with pytest.raises(ModelError, match="model.yaml is no YAML"):
        load(folder)
    (folder / "tiny" / "model.yaml").write_text("- a")
    with pytest.raises(ModelError, match="model.yaml is no mapping"):
        load(folder)


def test_absent_models_and_folders_are_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=f"model 'tidy' is not in {folder}; there are: tiny"):
        load(folder, "tidy")
    with pytest.raises(ModelError, match="model is '../tiny', expected the name"):
        load(folder, "../tiny")
    with pytest.raises(ModelError, match="model_directory is /nowhere: there is no such folder"):
        load_model("tiny", "/nowhere")


def manifest(folder: Path, **entry: str) -> None:
    content = {"schema": 1, "models": [entry]}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(content))


def test_a_manifest_decides_what_is_loaded(folder: Path) -> None:
    path = folder / "tiny" / "model.yaml"
    manifest(folder, name="tiny", sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert load(folder).description.name == "tiny"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ModelError, match="model.yaml has sha256 .*manifest.yaml says"):
        load(folder)
    manifest(folder, name="other", sha256="")
    with pytest.raises(ModelError, match="'tiny' is not listed in .*manifest.yaml"):
        load(folder)
    (folder / "manifest.yaml").write_text("schema: 7\n")
    with pytest.raises(ModelError, match="manifest.yaml: schema is 7, known is 1"):
        load(folder)


def test_installed_models_come_before_those_of_the_checkout(tmp_path: Path) -> None:
    share = tmp_path / "share" / "gait_reid_models"
    share.mkdir(parents=True)
    environment = {"AMENT_PREFIX_PATH": f"/nowhere:{tmp_path}"}
    assert share not in list(model_folders(environment))
    (share / "manifest.yaml").touch()
    assert next(model_folders(environment)) == share


def test_every_shipped_model_loads() -> None:
    assert list(model_folders())
    for name in available_models():
        assert load_model(name).description.training_data
