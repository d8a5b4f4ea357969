"""Enrolled before a camera, looked for before a radar: two encoders, one gallery, two stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.encoders.mission import MissionConfig
from gait_reid.core.gallery.records import make_record, make_records
from gait_reid.core.gallery.two_stage import TwoStageSearch
from gait_reid.core.reidentification import Reidentification
from gait_reid.core.reidentification_config import ReidentificationConfig
from gait_reid.core.types import (
    Decision,
    Embedding,
    Float16,
    GalleryRecord,
    Match,
    Modality,
    PersonCrop,
    Reason,
)
from gait_reid.testing.mission_model import heard_crop, seen_crop, write_mission_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Traits = tuple[float, float]
# Ada and Ann are alike to vectors, which know of the first trait alone.
PEOPLE: dict[str, Traits] = {
    "ada": (0.30, 0.90), "ann": (0.31, 0.10), "bob": (0.70, 0.40), "cy": (0.95, 0.60)
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    write_mission_model(made / "tiny")
    write_mission_model(made / "alone", pairs=False)
    write_mission_model(made / "sure", {"calibration": {"may_confirm": True, "min_frames": 4}})
    return made


def site(folder: Path, encoder: str, model: str = "tiny", **values: Any) -> Reidentification:
    backend = BackendConfig(engine="onnxruntime")
    mission = MissionConfig(model=model, model_directory=str(folder), backend=backend)
    return Reidentification(
        ReidentificationConfig(encoder=encoder, mission=mission, stride_s=0.0, **values)
    )


def walk(
    chain: Reidentification,
    make: Callable[..., PersonCrop],
    traits: Traits,
    track_id: int = 1,
    frames: int = 12,
    sequence: str = "walk",
) -> list[Match]:
    answers: list[Match] = []
    for number in range(frames):
        crop = make(number, track_id, traits)
        answers += chain.process(crop.stamp_ns, [crop], [track_id], sequence)
    return answers


@pytest.fixture(scope="module")
def gallery(folder: Path) -> list[GalleryRecord]:
    """Enrol everybody at an entrance that looks for people with another encoder."""
    entrance = site(folder, "energy_image", enroll_encoders=("mission",))
    records = []
    for number, (name, traits) in enumerate(PEOPLE.items()):
        walk(entrance, seen_crop, traits, 1, sequence=str(number))
        records += make_records(entrance.walks(1), person_id=name, display_name=name.title())
    return records


def test_an_entrance_enrols_for_the_room(gallery: list[GalleryRecord], folder: Path) -> None:
    assert [one.person_id for one in gallery] == list(PEOPLE)
    assert {one.embedding.modality for one in gallery} == {Modality.CAMERA}
    assert all(one.embedding.tokens is not None for one in gallery)
    entrance = site(folder, "energy_image", enroll_encoders=("mission", "energy_image"))
    (further,) = entrance.enrollers
    assert entrance.model_ids == entrance.encoder.model_ids | {further.model_id}
    assert gallery[0].embedding.model_id in entrance.model_ids


@pytest.mark.parametrize("name", PEOPLE)
def test_who_walks_before_the_radar_is_a_candidate_and_never_more(
    folder: Path, gallery: list[GalleryRecord], name: str
) -> None:
    room = site(folder, "mission")
    room.set_gallery(gallery, 7)
    answers = walk(room, heard_crop, PEOPLE[name])
    assert [one.reason for one in answers[:3]] == [Reason.TOO_SHORT] * 3
    assert {one.decision for one in answers[3:]} == {Decision.CANDIDATE}
    last = answers[-1]
    assert (last.best is not None, last.person_id, last.gallery_version) == (True, "", 7)
    assert last.candidates[0].person_id == name
    assert last.candidates[0].probability > 0.9 > last.candidates[1].probability
    assert (last.modality, last.reason) == (Modality.RADAR, Reason.NONE)


def test_a_stranger_is_unknown_and_said_to_be_one(
    folder: Path, gallery: list[GalleryRecord]
) -> None:
    room = site(folder, "mission")
    room.set_gallery(gallery, 1)
    last = walk(room, heard_crop, (0.5, 0.95))[-1]
    assert (last.decision, last.reason) == (Decision.UNKNOWN, Reason.STRANGER)
    assert last.candidates[0].distance > 0.15


def test_a_calibration_may_let_people_be_named(folder: Path, gallery: list[GalleryRecord]) -> None:
    room = site(folder, "mission", "sure")
    renamed = [
        dataclasses.replace(
            one, embedding=dataclasses.replace(one.embedding, model_id=room.encoder.model_id)
        )
        for one in gallery
    ]
    room.set_gallery(renamed, 1)
    assert walk(room, heard_crop, PEOPLE["bob"])[-1].person_id == "bob"


def test_states_are_told_apart(folder: Path, gallery: list[GalleryRecord]) -> None:
    room = site(folder, "mission")
    assert walk(room, heard_crop, PEOPLE["ada"])[-1].reason is Reason.NO_RECORDS
    other = dataclasses.replace(gallery[0].embedding, model_id="energy_image-x", tokens=None)
    room.set_gallery([make_record(other, person_id="ada")], 2)
    assert walk(room, heard_crop, PEOPLE["ada"], sequence="b")[-1].reason is Reason.OTHER_MODEL
    assert room.gallery_counts() == {"version": "2", "walks": "1", "walks of this model": "0"}
    room.set_gallery(gallery, 3)
    seen = walk(room, seen_crop, PEOPLE["ada"], sequence="c")
    assert seen[-1].reason is Reason.NOT_COMPARED
    assert (seen[-1].candidates, seen[-1].num_frames) == ((), 6)


def test_a_walk_before_a_radar_is_never_a_record(
    folder: Path, gallery: list[GalleryRecord]
) -> None:
    room = site(folder, "mission")
    walk(room, heard_crop, PEOPLE["ada"])
    heard = room.embedding(1)
    assert heard is not None
    assert room.walks(1) == ()
    room.set_gallery([make_record(heard, person_id="ada")], 1)
    assert room.nobody is Reason.OTHER_MODEL
    walk(room, seen_crop, PEOPLE["ada"], sequence="seen")
    assert [one.modality for one in room.walks(1)] == [Modality.CAMERA]


def test_who_stands_is_tracked_and_not_matched(folder: Path, gallery: list[GalleryRecord]) -> None:
    room = site(folder, "mission")
    room.set_gallery(gallery, 1)
    walk(room, heard_crop, PEOPLE["ada"])
    answers = []
    for number in range(12, 40):
        answers += room.process(number * 10**8, [], [1, 2], "walk")
    assert {one.reason for one in answers} == {Reason.NOT_WALKING}
    assert {one.track_id for one in answers} == {1, 2}
    assert len(answers) <= 6
    assert not any(one.candidates for one in answers)
    again = [
        one
        for number in range(40, 52)
        for crop in [heard_crop(number, 1, PEOPLE["ada"])]
        for one in room.process(crop.stamp_ns, [crop], [1], "walk")
    ]
    assert again[-1].candidates[0].person_id == "ada"


def test_without_pairs_vectors_decide(folder: Path, gallery: list[GalleryRecord]) -> None:
    room = site(folder, "mission", "alone")
    plain = [
        dataclasses.replace(
            one,
            embedding=dataclasses.replace(
                one.embedding, model_id=room.encoder.model_id, tokens=None
            ),
        )
        for one in gallery
    ]
    room.set_gallery(plain, 1)
    found = walk(room, heard_crop, (0.7, 0.0))[-1]
    assert found.candidates[0].person_id == "bob"


class Compared:
    """Counts the walks that are compared in pairs; a token is the distance."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, query: Embedding, tokens: Sequence[Float16]) -> Any:
        self.counts.append(len(tokens))
        return np.array([float(one[0, 0]) for one in tokens], np.float32)


def record_at(number: int, angle: float, distance: float, person: str) -> GalleryRecord:
    values = np.array([[np.cos(angle), np.sin(angle)]], np.float32)
    tokens = np.full((1, 1), distance, np.float16)
    walk = Embedding(values, "m", Modality.CAMERA, tokens=tokens)
    return GalleryRecord(f"r{number:03}", person, person, walk, number)


def test_only_the_shortlist_is_compared_and_a_person_is_as_far_as_the_nearest_record() -> None:
    compare = Compared()
    search = TwoStageSearch(compare, 5)
    records = [
        record_at(number, 0.01 * number, 1.0 - 0.1 * number, f"p{number // 2}")
        for number in range(10)
    ]
    search.replace(records)
    query = Embedding(np.array([[1.0, 0.0]], np.float32), "m", Modality.RADAR)
    (found,) = search.query([query], 3)
    assert compare.counts == [5]
    assert [one.person_id for one in found] == ["p2", "p1", "p0"]
    assert [one.distance for one in found] == pytest.approx([0.6, 0.7, 0.9], abs=1e-3)
    assert search.query([dataclasses.replace(query, model_id="other")], 3) == [()]


def test_what_is_forgotten_is_overwritten() -> None:
    search = TwoStageSearch(Compared(), 5)
    records = [record_at(number, 0.1 * number, 0.5, f"p{number}") for number in range(3)]
    search.replace(records)
    kept = search._tokens["r001"]
    search.replace([records[0], records[2]])
    assert len(search) == 2
    assert not kept.any()
    assert records[1].embedding.tokens is not None
    assert records[1].embedding.tokens[0, 0] == 0.5
    bare = dataclasses.replace(records[0].embedding, tokens=None)
    with pytest.raises(ValueError, match="record r000 has no tokens"):
        search.replace([dataclasses.replace(records[0], embedding=bare)])
