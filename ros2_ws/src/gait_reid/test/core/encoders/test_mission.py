"""Mission at run time, on a tiny model made by hand: enrolled by camera, looked for by radar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.encoders.mission import MissionConfig, MissionEncoder
from gait_reid.core.gallery.records import decode_record, encode_record, make_record
from gait_reid.core.models import ModelError, load_model
from gait_reid.core.types import Embedding, Modality
from gait_reid.testing.mission_model import (
    FRAMES,
    heard_crop,
    seen_crop,
    write_mission_model,
)
from gait_reid.testing.models import write_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
ADA, BOB = (0.2, 0.8), (0.7, 0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    write_mission_model(made / "tiny")
    write_mission_model(made / "alone", pairs=False)
    return made


def config(folder: Path, model: str = "tiny", **values: Any) -> MissionConfig:
    backend = BackendConfig(engine="onnxruntime")
    return MissionConfig(model=model, model_directory=str(folder), backend=backend, **values)


@pytest.fixture
def encoder(folder: Path) -> MissionEncoder:
    return MissionEncoder(config(folder))


def walk_of(encoder: MissionEncoder, make: Any, traits: Any, count: int = 8) -> Embedding:
    encoder.reset()
    for number in range(count):
        encoder.update([make(number, 1, traits)])
    found = encoder.embed([1])[1]
    encoder.reset()
    return found


def test_a_camera_enrols_and_a_radar_asks(encoder: MissionEncoder) -> None:
    seen, heard = walk_of(encoder, seen_crop, ADA), walk_of(encoder, heard_crop, ADA)
    assert (seen.modality, heard.modality) == (Modality.CAMERA, Modality.RADAR)
    assert seen.model_id == heard.model_id == encoder.model_id
    assert seen.values.shape == (1, 2)
    assert seen.tokens is not None
    assert (seen.tokens.shape, seen.tokens.dtype) == ((FRAMES, 2), np.float16)
    assert (seen.num_frames, seen.window_end_ns) == (FRAMES, 7 * 10**8)
    np.testing.assert_allclose(seen.values, heard.values, atol=0.01)


def test_pairs_are_compared_as_their_tokens_say(encoder: MissionEncoder) -> None:
    people = [ADA, BOB, (0.2, 0.1), (0.25, 0.8), (1.0, 1.0)]
    tokens = [walk_of(encoder, seen_crop, one, 5 + row).tokens for row, one in enumerate(people)]
    query = walk_of(encoder, heard_crop, ADA)
    wanted = np.linalg.norm(np.array(people) - ADA, axis=1)
    kept = [one for one in tokens if one is not None]
    np.testing.assert_allclose(encoder.compare(query, kept), wanted, atol=0.01)
    np.testing.assert_allclose(encoder.compare(query, kept[:1]), wanted[:1], atol=0.01)
    assert encoder.compare(query, []).shape == (0,)
    with pytest.raises(ValueError, match=r"tokens \(6, 7\), the model compares .*\(6, 2\)"):
        encoder.compare(query, [np.zeros((6, 7), np.float16)])


def test_tokens_survive_a_gallery(encoder: MissionEncoder) -> None:
    walk = walk_of(encoder, seen_crop, BOB, 5)
    assert walk.tokens is not None
    read = decode_record(encode_record(make_record(walk))).embedding
    assert read.tokens is not None
    assert read.tokens.tolist() == walk.tokens.tolist()
    query = walk_of(encoder, heard_crop, BOB)
    assert encoder.compare(query, [read.tokens]).tolist() == encoder.compare(
        query, [walk.tokens]
    ).tolist()  # fmt: skip


def test_only_the_newest_frames_count_at_the_rate_of_the_model(encoder: MissionEncoder) -> None:
    for number in range(20):
        encoder.update([seen_crop(number, 1, ADA if number < 14 else BOB)])
    late = encoder.embed([1])[1].values
    np.testing.assert_allclose(late, walk_of(encoder, seen_crop, BOB).values, atol=1e-5)
    for number in range(20):
        # Thirty frames a second: every third one is 0.1 s after the last that was taken.
        crop = seen_crop(0, 1, ADA)
        object.__setattr__(crop, "stamp_ns", number * 10**8 // 3)
        encoder.update([crop])
    assert encoder.embed([1])[1].num_frames == FRAMES
    assert encoder.embed([1])[1].window_end_ns - encoder.embed([1])[1].window_start_ns == 5 * 10**8
    assert not encoder.rejected


def test_a_gap_begins_a_new_walk(encoder: MissionEncoder) -> None:
    for number in (0, 1, 2, 3, 4, 12, 13, 14):
        encoder.update([heard_crop(number, 1, ADA)])
    assert encoder.embed([1]) == {}
    encoder.update([heard_crop(15, 1, ADA)])
    assert encoder.embed([1])[1].num_frames == 4


@pytest.mark.parametrize(
    ("crop", "reason"),
    [
        (heard_crop(9, 1, ADA, points=2), "too few radar points"),
        (seen_crop(9, 1, ADA, truncation=0.7), "picture cut by the edge"),
        (heard_crop(0, 1, ADA), "out of order"),
    ],
)
def test_frames_of_no_use_are_counted(encoder: MissionEncoder, crop: Any, reason: str) -> None:
    for number in range(5):
        encoder.update([heard_crop(number, 1, ADA)])
    encoder.update([crop])
    assert encoder.counts() == {reason: 1}
    assert encoder.embed([1])[1].num_frames == 5


def test_people_of_an_instant_do_not_touch_each_other(encoder: MissionEncoder) -> None:
    for number in range(6):
        encoder.update([heard_crop(number, 1, ADA), heard_crop(number, 2, BOB)])
    together = encoder.embed([1, 2, 3])
    assert sorted(together) == [1, 2]
    alone = walk_of(encoder, heard_crop, BOB).values
    np.testing.assert_allclose(together[2].values, alone, atol=1e-5)
    encoder.update([heard_crop(20, 4, ADA)])
    encoder.retain([5])
    assert encoder.embed([1, 2, 4]) == {}


def test_without_exchange_there_are_vectors_alone(folder: Path) -> None:
    encoder = MissionEncoder(config(folder, "alone"))
    assert not encoder.compares_pairs
    assert walk_of(encoder, seen_crop, ADA).tokens is None


def test_models_of_others_are_refused(folder: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "tiny")
    with pytest.raises(ModelError, match="tiny is of emgaitnet, wanted is one of mission"):
        MissionEncoder(config(tmp_path))
    write_mission_model(tmp_path / "wide", {"radar_input": {"num_points": 16}})
    with pytest.raises(ModelError, match=r"'points' has shape \(8, 5\), .* say \(16, 5\)"):
        MissionEncoder(config(tmp_path, "wide"))


def test_a_model_names_nobody_unless_its_calibration_says_so(folder: Path, tmp_path: Path) -> None:
    assert not load_model("tiny", str(folder)).calibration.may_confirm
    write_mission_model(tmp_path / "sure", {"calibration": {"may_confirm": True, "min_frames": 4}})
    sure = load_model("sure", str(tmp_path))
    assert sure.calibration.may_confirm
    write_mission_model(tmp_path / "sure", {"radar_input": {"num_points": 8, "max_radius_m": 2.0}})
    assert load_model("sure", str(tmp_path)).model_id != sure.model_id
