"""EMGaitNet at run time, on a tiny model made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.encoders.emgaitnet import EMGaitNetConfig, EMGaitNetEncoder, unit_parts
from gait_reid.core.encoders.emgaitnet_graphs import EMGaitNetGraphs
from gait_reid.core.gallery.decision_config import DecisionConfig
from gait_reid.core.models import ModelError, load_model
from gait_reid.core.network_input import prepare
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.reidentification_config import ReidentificationConfig
from gait_reid.core.types import Decision, GalleryRecord, Modality, PersonCrop
from gait_reid.testing.models import FRAMES, write_model
from gait_reid.testing.noise import noisy_crop
from gait_reid_common.parameters import ParameterError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
BOTH = Modality.CAMERA | Modality.LIDAR


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "tiny")
    return tmp_path


def config(folder: Path, **values: Any) -> EMGaitNetConfig:
    chosen = {"min_duration_s": 0.0, "min_weight": 0.0, **values}
    backend = BackendConfig(engine="onnxruntime")
    return EMGaitNetConfig(model="tiny", model_directory=str(folder), backend=backend, **chosen)


@pytest.fixture
def encoder(folder: Path) -> EMGaitNetEncoder:
    return EMGaitNetEncoder(config(folder))


def whole(folder: Path, crops: list[PersonCrop]) -> np.ndarray[Any, Any]:
    """Return the embedding of a walk with all of its frames in one batch."""
    model = load_model("tiny", str(folder))
    graphs = EMGaitNetGraphs(model, BackendConfig(engine="onnxruntime"))
    inputs = prepare(crops, model.input)
    image, cloud = graphs.see(inputs)
    tokens = graphs.semantics(inputs, image, inputs.has_camera)
    fused, means, _ = graphs.fuse(inputs, image, cloud, tokens)
    clouds = np.zeros((1, FRAMES, means.shape[1]), np.float32)
    clouds[0, : len(means)] = means
    mask = np.arange(FRAMES)[None] < len(means)
    return unit_parts(graphs.join(fused.max(axis=0)[None], clouds, mask))[0]


@pytest.mark.parametrize("count", [4, FRAMES, FRAMES + 7])
def test_frame_by_frame_gives_the_embedding_of_the_whole_walk(
    folder: Path, encoder: EMGaitNetEncoder, count: int
) -> None:
    sensors = [BOTH, Modality.LIDAR, Modality.CAMERA]
    crops = [noisy_crop(number, modality=sensors[number % 3]) for number in range(count)]
    for one in crops:
        encoder.update([one])
    found = encoder.embed([1])[1]
    np.testing.assert_allclose(found.values, whole(folder, crops[-FRAMES:]), atol=1e-4)
    assert found.num_frames == min(count, FRAMES)
    assert (found.window_start_ns, found.window_end_ns) == (
        crops[-min(count, FRAMES)].stamp_ns,
        crops[-1].stamp_ns,
    )
    assert found.model_id == encoder.model_id
    assert found.modality == BOTH
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1.0, atol=1e-5)


def test_tracks_of_an_instant_do_not_touch_each_other(folder: Path) -> None:
    together, alone = EMGaitNetEncoder(config(folder)), EMGaitNetEncoder(config(folder))
    for number in range(8):
        crops = [noisy_crop(number, track, seed=track) for track in (1, 2, 3)]
        together.update(crops[number % 2 :])
        alone.update([one for one in crops[number % 2 :] if one.track_id == 2])
    both, single = together.embed([1, 2, 3, 9]), alone.embed([2])
    assert sorted(both) == [1, 2, 3]
    assert (both[1].num_frames, both[2].num_frames) == (4, 8)
    np.testing.assert_allclose(both[2].values, single[2].values, atol=1e-5)
    assert np.abs(both[2].values - both[3].values).max() > 1e-3


def test_too_few_frames_or_too_short_a_time_give_nothing(folder: Path) -> None:
    encoder = EMGaitNetEncoder(config(folder, min_frames=6, min_duration_s=0.6))
    for number in range(5):
        encoder.update([noisy_crop(number)])
    assert encoder.embed([1]) == {}
    encoder.update([noisy_crop(5)])
    assert encoder.embed([1]) == {}
    encoder.update([noisy_crop(6)])
    assert encoder.embed([1])[1].num_frames == 7
    assert encoder.embed([]) == {}


@pytest.mark.parametrize("modality", [Modality.CAMERA, Modality.LIDAR])
def test_one_sensor_is_enough(encoder: EMGaitNetEncoder, modality: Modality) -> None:
    for number in range(6):
        encoder.update([noisy_crop(number, modality=modality)])
    assert encoder.embed([1])[1].modality == modality
    assert not encoder.rejected


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        ({"pixel_height": 9.0}, "picture too small"),
        ({"truncation": 0.6}, "picture cut by the edge"),
        ({"occlusion": 0.8}, "picture hidden by others"),
    ],
)
def test_bad_pictures_leave_the_points_and_are_counted(
    encoder: EMGaitNetEncoder, quality: dict[str, float], reason: str
) -> None:
    for number in range(6):
        encoder.update([noisy_crop(number, **quality)])
    assert encoder.embed([1])[1].modality == Modality.LIDAR
    assert encoder.rejected == {reason: 6}
    encoder.update([noisy_crop(0, 2, modality=Modality.CAMERA, **quality)])
    assert encoder.rejected == {reason: 7, "neither picture nor points": 1}


def test_frames_that_the_network_gives_no_weight_are_left_out_and_counted(folder: Path) -> None:
    encoder = EMGaitNetEncoder(config(folder, min_weight=0.3))
    dark = np.zeros((120, 60, 3), np.uint8)
    for number in range(6):
        one = noisy_crop(number, modality=Modality.CAMERA)
        encoder.update([dataclasses.replace(one, image=dark) if number % 2 else one])
    assert encoder.rejected == {"of no use to the network": 3}
    assert encoder.gated["camera"] >= 3
    assert encoder.counts()["camera of little weight"] >= 3
    assert encoder.embed([1]) == {}


def test_frames_out_of_order_are_counted(encoder: EMGaitNetEncoder) -> None:
    for number in (0, 1, 3, 2, 3, 4):
        encoder.update([noisy_crop(number)])
    assert encoder.rejected == {"out of order": 2}
    assert encoder.embed([1])[1].num_frames == 4


def test_forget_retain_and_reset(encoder: EMGaitNetEncoder) -> None:
    def feed(start: int) -> None:
        for number in range(start, start + 5):
            encoder.update([noisy_crop(number, track) for track in (1, 2, 3)])

    feed(0)
    encoder.forget([1, 7])
    assert sorted(encoder.embed([1, 2, 3])) == [2, 3]
    encoder.retain([3, 8])
    assert sorted(encoder.embed([1, 2, 3])) == [3]
    encoder.reset()
    assert encoder.embed([1, 2, 3]) == {}
    feed(10)
    assert encoder.embed([3])[3].num_frames == 5
    encoder.update([])


def test_with_key_frames_the_best_picture_gives_the_tokens(folder: Path) -> None:
    write_model(folder / "tiny", change={"key_frame": True})
    encoder = EMGaitNetEncoder(config(folder))
    flat = np.full((120, 60, 3), 128, np.uint8)
    runs: list[int] = []
    backend = encoder._graphs._backends["semantics"]
    run = backend.run
    backend.run = lambda inputs: runs.append(len(inputs["image"])) or run(inputs)  # type: ignore
    for number in range(6):
        one = noisy_crop(number)
        # Only the first picture and a sharper one are worth tokens of their own.
        image = flat if number not in (0, 3) else one.image
        encoder.update([dataclasses.replace(one, image=image)])
    assert sum(runs) in (1, 2)
    assert encoder.embed([1])[1].num_frames == 6


def test_graphs_of_other_sizes_are_refused(folder: Path) -> None:
    for change, words in (
        ({"input": {"image_size": [8, 16], "num_points": 5}}, r"'rgb' has shape \(3, 8, 8\)"),
        ({"input": {"image_size": [8, 8], "num_points": 7}}, r"'points' has shape \(5, 4\)"),
        ({"frames": 20}, r"'cloud_means' has shape \(12, 6\), .* say \(20, 6\)"),
    ):
        write_model(folder / "tiny", change=change)
        with pytest.raises(ModelError, match=words):
            EMGaitNetEncoder(config(folder))


def test_16_bits_need_a_model_that_has_them(folder: Path) -> None:
    half = dataclasses.replace(config(folder), backend=BackendConfig(precision="fp16"))
    with pytest.raises(ModelError, match="precision is fp16, but model tiny has no 16-bit graphs"):
        EMGaitNetEncoder(half)


def test_the_chain_takes_encoder_and_thresholds_by_name(folder: Path) -> None:
    chosen = ReidentificationConfig(encoder="emgaitnet", stride_s=0.0, emgaitnet=config(folder))
    chain = Reidentification(chosen)
    assert chain._decider.config.max_distance == 0.75
    assert chain._decider.config.min_frames == 6
    for number in range(10):
        chain.process(10**9 + number * 10**8, [noisy_crop(number)], [1], "walk")
    walk = chain.embedding(1)
    assert walk is not None
    chain.set_gallery([GalleryRecord("r", "p-ada", "Ada", walk, 0)], 3)
    answers = []
    for number in range(30):
        stamp_ns = 10**12 + number * 10**8
        later = dataclasses.replace(noisy_crop(number, 2), stamp_ns=stamp_ns)
        answers += chain.process(stamp_ns, [later], [2], "walk")
    assert answers[-1].decision is Decision.CONFIRMED
    assert answers[-1].person_id == "p-ada"


def test_more_frames_than_the_window_holds_are_never_waited_for(folder: Path) -> None:
    chosen = ReidentificationConfig(
        encoder="emgaitnet", emgaitnet=config(folder), decision=DecisionConfig(min_frames=13)
    )
    with pytest.raises(ParameterError, match="min_frames' is 13, allowed: at most .* 12 frames"):
        Reidentification(chosen)


def test_a_missing_model_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match="model 'emgaitnet-edge' is not in .*there are: tiny"):
        EMGaitNetEncoder(EMGaitNetConfig(model_directory=str(folder)))
