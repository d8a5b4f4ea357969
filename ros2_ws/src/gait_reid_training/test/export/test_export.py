"""A trained network becomes graphs that give the same, and a model that the nodes run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import yaml  # noqa: E402

from gait_reid.core.backends.base import BackendConfig, BackendError, Graph  # noqa: E402
from gait_reid.core.backends.tensorrt_builder import (  # noqa: E402
    BuildOptions,
    build_engine,
    import_tensorrt,
)
from gait_reid.core.encoders.emgaitnet import (  # noqa: E402
    EMGaitNetConfig,
    EMGaitNetEncoder,
    unit_parts,
)
from gait_reid.core.gallery.decision_config import Calibration  # noqa: E402
from gait_reid.core.models import Model, ModelError, load_model  # noqa: E402
from gait_reid.core.network_input import NetworkInputConfig, prepare  # noqa: E402
from gait_reid.core.types import Modality, PersonCrop  # noqa: E402
from gait_reid.testing.noise import noisy_crop  # noqa: E402
from gait_reid_training.batch import WalkBatch  # noqa: E402
from gait_reid_training.export import graphs as graphs_module  # noqa: E402
from gait_reid_training.export import model_folder  # noqa: E402
from gait_reid_training.export.card import figures_text, read_report  # noqa: E402
from gait_reid_training.export.emgaitnet_graphs import parts_of  # noqa: E402
from gait_reid_training.export.graphs import (  # noqa: E402
    check_parity,
    export_part,
    float_types,
)
from gait_reid_training.export.model_folder import ExportOptions, export_model  # noqa: E402
from gait_reid_training.nets.emgaitnet import EMGaitNet  # noqa: E402
from gait_reid_training.nets.emgaitnet_config import EMGaitNetConfig as Widths  # noqa: E402
from gait_reid_training.nets.registry import build_network  # noqa: E402

FRAMES = 9
INPUT = NetworkInputConfig(image_size=(16, 8), silhouette_size=(16, 11), num_points=12)
TINY = Widths(
    image_size=(16, 8), num_points=12, channels=(4, 4, 8, 8), outline_channels=(4, 4, 8, 8),
    map_columns=1, point_widths=(8, 8),
    k=4, dim=16, heads=2, ffn=16, parts=4, embedding_dim=8, towers_file="none",
)  # fmt: skip
OPTIONS = ExportOptions(frames=FRAMES, min_frames=4, half=True)
CALIBRATION = Calibration(max_distance=0.9, min_frames=6)


def network(**changes: Any) -> EMGaitNet:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    made = EMGaitNet(dataclasses.replace(TINY, **changes))
    for module in made.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean, 0.0, 0.2)
    return made.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[EMGaitNet, Model]:
    """Export once: the exporter takes its time."""
    made = network()
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return made, export_model(made, INPUT, folder, CALIBRATION, OPTIONS)


def batch_of(crops: list[PersonCrop]) -> WalkBatch:
    """Return one walk as the network takes it."""
    inputs = prepare(crops, INPUT)
    tensors = {
        one.name: torch.from_numpy(np.ascontiguousarray(getattr(inputs, one.name)))[None]
        for one in dataclasses.fields(inputs)
    }
    mask = torch.ones(1, len(crops), dtype=torch.bool)
    return WalkBatch(**tensors, frame_mask=mask, labels=torch.tensor([-1]))


def encoder_of(model: Model) -> EMGaitNetEncoder:
    config = EMGaitNetConfig(
        model=model.description.name, model_directory=str(model.folder.parent),
        min_duration_s=0.0, min_weight=0.0, backend=BackendConfig(engine="onnxruntime"),
    )  # fmt: skip
    return EMGaitNetEncoder(config, model)


def test_frame_by_frame_equals_the_whole_network(exported: tuple[EMGaitNet, Model]) -> None:
    """The encoder sees one frame at a time, and others in view."""
    made, model = exported
    sensors = [Modality.CAMERA | Modality.LIDAR, Modality.LIDAR, Modality.CAMERA]
    crops = [noisy_crop(number, 1, 5, sensors[number % 3]) for number in range(FRAMES + 4)]
    encoder = encoder_of(model)
    for number, one in enumerate(crops):
        encoder.update([noisy_crop(number, 2, 6), one])
        with torch.no_grad():
            kept = crops[max(0, number + 1 - FRAMES) : number + 1]
            wanted = unit_parts(made(batch_of(kept)).embedding.numpy())[0]
        if number >= 3:
            np.testing.assert_allclose(encoder.embed([1, 2])[1].values, wanted, atol=1e-4)
    assert not encoder.rejected


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        (
            {"sga": False, "semantics": "none", "temporal": "max", "outline_channels": ()},
            ("camera", "frame", "sequence"),
        ),
        ({"semantics": "static", "gate": False, "state_code": False}, ("frame",)),
    ],
    ids=["baseline", "static"],
)
def test_rungs_without_semantics_of_a_frame_have_one_graph_less(
    changes: dict[str, Any], own: tuple[str, ...]
) -> None:
    made = network(**changes)
    parts = {part.name: part for part in parts_of(made, FRAMES)}
    assert list(parts) == ["camera", "cloud", "frame", "sequence"]
    for name in own:
        content = export_part(made, parts[name])
        check_parity(parts[name], Graph(name, content, ""))


def test_a_model_describes_itself(exported: tuple[EMGaitNet, Model]) -> None:
    _, model = exported
    assert model.calibration == CALIBRATION
    assert model.input == INPUT
    assert (model.description.frames, model.description.min_frames) == (FRAMES, 4)
    assert set(model.graphs) == {"camera", "cloud", "semantics", "frame", "sequence"}
    files = {one.name: one for one in model.folder.iterdir()}
    assert all(one.stat().st_size < 2**24 for one in files.values())
    card = files["CARD.md"].read_text()
    assert "simulated people only" in card
    assert "Not evaluated." in card
    assert "* max_distance: 0.9" in card
    assert load_model("tiny", str(model.folder.parent)).model_id == model.model_id


def test_constants_are_32_bit_and_in_the_other_form_16_bit(
    exported: tuple[EMGaitNet, Model],
) -> None:
    _, model = exported
    for name, graph in model.graphs.items():
        assert float_types(graph.content) == {"FLOAT"}
        assert b"/site-packages/" not in graph.content
        if model.half_graphs[name].sha256 != graph.sha256:
            assert "FLOAT16" in float_types(model.half_graphs[name].content)
    assert sum(one.name.endswith(".half.onnx") for one in model.half_graphs.values()) >= 4


def test_tensorrt_parses_and_builds_every_graph(exported: tuple[EMGaitNet, Model]) -> None:
    try:
        trt = import_tensorrt()
    except BackendError as error:
        pytest.skip(f"{error}; for tests: ./run setup --tensorrt")
    _, model = exported
    for precision, some in (("fp32", model.graphs), ("fp16", model.half_graphs)):
        for graph in some.values():
            assert len(build_engine(trt, graph, BuildOptions(precision, max_batch=8))) > 1000


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch, exported: tuple[EMGaitNet, Model]) -> EMGaitNet:
    """Take the graphs that were exported before."""
    made, model = exported
    monkeypatch.setattr(
        model_folder, "export_part", lambda network, part: model.graphs[part.name].content
    )
    return made


def export_again(made: EMGaitNet, folder: Path, **options: Any) -> Model:
    return export_model(
        made, INPUT, folder, None, dataclasses.replace(OPTIONS, half=False, **options)
    )


def test_a_graph_that_differs_from_its_network_is_refused(cheap: EMGaitNet, tmp_path: Path) -> None:
    with torch.no_grad():
        cheap.head.weight.add_(0.01)
        try:
            with pytest.raises(
                ModelError, match="sequence.onnx: output 'embedding' differs .*0001"
            ):
                export_again(cheap, tmp_path / "tiny")
        finally:
            cheap.head.weight.sub_(0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_whole_and_other_folders_are_left_alone(
    cheap: EMGaitNet, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    export_again(cheap, folder)
    (folder / "old.onnx").touch()
    export_again(cheap, folder)
    assert not (folder / "old.onnx").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["tiny"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").touch()
    with pytest.raises(ModelError, match="other exists and holds no model"):
        export_again(cheap, other)
    assert [one.name for one in other.iterdir()] == ["thesis.txt"]


def test_the_manifest_beside_it_is_kept_current(cheap: EMGaitNet, tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text("# Said before.\nschema: 1\nmodels:\n- {name: zebra, sha256: x}\n")
    for _ in range(2):
        export_again(cheap, tmp_path / "tiny", training_data="Nobody at all.")
    content = yaml.safe_load(path.read_text())
    digest = hashlib.sha256((tmp_path / "tiny" / "model.yaml").read_bytes()).hexdigest()
    assert path.read_text().startswith("# Said before.\n")
    assert [one["name"] for one in content["models"]] == ["tiny", "zebra"]
    assert content["models"][0]["sha256"] == digest
    assert load_model("tiny", str(tmp_path)).description.training_data == "Nobody at all."


def test_what_cannot_be_exported_is_named(
    cheap: EMGaitNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build_network("lidargait", {}, 3)
    with pytest.raises(ModelError, match="LidarGait cannot be exported: .* EMGaitNet"):
        export_model(other, INPUT, tmp_path / "tiny")
    with pytest.raises(ModelError, match="the network takes .*12.*, its inputs are .*96"):
        export_model(cheap, NetworkInputConfig(), tmp_path / "tiny")
    monkeypatch.setattr(model_folder, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ModelError, match="camera.onnx has .* MiB.*smaller widths"):
        export_again(cheap, tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []
    assert graphs_module.OPSET == 18


def report(folder: Path) -> Path:
    figure = {"value": 0.8125, "low": 0.75, "high": 0.9, "identities": 100, "probes": 640}
    first = {**figure, "wilson_low": 0.72, "wilson_high": 0.88}
    row = {"rank1": first, "rank5": figure, "map": figure, "minp": figure}
    groups = {"light and range": {"day 20 m": row, "night 50 m": row}}
    views = {"overall": row, "groups": groups, "probes": 640, "people": 100, "gallery": 800}
    content = {
        "mode": "cross_distance", "simulated": True, "data": ["lrgait_test"], "split": "test",
        "models": {"best": {"all_views": views}},
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(content))
    return folder


def test_a_card_shows_the_figures_of_a_report(cheap: EMGaitNet, tmp_path: Path) -> None:
    read = read_report(report(tmp_path))
    model = export_again(cheap, tmp_path / "tiny", reports=[read])
    card = (model.folder / "CARD.md").read_text()
    assert "81.2 (75.0, 90.0)" in card
    assert "640 of 100 people" in card
    assert "night 50 m" in card
    with pytest.raises(ValueError, match="the report knows best, not 'worst'"):
        figures_text([read], "worst")
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ValueError, match="report.json is no report of gait-reid eval"):
        read_report(tmp_path)
