"""A room with a radar and an entrance with a camera share a gallery, each with its own node."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rclpy.node import Node

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from gait_reid.adapters import crops as crops_adapter
from gait_reid.adapters import gallery as gallery_adapter
from gait_reid.adapters import matches as matches_adapter
from gait_reid.core.gallery.records import make_record
from gait_reid.core.types import Decision, Match, PersonCrop, Reason
from gait_reid.nodes.reid_node import ReidNode
from gait_reid.nodes.topics import CROPS, EMBEDDINGS, GALLERY, MATCHES
from gait_reid.testing.mission_model import heard_crop, seen_crop, write_mission_model
from gait_reid_common.diagnostics import Level
from gait_reid_common.testing import NodeBench

Make = Callable[..., Any]
ADA = (0.2, 0.8)


@pytest.fixture
def mission(tmp_path: Path) -> dict[str, Any]:
    """Return the parameters of a tiny model."""
    write_mission_model(tmp_path / "tiny")
    return {
        "max_age_s": 0.0,
        "reidentification.stride_s": 0.0,
        "reidentification.mission.model": "tiny",
        "reidentification.mission.model_directory": str(tmp_path),
        "reidentification.mission.backend.engine": "onnxruntime",
    }


def walk(bench: NodeBench, make: Callable[..., PersonCrop], frames: int = 8) -> list[Match]:
    """Let a person walk on; return all answers so far."""
    answers = bench.heard[MATCHES.name]
    for number in range(len(answers) + 1, len(answers) + 1 + frames):
        crop = make(number, 1, ADA)
        bench.use(CROPS, crops_adapter.to_message([crop], crop.stamp_ns, "site", "walk", [1]))
        assert bench.spin(lambda count=number: len(answers) == count)
    return [m for one in bench.heard[MATCHES.name] for m in matches_adapter.from_message(one)]


def test_the_entrance_offers_walks_of_both_models_for_enrolment(
    make: Make, peer: Node, mission: dict[str, Any]
) -> None:
    parameters = {**mission, "reidentification.enroll_encoders": ["mission"]}
    bench = NodeBench(make(ReidNode, **parameters), peer)
    walk(bench, seen_crop)
    assert bench.spin(lambda: any(one.embeddings for one in bench.heard[EMBEDDINGS.name]))
    last = bench.heard[EMBEDDINGS.name][-1]
    further = bench.node.reidentification.enrollers[0].model_id
    assert further in last.model_ids
    item = next(one for one in last.embeddings if one.embedding.model_id == further)
    embedding = gallery_adapter.embedding_from_message(item.embedding)
    assert embedding.tokens is not None
    assert embedding.tokens.shape[1] == 2


def test_the_room_ranks_who_was_enrolled_and_offers_nobody(
    make: Make, peer: Node, mission: dict[str, Any], capfd: Any
) -> None:
    parameters = {**mission, "reidentification.encoder": "mission"}
    bench = NodeBench(make(ReidNode, **parameters), peer)
    encoder = bench.node.reidentification.encoder
    assert walk(bench, heard_crop)[-1].reason is Reason.NO_RECORDS
    for number in range(6):
        encoder.update([seen_crop(number + 1, 9, ADA)])
    record = make_record(encoder.embed([9])[9], person_id="ada", display_name="Ada")
    bench.send(GALLERY, gallery_adapter.to_message([record], 4, 0))
    last = walk(bench, heard_crop, 4)[-1]
    assert (last.decision, last.candidates[0].person_id) == (Decision.CANDIDATE, "ada")
    assert last.gallery_version == 4
    assert not any(one.embeddings for one in bench.heard[EMBEDDINGS.name])
    assert bench.node._gallery_status().level is Level.OK


def test_walks_of_another_model_alone_are_a_warning(
    make: Make, peer: Node, mission: dict[str, Any]
) -> None:
    parameters = {**mission, "reidentification.encoder": "mission"}
    bench = NodeBench(make(ReidNode, **parameters), peer)
    encoder = bench.node.reidentification.encoder
    for number in range(6):
        encoder.update([seen_crop(number + 1, 9, ADA)])
    other = dataclasses.replace(encoder.embed([9])[9], model_id="emgaitnet-x", tokens=None)
    bench.send(GALLERY, gallery_adapter.to_message([make_record(other, person_id="ada")], 2, 0))
    assert walk(bench, heard_crop)[-1].reason is Reason.OTHER_MODEL
    status = bench.node._gallery_status()
    assert (status.level, status.values["walks of this model"]) == (Level.WARN, "0")
