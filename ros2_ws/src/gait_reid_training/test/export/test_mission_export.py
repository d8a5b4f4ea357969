"""Mission leaves as graphs that give what the network gives, frame by frame and pair by pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from gait_reid.core.backends.base import BackendConfig, BackendError  # noqa: E402
from gait_reid.core.backends.tensorrt_builder import (  # noqa: E402
    BuildOptions,
    build_engine,
    import_tensorrt,
)
from gait_reid.core.encoders.mission import MissionConfig as EncoderConfig  # noqa: E402
from gait_reid.core.encoders.mission import MissionEncoder  # noqa: E402
from gait_reid.core.gallery.decision_config import Calibration  # noqa: E402
from gait_reid.core.models import Model, ModelError  # noqa: E402
from gait_reid.core.network_input import NetworkInputConfig, prepare  # noqa: E402
from gait_reid.core.radar_input import VERSION, RadarInputConfig, prepare_radar  # noqa: E402
from gait_reid.core.types import Embedding, Modality, PersonCrop  # noqa: E402
from gait_reid.testing.mission_model import heard_crop  # noqa: E402
from gait_reid.testing.noise import noisy_crop  # noqa: E402
from gait_reid_training.batch import RadarWalkBatch  # noqa: E402
from gait_reid_training.data.walks import collate  # noqa: E402
from gait_reid_training.export.graphs import Part  # noqa: E402
from gait_reid_training.export.mission_graphs import PAIR_GROUP, mission_parts  # noqa: E402
from gait_reid_training.export.model_folder import ExportOptions, export_model  # noqa: E402
from gait_reid_training.nets.mission.config import MissionConfig  # noqa: E402
from gait_reid_training.nets.mission.mission import Mission  # noqa: E402

FRAMES, POINTS = 5, 12
INPUT, RADAR = NetworkInputConfig(image_size=(32, 16)), RadarInputConfig(num_points=POINTS)
TINY: dict[str, Any] = {
    "width": 4, "dim": 16, "inner": 8, "tokens": (4, 2), "lstm_width": 8, "lstm_layers": 1
}  # fmt: skip
OPTIONS = ExportOptions(frames=FRAMES, min_frames=3, radar=RADAR)


def network(**changes: Any) -> Mission:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    made = Mission(MissionConfig(**{**TINY, **changes}))
    for module in made.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean, 0.0, 0.2)
    return made.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mission, Model]:
    """Export once: the exporter takes its time."""
    made = network()
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return made, export_model(made, INPUT, folder, Calibration(min_frames=4), OPTIONS)


def encoder_of(model: Model) -> MissionEncoder:
    backend = BackendConfig(engine="onnxruntime")
    folder = str(model.folder.parent)
    return MissionEncoder(EncoderConfig("tiny", folder, backend=backend), model)


def seen(number: int, seed: int) -> PersonCrop:
    """Return a picture of noise, darker for some people than for others."""
    crop = noisy_crop(number, 1, seed, Modality.CAMERA)
    assert crop.image is not None
    return dataclasses.replace(crop, image=(crop.image * (0.1 + 0.2 * (seed % 5))).astype(np.uint8))


def heard(number: int, seed: int) -> PersonCrop:
    return dataclasses.replace(heard_crop(number, 10 + seed, (0.5, 0.3), 6 + number), track_id=1)


def mask_of(count: int) -> Any:
    return (torch.arange(FRAMES) < count)[None]


def padded(values: Any) -> Any:
    """Return the frames of one walk as (1, FRAMES, ...), zeros where there are none."""
    array = np.zeros((1, FRAMES, *values.shape[1:]), values.dtype)
    array[0, : len(values)] = values
    return array


def vision_of(made: Mission, crops: list[PersonCrop]) -> Any:
    inputs = prepare(crops, INPUT)
    frames = type(inputs)(
        **{one.name: padded(getattr(inputs, one.name))[0] for one in dataclasses.fields(inputs)}
    )
    mask = mask_of(len(crops)).numpy()
    return made.vision_features(collate(frames, mask, np.zeros(1, np.int64)))


def radar_of(made: Mission, crops: list[PersonCrop]) -> Any:
    inputs = prepare_radar(crops, RADAR)
    mask = mask_of(len(crops))
    nothing = torch.zeros(1, FRAMES, 2)
    return made.radar_features(
        RadarWalkBatch(
            torch.from_numpy(padded(inputs.points)), torch.from_numpy(padded(inputs.point_mask)),
            mask, torch.from_numpy(padded(inputs.state)), nothing,
            torch.zeros(1, FRAMES, 21, 3), torch.zeros_like(mask),
            torch.zeros(1, dtype=torch.int64),
        )
    )  # fmt: skip


def walked(
    encoder: MissionEncoder,
    crop_of: Callable[[int, int], PersonCrop],
    features_of: Callable[[list[PersonCrop]], Any],
    vector_of: Callable[[Any], Any],
) -> tuple[dict[int, Any], Embedding]:
    """Walk beyond the window; each vector is that of the newest frames, taken as one walk."""
    encoder.reset()
    features = {}
    for number in range(FRAMES + 3):
        encoder.update([crop_of(number, 1)])
        found = encoder.embed([1]).get(1)
        if found is not None:
            kept = [crop_of(one, 1) for one in range(max(0, number + 1 - FRAMES), number + 1)]
            features[number] = features_of(kept)
            np.testing.assert_allclose(found.values, vector_of(features[number]), atol=1e-4)
    assert found is not None
    return features, found


def test_frame_by_frame_equals_the_whole_network(exported: tuple[Mission, Model]) -> None:
    made, model = exported
    encoder = encoder_of(model)
    with torch.no_grad():
        records, record = walked(encoder, seen, partial(vision_of, made), made.unimodal_vision)
        queries, query = walked(encoder, heard, partial(radar_of, made), made.unimodal_radar)
        assert sorted(queries) == sorted(records) == list(range(2, FRAMES + 3))
        pair = made.pair(records[FRAMES + 2], queries[FRAMES + 2])
        wanted = (pair.vision - pair.radar).norm(dim=1).numpy()
    assert record.tokens is not None
    np.testing.assert_allclose(encoder.compare(query, [record.tokens]), wanted, atol=3e-3)


def test_many_pairs_are_those_of_the_network(exported: tuple[Mission, Model]) -> None:
    """More walks than one row of the graph holds, some short; 16-bit tokens cost 3e-3 at most."""
    made, model = exported
    encoder, count = encoder_of(model), 2 * PAIR_GROUP + 3
    tokens, wanted = [], []
    for number in range(FRAMES):
        encoder.update([heard(number, 1)])
    query = encoder.embed([1])[1]
    with torch.no_grad():
        radar = radar_of(made, [heard(one, 1) for one in range(FRAMES)])
        for seed in range(count):
            frames = 3 + seed % 3
            encoder.reset()
            for number in range(frames):
                encoder.update([seen(number, seed)])
            walk = encoder.embed([1])[1]
            assert walk.tokens is not None
            assert len(walk.tokens) == frames
            tokens.append(walk.tokens)
            pair = made.pair(vision_of(made, [seen(one, seed) for one in range(frames)]), radar)
            wanted.append(float((pair.vision - pair.radar).norm()))
    np.testing.assert_allclose(encoder.compare(query, tokens), wanted, atol=3e-3)
    assert np.std(wanted) > 1e-2


def test_a_model_describes_itself(exported: tuple[Mission, Model]) -> None:
    _, model = exported
    assert set(model.graphs) == {"vision", "radar", "vision_walk", "radar_walk", "pair"}
    assert (model.description.network, model.description.frames) == ("mission", FRAMES)
    assert model.description.frame_period_s == 0.1
    written = yaml.safe_load((model.folder / "model.yaml").read_text())
    assert written["radar_input_version"] == VERSION
    assert model.radar_input == RADAR
    assert model.calibration == Calibration(min_frames=4, may_confirm=False)
    card = (model.folder / "CARD.md").read_text()
    assert "it names nobody" in card
    assert "16 numbers, and 416 bytes a frame" in card


def given(part: Part, inputs: Any) -> Any:
    """Return what a graph of single frames says of prepared frames."""
    return part.function(*(torch.from_numpy(getattr(inputs, name)) for name in part.inputs))


@pytest.mark.parametrize(
    "changes",
    [{"exchange": False}, {"state": False, "vision": "vec", "scope": "sequence", "anchors": True}],
    ids=["noFU", "sequence"],
)
def test_other_readings_give_what_the_network_gives(changes: dict[str, Any]) -> None:
    """The functions behind the graphs; that graphs equal their functions is seen above."""
    made = network(**changes)
    parts = {one.name: one for one in mission_parts(made, (32, 16), POINTS, FRAMES)}
    assert ("pair" in parts) == made.compares_pairs
    crops = [seen(one, 1) for one in range(FRAMES)]
    clouds = [heard(one, 1) for one in range(FRAMES)]
    with torch.no_grad():
        vision, radar = vision_of(made, crops), radar_of(made, clouds)
        pictures = prepare(crops, INPUT)
        frames = given(parts["vision"], pictures)[None]
        ones = torch.ones(1, FRAMES, dtype=torch.bool)
        saw = parts["vision_walk"].function(frames, ones)
        inputs = prepare_radar(clouds, RADAR)
        mask = torch.from_numpy(inputs.point_mask)
        own, frame = given(parts["radar"], inputs)
        told = parts["radar_walk"].function(own[None], frame[None], mask[None])
        assert torch.allclose(saw[0], made.unimodal_vision(vision), atol=1e-5)
        assert torch.allclose(told[0], made.unimodal_radar(radar), atol=1e-5)
        assert len(saw) == len(told) == (2 if made.compares_pairs else 1)
        if made.compares_pairs:
            many = saw[1][:, None].expand(-1, PAIR_GROUP, -1, -1).half()
            found = parts["pair"].function(
                many, ones[:, None].expand(-1, PAIR_GROUP, -1), told[1].half(), mask[None]
            )
            pair = made.pair(vision, radar)
            wanted = (pair.vision - pair.radar).norm(dim=1)
            assert torch.allclose(found, wanted[:, None].expand_as(found), atol=3e-3)


def test_tensorrt_parses_and_builds_every_graph(exported: tuple[Mission, Model]) -> None:
    try:
        trt = import_tensorrt()
    except BackendError as error:
        pytest.skip(f"{error}; for tests: ./run setup --tensorrt")
    _, model = exported
    for graph in model.graphs.values():
        assert len(build_engine(trt, graph, BuildOptions("fp32", max_batch=8))) > 1000


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"pictures of \(64, 32\) pixels: .* choose tokens"):
        export_model(network(tokens=(3, 2)), NetworkInputConfig(), tmp_path / "tiny")
    with pytest.raises(ModelError, match="a walk of 3000 frames has .* bytes, at most 1048576"):
        export_model(
            network(), INPUT, tmp_path / "tiny", None, dataclasses.replace(OPTIONS, frames=3000)
        )
    assert list(tmp_path.iterdir()) == []
